//! Every stored view against the one that the documents make, and the graph totals that opening
//! computes against the sum of the views.
//!
//! Traces are taken by id, 100,000 at a time: their views are derived and remembered by 16 bytes each;
//! then the stored views of the files that reach into that range of ids are gone through. So memory does
//! not grow with the store: 10 MB for a batch, the totals of 25 hours, and what `traces.rs` takes.
//! Each file's views are read once for every batch that its ids reach into: ids that begin with a time
//! make that one or two, random ids as many as there are batches.

use std::collections::{BTreeMap, HashSet};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::part::Part;
use super::super::shared::Shared;
use super::derive::{Derived, ViewDigest, derive, digest_of};
use super::report::{Finding, Report};
use super::traces::AllTraces;
use super::{Step, Tell};
use crate::store::StoreError;
use crate::trace::contributions;
use crate::trace::totals::{MinuteTotals, Span, Totals};
use crate::trace::view::TraceView;

const DERIVE: &str = "radiograph store repair derives it again";

/// Traces whose views are compared at once.
const BATCH_TRACES: usize = 100_000;

/// What a trace ought to have, and what it has.
struct Entry {
    /// `None` when nothing is expected, or not known what.
    expected: Option<ViewDigest>,
    /// What is stored need not be looked at.
    is_open: bool,
    /// Views that count: one at most.
    found: u32,
    is_same: bool,
}

/// The comparison under way.
pub(super) struct Comparison<'a> {
    shared: &'a Shared,
    parts: Vec<Part>,
    /// Traces that the next start settles; `None` when that cannot be read.
    pending: Option<HashSet<TraceId>>,
    /// What the running totals ought to be.
    running: Totals,
    told: u64,
    /// Traces whose view has to be derived again: 16 B each.
    pub(super) wrong: Vec<TraceId>,
}

impl<'a> Comparison<'a> {
    /// A comparison of everything that was opened.
    pub(super) fn new(shared: &'a Shared) -> Self {
        let pending = shared.unsettled();
        let parts = shared.index().parts.clone();
        Self {
            shared,
            parts: parts.iter().cloned().collect(),
            pending: pending.ok().map(|traces| traces.into_iter().collect()),
            running: Totals::default(),
            told: 0,
            wrong: Vec::new(),
        }
    }

    /// Compares. `compares_totals` is for a store whose files are undamaged.
    ///
    /// # Errors
    /// When a file that was read before cannot be read any more.
    pub(super) fn run(
        &mut self,
        compares_totals: bool,
        report: &mut Report,
        tell: Tell<'_>,
    ) -> Result<(), StoreError> {
        let parts = self.parts.clone();
        let total = parts.iter().map(|part| part.file.meta().traces).sum();
        let mut all = AllTraces::new(self.shared, &parts);
        let mut least = TraceId::from_bits(0);
        loop {
            let batch = self.batch(&mut all, report, &|done| {
                tell(Step {
                    what: "deriving views",
                    done,
                    total,
                });
            });
            let is_last = batch.len() < BATCH_TRACES;
            let greatest = match batch.last_key_value() {
                Some((greatest, _)) if !is_last => *greatest,
                _ => TraceId::from_bits(u128::MAX),
            };
            self.compare(batch, (least, greatest), report)?;
            if is_last {
                break;
            }
            least = TraceId::from_bits(greatest.bits().saturating_add(1));
        }
        if compares_totals {
            self.compare_totals(report)?;
        }
        Ok(())
    }

    fn batch(
        &self,
        all: &mut AllTraces<'_>,
        report: &mut Report,
        tell: &dyn Fn(u64),
    ) -> BTreeMap<TraceId, Entry> {
        let mut batch = BTreeMap::new();
        for trace in all.by_ref().take(BATCH_TRACES) {
            if !trace.documents.is_empty() {
                report.traces += 1;
                report.documents += trace.documents.len() as u64;
            }
            let (derived, unparsed) = derive(self.shared, &trace.documents);
            report.unparsed += unparsed;
            let (expected, is_open) = match derived {
                Derived::View(view) => (digest_of(&view), false),
                Derived::Nothing | Derived::Unknown => (None, true),
            };
            let entry = Entry {
                expected,
                is_open,
                found: 0,
                is_same: false,
            };
            batch.insert(trace.trace_id, entry);
            tell(report.traces);
        }
        batch
    }

    /// Goes through the stored views of the traces from one to another.
    fn compare(
        &mut self,
        mut batch: BTreeMap<TraceId, Entry>,
        (least, greatest): (TraceId, TraceId),
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let is_in = |view: &TraceView| (least..=greatest).contains(&view.trace_id);
        let mut found = |view: &TraceView| {
            if let Some(entry) = batch.get_mut(&view.trace_id) {
                entry.found += 1;
                entry.is_same = entry.expected.is_some() && entry.expected == digest_of(view);
            }
        };
        let places = self.shared.index().view_places(None);
        for place in places {
            // what cannot be read was told of with its log
            let view = self.shared.blocks.view(place).ok().flatten();
            if let Some(view) = view.filter(is_in) {
                found(&view);
                contributions::add(&view, &mut self.running, 1);
            }
        }
        for part in &self.parts {
            let meta = part.file.meta();
            let is_out = meta.first_trace.is_some_and(|first| first > greatest)
                || meta.last_trace.is_some_and(|last| last < least);
            if is_out {
                continue;
            }
            for view in part.file.views().flatten().filter(is_in) {
                let is_superseded = part.superseded.contains(&view.trace_id);
                if !is_superseded {
                    found(&view);
                }
                match (part.is_cold, is_superseded) {
                    (false, false) => contributions::add(&view, &mut self.running, 1),
                    (true, true) => contributions::add(&view, &mut self.running, -1),
                    _ => {}
                }
            }
        }
        for (trace_id, entry) in batch {
            self.judge(trace_id, &entry, report)?;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        trace_id: TraceId,
        entry: &Entry,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let is_twice = entry.found > 1;
        if !is_twice && (entry.is_open || entry.is_same) {
            report.views += u64::from(entry.is_same);
            return Ok(());
        }
        if !is_twice && self.is_pending(trace_id)? {
            report.pending += 1;
            return Ok(());
        }
        let what = match entry.found {
            0 => "has no view",
            1 => "has a view that is not the one of its documents",
            _ => "has several views that count",
        };
        self.wrong.push(trace_id);
        report.add_counted(&mut self.told, || {
            let cost = "wrong answers about it in searches and in the service graph";
            Finding::problem("", format!("trace {trace_id} {what}")).with(cost, DERIVE)
        });
        Ok(())
    }

    /// Whether the collector settles the trace by itself.
    fn is_pending(&self, trace_id: TraceId) -> Result<bool, StoreError> {
        let is_outdated = |part: &Part| !part.file.has_current_views() && part.may_have(trace_id);
        if let Some(pending) = &self.pending
            && (pending.contains(&trace_id) || !self.parts.iter().any(is_outdated))
        {
            return Ok(pending.contains(&trace_id));
        }
        // a document that cannot be read was told of with its file
        Ok(self.shared.is_unsettled(trace_id).unwrap_or(true))
    }

    fn compare_totals(&mut self, report: &mut Report) -> Result<(), StoreError> {
        let cold = |part: &&Part| part.is_cold;
        let mut expected = self.running.all();
        for part in self.parts.iter().filter(cold) {
            expected.add(&part.totals()?.all(), 1);
        }
        let opened = self.shared.totals(Timestamp::MIN, Timestamp::MAX)?;
        if without_spans(opened) != without_spans(expected) {
            let what = "the graph's totals after opening are not the sum of the views";
            let finding = Finding::problem("", what);
            let remedy = "please report it: nothing on the disk explains it";
            report.add(finding.with("a wrong service graph", remedy));
        }
        Ok(())
    }
}

/// Spans of time cannot be taken away from exactly.
fn without_spans(mut totals: MinuteTotals) -> MinuteTotals {
    let none = Span {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    totals.nodes.values_mut().for_each(|node| node.span = none);
    totals.edges.values_mut().for_each(|edge| edge.span = none);
    totals.links.values_mut().for_each(|link| link.span = none);
    totals
}
