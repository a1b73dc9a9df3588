//! Links between traces: which of them may draw an edge, and what the producer's trace tells of the
//! entity at the other end. Source: `spec/traces-and-graph.md` section 7.4.
//!
//! This is the one thing that takes two traces. The rule stays pure: whoever settles a trace hands in
//! what the traces it links to tell.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::limits::{LINKS_PER_SEGMENT_MAX, LINKS_PER_TRACE_MAX};
use radiograph_protocol::segment::Link;
use radiograph_protocol::timestamp::Timestamp;

use super::facts::LinkFacts;
use super::node::{self, NodeKey};
use super::stitch::{Index, Trace};
use super::view::TraceView;

/// What the traces that a trace links to tell, as far as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Producers {
    traces: BTreeMap<TraceId, ProducerTrace>,
}

/// One trace that others link to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProducerTrace {
    revision: u32,
    entities: BTreeMap<SegmentId, Producer>,
}

/// An entity that others link to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// The node that an edge to a consumer starts from.
    pub node: NodeKey,
    /// A sent segment belongs to that node.
    pub is_sent: bool,
    /// When the entity ended (began, while it is unfinished).
    pub end: Timestamp,
}

impl Producers {
    /// Notes that a trace is stored with so many documents, whether they can be read or not. To be
    /// called before [`Self::add`]: it is what a link remembers of the trace.
    pub fn add_stored(&mut self, trace_id: TraceId, documents: u32) {
        let entities = BTreeMap::new();
        self.traces.entry(trace_id).or_insert(ProducerTrace {
            revision: documents,
            entities,
        });
    }

    /// Takes from a trace what links to these of its entities need.
    pub fn add(&mut self, trace: &Trace<'_>, ids: impl IntoIterator<Item = SegmentId>) {
        let places: HashMap<SegmentId, Index> = trace
            .members()
            .map(|(at, member)| (member.entity.id, at))
            .collect();
        let known = self
            .traces
            .entry(trace.trace_id)
            .or_insert_with(|| ProducerTrace {
                revision: trace.revision,
                entities: BTreeMap::new(),
            });
        for id in ids {
            if let Some(at) = places.get(&id) {
                known.entities.insert(id, producer(trace, *at));
            }
        }
    }

    /// Number of documents of a trace that others link to; 0 when it is not stored.
    #[must_use]
    pub fn revision(&self, trace_id: TraceId) -> u32 {
        self.traces.get(&trace_id).map_or(0, |trace| trace.revision)
    }

    /// The entity that a link points at, if it is stored.
    #[must_use]
    pub fn entity(&self, trace_id: TraceId, id: SegmentId) -> Option<&Producer> {
        self.traces.get(&trace_id)?.entities.get(&id)
    }
}

/// The linked entity's inferred segment, if it has one, else its own segment.
fn producer(trace: &Trace<'_>, at: Index) -> Producer {
    let member = trace.member(at);
    let node = if member.infers {
        node::of_inferred(member.entity)
    } else {
        trace.node_of(member.owner)
    };
    Producer {
        node,
        is_sent: !member.infers,
        end: member.entity.end_or_start(),
    }
}

/// The parent links of a trace that may draw an edge, each with the entity that carries it: at most
/// 20 of an entity, in the order of its array, and 100 of the trace, by the entity's start and id.
pub fn parent_links<'t, 'd>(
    trace: &'t Trace<'d>,
) -> impl Iterator<Item = (Index, &'t Link<'d>)> + use<'t, 'd> {
    let of_entity = |(at, member): (Index, &'t super::stitch::Member<'d>)| {
        let links = member.entity.links.iter().filter(|link| link.is_parent());
        links
            .take(LINKS_PER_SEGMENT_MAX)
            .map(move |link| (at, link))
    };
    trace
        .members()
        .flat_map(of_entity)
        .take(LINKS_PER_TRACE_MAX)
}

/// Entities of other traces that links point at, by trace.
pub type Linked = BTreeMap<TraceId, BTreeSet<SegmentId>>;

/// What the parent links of a trace that may draw an edge ask of other traces.
#[must_use]
pub fn linked_by(trace: &Trace<'_>) -> Linked {
    let mut linked = Linked::new();
    let links = parent_links(trace).map(|(_, link)| link);
    for link in links.filter(|link| link.trace_id != trace.trace_id) {
        linked.entry(link.trace_id).or_default().insert(link.id);
    }
    linked
}

/// The traces that a stored view links to, other than itself, each with the number of documents it
/// had when the view was computed. Of several links to one trace the first one tells.
#[must_use]
pub fn producers_of(view: &TraceView) -> Vec<(TraceId, u32)> {
    let others = |link: &&LinkFacts| link.trace_id != view.trace_id;
    let links = view.facts.links.iter().filter(others);
    let producers: BTreeMap<TraceId, u32> = links
        .rev()
        .map(|link| (link.trace_id, link.producer_revision))
        .collect();
    producers.into_iter().collect()
}

#[cfg(test)]
mod tests;
