//! The thread that seals closed logs, merges sealed files, and takes those that have become old out of
//! the running totals. One thing at a time, oldest first; nothing here delays a commit but for the swap
//! (`swap.rs`).
//!
//! A log is sealed once all its traces are settled, so that their views go along, or a minute after it
//! was closed. What cannot be sealed or merged, as when the disk is full, is tried again in a minute:
//! meanwhile its log serves.
//! Memory while sealing: the log's documents and views, about twice the bytes at which logs are closed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use radiograph_protocol::timestamp::Timestamp;

use super::Clock;
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
const RETRY_AFTER: Duration = Duration::from_secs(60);

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
    /// Held by who seals or merges.
    pub(super) turn: Arc<Mutex<()>>,
}

/// What the thread remembers from look to look.
#[derive(Default)]
struct Memory {
    /// Since when closed logs wait.
    waiting: HashMap<PartitionId, Instant>,
    /// Files whose content stands elsewhere and that could not be removed yet.
    void: Vec<PathBuf>,
    /// Nothing is tried before.
    pause_until: Option<Instant>,
}

impl Sealer {
    /// Works until the other end of the bell is gone.
    pub(super) fn run(self, bell: &Receiver<()>) {
        let mut memory = Memory::default();
        while let Err(RecvTimeoutError::Timeout) = bell.recv_timeout(LOOK_EVERY) {
            if memory
                .pause_until
                .is_some_and(|until| clock::instant() < until)
            {
                continue;
            }
            match self.look(&mut memory) {
                Ok(()) => memory.pause_until = None,
                Err(StoreError::Closed) => {}
                Err(error) => {
                    tracing::warn!(%error, "sealing is tried again in a minute");
                    memory.pause_until = clock::instant().checked_add(RETRY_AFTER);
                }
            }
        }
    }

    /// Does what is to be done by now.
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
            if is_patient && !self.is_settled(log.id)? {
                // sealed files are in the order of their logs
                break;
            }
            memory.void.extend(self.seal(&log)?);
            self.remove_void(&mut memory.void)?;
        }
        self.cool((self.clock)())?;
        while memory.void.is_empty()
            && let Some(inputs) = self.group((self.clock)())
        {
            memory.void = self.merge(&inputs)?;
            self.remove_void(&mut memory.void)?;
        }
        Ok(())
    }

    /// Closes and seals all logs, settled or not, takes the totals of what is old at this time out of
    /// the running ones, and merges what was sealed if asked to, whatever the time.
    ///
    /// # Errors
    /// When anything cannot be read or written; the store goes on with what it has.
    pub(super) fn seal_all(&self, and_merge: bool, now: Timestamp) -> Result<(), StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue.tell(Work::CloseLog { at_once: true })?;
        let mut void = Vec::new();
        for log in self.closed_logs() {
            void.extend(self.seal(&log)?);
        }
        self.remove_void(&mut void)?;
        self.cool(now)?;
        let mut has_more = and_merge;
        while has_more {
            let inputs = self.group(Timestamp::MAX);
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

    fn is_settled(&self, log: PartitionId) -> Result<bool, StoreError> {
        let traces = self.shared.index().touched(log);
        for trace_id in traces {
            if self.shared.is_unsettled(trace_id)? {
                return Ok(false);
            }
        }
        Ok(true)
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
