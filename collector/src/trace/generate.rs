//! Realistic traces for tests, with what is known of them by construction.
//!
//! A plan of random numbers ([`plan`]) becomes the entities of a trace ([`build`]): services calling
//! services, AWS, databases and queues, retries, faults, skewed clocks, callers nobody knows. These
//! are sent as documents ([`render`]): streamed, unfinished first, twice, in rival versions, or not
//! at all. [`truth`] counts what must come of it without looking at a document.
//!
//! Circles of parents and documents that fight over few ids are left to the hand-made generator of
//! `trace/view/tests.rs`. Source: `spec/segment-document.md` sections 2 to 9 and 12.

use proptest::prelude::*;
use radiograph_protocol::ids::{SegmentId, TraceId};
use serde_json::{Map, Value};

use super::link::Producers;
use super::node::NodeKey;
use super::stitch::{parse_all, stitch};

mod build;
mod plan;
mod render;
#[cfg(test)]
mod tests;
pub(crate) mod truth;

/// A trace as its senders know it, and what they send of it.
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    /// The trace.
    pub(crate) trace_id: TraceId,
    /// Every entity that some document holds, parents first.
    pub(crate) entities: Vec<Planned>,
    /// The documents, in the order in which the senders finished them; some occur twice.
    pub(crate) documents: Vec<String>,
}

/// One segment or subsegment.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// Its id.
    pub(crate) id: u64,
    /// Whether it is a segment.
    pub(crate) is_segment: bool,
    /// The parent it names or is embedded in, sent or not.
    pub(crate) parent: Option<u64>,
    /// When it began, epoch microseconds.
    pub(crate) start: i64,
    /// When it ended; `None` when it never does.
    pub(crate) end: Option<i64>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// What it is in the graph.
    pub(crate) role: Role,
    /// Its other members, as sent: `name`, `http`, `aws`, `annotations` ...
    pub(crate) members: Map<String, Value>,
    /// How it is sent.
    sending: Sending,
}

impl Planned {
    /// Its end; its start when it never ends.
    pub(crate) fn end_or_start(&self) -> i64 {
        self.end.unwrap_or(self.start)
    }
}

/// What an entity is in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// A segment of this node.
    Service(NodeKey),
    /// A call; unless a segment answers, this node is inferred.
    Call(NodeKey),
    /// Work inside a service.
    Local,
}

/// How a request counts (`spec/traces-and-graph.md` section 2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Error,
    Throttle,
    Fault,
}

/// How an entity gets to the collector.
#[derive(Debug, Clone, Copy, Default)]
struct Sending {
    /// A subsegment sent on its own.
    is_streamed: bool,
    /// An unfinished version is sent before the complete one.
    is_unfinished_first: bool,
    /// Embedded in its parent's unfinished version alone, if there is one.
    is_early: bool,
    /// Another version of the same id that must lose.
    rival: Option<Rival>,
    /// Its document is lost, with all that is embedded in it.
    is_withheld: bool,
    /// Its document is sent twice.
    is_repeated: bool,
}

/// A version of an id that loses against the other one.
#[derive(Debug, Clone, Copy)]
enum Rival {
    /// Complete, but ended earlier.
    EndedEarlier,
    /// Ended alike, with a shorter text.
    Shorter,
    /// A subsegment with the id of a segment, ended later.
    Subsegment,
}

/// One trace.
pub(crate) fn trace() -> impl Strategy<Value = Generated> {
    plan::traces(1..2).prop_map(|plan| build::traces(&plan).remove(0))
}

/// Traces that link to each other.
pub(crate) fn linked_traces() -> impl Strategy<Value = Vec<Generated>> {
    plan::traces(2..4).prop_map(|plan| build::traces(&plan))
}

/// Something in any order.
pub(crate) fn shuffled<T: std::fmt::Debug + Clone>(list: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    Just(list).prop_shuffle()
}

/// What these traces tell of everything in them.
pub(crate) fn producers(traces: &[Generated]) -> Producers {
    let mut producers = Producers::default();
    for trace in traces {
        let parsed = parse_all(trace.documents.iter().map(String::as_str));
        let ids = trace
            .entities
            .iter()
            .map(|one| SegmentId::from_bits(one.id).unwrap());
        producers.add(&stitch(&parsed).unwrap(), ids);
    }
    producers
}
