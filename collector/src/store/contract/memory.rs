//! A store in a few lists, as slow and as plain as can be: what the suite's promises mean, and the
//! model that the embedded store is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::Subject;
use crate::store::{
    Cursor, Doomed, DoomedPage, DoomedPlace, Kept, OversizedView, Record, ScanRange, StateRecord,
    Store, StoreError, TraceDocuments, ViewPage, ViewScan,
};
use crate::trace::contributions;
use crate::trace::totals::{MinuteTotals, Totals, Wanted};
use crate::trace::view::TraceView;

/// The store.
#[derive(Clone, Default)]
pub(crate) struct MemoryStore(Arc<Mutex<Lists>>);

#[derive(Default)]
struct Lists {
    now: Timestamp,
    /// Counts everything that arrives.
    arrivals: u64,
    documents: Vec<(Arrival, Record)>,
    views: BTreeMap<TraceId, (Arrival, TraceView)>,
    state: BTreeMap<String, StateRecord>,
    /// Views of more segments are too large; `None` takes any.
    segments_max: Option<usize>,
    /// What arrives just before the next views are put.
    before_put: Vec<Record>,
    /// How many of the next puts fail.
    failures: u32,
    /// Its documents cannot be read.
    unreadable: Option<TraceId>,
}

/// The hour and the number in the order of all arrivals.
type Arrival = (i64, u64);

fn end_of(hour: i64) -> Timestamp {
    Timestamp::from_seconds((hour + 1) * 3600)
}

impl MemoryStore {
    /// What all views contribute.
    fn sum(&self) -> Totals {
        let mut sum = Totals::default();
        for (_, view) in self.lists().views.values() {
            contributions::add(view, &mut sum, 1);
        }
        sum
    }

    /// A store that takes views of so many segments only.
    pub(crate) fn of_small_views(segments_max: usize) -> Self {
        let store = Self::default();
        store.lists().segments_max = Some(segments_max);
        store
    }

    /// These documents arrive just before the next views are put.
    pub(crate) fn arrive_before_put(&self, records: Vec<Record>) {
        self.lists().before_put = records;
    }

    /// So many of the next puts fail.
    pub(crate) fn fail_puts(&self, failures: u32) {
        self.lists().failures = failures;
    }

    /// From now on this trace's documents cannot be read.
    pub(crate) fn damage(&self, trace_id: TraceId) {
        self.lists().unreadable = Some(trace_id);
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap()
    }
}

impl Lists {
    fn arrival(&mut self) -> Arrival {
        self.arrivals += 1;
        (self.now.seconds_floor().div_euclid(3600), self.arrivals)
    }

    fn of(&self, trace_id: TraceId) -> impl Iterator<Item = &(Arrival, Record)> {
        self.documents
            .iter()
            .filter(move |(_, record)| record.trace_id == trace_id)
    }

    fn add(&mut self, records: Vec<Record>) {
        for record in records {
            if self.documents.iter().all(|(_, known)| *known != record) {
                let arrival = self.arrival();
                self.documents.push((arrival, record));
            }
        }
    }

    fn count_of(&self, trace_id: TraceId) -> u32 {
        u32::try_from(self.of(trace_id).count()).unwrap()
    }

    fn traces_with_stale_links(&self) -> impl Iterator<Item = (TraceId, TraceId)> {
        let views = self.views.values().map(|(_, view)| view);
        let views = views.filter(|view| self.count_of(view.trace_id) > 0);
        views.flat_map(|view| {
            let links = view.facts.links.iter();
            let others = links.filter(|link| link.trace_id != view.trace_id);
            let stale =
                others.filter(|link| self.count_of(link.trace_id) != link.producer_revision);
            stale.map(|link| (view.trace_id, link.trace_id))
        })
    }

    fn lacks_documents(&self, trace_id: TraceId) -> bool {
        self.views.get(&trace_id).is_none_or(|((_, viewed), view)| {
            self.of(trace_id).count() != view.revision as usize
                || self.of(trace_id).any(|((_, arrived), _)| arrived > viewed)
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.lists().add(records);
        Ok(())
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn documents(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
        let lists = self.lists();
        if lists.unreadable.is_some_and(|id| trace_ids.contains(&id)) {
            return Err(StoreError::Corrupt {
                path: "memory".to_owned(),
                reason: "damaged".to_owned(),
            });
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for trace_id in trace_ids
            .iter()
            .copied()
            .filter(|trace_id| seen.insert(*trace_id))
        {
            let texts = lists
                .of(trace_id)
                .map(|(_, record)| record.document.clone());
            let documents: Vec<_> = texts.collect();
            if !documents.is_empty() {
                found.push(TraceDocuments {
                    trace_id,
                    documents,
                });
            }
        }
        Ok(found)
    }

    async fn document_counts(&self, trace_ids: &[TraceId]) -> Result<Vec<u32>, StoreError> {
        let lists = self.lists();
        Ok(trace_ids.iter().map(|id| lists.count_of(*id)).collect())
    }

    async fn put_views(&self, views: Vec<TraceView>) -> Result<Vec<OversizedView>, StoreError> {
        let mut lists = self.lists();
        if lists.failures > 0 {
            lists.failures -= 1;
            return Err(StoreError::Closed);
        }
        let arriving = std::mem::take(&mut lists.before_put);
        lists.add(arriving);
        let mut oversized = Vec::new();
        for view in views {
            if lists
                .segments_max
                .is_some_and(|max| view.facts.segments.len() > max)
            {
                oversized.push(OversizedView {
                    trace_id: view.trace_id,
                    revision: view.revision,
                    bytes: view.facts.segments.len(),
                });
                continue;
            }
            let count = lists.of(view.trace_id).count();
            let is_outranked = lists.views.get(&view.trace_id).is_some_and(|(_, stored)| {
                let counts_dropped_ones = count > 0 && stored.revision as usize > count;
                stored.revision > view.revision && !counts_dropped_ones
            });
            if !is_outranked {
                let arrival = lists.arrival();
                lists.views.insert(view.trace_id, (arrival, view));
            }
        }
        Ok(oversized)
    }

    async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError> {
        let cursor = |view: &TraceView| Cursor {
            start: view.summary.start,
            trace_id: view.trace_id,
        };
        let lists = self.lists();
        let views = lists.views.values().map(|(_, view)| view);
        let hits = views.filter(|view| {
            let (from, until) = match scan.range {
                ScanRange::Started => (view.summary.start, view.summary.start),
                ScanRange::Active => (view.summary.start, view.summary.latest),
                ScanRange::Contributing => (view.earliest(), view.summary.latest),
            };
            from < scan.end
                && until >= scan.start
                && scan.after.is_none_or(|after| cursor(view) < after)
        });
        let mut hits: Vec<_> = hits.collect();
        hits.sort_by_key(|view| std::cmp::Reverse(cursor(view)));
        let page = &hits[..hits.len().min(scan.views_max)];
        Ok(ViewPage {
            views: page.iter().map(|view| Arc::new((*view).clone())).collect(),
            next: page
                .last()
                .filter(|_| page.len() < hits.len())
                .map(|view| cursor(view)),
            ..ViewPage::default()
        })
    }

    async fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MinuteTotals, StoreError> {
        Ok(self.sum().window(start, end))
    }

    async fn minutes(
        &self,
        start: Timestamp,
        end: Timestamp,
        wanted: Wanted,
    ) -> Result<Totals, StoreError> {
        Ok(self.sum().minutes(start, end, &wanted))
    }

    async fn linking_to(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceId>, StoreError> {
        let lists = self.lists();
        let stale = lists.traces_with_stale_links();
        let linking = stale.filter(|(_, producer)| trace_ids.contains(producer));
        let linking: BTreeSet<_> = linking.map(|(linking, _)| linking).collect();
        Ok(linking.into_iter().collect())
    }

    async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
        let lists = self.lists();
        let traces = lists.documents.iter().map(|(_, record)| record.trace_id);
        let traces: BTreeSet<_> = traces.filter(|id| lists.lacks_documents(*id)).collect();
        let linking = lists.traces_with_stale_links().map(|(linking, _)| linking);
        let unsettled: BTreeSet<_> = linking.chain(traces).collect();
        Ok(unsettled.into_iter().collect())
    }

    async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let mut lists = self.lists();
        lists
            .documents
            .retain(|((hour, _), _)| end_of(*hour) > time);
        lists.views.retain(|_, ((hour, _), _)| end_of(*hour) > time);
        Ok(())
    }

    async fn doomed(
        &self,
        time: Timestamp,
        after: Option<DoomedPlace>,
        traces_max: usize,
    ) -> Result<DoomedPage, StoreError> {
        let lists = self.lists();
        let place = |((hour, _), record): &(Arrival, Record)| DoomedPlace {
            until: end_of(*hour),
            sequence: 0,
            trace_id: record.trace_id,
        };
        let places: BTreeSet<DoomedPlace> = lists.documents.iter().map(place).collect();
        let behind = |place: &&DoomedPlace| place.until <= time && Some(**place) > after;
        let doomed: Vec<_> = places.iter().filter(behind).collect();
        let shown = doomed.iter().take(traces_max);
        let shown = shown.map(|place| Doomed {
            trace_id: place.trace_id,
            start: None,
        });
        let last = doomed.iter().take(traces_max).next_back();
        Ok(DoomedPage {
            traces: shown.collect(),
            next: last
                .filter(|_| doomed.len() > traces_max)
                .map(|place| **place),
        })
    }

    async fn keep(&self, trace_ids: &[TraceId], time: Timestamp) -> Result<Kept, StoreError> {
        let mut lists = self.lists();
        let mut kept = Kept::default();
        for at in 0..lists.documents.len() {
            let ((hour, _), record) = &lists.documents[at];
            if end_of(*hour) <= time && trace_ids.contains(&record.trace_id) {
                kept.traces.push(record.trace_id);
                kept.documents += 1;
                kept.bytes += record.document.len() as u64;
                lists.documents[at].0 = lists.arrival();
            }
        }
        let mut asked = trace_ids.to_vec();
        asked.retain(|id| kept.traces.contains(id));
        let mut seen = BTreeSet::new();
        asked.retain(|id| seen.insert(*id));
        kept.traces = asked;
        Ok(kept)
    }

    async fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
        Ok(self.lists().state.get(key).cloned())
    }

    async fn put_state(&self, key: &str, expected: u64, value: Vec<u8>) -> Result<u64, StoreError> {
        let mut lists = self.lists();
        let found = lists.state.get(key).map_or(0, |record| record.version);
        if found != expected {
            return Err(StoreError::VersionConflict {
                key: key.to_owned(),
                expected,
                found,
            });
        }
        lists.state.insert(
            key.to_owned(),
            StateRecord {
                version: found + 1,
                value,
            },
        );
        Ok(found + 1)
    }
}

#[async_trait]
impl Subject for MemoryStore {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    async fn reopen(&mut self) {}

    fn arrive_at(&mut self, now: Timestamp) {
        self.lists().now = now;
    }
}

crate::store_contract!(MemoryStore::default());
