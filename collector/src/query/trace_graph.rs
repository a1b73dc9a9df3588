//! The graph of a few traces, link edges between them included. Pure.
//! Source: `spec/traces-and-graph.md` sections 7.4 and 8.

use crate::store::TraceDocuments;
use crate::trace::contributions;
use crate::trace::link::{Linked, Producers, linked_by};
use crate::trace::stitch::{Parsed, Trace, parse_all, stitch};
use crate::trace::totals::{MinuteTotals, Totals};
use crate::trace::view::view_of;

/// Everything these traces contribute, whenever it was.
pub(super) fn totals(found: &[TraceDocuments]) -> MinuteTotals {
    let parsed: Vec<Vec<Parsed<'_>>> = found
        .iter()
        .map(|trace| parse_all(trace.documents.iter().map(String::as_str)))
        .collect();
    let traces: Vec<Trace<'_>> = parsed.iter().filter_map(|trace| stitch(trace)).collect();
    let producers = producers(&traces);
    let mut totals = Totals::default();
    for trace in &traces {
        contributions::add(&view_of(trace, &producers), &mut totals, 1);
    }
    totals.all()
}

/// What the traces tell of their entities that others among them link to.
fn producers(traces: &[Trace<'_>]) -> Producers {
    let mut linked = Linked::new();
    for (trace_id, ids) in traces.iter().flat_map(linked_by) {
        linked.entry(trace_id).or_default().extend(ids);
    }
    let mut producers = Producers::default();
    for trace in traces {
        if let Some(ids) = linked.remove(&trace.trace_id) {
            producers.add(trace, ids);
        }
    }
    producers
}
