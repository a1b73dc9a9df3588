//! One span with its ids checked, together with the resource and scope it came with.
//! Source: `spec/otel-mapping.md` section 2.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use radiograph_protocol::ids::{SegmentId, TraceId};

use super::attributes::Attributes;

/// A span that can become documents.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadSpan<'a> {
    pub(super) trace_id: TraceId,
    pub(super) id: SegmentId,
    pub(super) parent_id: Option<SegmentId>,
    pub(super) kind: SpanKind,
    pub(super) name: &'a str,
    pub(super) attributes: Attributes<'a>,
    pub(super) resource: Attributes<'a>,
    pub(super) scope: Option<&'a InstrumentationScope>,
    span: &'a Span,
}

/// Which id refuses a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Trace,
    Span,
    Parent,
}

impl<'a> ReadSpan<'a> {
    /// Checks the ids.
    pub(super) fn of(
        span: &'a Span,
        resource: Attributes<'a>,
        scope: Option<&'a InstrumentationScope>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            trace_id: trace_id(&span.trace_id).ok_or(Refusal::Trace)?,
            id: span_id(&span.span_id).ok_or(Refusal::Span)?,
            parent_id: match &*span.parent_span_id {
                [] | [0, 0, 0, 0, 0, 0, 0, 0] => None,
                bytes => Some(span_id(bytes).ok_or(Refusal::Parent)?),
            },
            kind: span.kind(),
            name: &span.name,
            attributes: Attributes::of(&span.attributes),
            resource,
            scope,
            span,
        })
    }

    /// Epoch seconds at which it began.
    pub(super) fn start(&self) -> f64 {
        seconds(self.span.start_time_unix_nano)
    }

    /// Epoch seconds at which it ended: never before the start, which also stands for no end at all.
    pub(super) fn end(&self) -> f64 {
        let start = self.span.start_time_unix_nano;
        seconds(self.span.end_time_unix_nano.max(start))
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.attributes.is_true(IN_PROGRESS)
    }

    /// A call of an AWS SDK.
    pub(super) fn is_aws_api(&self) -> bool {
        let systems = ["rpc.system", "rpc.system.name"];
        self.attributes.first_text(&systems) == Some("aws-api")
    }

    /// It calls something else.
    pub(super) const fn is_call(&self) -> bool {
        matches!(self.kind, SpanKind::Client | SpanKind::Producer)
    }

    /// Its status is ERROR.
    pub(super) fn is_error(&self) -> bool {
        let status = self.span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    }

    /// The text of its status, unless empty.
    pub(super) fn status_message(&self) -> Option<&'a str> {
        let message = self.span.status.as_ref()?.message.as_str();
        (!message.is_empty()).then_some(message)
    }

    pub(super) fn events(&self) -> &'a [Event] {
        &self.span.events
    }

    pub(super) fn links(&self) -> &'a [Link] {
        &self.span.links
    }

    pub(super) fn trace_state(&self) -> Option<&'a str> {
        let state = self.span.trace_state.as_str();
        (!state.is_empty()).then_some(state)
    }
}

/// Marks a span that is sent before it ends.
pub(super) const IN_PROGRESS: &str = "aws.xray.inprogress";

/// 16 bytes that are not all zero.
pub(super) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let bits = u128::from_be_bytes(bytes.try_into().ok()?);
    (bits != 0).then(|| TraceId::from_bits(bits))
}

/// 8 bytes that are not all zero.
pub(super) fn span_id(bytes: &[u8]) -> Option<SegmentId> {
    SegmentId::from_bits(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Nanoseconds as the double that is nearest; it resolves about 0.24 µs.
pub(super) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
