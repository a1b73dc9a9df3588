//! What the committer and the readers share: the index, written by the committer alone, and the
//! reader of blocks.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::blocks::BlockReader;
use super::index::{Index, Place};
use crate::store::{StoreError, TraceDocuments, ViewPage, ViewScan};
use crate::trace::totals::{MinuteTotals, Totals};

/// Index and blocks. All of it blocking.
pub(super) struct Shared {
    index: RwLock<Index>,
    /// Reads blocks.
    pub(super) blocks: BlockReader,
}

impl Shared {
    /// An empty index over this reader.
    pub(super) fn new(blocks: BlockReader) -> Self {
        Self {
            index: RwLock::default(),
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
            for place in places {
                documents.extend(self.blocks.document(trace_id, place)?);
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

    /// What the views at these places contribute. Those that cannot be read are left out, each with
    /// a warning; the second value says whether there were any.
    pub(super) fn sum_of_views(&self, places: &[Place]) -> (Totals, bool) {
        let mut sum = Totals::default();
        let mut has_unread = false;
        for place in places {
            match self.blocks.view(*place) {
                Ok(Some(view)) => sum.add(&view.contributions, 1),
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
