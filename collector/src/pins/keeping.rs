//! What retention does for pins: whatever they want is stored again before the rest is dropped.
//!
//! The order is copy, sync, settle, drop. A process that dies between two of them leaves a document in
//! both places, where it counts once, and the next start of retention goes through it all again.
//! Memory: a page of trace ids, and the documents of one group of traces at a time.
//!
//! A pin that is made meanwhile is honoured: the pins are read again before anything is dropped, and
//! none can be made between that and the drop.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use tracing::{error, warn};

use super::Pins;
use super::pin_set::{Pin, PinSet};
use super::wanted::{Verdict, Wanted};
use crate::settle::groups::groups;
use crate::settle::settle;
use crate::store::{Kept, StoreError, TraceDocuments};
use crate::trace::link::Producers;
use crate::trace::view::{TraceView, view};
use crate::worker::on_worker;

/// Traces looked at between two reads of what is to be dropped.
const PAGE_TRACES: usize = 4096;

/// How often pins that were made meanwhile are honoured before the making of pins has to wait.
const ROUNDS_MAX: u32 = 8;

/// What was brought out of what is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Brought {
    /// Traces; one in several partitions counts once for each time it was met.
    pub(crate) traces: u64,
    /// Their documents.
    pub(crate) documents: u64,
    /// The length of these.
    pub(crate) bytes: u64,
}

impl Pins {
    /// Drops what arrived before `time`, by whole partitions, but for what the pins want. `time` must not
    /// lie in the partition that is being written.
    ///
    /// # Errors
    /// When something could not be read or written: then nothing is dropped, and all of it is to be tried
    /// again.
    pub(crate) async fn drop_before(&self, time: Timestamp) -> Result<Brought, StoreError> {
        let mut brought = Brought::default();
        let mut honoured = BTreeSet::new();
        for _ in 0..ROUNDS_MAX {
            let (set, _) = self.read().await?;
            self.honour(&set, &mut honoured, time, &mut brought).await?;
            let gate = self.gate.lock().await;
            let (set, _) = self.read().await?;
            if set.pins().iter().all(|pin| honoured.contains(&pin.id)) {
                self.store.drop_before(time).await?;
                drop(gate);
                return Ok(brought);
            }
        }
        let _gate = self.gate.lock().await;
        let (set, _) = self.read().await?;
        self.honour(&set, &mut honoured, time, &mut brought).await?;
        self.store.drop_before(time).await?;
        Ok(brought)
    }

    /// Brings out what those pins want that are not honoured yet.
    async fn honour(
        &self,
        set: &PinSet,
        honoured: &mut BTreeSet<u64>,
        time: Timestamp,
        brought: &mut Brought,
    ) -> Result<(), StoreError> {
        let is_new = |pin: &&Pin| !honoured.contains(&pin.id);
        let wanted = Wanted::by(set.pins().iter().filter(is_new));
        let traces: Vec<TraceId> = wanted.traces.iter().copied().collect();
        self.bring(&traces, time, brought).await?;
        let mut after = None;
        while !wanted.windows.is_empty() {
            let page = self.store.doomed(time, after, PAGE_TRACES).await?;
            let (mut to_bring, mut unclear) = (Vec::new(), Vec::new());
            for doomed in &page.traces {
                match wanted.verdict(doomed) {
                    Verdict::Wanted => to_bring.push(doomed.trace_id),
                    Verdict::Unclear => unclear.push(doomed.trace_id),
                    Verdict::Unwanted => {}
                }
            }
            to_bring.extend(self.matching(&wanted, &unclear).await?);
            self.bring(&to_bring, time, brought).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        honoured.extend(set.pins().iter().map(|pin| pin.id));
        Ok(())
    }

    /// Those of these traces that a window wants, told by their documents. One that cannot be read or is
    /// no trace to us is taken for wanted.
    async fn matching(
        &self,
        wanted: &Wanted,
        traces: &[TraceId],
    ) -> Result<Vec<TraceId>, StoreError> {
        let counts = self.store.document_counts(traces).await;
        let mut to_read = match counts {
            Ok(counts) => groups(traces.iter().copied().zip(counts)),
            Err(StoreError::Corrupt { .. }) => traces.iter().map(|id| vec![*id]).collect(),
            Err(error) => return Err(error),
        };
        let mut matching = Vec::new();
        while let Some(group) = to_read.pop() {
            match self.store.documents(&group).await {
                Ok(documents) => {
                    let views =
                        on_worker(move || documents.iter().map(outcome).collect::<Vec<_>>());
                    for (trace_id, view) in views.await? {
                        if view.is_none_or(|view| view.is_some_and(|view| wanted.wants(&view))) {
                            matching.push(trace_id);
                        }
                    }
                }
                Err(StoreError::Corrupt { .. }) if group.len() > 1 => {
                    to_read.extend(group.into_iter().map(|trace_id| vec![trace_id]));
                }
                Err(StoreError::Corrupt { .. }) => matching.extend(group),
                Err(error) => return Err(error),
            }
        }
        Ok(matching)
    }

    /// Stores these traces again and settles them, a group at a time.
    async fn bring(
        &self,
        traces: &[TraceId],
        time: Timestamp,
        brought: &mut Brought,
    ) -> Result<(), StoreError> {
        let mut to_bring: Vec<Vec<TraceId>> = match self.store.document_counts(traces).await {
            Ok(counts) => groups(traces.iter().copied().zip(counts)),
            Err(StoreError::Corrupt { .. }) => traces.iter().map(|id| vec![*id]).collect(),
            Err(error) => return Err(error),
        };
        while let Some(group) = to_bring.pop() {
            match self.store.keep(&group, time).await {
                Ok(kept) => self.brought(&kept, brought).await?,
                Err(StoreError::Corrupt { .. }) if group.len() > 1 => {
                    to_bring.extend(group.into_iter().map(|trace_id| vec![trace_id]));
                }
                // what cannot be read is lost already, and must not keep everything else from being dropped
                Err(error @ StoreError::Corrupt { .. }) => {
                    let trace_id = group.first().map(ToString::to_string).unwrap_or_default();
                    error!(trace_id, %error, "a pinned trace cannot be read and is lost");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Settles and counts what was stored again.
    async fn brought(&self, kept: &Kept, brought: &mut Brought) -> Result<(), StoreError> {
        match settle(&*self.store, &kept.traces).await {
            Ok(_) => {}
            // its documents are kept, and without its view it is found unsettled
            Err(error @ StoreError::Corrupt { .. }) => {
                let count = kept.traces.len();
                warn!(count, %error, "pinned traces could not be settled");
            }
            Err(error) => return Err(error),
        }
        let traces = kept.traces.len() as u64;
        brought.traces = brought.traces.saturating_add(traces);
        brought.documents = brought.documents.saturating_add(kept.documents);
        brought.bytes = brought.bytes.saturating_add(kept.bytes);
        self.metrics.pinned(traces, kept.documents, kept.bytes);
        Ok(())
    }
}

/// A trace's view: the outer `None` when our own code stumbles over it, the inner when none of its
/// documents can be read.
fn outcome(trace: &TraceDocuments) -> (TraceId, Option<Option<TraceView>>) {
    let texts = || trace.documents.iter().map(String::as_str);
    let view = catch_unwind(AssertUnwindSafe(|| view(texts(), &Producers::default())));
    (trace.trace_id, view.ok())
}
