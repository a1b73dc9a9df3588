//! Every bound on what clients may take of the X-Ray API, beside those of single operations
//! (`radiograph_protocol::limits`). Source: `spec/api.md` sections 1.2 and 1.5.
//!
//! What users may want to change is a field of [`Limits`] that the configuration fills, or the rate in
//! [`rate`]; the times are fields so that tests can reach them.

use std::time::Duration;

pub(crate) mod rate;

/// Calls of PutTraceSegments under way; others wait with their bodies unread, so that memory is bounded by
/// this many bodies. Enough for group commits to fill: 64 calls of 50 documents.
pub(crate) const REQUESTS_MAX: usize = 64;

/// Other requests under way. Places of their own, so that a slow disk, for which documents wait, keeps no
/// reader waiting.
pub(crate) const OTHER_REQUESTS_MAX: usize = 32;

/// How long a body may take, so that slow clients do not keep the places of others.
pub(super) const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Bytes of a body that is too large which are read all the same.
pub(super) const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// Bytes to which any body may decompress, however few it came in.
pub(super) const RATIO_FREE_BYTES: usize = 1 << 20;

/// How many times as long as it came in a body may become beyond [`RATIO_FREE_BYTES`]. Segments become
/// 5 to 20 times as long; copies of one document that differ in their ids, some hundred times.
pub(super) const RATIO_MAX: usize = 1000;

/// Bytes of a request's head, and of what is read and written at once. It is what a connection holds of
/// memory besides the body of its request.
pub(super) const HEAD_BYTES_MAX: usize = 128 << 10;

/// Bounds of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections that are open, handshakes included; others wait in the kernel.
    pub(crate) connections_max: usize,
    /// Until TLS is agreed upon.
    pub(crate) handshake_within: Duration,
    /// From the end of an answer, or the beginning of the connection, to the end of the next request's
    /// head: the bound of a slow head and of an idle connection. Samplers poll every 10 s.
    pub(crate) head_within: Duration,
    /// How long a client may take to read [`Limits::taken_bytes_min`] of an answer.
    pub(crate) taken_within: Duration,
    /// Bytes of an answer that count as reading it; of a shorter rest, all.
    pub(crate) taken_bytes_min: usize,
}

impl Limits {
    /// The bounds, with as many connections.
    pub(crate) const fn new(connections_max: usize) -> Self {
        Self {
            connections_max,
            handshake_within: Duration::from_secs(10),
            head_within: Duration::from_secs(30),
            taken_within: Duration::from_secs(60),
            taken_bytes_min: 64 << 10,
        }
    }
}
