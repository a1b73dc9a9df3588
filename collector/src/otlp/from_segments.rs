//! Segments and subsegments turned back into spans.
//!
//! Every entity of a stitched trace that was sent becomes a span; inferred segments do not. Its resource
//! is what the segment it belongs to says of its service. Members that spans have no place for are left
//! out: nothing reads the spans back into a store. Pure; the work is proportional to the documents that
//! the spans are in. Source: `spec/otel-mapping.md` section 11.

use std::collections::HashMap;
use std::ops::Range;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self, Status};
use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::segment::raw::Members;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Map, Value};

use self::pairs::{Pairs, text_of};
use super::span::IN_PROGRESS;
use crate::trace::documents::entity_texts;
use crate::trace::stitch::{Index, Member, Parsed, Place, Trace};

mod attributes;
mod cause;
mod json;
mod pairs;
mod resource;
#[cfg(test)]
mod tests;

/// A span with the resource it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExportedSpan {
    /// Its id.
    pub(crate) id: SegmentId,
    resource: Vec<KeyValue>,
    span: v1::Span,
}

impl ExportedSpan {
    /// As OTLP writes a span in JSON, with a member `resource` beside the span's own: a span alone does
    /// not tell whose it is, and readers of OTLP pass over members that they do not know.
    #[must_use]
    pub(crate) fn json(&self) -> String {
        json::span(&self.span, &self.resource).to_string()
    }
}

/// The spans of a trace's entities at these places, by (start, id).
#[must_use]
pub(crate) fn spans(
    trace: &Trace<'_>,
    documents: &[Parsed<'_>],
    places: Range<usize>,
) -> Vec<ExportedSpan> {
    let mut texts = Texts {
        documents,
        cut: HashMap::new(),
    };
    // many spans share one, which may be large
    let mut resources: HashMap<Index, Vec<KeyValue>> = HashMap::new();
    let members = trace.members().skip(places.start).take(places.len());
    let spans = members.map(|(_, member)| {
        let resource = resources.entry(member.owner).or_insert_with(|| {
            let owner = trace.member(member.owner);
            resource::of(owner.entity, &texts.members(owner.place))
        });
        let resource = resource.clone();
        let sent = Sent {
            trace_id: trace.trace_id,
            member,
            members: texts.members(member.place),
        };
        ExportedSpan {
            id: member.entity.id,
            resource,
            span: span(&sent),
        }
    });
    spans.collect()
}

/// The texts of entities, each document cut into them once.
struct Texts<'d> {
    documents: &'d [Parsed<'d>],
    cut: HashMap<usize, Vec<&'d str>>,
}

impl Texts<'_> {
    /// The members of the entity at a place, without the subsegments embedded in it.
    fn members(&mut self, place: Place) -> Map<String, Value> {
        let document = self.documents.get(place.document);
        let texts = self
            .cut
            .entry(place.document)
            .or_insert_with(|| document.map_or_else(Vec::new, |one| entity_texts(one.text)));
        let members = texts.get(place.ordinal).and_then(|text| Members::of(text));
        let mut values = Map::new();
        for (name, value) in members.iter().flat_map(Members::iter) {
            // a document that is stored nests less deeply than the parser allows
            if name != "subsegments"
                && let Ok(value) = serde_json::from_str(value.get())
            {
                values.insert(name.to_owned(), value);
            }
        }
        values
    }
}

/// An entity on its way out.
struct Sent<'t> {
    trace_id: TraceId,
    member: &'t Member<'t>,
    members: Map<String, Value>,
}

impl Sent<'_> {
    /// A member of a member, and so on.
    fn value(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let value = self.members.get(*first)?;
        rest.iter().try_fold(value, |value, name| value.get(name))
    }
}

fn span(sent: &Sent<'_>) -> v1::Span {
    let (member, entity) = (sent.member, sent.member.entity);
    let parent = member.parent_id.map(|id| id.bits().to_be_bytes().to_vec());
    let name = sent.value(&["name"]).and_then(Value::as_str);
    v1::Span {
        trace_id: sent.trace_id.bits().to_be_bytes().to_vec(),
        span_id: entity.id.bits().to_be_bytes().to_vec(),
        parent_span_id: parent.unwrap_or_default(),
        name: name.unwrap_or(&entity.name).to_owned(),
        kind: kind(sent).into(),
        start_time_unix_nano: nanos(entity.start),
        end_time_unix_nano: entity.end.map_or(0, nanos),
        attributes: attributes(sent),
        events: cause::events(sent, nanos(entity.end_or_start())),
        links: links(sent),
        status: status(sent),
        ..v1::Span::default()
    }
}

fn kind(sent: &Sent<'_>) -> SpanKind {
    let namespace = sent.member.entity.namespace.as_deref();
    match namespace {
        Some("aws" | "remote") => SpanKind::Client,
        _ if sent.member.is_segment => SpanKind::Server,
        Some(_) => SpanKind::Internal,
        None if sent.value(&["http", "request", "client_ip"]).is_some() => SpanKind::Server,
        None => SpanKind::Internal,
    }
}

/// Epoch nanoseconds; a time before the epoch is none that OTLP can tell.
fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.micros())
        .unwrap_or(0)
        .saturating_mul(1000)
}

/// ERROR when any flag says so, or there is a cause; nothing otherwise.
fn status(sent: &Sent<'_>) -> Option<Status> {
    let outcome = sent.member.entity.outcome();
    let has_cause = sent.member.entity.cause.is_some();
    let is_error = outcome.error || outcome.throttle || outcome.fault || has_cause;
    is_error.then(|| Status {
        message: cause::reference(sent).unwrap_or_default().to_owned(),
        code: StatusCode::Error.into(),
    })
}

fn attributes(sent: &Sent<'_>) -> Vec<KeyValue> {
    let mut pairs = Pairs::default();
    let entity = sent.member.entity;
    let is_true = |is: bool| is.then_some(Value::Bool(true));
    pairs.add(IN_PROGRESS, is_true(entity.end.is_none()).as_ref());
    let flags = [
        ("aws.xray.error", entity.flags.error),
        ("aws.xray.throttle", entity.flags.throttle),
        ("aws.xray.fault", entity.flags.fault),
        ("aws.xray.traced", entity.traced),
    ];
    for (key, is) in flags {
        pairs.add(key, is_true(is).as_ref());
    }
    pairs.add("enduser.id", sent.value(&["user"]));
    attributes::http(sent, &mut pairs);
    attributes::aws(sent, &mut pairs);
    attributes::sql(sent, &mut pairs);
    attributes::annotations(sent, &mut pairs);
    attributes::metadata(sent, &mut pairs);
    pairs.into_vec()
}

/// Links that can be told in OTLP; the others were no links.
fn links(sent: &Sent<'_>) -> Vec<Link> {
    let links = sent.value(&["links"]).and_then(Value::as_array);
    let links = links.into_iter().flatten().filter_map(|link| {
        let trace_id = TraceId::parse_any(text_of(link, "trace_id")?).ok()?;
        let id = SegmentId::parse(text_of(link, "id")?).ok()?;
        let mut attributes = Pairs::default();
        let members = link.get("attributes").and_then(Value::as_object);
        for (key, value) in members.into_iter().flatten() {
            attributes.add(key, Some(value));
        }
        Some(Link {
            trace_id: trace_id.bits().to_be_bytes().to_vec(),
            span_id: id.bits().to_be_bytes().to_vec(),
            attributes: attributes.into_vec(),
            ..Link::default()
        })
    });
    links.collect()
}
