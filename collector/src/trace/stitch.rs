//! Documents of one trace to one forest of entities.
//!
//! Decides which version speaks for an id, who hangs under whom, who owns whom, what is inferred,
//! and cuts circles. Chains that are built across documents may be of any length, so nothing here
//! recurses along them. Memory: proportional to the documents.
//! Source: `spec/traces-and-graph.md` section 2.

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::segment::{self, Document, Entity, Kind};
use radiograph_protocol::timestamp::Timestamp;

use self::versions::Version;
use super::node::{self, NodeKey};

mod family;
mod per_entity;
mod versions;

pub(super) use self::per_entity::PerEntity;

/// A document beside its text.
#[derive(Debug, Clone)]
pub struct Parsed<'a> {
    /// As it was sent.
    pub text: &'a str,
    /// As it is read.
    pub document: Document<'a>,
}

/// Reads the different documents among `texts`, in an order that depends on their content alone.
/// Texts that do not pass the checks of PutTraceSegments are left out: a store holds none.
#[must_use]
pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Parsed<'a>> {
    let mut texts: Vec<&str> = texts.into_iter().collect();
    texts.sort_unstable();
    texts.dedup();
    let mut parsed = Vec::with_capacity(texts.len());
    for text in texts {
        if let Ok(document) = segment::parse(text) {
            parsed.push(Parsed { text, document });
        }
    }
    parsed
}

/// Place of an entity in a [`Trace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(usize);

/// A segment or subsegment that was sent, in the version that speaks for its id.
#[derive(Debug)]
pub struct Member<'d> {
    /// The version that speaks.
    pub entity: &'d Entity<'d>,
    /// Where its text is: the document, and its place there in reading order.
    pub place: Place,
    /// Whether it is a segment.
    pub is_segment: bool,
    /// The parent it names or is embedded in, in the trace or not.
    pub parent_id: Option<SegmentId>,
    /// That parent, if it is in the trace and the link was not cut.
    pub parent: Option<Index>,
    /// The segment (or topmost orphan) at the top of its chain of parents.
    pub owner: Index,
    /// Subsegments under it, by (start, id).
    pub subsegments: Vec<Index>,
    /// Segments that name it as their parent, by (start, id).
    pub callees: Vec<Index>,
    /// A segment names it as its parent.
    pub is_called: bool,
    /// It is a call to another service that no sent segment answered: an inferred segment stands at
    /// its other end (section 2.3).
    pub infers: bool,
}

/// Where an entity's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index of the document.
    pub document: usize,
    /// Place among the document's entities in reading order, parents before children.
    pub ordinal: usize,
}

/// One stitched trace.
#[derive(Debug)]
pub struct Trace<'d> {
    /// The trace's id.
    pub trace_id: TraceId,
    /// All sent entities, by (start, id).
    entities: Vec<Member<'d>>,
    /// All of them, each after its parent.
    parents_first: Vec<Index>,
    /// Number of different documents.
    pub revision: u32,
}

impl Member<'_> {
    /// It was sent as part of another document.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        self.place.ordinal > 0
    }

    /// A subsegment whose parent is missing: it stands in for its segment (section 2.4).
    #[must_use]
    pub const fn is_orphan(&self) -> bool {
        !self.is_segment && self.parent.is_none()
    }

    /// A sent segment without a parent in the trace that consumes no message (section 3.3).
    #[must_use]
    pub fn is_graph_root(&self) -> bool {
        self.is_segment
            && self.parent.is_none()
            && !self.entity.links.iter().any(segment::Link::is_parent)
    }

    /// Whether a client node stands before this segment: before graph roots, but for synthetic
    /// clients (section 3.3).
    #[must_use]
    pub fn has_client(&self) -> bool {
        let is_synthetic = self
            .entity
            .origin
            .as_deref()
            .is_some_and(|origin| origin.starts_with("client"));
        self.is_graph_root() && !is_synthetic
    }

    /// A call to another service, by its namespace.
    #[must_use]
    pub fn is_call(&self) -> bool {
        !self.is_segment && matches!(self.entity.namespace.as_deref(), Some("aws" | "remote"))
    }

    /// (start, id), by which everything is ordered.
    #[must_use]
    pub fn order(&self) -> (Timestamp, SegmentId) {
        (self.entity.start, self.entity.id)
    }
}

/// Stitches the documents of one trace; `None` when there are none.
#[must_use]
pub fn stitch<'d>(documents: &'d [Parsed<'d>]) -> Option<Trace<'d>> {
    let trace_id = documents.first()?.document.trace_id;
    let mut versions = versions::speaking(documents);
    versions.sort_unstable_by_key(|version| (version.entity.start, version.entity.id));
    let mut entities: Vec<Member<'d>> = versions
        .into_iter()
        .enumerate()
        .map(|(at, version)| member(&version, Index(at)))
        .collect();
    family::find_parents(&mut entities);
    family::cut_circles(&mut entities);
    let parents_first = family::link_children(&mut entities);
    let revision = u32::try_from(documents.len()).unwrap_or(u32::MAX);
    Some(Trace {
        trace_id,
        entities,
        parents_first,
        revision,
    })
}

const fn member<'d>(version: &Version<'d>, at: Index) -> Member<'d> {
    Member {
        entity: version.entity,
        place: version.place,
        is_segment: version.is_segment,
        parent_id: version.parent_id,
        parent: None,
        owner: at,
        subsegments: Vec::new(),
        callees: Vec::new(),
        is_called: false,
        infers: false,
    }
}

impl<'d> Trace<'d> {
    /// An entity by its place.
    ///
    /// # Panics
    /// Never for an index of this trace.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "indexes are made by `stitch` alone, for this trace"
    )]
    pub fn member(&self, Index(at): Index) -> &Member<'d> {
        self.entities.get(at).expect("an index of this trace")
    }

    /// All sent entities, by (start, id).
    pub fn members(&self) -> impl DoubleEndedIterator<Item = (Index, &Member<'d>)> {
        self.entities
            .iter()
            .enumerate()
            .map(|(at, member)| (Index(at), member))
    }

    /// All sent entities, each after its parent; reversed, each before its parent.
    pub fn parents_first(&self) -> impl DoubleEndedIterator<Item = (Index, &Member<'d>)> {
        self.parents_first.iter().map(|at| (*at, self.member(*at)))
    }

    /// Sent segments and topmost orphans: what counts as a segment, by (start, id).
    pub fn owners(&self) -> impl DoubleEndedIterator<Item = (Index, &Member<'d>)> {
        self.members()
            .filter(|(_, member)| member.is_segment || member.is_orphan())
    }

    /// The node of a sent segment or topmost orphan.
    #[must_use]
    pub fn node_of(&self, owner: Index) -> NodeKey {
        let owner = self.member(owner);
        if owner.is_segment {
            node::of_segment(owner.entity)
        } else {
            node::of_orphan(owner.entity)
        }
    }

    /// The root segment of the trace, for its summary (section 3.3).
    #[must_use]
    pub fn root(&self) -> Option<(Index, &Member<'d>)> {
        let segments = || self.members().filter(|(_, member)| member.is_segment);
        segments()
            .find(|(_, member)| member.parent_id.is_none())
            .or_else(|| segments().find(|(_, member)| member.parent.is_none()))
            .or_else(|| segments().next())
    }

    /// The latest end of any entity, an unfinished one counting with its start, and whether any ended.
    #[must_use]
    pub fn latest(&self) -> (Timestamp, bool) {
        let of_none = (Timestamp::MIN, false);
        self.members()
            .fold(of_none, |(latest, ended), (_, member)| {
                (
                    latest.max(member.entity.end_or_start()),
                    ended || member.entity.end.is_some(),
                )
            })
    }

    /// Whether something is unfinished, or a parent or a called service is missing (section 2.5).
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.entities.iter().any(|member| {
            let entity = member.entity;
            let broken = !member.is_segment && entity.traced && !member.is_called;
            entity.end.is_none() || member.is_orphan() || broken
        })
    }
}

/// Whether a document is a segment.
const fn is_segment(kind: Kind) -> bool {
    matches!(kind, Kind::Segment)
}

#[cfg(test)]
mod tests;
