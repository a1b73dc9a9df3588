//! OTLP in datagrams: recognised by its prefix, checked as far as counting it takes, forwarded as it
//! came.
//!
//! Per datagram: 1 allocation, the decoded bytes. Spans are counted by walking protobuf's wire format
//! down to them; what a span holds is not looked into. Source: `spec/daemon.md` section 15. The early
//! prefix `T1` alone, used for both kinds, is not recognised: it says neither.

mod wire;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use wire::Field;

/// What the body of an OTLP datagram holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Otlp {
    /// Whether the spans were sampled (`T1S`), or are only to be counted (`T1U`).
    pub(crate) sampled: bool,
    /// How many there are.
    pub(crate) spans: usize,
}

/// Why the body of an OTLP datagram cannot be used by anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OtlpError {
    /// What follows the prefix is not standard base64 with padding.
    #[error("not base64")]
    Base64,
    /// What it encodes is not protobuf.
    #[error("not protobuf")]
    Protobuf,
}

/// Looks into a body; `None` when it has no prefix of OTLP, and is a JSON document or something worse.
pub(crate) fn inspect(body: &[u8]) -> Option<Result<Otlp, OtlpError>> {
    let (prefix, text) = body.split_at_checked(3)?;
    let sampled = match prefix {
        b"T1S" => true,
        b"T1U" => false,
        _ => return None,
    };
    Some(spans(text).map(|spans| Otlp { sampled, spans }))
}

/// The spans of an `ExportTraceServiceRequest` in base64.
fn spans(text: &[u8]) -> Result<usize, OtlpError> {
    let request = STANDARD.decode(text).map_err(|_| OtlpError::Base64)?;
    count(&request, &PATH).ok_or(OtlpError::Protobuf)
}

/// Field numbers from the request to a span: `resource_spans`, `scope_spans`, `spans`.
const PATH: [u64; 3] = [1, 2, 2];

/// How many messages lie at the end of the path; `None` when the bytes are no message.
fn count(message: &[u8], path: &[u64]) -> Option<usize> {
    let Some((number, rest)) = path.split_first() else {
        return Some(1);
    };
    let mut rest_of_message = message;
    let mut found = 0_usize;
    while !rest_of_message.is_empty() {
        let field: Field<'_> = wire::field(&mut rest_of_message)?;
        if field.number == *number {
            found = found.saturating_add(count(field.bytes?, rest)?);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests;
