//! Ids for what nobody sent an id for: inferred segments, and documents made of OTLP. Pure.

use radiograph_protocol::ids::SegmentId;
use sha2::{Digest, Sha256};

/// The first 16 hex digits of SHA-256 of `text`: the same for the same text, since what is delivered
/// or derived twice must count once (`spec/traces-and-graph.md` section 2.3, `spec/otel-mapping.md`
/// section 1).
#[must_use]
pub(crate) fn derived_id(text: &str) -> SegmentId {
    let digest = Sha256::digest(text);
    let bits = digest
        .iter()
        .take(8)
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    // one text in 2^64 gives zero, which no id may be
    SegmentId::from_bits(bits).unwrap_or(SegmentId::MAX)
}
