//! What a store says of the partitions that [`Store::drop_before`](super::Store::drop_before) would take,
//! and of what was brought out of them: the shapes alone.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

/// A trace with documents in a partition that is to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doomed {
    /// The trace.
    pub trace_id: TraceId,
    /// The start of its view, where that is certain and known without reading it.
    pub start: Option<Timestamp>,
}

/// A place in the walk through what is to be dropped: behind this trace of this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DoomedPlace {
    /// The end of the partition's time of arrival.
    pub until: Timestamp,
    /// The partition's number among those of the same time.
    pub sequence: u32,
    /// The trace.
    pub trace_id: TraceId,
}

/// Some of the traces that are to lose documents, partition by partition, the oldest first; a trace
/// comes once for each of its partitions at least.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoomedPage {
    /// The traces.
    pub traces: Vec<Doomed>,
    /// Where to go on; `None` when there are no more.
    pub next: Option<DoomedPlace>,
}

/// What was stored again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Traces of which something was, each once, in the order asked for.
    pub traces: Vec<TraceId>,
    /// How many documents.
    pub documents: u64,
    /// Their length.
    pub bytes: u64,
}
