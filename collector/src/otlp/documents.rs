//! Which documents one span becomes, and their assembly from the blocks.
//!
//! Nothing is nested: every document stands alone, stitching puts them together.
//! Source: `spec/otel-mapping.md` sections 1, 2 and 9.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use radiograph_protocol::limits::LINKS_PER_SEGMENT_MAX;
use serde_json::Value;

use super::attributes::Attributes;
use super::object::{Object, Used};
use super::span::{IN_PROGRESS, ReadSpan, span_id, trace_id};
use super::{annotations, aws, cause, http, metadata, name, origin, sql};
use crate::derived_id::derived_id;

/// What a document stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The service's work, with the span's own id.
    Segment,
    /// A call or a block within a segment, with the span's own id.
    Subsegment,
    /// Of a span that is both a service's work and its call: the service, with a new id.
    Service,
    /// Of such a span: the call, with the span's own id.
    Dependency,
}

impl Role {
    pub(super) const fn is_segment(self) -> bool {
        matches!(self, Self::Segment | Self::Service)
    }
}

/// The documents of a span as JSON text.
pub(super) fn of(span: &ReadSpan<'_>) -> Vec<String> {
    let roles = roles(span).iter();
    roles
        .map(|role| document(span, *role).to_string())
        .collect()
}

fn roles(span: &ReadSpan<'_>) -> &'static [Role] {
    const SPAN_KIND: &str = "aws.span.kind";
    let is_local_root = span.attributes.text(SPAN_KIND) == Some("LOCAL_ROOT");
    let is_root = span.parent_id.is_none();
    match span.kind {
        SpanKind::Server => &[Role::Segment],
        SpanKind::Internal if is_local_root => &[Role::Segment],
        _ if is_local_root => &[Role::Service, Role::Dependency],
        // as one segment, as the exporter makes it, the call would show nowhere on the map
        SpanKind::Client | SpanKind::Producer
            if is_root && span.attributes.value(SPAN_KIND).is_none() =>
        {
            &[Role::Service, Role::Dependency]
        }
        SpanKind::Consumer => &[Role::Segment],
        _ if is_root => &[Role::Segment],
        _ => &[Role::Subsegment],
    }
}

fn document(span: &ReadSpan<'_>, role: Role) -> Object {
    let in_progress = span.is_in_progress();
    let mut used = Used::from_iter(in_progress.then_some(IN_PROGRESS));
    let http = http::block(span, &mut used);
    let aws = aws::block(span, role, &mut used);
    let sql = sql::block(span, &mut used);
    let cause = cause::of(span, &mut used);
    let user = annotations::user(span, &mut used);
    let indexed = annotations::Indexed::of(span, &mut used);
    let flags = cause::flags(span);
    let resource_arn = origin::resource_arn(span.resource).filter(|_| role.is_segment());
    identity(span, role)
        .put("name", Some(name::of(span, role)))
        .put("namespace", name::namespace(span, role))
        .put("start_time", Some(span.start()))
        .put("end_time", (!in_progress).then(|| span.end()))
        .put("in_progress", in_progress.then_some(true))
        .put("origin", origin::of(span.resource))
        .put("resource_arn", resource_arn)
        .put("user", user)
        .put_object("service", origin::service(span.resource))
        .put("http", http.filter(|_| role != Role::Service))
        .put("aws", aws)
        .put("sql", sql)
        .put("error", Some(flags.error))
        .put("throttle", Some(flags.throttle))
        .put("fault", Some(flags.fault))
        .put("cause", cause.object)
        .put_object("annotations", annotations::of(span, role, &indexed))
        .put_object(
            "metadata",
            metadata::of(span, role, &indexed, &used, &cause.other_events),
        )
        .put_array("links", links(span, role))
}

fn identity(span: &ReadSpan<'_>, role: Role) -> Object {
    let own = span.id.to_string();
    let parent = span.parent_id.map(|id| id.to_string());
    let (id, parent_id) = match role {
        Role::Segment | Role::Subsegment => (own, parent),
        Role::Service => (service_segment_id(span), parent),
        Role::Dependency => (own, Some(service_segment_id(span))),
    };
    Object::default()
        .put("id", Some(id))
        .put("trace_id", Some(span.trace_id.to_string()))
        .put("parent_id", parent_id)
        .put("type", (!role.is_segment()).then_some("subsegment"))
}

fn service_segment_id(span: &ReadSpan<'_>) -> String {
    derived_id(&format!("segment:{}:{}", span.trace_id, span.id)).to_string()
}

/// Of a span that is two documents, links belong to whatever received them: a consumer's service, or
/// the call.
fn links(span: &ReadSpan<'_>, role: Role) -> Vec<Value> {
    let is_consumer = span.kind == SpanKind::Consumer;
    if role == Role::Service && !is_consumer || role == Role::Dependency && is_consumer {
        return Vec::new();
    }
    let links = span.links().iter().filter_map(|link| {
        let object = Object::default()
            .put("trace_id", Some(trace_id(&link.trace_id)?.to_string()))
            .put("id", Some(span_id(&link.span_id)?.to_string()))
            .put_object("attributes", Attributes::of(&link.attributes).to_json());
        Some(object.into())
    });
    links.take(LINKS_PER_SEGMENT_MAX).collect()
}
