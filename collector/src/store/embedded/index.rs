//! Where everything in the logs is: the index in memory, rebuilt from the logs at every opening. What
//! was sealed is not in it (`part.rs`). Pure.
//!
//! Memory, measured with a million settled traces: 470 B per trace of one document, 600 B per trace of
//! five. Of that a document is 32 B, and the rest the trace's entry, its place in the order of views
//! and in the list of its partition, and the slack of tables that grow by doubling. Links come on top
//! (`links.rs`).
//! A look-up is one hash, whatever the retention. A scan of what *started* in a window costs what it
//! returns. A scan of what was *active* walks every view that started before the window's end, since
//! a long trace may have started at any time; it touches 40 B for each, and no disk.

use std::collections::{BTreeMap, HashSet};

use foldhash::HashMap;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::digest::DocumentDigest;
use super::links::{Links, Producers};
use super::part::Parts;
use crate::store::{Cursor, ScanRange, ViewScan};
use crate::trace::running::RunningTotals;
use crate::trace::view::TraceView;

/// One log file in one life: a file made anew under the same name has another id, so that nothing
/// remembered of the old one is taken for the new. Later hours have greater ids, as far as the clock
/// runs forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PartitionId(pub(super) u32);

/// Where an entry stands. Ordered as entries were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    /// The log.
    pub(super) partition: PartitionId,
    /// Offset of the block in the log.
    pub(super) offset: u64,
    /// Offset of the entry in the decompressed payload.
    pub(super) position: u32,
}

/// What the index knows of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ViewEntry {
    /// Where it stands.
    pub(super) place: Place,
    /// The number of documents it was computed from.
    pub(super) revision: u32,
    start: Timestamp,
    latest: Timestamp,
    lead: Elapsed,
}

impl ViewEntry {
    /// The entry of a view at a place.
    pub(super) fn of(view: &TraceView, place: Place) -> Self {
        let (start, latest) = (view.summary.start, view.summary.latest);
        Self {
            place,
            revision: view.revision,
            start,
            latest,
            lead: start.since(view.earliest()),
        }
    }
}

/// What a settled trace takes beside its documents.
const TRACE_BYTES: usize = 440;

#[derive(Debug, Default)]
struct TraceEntry {
    documents: Vec<(DocumentDigest, Place)>,
    view: Option<ViewEntry>,
}

/// The index.
#[derive(Default)]
pub(super) struct Index {
    /// The sealed files, oldest first, which the rest says nothing of but for links and totals.
    pub(super) parts: Parts,
    /// Traces in sealed files that have lost documents, or whose links may have: to be looked at.
    pub(super) disturbed: HashSet<TraceId>,
    traces: HashMap<TraceId, TraceEntry>,
    /// How many documents they have.
    documents: usize,
    /// Latest times of the views by start and trace.
    order: BTreeMap<Cursor, Timestamp>,
    /// The traces that may have something in a partition; repeats are harmless.
    touched: HashMap<PartitionId, Vec<TraceId>>,
    /// Which views link to which traces.
    pub(super) links: Links,
    /// The longest that anything of a trace began before the trace's start; never shrinks.
    lead: Elapsed,
    /// The sum of all views' contributions; kept by those who put and take views.
    pub(super) totals: RunningTotals,
}

impl Index {
    /// Where the trace's document of this digest stands; `None` when it has none such.
    pub(super) fn place_of(&self, trace_id: TraceId, digest: DocumentDigest) -> Option<Place> {
        let mut documents = self.traces.get(&trace_id)?.documents.iter();
        documents.find_map(|(known, place)| (*known == digest).then_some(*place))
    }

    /// Has a document that the trace has stand elsewhere from now on.
    pub(super) fn move_document(&mut self, trace_id: TraceId, digest: DocumentDigest, to: Place) {
        if let Some(entry) = self.traces.get_mut(&trace_id) {
            entry.documents.retain(|(known, _)| *known != digest);
        }
        self.add_document(trace_id, digest, to);
    }

    /// Adds a document that the trace does not have.
    pub(super) fn add_document(&mut self, trace_id: TraceId, digest: DocumentDigest, at: Place) {
        let entry = self.traces.entry(trace_id).or_default();
        let newest = entry.documents.last().map(|(_, place)| place.partition);
        if newest != Some(at.partition) {
            self.touched.entry(at.partition).or_default().push(trace_id);
        }
        entry.documents.push((digest, at));
        self.documents += 1;
    }

    /// About how many bytes it takes, but for links and totals.
    pub(super) fn bytes(&self) -> usize {
        self.traces.len() * TRACE_BYTES + self.documents * size_of::<(DocumentDigest, Place)>()
    }

    /// The traces with documents in a partition, by id, and the start of the view of each whose documents
    /// it covers; what is in sealed files aside.
    pub(super) fn traces_in(&self, partition: PartitionId) -> Vec<(TraceId, Option<Timestamp>)> {
        let mut traces = self.touched(partition);
        traces.sort_unstable();
        traces.dedup();
        let start = |trace_id: TraceId| {
            let entry = self.traces.get(&trace_id)?;
            let mut documents = entry.documents.iter();
            documents.find(|(_, at)| at.partition == partition)?;
            let is_covered = !self.is_unsettled(trace_id);
            let start = entry.view.map(|view| view.start);
            Some((trace_id, start.filter(|_| is_covered)))
        };
        traces.into_iter().filter_map(start).collect()
    }

    /// The documents of a trace and where they are.
    pub(super) fn digests(&self, trace_id: TraceId) -> Vec<(DocumentDigest, Place)> {
        let entry = self.traces.get(&trace_id);
        entry.map_or_else(Vec::new, |entry| entry.documents.clone())
    }

    /// The traces with anything in a log.
    pub(super) fn traces(&self) -> impl Iterator<Item = TraceId> + '_ {
        self.traces.keys().copied()
    }

    /// The traces that may have something in a partition; repeats are harmless.
    pub(super) fn touched(&self, partition: PartitionId) -> Vec<TraceId> {
        self.touched.get(&partition).cloned().unwrap_or_default()
    }

    /// How many documents the trace has.
    pub(super) fn document_count(&self, trace_id: TraceId) -> usize {
        self.traces
            .get(&trace_id)
            .map_or(0, |entry| entry.documents.len())
    }

    /// Where the documents of a trace are.
    pub(super) fn documents(&self, trace_id: TraceId) -> Vec<Place> {
        let entry = self.traces.get(&trace_id);
        entry.map_or_else(Vec::new, |entry| {
            entry.documents.iter().map(|(_, place)| *place).collect()
        })
    }

    /// The view of a trace.
    pub(super) fn view(&self, trace_id: TraceId) -> Option<ViewEntry> {
        self.traces.get(&trace_id)?.view
    }

    /// Replaces the view of a trace, and which others it links to; its share of the totals is the
    /// caller's affair.
    pub(super) fn put_view(&mut self, trace_id: TraceId, view: ViewEntry, producers: Producers) {
        self.links.replace(trace_id, producers);
        self.disturbed.remove(&trace_id);
        self.lead = self.lead.max(view.lead);
        let entry = self.traces.entry(trace_id).or_default();
        if let Some(old) = entry.view.replace(view) {
            self.order.remove(&Cursor {
                start: old.start,
                trace_id,
            });
            if old.place.partition != view.place.partition {
                self.touched
                    .entry(view.place.partition)
                    .or_default()
                    .push(trace_id);
            }
        } else {
            self.touched
                .entry(view.place.partition)
                .or_default()
                .push(trace_id);
        }
        self.order.insert(
            Cursor {
                start: view.start,
                trace_id,
            },
            view.latest,
        );
    }

    /// The views behind an offset of a log stand in another one now, as far behind `to` as they stood
    /// behind `from`.
    pub(super) fn move_views(&mut self, from: (PartitionId, u64), to: (PartitionId, u64)) {
        let mut moved = Vec::new();
        for trace_id in self.touched.get(&from.0).into_iter().flatten() {
            let view = self.traces.get_mut(trace_id);
            let Some(view) = view.and_then(|entry| entry.view.as_mut()) else {
                continue;
            };
            if view.place.partition == from.0 && view.place.offset >= from.1 {
                view.place.partition = to.0;
                view.place.offset = to.1.saturating_add(view.place.offset - from.1);
                moved.push(*trace_id);
            }
        }
        if !moved.is_empty() {
            self.touched.entry(to.0).or_default().extend(moved);
        }
    }

    /// Views of a page, newest first, and one more if there are more.
    pub(super) fn scan(&self, scan: &ViewScan) -> Vec<(Cursor, Place)> {
        let first_of = |start| Cursor {
            start,
            trace_id: TraceId::from_bits(0),
        };
        let end = first_of(match scan.range {
            ScanRange::Started | ScanRange::Active => scan.end,
            ScanRange::Contributing => scan.end.plus_micros(self.lead.micros()),
        });
        let end = scan.after.map_or(end, |after| after.min(end));
        let from = match scan.range {
            ScanRange::Started => first_of(scan.start),
            ScanRange::Active | ScanRange::Contributing => first_of(Timestamp::MIN),
        };
        if from >= end {
            return Vec::new();
        }
        let hits = self
            .order
            .range(from..end)
            .rev()
            .filter(|(_, latest)| match scan.range {
                ScanRange::Started => true,
                ScanRange::Active | ScanRange::Contributing => **latest >= scan.start,
            });
        let placed = |(cursor, _): (&Cursor, _)| Some((*cursor, self.view(cursor.trace_id)?.place));
        let views_max = scan.views_max.max(1);
        hits.filter_map(placed)
            .take(views_max.saturating_add(1))
            .collect()
    }

    /// Whether a trace with nothing in sealed files is unsettled: its view does not cover all its
    /// documents, since it counts another number of them, or, as documents may have been dropped, some
    /// came after it.
    pub(super) fn is_unsettled(&self, trace_id: TraceId) -> bool {
        let Some(entry) = self.traces.get(&trace_id) else {
            return false;
        };
        let counts = |view: &ViewEntry| usize::try_from(view.revision) == Ok(entry.documents.len());
        let follows = |view: &ViewEntry| entry.documents.iter().all(|(_, at)| *at < view.place);
        !entry.documents.is_empty()
            && !entry
                .view
                .is_some_and(|view| counts(&view) && follows(&view))
    }

    /// Whether no document of the trace in the logs came after its view there; true when there is none.
    pub(super) fn has_view_behind(&self, trace_id: TraceId) -> bool {
        let Some(entry) = self.traces.get(&trace_id) else {
            return true;
        };
        let mut documents = entry.documents.iter();
        entry
            .view
            .is_some_and(|view| documents.all(|(_, at)| *at < view.place))
            || entry.documents.is_empty()
    }

    /// Places of all views, or of those in one partition, in the order of the disk.
    pub(super) fn view_places(&self, only: Option<PartitionId>) -> Vec<Place> {
        let places: Box<dyn Iterator<Item = Place>> = match only {
            None => Box::new(
                self.traces
                    .values()
                    .filter_map(|entry| Some(entry.view?.place)),
            ),
            Some(partition) => {
                let traces = self.touched.get(&partition).into_iter().flatten();
                let places = traces.filter_map(|trace_id| Some(self.view(*trace_id)?.place));
                Box::new(places.filter(move |place| place.partition == partition))
            }
        };
        let mut places: Vec<_> = places.collect();
        places.sort();
        places.dedup();
        places
    }

    /// Forgets everything in a partition, but for its share of the totals.
    pub(super) fn forget(&mut self, partition: PartitionId) {
        for trace_id in self.release(partition) {
            self.links.forget(trace_id);
        }
    }

    /// Forgets everything in a partition, but for its share of the totals and the links of its views:
    /// those stand elsewhere now. Returns the traces of these views.
    pub(super) fn release(&mut self, partition: PartitionId) -> Vec<TraceId> {
        let mut viewed = Vec::new();
        for trace_id in self.touched.remove(&partition).unwrap_or_default() {
            let Some(entry) = self.traces.get_mut(&trace_id) else {
                continue;
            };
            let before = entry.documents.len();
            entry
                .documents
                .retain(|(_, place)| place.partition != partition);
            self.documents -= before - entry.documents.len();
            if let Some(view) = entry.view.take_if(|view| view.place.partition == partition) {
                self.order.remove(&Cursor {
                    start: view.start,
                    trace_id,
                });
                viewed.push(trace_id);
            }
            if entry.documents.is_empty() && entry.view.is_none() {
                self.traces.remove(&trace_id);
            }
        }
        viewed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;

    fn place(partition: u32, offset: u64) -> Place {
        Place {
            partition: PartitionId(partition),
            offset,
            position: 0,
        }
    }

    #[test]
    fn a_document_index_entry_takes_32_bytes() {
        assert_eq!(size_of::<(DocumentDigest, Place)>(), 32);
    }

    #[test]
    fn a_forgotten_partition_leaves_nothing_behind() {
        let mut index = Index::default();
        let trace_id = sample::trace(1);
        index.add_document(trace_id, DocumentDigest::of("a"), place(1, 12));
        index.add_document(trace_id, DocumentDigest::of("b"), place(2, 12));
        index.put_view(
            trace_id,
            ViewEntry::of(&sample::view(1, 2, 100), place(1, 50)),
            vec![(sample::trace(9), 1)],
        );
        index.put_view(
            trace_id,
            ViewEntry::of(&sample::view(1, 2, 100), place(2, 50)),
            vec![(sample::trace(9), 1)],
        );
        assert_eq!(index.view_places(Some(PartitionId(1))), []);
        assert_eq!(index.view_places(Some(PartitionId(2))), [place(2, 50)]);
        index.forget(PartitionId(1));
        assert_eq!(index.documents(trace_id), [place(2, 12)]);
        index.forget(PartitionId(2));
        assert_eq!(
            (index.traces.len(), index.order.len(), index.touched.len()),
            (0, 0, 0)
        );
        assert_eq!(index.bytes(), 0);
        assert!(index.links.is_empty());
    }
}
