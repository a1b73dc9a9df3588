//! Settling: a trace that has been quiet for a moment gets its view, from *all* its documents.
//!
//! A late segment only means: settle again. Since a view is a pure function of the documents, doing
//! so once too often changes nothing, so nothing here has to be durable: what was not settled when
//! the process died is found by [`Store::unsettled`] at the next start.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use radiograph_protocol::ids::TraceId;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use self::schedule::Schedule;
use crate::clock;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError, TraceDocuments};
use crate::trace::view::{TraceView, view};

pub mod schedule;

/// Traces that may wait to be settled; beyond it PutTraceSegments is throttled. Each costs about
/// 100 bytes, and 600 ms of the fastest ingest foreseen (100,000 segments/s, five per trace) is
/// 12,000 traces: reaching the bound means that settling does not follow.
pub const UNSETTLED_TRACES_MAX: usize = 200_000;

/// Traces whose documents are read and whose views are written in one go.
const BATCH_TRACES_MAX: usize = 256;

/// Pause after a round that could not be stored.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Tells the settling task which traces have new documents. Cheap to clone.
#[derive(Clone)]
pub struct Settler {
    shared: Arc<Shared>,
}

struct Shared {
    schedule: Mutex<Schedule>,
    changed: Notify,
}

impl Settler {
    /// A settler whose task is not running yet.
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
        self.with_schedule(|schedule| {
            let now = clock::instant();
            traces.iter().for_each(|trace| schedule.touch(*trace, now));
        });
        self.shared.changed.notify_one();
    }

    /// Whether more traces wait than may.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        self.with_schedule(|schedule| schedule.len() > UNSETTLED_TRACES_MAX)
    }

    /// Takes up what an earlier process left unsettled and starts the task that settles.
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
        Ok(tokio::spawn(run(self.clone(), store, metrics)))
    }

    fn with_schedule<T>(&self, act: impl FnOnce(&mut Schedule) -> T) -> T {
        // no caller panics while it holds the lock, and a schedule is whole between any two steps
        act(&mut self
            .shared
            .schedule
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

/// Settles whatever is due, until the task is dropped.
async fn run(settler: Settler, store: Arc<dyn Store>, metrics: Arc<Metrics>) {
    loop {
        let due =
            settler.with_schedule(|schedule| schedule.due(clock::instant(), BATCH_TRACES_MAX));
        if due.is_empty() {
            wait(&settler).await;
            continue;
        }
        match settle(&*store, &due).await {
            Ok(views) => metrics.settled(views),
            Err(error) => {
                metrics.settle_failed();
                warn!(count = due.len(), error = %error, "traces could not be settled, trying again");
                settler.touch(&due);
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

async fn wait(settler: &Settler) {
    let now = clock::instant();
    let next = settler.with_schedule(|schedule| schedule.next_due());
    let changed = settler.shared.changed.notified();
    match next {
        // new documents can only make other traces due later than the one waited for
        Some(due) => tokio::time::sleep(due.saturating_duration_since(now)).await,
        None => changed.await,
    }
}

/// Computes and stores the views of these traces; returns how many there are.
///
/// # Errors
/// When documents could not be read or views not be written.
pub async fn settle(store: &dyn Store, traces: &[TraceId]) -> Result<usize, StoreError> {
    let documents = store.documents(traces).await?;
    // stitching a large trace takes a while: it must not hold up the tasks that answer others
    let views = tokio::task::spawn_blocking(move || {
        documents
            .iter()
            .filter_map(view_of)
            .collect::<Vec<TraceView>>()
    });
    let views = views.await.map_err(|_| StoreError::Closed)?;
    let count = views.len();
    store.put_views(views).await?;
    Ok(count)
}

/// The view of one trace. A trace that our own code stumbles over keeps its documents and goes without
/// a view; it must not keep all others from being settled.
fn view_of(trace: &TraceDocuments) -> Option<TraceView> {
    let texts = trace.documents.iter().map(String::as_str);
    catch_unwind(AssertUnwindSafe(|| view(texts))).unwrap_or_else(|_| {
        error!(trace_id = %trace.trace_id, "trace could not be stitched");
        None
    })
}
