//! The two threads beside the committer's: one seals closed logs, the other merges sealed files and takes
//! those that have become old out of the running totals. Two, since a log that waits to be sealed takes
//! memory, and merging an hour takes minutes. Nothing here delays a commit but for the swap (`swap.rs`).
//!
//! A log is sealed once all its traces are settled, so that their views go along, or a minute after it
//! was closed. What cannot be sealed or merged, as when the disk is full, is tried again in ten seconds:
//! meanwhile its log serves. That is said once, and once when it works again.
//! Memory while sealing: the log's documents and views, about twice the bytes at which logs are closed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use radiograph_admin::with_causes;
use radiograph_protocol::timestamp::Timestamp;

pub(super) use self::merging::Reach;
use super::Clock;
use super::files::WhileNotStopped;
use super::index::PartitionId;
use super::log::remove_void;
use super::part::Part;
use super::queue::{Queue, Work};
use super::shared::Shared;
use crate::clock;
use crate::store::StoreError;

mod gather;
mod merging;
mod sealing;

/// How often there is a look at what is to be done.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a closed log waits for its traces to be settled.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long after a failure it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What the thread works with. All of it blocking.
#[derive(Clone)]
pub(super) struct Sealer {
    /// Index and files.
    pub(super) shared: Arc<Shared>,
    /// The way to the committer.
    pub(super) queue: Arc<Queue>,
    /// Tells which hours are over.
    pub(super) clock: Clock,
    /// Work under way is given up.
    pub(super) is_stopped: Arc<AtomicBool>,
    /// Held by who seals.
    pub(super) turn: Arc<Mutex<()>>,
    /// Held by who merges or cools.
    pub(super) merging: Arc<Mutex<()>>,
}

/// What the thread remembers from look to look.
#[derive(Default)]
struct Memory {
    /// Since when closed logs wait.
    waiting: HashMap<PartitionId, Instant>,
    /// Files whose content stands elsewhere and that could not be removed yet.
    void: Vec<PathBuf>,
}

impl Sealer {
    /// Seals until the other end of the bell is gone.
    pub(super) fn run(&self, bell: &Receiver<()>) {
        let mut memory = Memory::default();
        self.look_again_and_again(bell, "sealing", || self.look(&mut memory));
    }

    /// Merges and cools until the other end of the bell is gone.
    pub(super) fn run_merging(&self, bell: &Receiver<()>) {
        let mut void = Vec::new();
        self.look_again_and_again(bell, "merging", || self.look_for_merging(&mut void));
    }

    fn look_again_and_again(
        &self,
        bell: &Receiver<()>,
        work: &'static str,
        mut look: impl FnMut() -> Result<(), StoreError>,
    ) {
        let mut is_failing = false;
        let mut pause = LOOK_EVERY;
        while let Err(RecvTimeoutError::Timeout) = bell.recv_timeout(pause) {
            pause = LOOK_EVERY;
            match look() {
                // what was given up did not fail
                Err(_) if self.is_stopped.load(Ordering::Relaxed) => {}
                Err(StoreError::Closed) => {}
                Ok(()) => {
                    if std::mem::take(&mut is_failing) {
                        tracing::info!(work, "the store's background work goes on");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        let error = with_causes(&error);
                        tracing::warn!(
                            work,
                            error,
                            "the store's background work is tried again every ten seconds"
                        );
                    }
                    pause = RETRY_AFTER;
                }
            }
        }
    }

    /// Seals what is to be sealed by now.
    fn look(&self, memory: &mut Memory) -> Result<(), StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue.tell(Work::CloseLog { at_once: false })?;
        self.remove_void(&mut memory.void)?;
        let closed = self.closed_logs();
        memory
            .waiting
            .retain(|id, _| closed.iter().any(|log| log.id == *id));
        for log in closed {
            let since = memory.waiting.entry(log.id).or_insert_with(clock::instant);
            let is_patient = since.elapsed() < PATIENCE;
            if is_patient && !self.is_settled(log.id) {
                // sealed files are in the order of their logs
                break;
            }
            memory.void.extend(self.seal(&log)?);
            self.remove_void(&mut memory.void)?;
        }
        Ok(())
    }

    /// Cools and merges what is to be by now.
    fn look_for_merging(&self, void: &mut Vec<PathBuf>) -> Result<(), StoreError> {
        let _turn = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        self.remove_void(void)?;
        self.cool((self.clock)())?;
        while let Some(inputs) = self.group((self.clock)(), Reach::Days) {
            self.go_on()?;
            *void = self.merge(&inputs)?;
            self.remove_void(void)?;
        }
        Ok(())
    }

    /// Closes and seals all logs, settled or not, takes the totals of what is old at this time out of
    /// the running ones, and merges what was sealed if asked to, whatever the time.
    ///
    /// # Errors
    /// When anything cannot be read or written; the store goes on with what it has.
    pub(super) fn seal_all(&self, and_merge: bool, now: Timestamp) -> Result<(), StoreError> {
        let _sealing = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _merging = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue.tell(Work::CloseLog { at_once: true })?;
        let mut void = Vec::new();
        for log in self.closed_logs() {
            void.extend(self.seal(&log)?);
        }
        self.remove_void(&mut void)?;
        self.cool(now)?;
        let mut has_more = and_merge;
        while has_more {
            let inputs = self.group(Timestamp::MAX, Reach::Hours);
            has_more = inputs.is_some();
            void = inputs.map_or_else(|| Ok(Vec::new()), |inputs| self.merge(&inputs))?;
            self.remove_void(&mut void)?;
        }
        Ok(())
    }

    fn closed_logs(&self) -> Vec<super::blocks::Partition> {
        let mut logs = self.shared.blocks.partitions();
        logs.retain(|log| log.is_closed);
        logs
    }

    /// Whether all traces of a log have a view behind their documents there. What is not right all the
    /// same is found, and noted, when the log is sealed: here it would cost a look into sealed files for
    /// each trace that stands in two logs, again and again.
    fn is_settled(&self, log: PartitionId) -> bool {
        let index = self.shared.index();
        let mut traces = index.touched(log).into_iter();
        traces.all(|trace_id| index.has_view_behind(trace_id))
    }

    /// Takes the totals of those that have become cold out of the running ones.
    fn cool(&self, now: Timestamp) -> Result<(), StoreError> {
        let parts = self.shared.index().parts.clone();
        let is_to_cool = |part: &&Part| !part.is_cold && super::shared::is_past(part, now);
        for part in parts.iter().filter(is_to_cool) {
            let totals = Box::new(part.totals()?);
            self.queue.tell(Work::Cool(part.name, totals))?;
        }
        Ok(())
    }

    /// Files that are written until the work is to be given up.
    fn files(&self) -> WhileNotStopped<'_> {
        WhileNotStopped {
            files: &*self.shared.files,
            is_stopped: &self.is_stopped,
        }
    }

    fn remove_void(&self, void: &mut Vec<PathBuf>) -> Result<(), StoreError> {
        while let Some(path) = void.first() {
            remove_void(&*self.shared.files, path)?;
            void.remove(0);
        }
        Ok(())
    }

    /// # Errors
    /// [`StoreError::Closed`] when work under way is to be given up.
    fn go_on(&self) -> Result<(), StoreError> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        Ok(())
    }
}
