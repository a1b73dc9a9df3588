//! A store in a few lists, as slow and as plain as can be: what the suite's promises mean, and the
//! model that the embedded store is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::Subject;
use crate::store::{
    Cursor, Record, ScanRange, StateRecord, Store, StoreError, TraceDocuments, ViewPage, ViewScan,
};
use crate::trace::totals::{MinuteTotals, Totals};
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
}

/// The hour and the number in the order of all arrivals.
type Arrival = (i64, u64);

impl MemoryStore {
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

    fn is_unsettled(&self, trace_id: TraceId) -> bool {
        self.views.get(&trace_id).is_none_or(|((_, viewed), view)| {
            self.of(trace_id).count() != view.revision as usize
                || self.of(trace_id).any(|((_, arrived), _)| arrived > viewed)
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let mut lists = self.lists();
        for record in records {
            if lists.documents.iter().all(|(_, known)| *known != record) {
                let arrival = lists.arrival();
                lists.documents.push((arrival, record));
            }
        }
        Ok(())
    }

    async fn documents(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
        let lists = self.lists();
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

    async fn put_views(&self, views: Vec<TraceView>) -> Result<(), StoreError> {
        let mut lists = self.lists();
        for view in views {
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
        Ok(())
    }

    async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError> {
        let cursor = |view: &TraceView| Cursor {
            start: view.summary.start,
            trace_id: view.trace_id,
        };
        let lists = self.lists();
        let views = lists.views.values().map(|(_, view)| view);
        let hits = views.filter(|view| {
            let reached = match scan.range {
                ScanRange::Started => view.summary.start,
                ScanRange::Active => view.summary.latest,
            };
            view.summary.start < scan.end
                && reached >= scan.start
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
        })
    }

    async fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MinuteTotals, StoreError> {
        let mut sum = Totals::default();
        for (_, view) in self.lists().views.values() {
            sum.add(&view.contributions, 1);
        }
        Ok(sum.window(start, end))
    }

    async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
        let lists = self.lists();
        let traces = lists.documents.iter().map(|(_, record)| record.trace_id);
        let traces: BTreeSet<_> = traces.collect();
        Ok(traces
            .into_iter()
            .filter(|trace_id| lists.is_unsettled(*trace_id))
            .collect())
    }

    async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let mut lists = self.lists();
        let is_kept = |hour: i64| Timestamp::from_seconds((hour + 1) * 3600) > time;
        lists.documents.retain(|((hour, _), _)| is_kept(*hour));
        lists.views.retain(|_, ((hour, _), _)| is_kept(*hour));
        Ok(())
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
