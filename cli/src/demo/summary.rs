//! What the demo has sent, in one line.

use std::fmt;
use std::net::SocketAddr;

use radiograph_protocol::ids::TraceId;

/// What was sent, and one trace to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Where it was sent.
    pub(crate) address: SocketAddr,
    /// Traces sent.
    pub(crate) traces: u64,
    /// Segments in them; subsegments sent on their own are not counted.
    pub(crate) segments: u64,
    /// Datagrams sent for them.
    pub(crate) datagrams: u64,
    /// Traces of which a datagram came back refused: nobody listened.
    pub(crate) refused: u64,
    /// Of the traces that somebody listened to, the latest of those with many segments.
    pub(crate) example: Option<(TraceId, usize)>,
}

/// Segments that make a trace worth looking at.
const MANY_SEGMENTS: usize = 6;

impl Summary {
    /// Nothing sent yet.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            traces: 0,
            segments: 0,
            datagrams: 0,
            refused: 0,
            example: None,
        }
    }

    /// Counts a trace.
    pub(super) fn count(&mut self, id: TraceId, segments: usize, delivered: bool) {
        self.traces += 1;
        self.segments = self
            .segments
            .saturating_add(u64::try_from(segments).unwrap_or(u64::MAX));
        if !delivered {
            self.refused += 1;
        } else if self
            .example
            .is_none_or(|(_, shown)| segments >= shown.min(MANY_SEGMENTS))
        {
            self.example = Some((id, segments));
        }
    }

    /// Whether traces were sent and nobody listened to any of them.
    pub(crate) const fn is_unheard(&self) -> bool {
        self.traces > 0 && self.traces == self.refused
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            traces,
            segments,
            datagrams,
            refused,
            ..
        } = self;
        write!(
            f,
            "sent {traces} traces, {segments} segments in {datagrams} datagrams to {address}"
        )?;
        if *refused > 0 {
            write!(f, " ({refused} traces while nobody listened)")?;
        }
        if let Some((id, _)) = self.example {
            write!(
                f,
                "; look one up: aws xray batch-get-traces --trace-ids {id}"
            )?;
        }
        Ok(())
    }
}
