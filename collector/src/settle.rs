//! Settling: a trace that has been quiet for a moment gets its view, from *all* its documents and what
//! the traces it links to tell; and so do those that link to it.
//!
//! A late segment only means: settle again. Since a view is a pure function of the documents, doing
//! so once too often changes nothing, so nothing here has to be durable: what was not settled when
//! the process died is found by [`Store::unsettled`] at the next start.
//!
//! Several tasks settle, as there are cores, each some traces at a time, and one more those with so many
//! documents that all others would wait. No trace is settled twice at the same time, so a view
//! never goes behind an earlier one of the same documents.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use radiograph_admin::log_limit::LogLimit;
use radiograph_protocol::ids::TraceId;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use self::groups::groups;
use self::oversized::Reported;
use self::round::{Settled, settle_round};
use self::schedule::{Due, Schedule};
use self::taken::Taken;
use crate::clock;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};

pub(crate) mod groups;
mod oversized;
mod round;
pub mod schedule;
mod taken;

/// Traces that may wait to be settled; from half of it on PutTraceSegments is slowed down, and beyond it
/// throttled. Each costs about
/// 100 bytes, and 600 ms of the fastest ingest foreseen (100,000 segments/s, five per trace) is
/// 12,000 traces: reaching the bound means that settling does not follow.
pub const UNSETTLED_TRACES_MAX: u32 = 200_000;

/// Traces that one task takes at a time.
const TAKEN_TRACES_MAX: usize = 512;

/// Tasks per core: while one waits for its views to be stored, which takes as long as a commit of all
/// documents that come meanwhile, another one stitches.
const TASKS_PER_CORE: usize = 2;

/// When a trace that could not be settled is due again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Tells the settling tasks which traces have new documents. Cheap to clone.
#[derive(Clone)]
pub struct Settler {
    shared: Arc<Shared>,
}

struct Shared {
    schedule: Mutex<Schedule>,
    changed: Notify,
}

impl Settler {
    /// A settler whose tasks are not running yet.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        let changed = Notify::new();
        Self {
            shared: Arc::new(Shared {
                schedule: Mutex::new(schedule),
                changed,
            }),
        }
    }

    /// These traces have new documents.
    pub fn touch(&self, traces: &[TraceId]) {
        if traces.is_empty() {
            return;
        }
        let now = clock::instant();
        let mut schedule = self.schedule();
        traces.iter().for_each(|trace| schedule.touch(*trace, now));
        drop(schedule);
        self.shared.changed.notify_one();
    }

    /// These traces link to some that have new documents.
    fn touch_linking(&self, traces: &[TraceId]) {
        if traces.is_empty() {
            return;
        }
        let mut schedule = self.schedule();
        traces
            .iter()
            .for_each(|trace| schedule.touch_linking(*trace));
        drop(schedule);
        self.shared.changed.notify_one();
    }

    /// How many traces wait, as a share of those that may.
    #[must_use]
    pub fn load(&self) -> f64 {
        let waiting = u32::try_from(self.waiting()).unwrap_or(u32::MAX);
        f64::from(waiting) / f64::from(UNSETTLED_TRACES_MAX)
    }

    /// Traces that have new documents and no view of them yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.schedule().len()
    }

    /// Takes up what an earlier process left unsettled and starts the tasks that settle; they end with
    /// the one returned.
    ///
    /// # Errors
    /// When the store cannot tell what is unsettled.
    pub async fn start(
        &self,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
    ) -> Result<JoinHandle<()>, StoreError> {
        let left = store.unsettled().await?;
        if !left.is_empty() {
            info!(
                count = left.len(),
                "settling traces an earlier process left unsettled"
            );
        }
        self.touch(&left);
        let work = Work {
            settler: self.clone(),
            store,
            metrics,
            reported: Arc::default(),
            failures: Arc::new(LogLimit::one_in_ten_seconds()),
        };
        Ok(tokio::spawn(work.run()))
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // no caller panics while it holds the lock, and a schedule is whole between any two steps
        let schedule = self.shared.schedule.lock();
        schedule.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is due now.
    fn take(&self) -> Vec<Due> {
        let mut schedule = self.schedule();
        let now = clock::instant();
        let due = schedule.due(now, TAKEN_TRACES_MAX);
        let has_more = schedule.next_due(now).is_some();
        drop(schedule);
        if has_more && !due.is_empty() {
            // this task is going to be busy: another one is to look after the rest
            self.shared.changed.notify_one();
        }
        due
    }

    /// Returns when something is due, or earlier.
    async fn wait(&self) {
        let now = clock::instant();
        let next = self.schedule().next_due(now);
        let changed = self.shared.changed.notified();
        match next {
            Some(due) => {
                // it does not matter which of the two it was
                drop(tokio::time::timeout(due.saturating_duration_since(now), changed).await);
            }
            None => changed.await,
        }
    }
}

/// What the tasks work with.
#[derive(Clone)]
struct Work {
    settler: Settler,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    reported: Arc<Mutex<Reported>>,
    failures: Arc<LogLimit>,
}

impl Work {
    /// Settles whatever is due, until the task is dropped.
    async fn run(self) {
        // no more than there are traces being settled, which the schedule counts as unsettled
        let (giants, to_settle) = unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(self.clone().settle_giants(to_settle));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores.saturating_mul(TASKS_PER_CORE) {
            tasks.spawn(self.clone().settle_due(giants.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a settling task ended in a panic");
                tasks.spawn(self.clone().settle_due(giants.clone()));
            }
        }
    }

    async fn settle_due(self, giants: UnboundedSender<Taken>) {
        loop {
            if self.store.health().is_err() {
                // no view could be put
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
            let due = self.settler.take();
            if due.is_empty() {
                self.settler.wait().await;
                continue;
            }
            let taken = Taken::new(self.settler.clone(), due);
            match self.store.document_counts(&taken.traces()).await {
                Ok(counts) => {
                    let (groups, large) = taken.sort(counts);
                    // the other end goes when all tasks go
                    large.into_iter().for_each(|one| drop(giants.send(one)));
                    self.settle(groups).await;
                }
                Err(error) => self.give_up(&taken, &error),
            }
        }
    }

    async fn settle_giants(self, mut giants: UnboundedReceiver<Taken>) {
        while let Some(giant) = giants.recv().await {
            self.settle(vec![giant]).await;
        }
    }

    /// Settles one group after another. One that cannot be settled is halved until the trace that
    /// cannot be is alone, so that it keeps no other from being settled.
    async fn settle(&self, mut groups: Vec<Taken>) {
        while let Some(taken) = groups.pop() {
            match settle_round(&*self.store, taken.due()).await {
                Ok(settled) => {
                    self.settled(&settled);
                    taken.done();
                }
                Err(error @ (StoreError::Unwritable | StoreError::Closed)) => {
                    self.give_up(&taken, &error);
                }
                Err(error) => match taken.halves() {
                    Ok(halves) => groups.extend(halves),
                    Err(alone) => self.give_up(&alone, &error),
                },
            }
        }
    }

    fn settled(&self, settled: &Settled) {
        self.metrics.settled(settled.views);
        self.settler.touch_linking(&settled.stale);
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        for view in settled
            .oversized
            .iter()
            .filter(|view| reported.is_new(view))
        {
            self.metrics.view_oversized();
            error!(
                trace_id = %view.trace_id,
                revision = view.revision,
                bytes = view.bytes,
                "the view of a trace is too large to be stored; its documents are kept"
            );
        }
    }

    /// The traces are due again in a while.
    fn give_up(&self, taken: &Taken, error: &StoreError) {
        self.metrics.settle_failed();
        let count = taken.due().len();
        // that it cannot write, the store says itself
        if !matches!(error, StoreError::Unwritable)
            && let Some(suppressed) = self.failures.admit(clock::instant(), 1)
        {
            warn!(count, %error, suppressed, "traces could not be settled, trying again");
        }
    }
}

/// Computes and stores the views of these traces and of those that link to them; returns how many were
/// stored.
///
/// # Errors
/// When documents could not be read or views not be written.
pub async fn settle(store: &dyn Store, traces: &[TraceId]) -> Result<usize, StoreError> {
    let due = |has_new_documents| {
        move |trace_id: TraceId| Due {
            trace_id,
            has_new_documents,
        }
    };
    let mut due_now: Vec<Due> = traces.iter().copied().map(due(true)).collect();
    let mut views = 0;
    while !due_now.is_empty() {
        let ids: Vec<TraceId> = due_now.iter().map(|due| due.trace_id).collect();
        let counts = store.document_counts(&ids).await?;
        let mut stale = Vec::new();
        for group in groups(due_now.into_iter().zip(counts)) {
            let settled = settle_round(store, &group).await?;
            views += settled.views;
            stale.extend(settled.stale);
        }
        stale.sort_unstable();
        stale.dedup();
        due_now = stale.into_iter().map(due(false)).collect();
    }
    Ok(views)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
