//! What a pin holds now: traces and the length of their documents, counted as far as a bound.

use radiograph_protocol::ids::TraceId;

use super::pin_set::{Pin, Pinned};
use super::wanted::{Wanted, Window};
use crate::settle::groups::groups;
use crate::store::{ScanRange, Store, StoreError, ViewScan};

/// Traces looked at in one call at most, over all pins; each takes a read of its documents if it
/// counts.
pub const COUNTED_TRACES_MAX: usize = 10_000;

/// Views read at a time.
const PAGE_VIEWS: usize = 500;

/// What a pin holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Traces with documents.
    pub(super) traces: u64,
    /// Length of these.
    pub(super) bytes: u64,
    /// Nothing was left out.
    pub(super) is_complete: bool,
}

/// Counts for one call.
pub(super) struct Counting<'a> {
    store: &'a dyn Store,
    /// Traces that may be looked at still.
    left: usize,
}

impl<'a> Counting<'a> {
    /// With nothing counted yet.
    pub(super) fn new(store: &'a dyn Store) -> Self {
        let left = COUNTED_TRACES_MAX;
        Self { store, left }
    }

    /// What a pin holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn of(&mut self, pin: &Pin) -> Result<Held, StoreError> {
        let mut held = Held {
            traces: 0,
            bytes: 0,
            is_complete: true,
        };
        if let Pinned::Traces(traces) = &pin.what {
            let counted = traces.get(..self.left).unwrap_or(traces);
            self.left = self.left.saturating_sub(counted.len());
            self.add(counted, &mut held).await?;
            held.is_complete = counted.len() == traces.len();
        }
        for window in &Wanted::by(std::iter::once(pin)).windows {
            self.count_window(window, &mut held).await?;
        }
        Ok(held)
    }

    async fn count_window(&mut self, window: &Window, held: &mut Held) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            if self.left == 0 {
                held.is_complete = false;
                return Ok(());
            }
            let scan = ViewScan {
                start: window.start,
                end: window.end,
                range: ScanRange::Started,
                after,
                views_max: PAGE_VIEWS.min(self.left),
                filter: None,
            };
            let page = self.store.views(scan).await?;
            self.left = self.left.saturating_sub(page.views.len());
            let wanted = page.views.iter().filter(|view| window.wants(view));
            let traces: Vec<TraceId> = wanted.map(|view| view.trace_id).collect();
            self.add(&traces, held).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn add(&self, traces: &[TraceId], held: &mut Held) -> Result<(), StoreError> {
        let counts = self.store.document_counts(traces).await?;
        for group in groups(traces.iter().copied().zip(counts)) {
            for trace in self.store.documents(&group).await? {
                let bytes = trace.documents.iter().map(|text| text.len() as u64);
                held.traces = held.traces.saturating_add(1);
                held.bytes = held.bytes.saturating_add(bytes.sum());
            }
        }
        Ok(())
    }
}
