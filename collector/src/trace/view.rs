//! The view of a trace: what is stored of it beside its documents.

use radiograph_protocol::ids::TraceId;
use serde::{Deserialize, Serialize};

use super::contributions::contributions;
use super::stitch::{parse_all, stitch};
use super::summarize::summarize;
use super::summary::Summary;
use super::totals::Totals;

/// Everything derived from a trace's documents. A pure function of their set: neither order nor
/// repeats change it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceView {
    /// The trace.
    pub trace_id: TraceId,
    /// Number of different documents it was computed from; of two views the greater revision is the
    /// newer one (`spec/traces-and-graph.md` section 2.1).
    pub revision: u32,
    /// What summaries and filters need.
    pub summary: Summary,
    /// What the trace adds to the service graph.
    pub contributions: Totals,
}

/// The view of the trace that these documents make; `None` when none of them can be read.
#[must_use]
pub fn view<'a>(documents: impl IntoIterator<Item = &'a str>) -> Option<TraceView> {
    let parsed = parse_all(documents);
    let trace = stitch(&parsed)?;
    Some(TraceView {
        trace_id: trace.trace_id,
        revision: trace.revision,
        summary: summarize(&trace),
        contributions: contributions(&trace),
    })
}

#[cfg(test)]
mod tests;
