//! The one thread that writes: collects what waits, writes it with one write and one sync, publishes
//! it to the index, and answers.
//!
//! Nothing is published or answered before it is durable, but for views, which are written only and
//! ride on the next sync. After a failed write or sync nobody knows what the disk holds: that commit is
//! refused, and so are all others until a new log could be begun (`trouble`). Meanwhile what needs no
//! log goes on: readers, dropping what is old, sealing.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use foldhash::{HashSet, HashSetExt as _};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::Clock;
use super::batch::Batch;
use super::blocks::Partition;
use super::digest::DocumentDigest;
use super::failure::Doing;
use super::format::BlockEncoder;
use super::hour::{Hour, SealedName, left_before};
use super::index::{Place, ViewEntry};
use super::links::Producers;
use super::log::{Carried, Documents, LogWriter};
use super::pack::Packer;
use super::queue::{Request, Work};
use super::shared::Shared;
use super::trouble::Trouble;
use crate::store::StoreError;
use crate::trace::contributions;
use crate::trace::link::producers_of;
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;

/// The committer's state.
pub(super) struct Committer {
    /// Index and blocks.
    pub(super) shared: Arc<Shared>,
    /// The log being written.
    pub(super) log: LogWriter,
    /// Tells the time of arrival.
    pub(super) clock: Clock,
    /// Makes blocks.
    pub(super) encoder: BlockEncoder,
    /// What came of the last write.
    pub(super) trouble: Trouble,
    /// Files that are forgotten and still have to be removed, oldest first.
    pub(super) doomed: Vec<PathBuf>,
}

/// What is published once it is on the disk.
#[derive(Default)]
struct Outcome {
    /// Where each document of the batch stands, in the batch's order; `None` of one that was there
    /// already.
    placed: Vec<Option<Place>>,
    /// Those among them that stood elsewhere before.
    moved: HashSet<(TraceId, DocumentDigest)>,
    views: Vec<(TraceId, ViewEntry, Producers)>,
    /// Sealed files with a view that is replaced.
    superseded: Vec<(SealedName, TraceId)>,
    totals_gained: Totals,
    totals_lost: Totals,
}

impl Committer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Receiver<Request>) {
        loop {
            let first = match self.trouble.wait() {
                Some(wait) => queue.recv_timeout(wait),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => self.serve(Batch::collect(first, queue)),
                Err(RecvTimeoutError::Timeout) => self.try_again(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.trouble.is_there() {
            // the views that are in memory alone
            self.try_again();
        }
        if let Err(error) = self.log.sync() {
            tracing::warn!(%error, "the last views are not durable and will be derived again");
        }
    }

    fn serve(&mut self, mut batch: Batch) {
        let then = batch.then.take();
        if !batch.is_empty() {
            if self.trouble.is_due() {
                self.try_again();
            }
            self.commit(batch);
        }
        if let Some(mut request) = then {
            let outcome = self.act(request.take());
            request.answer(outcome);
        }
    }

    /// Does what is neither to append nor to put views.
    fn act(&mut self, work: Work) -> Result<(), StoreError> {
        match work {
            Work::Append(_) | Work::PutViews(_) => Ok(()),
            Work::DropBefore(time, disturbed) => {
                self.drop_before(time, disturbed)?;
                // there may be room now
                if self.trouble.is_there() {
                    self.try_again();
                }
                Ok(())
            }
            Work::CloseLog { at_once } => self.close_log(at_once),
            Work::Swap(swap) => swap.publish(&self.shared),
            Work::Cool(name, totals) => {
                let mut index = self.shared.index_mut();
                index.totals.add(&totals, -1);
                index.parts.cool(name);
                Ok(())
            }
        }
    }

    fn close_log(&mut self, at_once: bool) -> Result<(), StoreError> {
        if self.trouble.is_there() {
            // the log whose state is unknown is closed when a new one is begun
            return if at_once {
                Err(StoreError::Unwritable)
            } else {
                Ok(())
            };
        }
        let now = Hour::of((self.clock)());
        let kept = (!at_once).then_some(now);
        let closed = self.log.close_all_but(kept, &self.shared.blocks);
        if let Err(error) = &closed {
            self.stumble(error);
        }
        closed
    }

    /// Nothing is written from here on until a new log could be begun.
    fn stumble(&mut self, error: &StoreError) {
        self.log.abandon(&self.shared.blocks);
        self.shared.set_trouble(Some(error));
        self.trouble.begins(error);
    }

    /// Tries to begin a new log.
    fn try_again(&mut self) {
        let hour = Hour::of((self.clock)());
        match self.log.begin_again(hour, &self.shared.blocks) {
            Ok(carried) => {
                if let Some(Carried { from, to }) = carried {
                    self.shared.index_mut().move_views(from, to);
                    if let Some(removed) = self.log.close_abandoned(&self.shared.blocks) {
                        self.shared.index_mut().release(removed);
                    }
                }
                self.shared.set_trouble(None);
                self.trouble.ends();
            }
            Err(error) => {
                self.shared.set_trouble(Some(&error));
                self.trouble.lasts(&error);
            }
        }
    }

    fn commit(&mut self, mut batch: Batch) {
        if self.trouble.is_there() {
            return batch.answer(&Err(StoreError::Unwritable));
        }
        let mut outcome = Outcome::default();
        let views = match self.views_to_put(&batch, &mut outcome) {
            Ok(views) => views,
            Err(error) => {
                batch.refuse_views(&error);
                outcome = Outcome::default();
                Winners::new()
            }
        };
        let written = self.write(&batch, &views, &mut outcome);
        match &written {
            Ok(()) => self.publish(outcome, &mut batch),
            Err(error) => self.stumble(error),
        }
        // what went wrong was said once, and is to be asked for
        batch.answer(&written.map_err(|_| StoreError::Unwritable));
    }

    /// The views that replace earlier ones, and what they and the earlier ones contribute.
    fn views_to_put<'a>(
        &self,
        batch: &'a Batch,
        outcome: &mut Outcome,
    ) -> Result<Winners<'a>, StoreError> {
        let sealed = self.sealed_views(batch)?;
        let views = winners(batch, &self.shared, &sealed)?;
        for trace_id in views.keys() {
            let old = self.shared.index().view(*trace_id);
            if let Some(old) = old {
                if let Some(view) = self.shared.blocks.view(old.place)? {
                    contributions::add(&view, &mut outcome.totals_lost, 1);
                }
            } else if let Some((name, view)) = sealed.get(trace_id) {
                contributions::add(view, &mut outcome.totals_lost, 1);
                outcome.superseded.push((*name, *trace_id));
            }
        }
        for (view, _) in views.values() {
            contributions::add(view, &mut outcome.totals_gained, 1);
        }
        Ok(views)
    }

    /// The views in sealed files of those traces in the batch that have none in the logs.
    fn sealed_views(&self, batch: &Batch) -> Result<SealedViews, StoreError> {
        let parts = self.shared.index().parts.clone();
        let mut found = SealedViews::new();
        for new in batch.views() {
            let trace_id = new.view.trace_id;
            let is_in_logs = self.shared.index().view(trace_id).is_some();
            if is_in_logs || found.contains_key(&trace_id) {
                continue;
            }
            found.extend(parts.view(trace_id)?.map(|view| (trace_id, view)));
        }
        Ok(found)
    }

    /// Writes views and new documents, and syncs if there are documents. Views come first: one that
    /// stands before a document in the log cannot cover it.
    fn write(
        &mut self,
        batch: &Batch,
        views: &Winners<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        let hour = Hour::of((self.clock)());
        let (partition, end) = self.log.turn_to(hour, &self.shared.blocks)?;
        let mut packer = Packer::new(&mut self.encoder, partition, end);
        let packing = "packing a commit for a log";
        let at = Path::new("");
        for (trace_id, (view, encoded)) in views {
            let place = packer.view(encoded).doing(packing, at)?;
            let entry = ViewEntry::of(view, place);
            outcome.views.push((*trace_id, entry, producers_of(view)));
        }
        let mut fresh = HashSet::new();
        let mut documents = Documents::default();
        for new in batch.documents() {
            let known = self.shared.index().place_of(new.trace_id, new.digest);
            let is_known = known.is_some() && known != new.replaces;
            // a document that comes twice is where it came first
            if is_known || !fresh.insert((new.trace_id, new.digest)) {
                outcome.placed.push(None);
                continue;
            }
            if known.is_some() {
                outcome.moved.insert((new.trace_id, new.digest));
            }
            let place = packer.document(new.trace_id, &new.document);
            outcome.placed.push(Some(place.doing(packing, at)?));
            documents.add(&new.document);
        }
        let bytes = packer.finish().doing(packing, at)?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.log.append(&bytes, documents)
    }

    /// Makes what is written known, and hands the texts over to those who will settle them.
    fn publish(&self, outcome: Outcome, batch: &mut Batch) {
        let placed = outcome.placed.iter().copied();
        let mut recent = self.shared.recent();
        for (new, place) in batch.documents_mut().zip(placed.clone()) {
            if let Some(place) = place {
                recent.put(place, std::mem::take(&mut new.document));
            }
        }
        drop(recent);
        let mut index = self.shared.index_mut();
        for (new, place) in batch.documents().zip(placed) {
            let (trace_id, digest) = (new.trace_id, new.digest);
            match place {
                None => {}
                Some(to) if outcome.moved.contains(&(trace_id, digest)) => {
                    index.move_document(trace_id, digest, to);
                }
                Some(at) => index.add_document(trace_id, digest, at),
            }
        }
        for (trace_id, view, producers) in outcome.views {
            index.put_view(trace_id, view, producers);
        }
        for (name, trace_id) in outcome.superseded {
            index.parts.supersede(name, trace_id);
        }
        index.totals.add(&outcome.totals_lost, -1);
        index.totals.add(&outcome.totals_gained, 1);
    }

    /// Forgets and removes the files all of which is older than `time`, oldest first, so that a
    /// replaced view never comes back because its successor went before it.
    fn drop_before(&mut self, time: Timestamp, disturbed: Vec<TraceId>) -> Result<(), StoreError> {
        // a view may have replaced one that goes now, and must not be lost after it; while nothing can
        // be written it is in memory, and room matters more
        if let Err(error) = self.log.sync() {
            self.stumble(&error);
        }
        self.shared.index_mut().disturbed.extend(disturbed);
        let mut doomed = Vec::new();
        for part in self.shared.parts_before(time) {
            self.shared.forget_part(&part);
            doomed.push(part.file.path().to_owned());
        }
        for partition in self.shared.blocks.partitions_before(time) {
            self.forget(&partition);
            doomed.push(partition.path);
        }
        // what was set aside, and what could not be removed when it was of no use any more
        let mut left = left_before(&self.shared.log_dir, time);
        left.retain(|path| !doomed.contains(path) && !self.doomed.contains(path));
        doomed.extend(left);
        for path in &doomed {
            tracing::info!(path = %path.display(), "what has passed its time is dropped");
        }
        self.doomed.extend(doomed);
        while let Some(path) = self.doomed.first() {
            self.log.remove(path)?;
            self.doomed.remove(0);
        }
        Ok(())
    }

    fn forget(&mut self, partition: &Partition) {
        self.log.leave(partition.id);
        let places = self.shared.index().view_places(Some(partition.id));
        let (lost, has_unread) = self.shared.sum_of_views(&places);
        let mut index = self.shared.index_mut();
        index.forget(partition.id);
        index.totals.add(&lost, -1);
        drop(index);
        self.shared.recent().forget(partition.id);
        self.shared.blocks.forget(partition.id);
        if has_unread {
            self.shared.sum_up();
        }
    }
}

/// Views that replace earlier ones, with their encoding.
type Winners<'a> = BTreeMap<TraceId, (&'a TraceView, &'a [u8])>;
/// Views of traces in sealed files, and in which.
type SealedViews = HashMap<TraceId, (SealedName, TraceView)>;

/// The last view of each trace in the batch that nothing newer outranks. A view of more documents
/// than the trace has outranks nobody: some were dropped, and a smaller revision is the newer one.
fn winners<'a>(
    batch: &'a Batch,
    shared: &Shared,
    sealed: &SealedViews,
) -> Result<Winners<'a>, StoreError> {
    let mut winners = Winners::new();
    for new in batch.views() {
        let trace_id = new.view.trace_id;
        let in_logs = || shared.index().view(trace_id).map(|view| view.revision);
        let rival = winners
            .get(&trace_id)
            .map(|(view, _): &(&TraceView, _)| view.revision)
            .or_else(in_logs)
            .or_else(|| sealed.get(&trace_id).map(|(_, view)| view.revision));
        if let Some(rival) = rival.filter(|rival| *rival > new.view.revision) {
            let documents = shared.document_count(trace_id)?;
            if documents == 0 || rival <= documents {
                continue;
            }
        }
        winners.insert(trace_id, (&new.view, &new.encoded));
    }
    Ok(winners)
}
