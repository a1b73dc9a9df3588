//! OTLP traces turned into segment documents: the one place that knows the word "span".
//!
//! Pure: bytes in, documents out. The same spans give the same bytes, ids included, so that a batch
//! delivered twice counts once. It deliberately does not store, and never looks at the time inside a
//! trace id. Bounds: prost refuses messages nested deeper than 100 levels; what attribute values nest
//! deeper than 100 levels is cut.
//!
//! Source: `spec/otel-mapping.md` sections 1 to 10, `spec/daemon.md` section 15.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use attributes::Attributes;
use span::{ReadSpan, Refusal};

mod annotations;
mod attributes;
mod aws;
mod cause;
mod documents;
pub(crate) mod from_segments;
mod http;
mod metadata;
mod name;
mod object;
mod origin;
mod span;
mod sql;
mod stack;
mod url;

const SAMPLED: &str = "T1S";
const UNSAMPLED: &str = "T1U";

/// What one datagram body held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtlpBody {
    /// `T1S`: spans to keep.
    Sampled(Converted),
    /// `T1U`: spans that only count; they must not appear as traces.
    Unsampled {
        /// How many.
        spans: usize,
    },
}

/// The documents of a request, and what could not become one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Converted {
    /// Segment documents as JSON text, in the order of their spans.
    pub documents: Vec<String>,
    /// The spans refused, which keep none of the others back.
    pub refused: Refused,
}

/// Spans refused for an id of the wrong length or of zeros, each counted for its first bad id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// The trace id is not 16 bytes, or zero.
    pub trace_id: usize,
    /// The span id is not 8 bytes, or zero.
    pub span_id: usize,
    /// The parent span id is there but not 8 bytes.
    pub parent_span_id: usize,
}

impl Refused {
    /// All of them.
    #[must_use]
    pub const fn spans(self) -> usize {
        self.trace_id + self.span_id + self.parent_span_id
    }

    const fn count(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Trace => self.trace_id += 1,
            Refusal::Span => self.span_id += 1,
            Refusal::Parent => self.parent_span_id += 1,
        }
    }
}

/// A datagram body that is not what its prefix says; PutTraceSegments answers `ParseError` without
/// an id for either.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The text begins with neither `T1S` nor `T1U`.
    #[error("body has no OTLP prefix")]
    NoPrefix,
    /// What follows the prefix is not standard base64 with padding.
    #[error("OTLP body is not base64")]
    Base64(#[source] base64::DecodeError),
    /// What the base64 holds is no `ExportTraceServiceRequest`.
    #[error("OTLP body is no trace export request")]
    Protobuf(#[source] prost::DecodeError),
}

/// Whether a string of `TraceSegmentDocuments` is OTLP; JSON can never begin this way.
#[must_use]
pub fn is_otlp(text: &str) -> bool {
    text.starts_with(SAMPLED) || text.starts_with(UNSAMPLED)
}

/// Reads a datagram body: prefix, base64, protobuf.
///
/// # Errors
/// When one of the three is not there.
pub fn decode_datagram_body(text: &str) -> Result<OtlpBody, OtlpError> {
    if let Some(rest) = text.strip_prefix(SAMPLED) {
        Ok(OtlpBody::Sampled(documents(&decode(rest)?)))
    } else if let Some(rest) = text.strip_prefix(UNSAMPLED) {
        let spans = spans_in(&decode(rest)?);
        Ok(OtlpBody::Unsampled { spans })
    } else {
        Err(OtlpError::NoPrefix)
    }
}

/// The documents of every span in a request, one or two each (`documents` in this module).
#[must_use]
pub fn documents(request: &ExportTraceServiceRequest) -> Converted {
    let mut converted = Converted::default();
    for of_resource in &request.resource_spans {
        let resource = of_resource
            .resource
            .as_ref()
            .map_or(&[][..], |resource| &resource.attributes);
        for of_scope in &of_resource.scope_spans {
            for span in &of_scope.spans {
                match ReadSpan::of(span, Attributes::of(resource), of_scope.scope.as_ref()) {
                    Ok(span) => converted.documents.extend(documents::of(&span)),
                    Err(refusal) => converted.refused.count(refusal),
                }
            }
        }
    }
    converted
}

fn decode(base64: &str) -> Result<ExportTraceServiceRequest, OtlpError> {
    let bytes = STANDARD.decode(base64).map_err(OtlpError::Base64)?;
    ExportTraceServiceRequest::decode(&*bytes).map_err(OtlpError::Protobuf)
}

fn spans_in(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|of_resource| &of_resource.scope_spans);
    scopes.map(|of_scope| of_scope.spans.len()).sum()
}

#[cfg(test)]
mod tests;
