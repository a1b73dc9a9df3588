//! What filters and the service graph read of a trace: its segments, calls and links, one by one.
//!
//! Flat lists that point at each other by place, so that a stored view stays small and a name stands
//! in it once. Source: `spec/traces-and-graph.md` sections 2.3, 7.1 and 7.4,
//! `spec/filter-expressions.md` sections 3 and 4.

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};
use serde::{Deserialize, Serialize};

/// Segments, calls and links of one trace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// What segments and calls say of themselves; an inferred segment shares it with its call, a
    /// client's call with the root.
    pub entities: Vec<EntityFacts>,
    /// Sent segments and orphans, then inferred segments, each by start and id of the entity they
    /// came from.
    pub segments: Vec<SegmentFacts>,
    /// Calls, each from a segment (or a client) to one segment.
    pub calls: Vec<CallFacts>,
    /// The parent links that may draw an edge.
    pub links: Vec<LinkFacts>,
}

impl Facts {
    /// A segment by its place; `None` only in a damaged view.
    #[must_use]
    pub fn segment(&self, SegmentAt(at): SegmentAt) -> Option<&SegmentFacts> {
        self.segments.get(usize::try_from(at).ok()?)
    }

    /// What a segment or caller says of itself; `None` only in a damaged view.
    #[must_use]
    pub fn entity(&self, EntityAt(at): EntityAt) -> Option<&EntityFacts> {
        self.entities.get(usize::try_from(at).ok()?)
    }
}

impl EntityFacts {
    /// The latest time known of it: its end, else its start.
    #[must_use]
    pub fn end_or_start(&self) -> Timestamp {
        self.end.unwrap_or(self.start)
    }
}

/// Place of a node in [`super::view::TraceView::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeAt(pub u32);

/// Place in [`Facts::entities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityAt(pub u32);

/// Place in [`Facts::segments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentAt(pub u32);

/// A segment's or calling subsegment's own account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityFacts {
    /// When it began.
    pub start: Timestamp,
    /// When it ended, at least `start`; `None` while it is in progress.
    pub end: Option<Timestamp>,
    /// Its outcome.
    #[serde(with = "flag_bits")]
    pub flags: Flags,
    /// Its `http` block.
    pub http: Option<Box<HttpFacts>>,
}

/// What is read of an `http` block.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HttpFacts {
    /// `request.url`.
    pub url: Option<String>,
    /// `response.status`.
    pub status: Option<i64>,
    /// `request.method`.
    pub method: Option<String>,
    /// `request.user_agent`.
    pub user_agent: Option<String>,
    /// `request.client_ip`.
    pub client_ip: Option<String>,
}

/// Where a segment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SegmentKind {
    /// It was sent.
    Sent,
    /// A subsegment whose parent is missing stands in for it.
    Orphan,
    /// Nobody answered the call that leads to it.
    Inferred,
}

/// One segment, sent or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// Its node.
    pub node: NodeAt,
    /// Its own account; of an inferred segment, the call's.
    pub entity: EntityAt,
    /// Earliest start over it and all its subsegments.
    pub earliest: Timestamp,
    /// Latest end (start of an unfinished one) over it and all its subsegments.
    pub latest: Timestamp,
    /// Where it comes from.
    pub kind: SegmentKind,
    /// It is a graph root: sent, without a parent in the trace, and no consumer of a message.
    pub is_root: bool,
    /// Who it worked for and where it ran; `None` when it does not tell, and on segments not sent.
    pub host: Option<Box<HostFacts>>,
}

/// Who a sent segment worked for and where it ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// `user`.
    pub user: Option<String>,
    /// `resource_arn`.
    pub resource_arn: Option<String>,
    /// `aws.ec2.instance_id`.
    pub instance_id: Option<String>,
    /// `availability_zone` of `aws.ec2` and `aws.ecs`, sorted, without repeats.
    pub availability_zones: Vec<String>,
}

/// One call: what its caller recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFacts {
    /// The caller's segment; `None` when it is the client of a root.
    pub source: Option<SegmentAt>,
    /// The segment that answered, or the inferred one.
    pub target: SegmentAt,
    /// The caller's account: the subsegment's, the calling segment's, or for a client the root's.
    pub entity: EntityAt,
    /// Whether the graph counts it: of several segments at one node that answer one caller, the
    /// first does.
    pub is_counted: bool,
    /// What the callee would have been called as an inferred node, where that differs.
    pub alias: Option<NodeAt>,
}

/// One parent link of the trace: the carrier consumes what an entity of another trace produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFacts {
    /// The producer's trace.
    pub trace_id: TraceId,
    /// The entity linked there.
    pub id: SegmentId,
    /// The segment that carries the link, or that owns the subsegment that does.
    pub consumer: SegmentAt,
    /// Start of the entity that carries the link.
    pub start: Timestamp,
    /// End of that entity, start while it is unfinished.
    pub end: Timestamp,
    /// Number of documents of the producer's trace when this was computed, 0 while it was not
    /// stored: another number means that the link has to be looked at again.
    pub producer_revision: u32,
    /// The producer, once its trace is stored and has the entity.
    pub producer: Option<ProducerFacts>,
}

/// What another trace tells of the entity that a link points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerFacts {
    /// The node that the edge starts from, usually a queue.
    pub node: NodeAt,
    /// A sent segment belongs to that node there.
    pub is_sent: bool,
    /// Start of the linking entity − end of the linked one.
    pub age: Elapsed,
}

/// Three flags in one byte of a stored view.
mod flag_bits {
    use radiograph_protocol::segment::Flags;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde asks for"
    )]
    pub(super) fn serialize<S: Serializer>(flags: &Flags, to: S) -> Result<S::Ok, S::Error> {
        let bit = |is_set: bool, place: u8| u8::from(is_set) << place;
        to.serialize_u8(bit(flags.error, 0) | bit(flags.throttle, 1) | bit(flags.fault, 2))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Flags, D::Error> {
        let bits = u8::deserialize(from)?;
        Ok(Flags {
            error: bits & 1 != 0,
            throttle: bits & 2 != 0,
            fault: bits & 4 != 0,
        })
    }
}
