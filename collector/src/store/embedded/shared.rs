//! What the committer and the readers share: the index, written by the committer alone, and the
//! reader of blocks.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::blocks::BlockReader;
use super::failure::repeat;
use super::index::{Index, Place};
use super::recent::RecentTexts;
use crate::store::{StoreError, TraceDocuments, ViewPage, ViewScan};
use crate::trace::contributions;
use crate::trace::running::RunningTotals;
use crate::trace::totals::{MinuteTotals, Totals, Wanted};

/// Views whose contributions are folded before they go into the running totals: enough to make an
/// addition cheap for each, few enough to keep the fold small.
const VIEWS_PER_ADDITION: usize = 4096;

/// Index and blocks. All of it blocking.
pub(super) struct Shared {
    index: RwLock<Index>,
    recent: Mutex<RecentTexts>,
    /// Why nothing more is written.
    poison: Mutex<Option<StoreError>>,
    /// Reads blocks.
    pub(super) blocks: BlockReader,
}

impl Shared {
    /// An empty index over this reader, with these texts before it.
    pub(super) fn new(blocks: BlockReader, recent: RecentTexts) -> Self {
        Self {
            index: RwLock::default(),
            recent: Mutex::new(recent),
            poison: Mutex::default(),
            blocks,
        }
    }

    /// The index, to read; not to be held over I/O.
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index, to change; not to be held over I/O.
    pub(super) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Texts that need not be read.
    pub(super) fn recent(&self) -> MutexGuard<'_, RecentTexts> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stopped the writing, if anything did.
    pub(super) fn health(&self) -> Result<(), StoreError> {
        let poison = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        poison.as_ref().map_or(Ok(()), |error| Err(repeat(error)))
    }

    /// Nothing more is written, because of this.
    pub(super) fn poisoned_by(&self, error: &StoreError) {
        let mut poison = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        *poison = Some(repeat(error));
    }

    /// All documents of these traces.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn documents(&self, traces: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for trace_id in traces
            .iter()
            .copied()
            .filter(|trace_id| seen.insert(*trace_id))
        {
            let places = self.index().documents(trace_id);
            let mut documents = Vec::with_capacity(places.len());
            let texts = self.recent_texts(&places);
            for (place, text) in places.into_iter().zip(texts) {
                match text {
                    Some(text) => documents.push(text),
                    None => documents.extend(self.blocks.document(trace_id, place)?),
                }
            }
            if !documents.is_empty() {
                found.push(TraceDocuments {
                    trace_id,
                    documents,
                });
            }
        }
        Ok(found)
    }

    fn recent_texts(&self, places: &[Place]) -> Vec<Option<String>> {
        let mut recent = self.recent();
        places.iter().map(|place| recent.take(*place)).collect()
    }

    /// How many documents each of these traces has.
    pub(super) fn document_counts(&self, traces: &[TraceId]) -> Vec<u32> {
        let index = self.index();
        let counts = traces
            .iter()
            .map(|trace_id| index.document_count(*trace_id));
        counts
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            .collect()
    }

    /// A page of views.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn views(&self, scan: &ViewScan) -> Result<ViewPage, StoreError> {
        let (hits, has_more) = self.index().scan(scan);
        let last = hits.last().map(|(cursor, _)| *cursor);
        let mut page = ViewPage {
            views: Vec::new(),
            next: last.filter(|_| has_more),
        };
        for (_, place) in hits {
            page.views.extend(self.blocks.view(place)?.map(Into::into));
        }
        Ok(page)
    }

    /// The totals of a window.
    pub(super) fn totals(&self, start: Timestamp, end: Timestamp) -> MinuteTotals {
        self.index().totals.window(start, end)
    }

    /// The minutes of a window, for these nodes and edges.
    pub(super) fn minutes(&self, start: Timestamp, end: Timestamp, wanted: &Wanted) -> Totals {
        self.index().totals.minutes(start, end, wanted)
    }

    /// Running totals of the views at these places, in the order of the disk. Those that cannot be
    /// read are left out, each with a warning.
    pub(super) fn running_totals(&self, places: &[Place]) -> RunningTotals {
        let mut running = RunningTotals::default();
        for places in places.chunks(VIEWS_PER_ADDITION) {
            running.add(&self.sum_of_views(places).0, 1);
        }
        running
    }

    /// What the views at these places contribute. Those that cannot be read are left out, each with
    /// a warning; the second value says whether there were any.
    pub(super) fn sum_of_views(&self, places: &[Place]) -> (Totals, bool) {
        let mut sum = Totals::default();
        let mut has_unread = false;
        for place in places {
            match self.blocks.view(*place) {
                Ok(Some(view)) => contributions::add(&view, &mut sum, 1),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "a view cannot be read and is left out of the totals");
                    has_unread = true;
                }
            }
        }
        (sum, has_unread)
    }
}
