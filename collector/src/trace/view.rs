//! The view of a trace: what is stored of it beside its documents.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::facts::{EntityAt, EntityFacts, Facts, HttpFacts, NodeAt, SegmentAt, SegmentFacts};
use super::link::Producers;
use super::node::NodeKey;
use super::nodes::Nodes;
use super::stitch::{Trace, parse_all, stitch};
use super::summarize::summarize;
use super::summary::Summary;

/// Everything derived from a trace's documents. A pure function of their set, and, for link edges
/// alone, of the traces it links to: neither order nor repeats change it.
///
/// What the trace adds to the service graph follows from it:
/// [`super::contributions::add`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceView {
    /// The trace.
    pub trace_id: TraceId,
    /// Number of different documents it was computed from; of two views the greater revision is the
    /// newer one (`spec/traces-and-graph.md` section 2.1).
    pub revision: u32,
    /// Every name that the rest points at, each once: nodes, aliases, producers of links.
    pub nodes: Vec<NodeKey>,
    /// What summaries need.
    pub summary: Summary,
    /// What filters and the service graph need beside it.
    pub facts: Facts,
}

/// The view of the trace that these documents make; `None` when none of them can be read.
#[must_use]
pub fn view<'a>(
    documents: impl IntoIterator<Item = &'a str>,
    producers: &Producers,
) -> Option<TraceView> {
    let parsed = parse_all(documents);
    Some(view_of(&stitch(&parsed)?, producers))
}

/// The view of a stitched trace.
#[must_use]
pub fn view_of(trace: &Trace<'_>, producers: &Producers) -> TraceView {
    let mut nodes = Nodes::of(trace);
    let facts = super::collect::facts(trace, &mut nodes, producers);
    let summary = summarize(trace, &mut nodes, &facts);
    TraceView {
        trace_id: trace.trace_id,
        revision: trace.revision,
        nodes: nodes.into_keys(),
        summary,
        facts,
    }
}

/// Stands where a damaged view points at nothing.
static NOWHERE: NodeKey = NodeKey {
    name: String::new(),
    kind: None,
    account_id: None,
};

impl TraceView {
    /// A node by its place; a nameless one where a damaged view points at nothing.
    #[must_use]
    pub fn node(&self, NodeAt(at): NodeAt) -> &NodeKey {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.nodes.get(at).unwrap_or(&NOWHERE)
    }

    /// A segment by its place; `None` only in a damaged view.
    #[must_use]
    pub fn segment(&self, at: SegmentAt) -> Option<&SegmentFacts> {
        self.facts.segment(at)
    }

    /// What a segment or caller says of itself; `None` only in a damaged view.
    #[must_use]
    pub fn entity(&self, at: EntityAt) -> Option<&EntityFacts> {
        self.facts.entity(at)
    }

    /// The root segment of the trace (`spec/traces-and-graph.md` section 3.3).
    #[must_use]
    pub fn root(&self) -> Option<&SegmentFacts> {
        self.segment(self.summary.root?)
    }

    /// The earliest start of any segment or subsegment: at most `summary.start`, before it where a
    /// subsegment began before its segment.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        let earliest = self.facts.segments.iter().map(|segment| segment.earliest);
        earliest.fold(self.summary.start, Timestamp::min)
    }

    /// The request that the root segment served.
    #[must_use]
    pub fn http(&self) -> Option<&HttpFacts> {
        self.entity(self.root()?.entity)?.http.as_deref()
    }
}

#[cfg(test)]
mod tests;
