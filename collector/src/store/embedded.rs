//! The default store: one directory, nothing to set up, one process.
//!
//! ```text
//! <dir>/LOCK                               locked while a process has the store open
//! <dir>/state.redb                         small configuration records
//! <dir>/log/2026-11-21/14.log              documents and views that arrived in that UTC hour
//! <dir>/log/2026-11-21/14-001.log          the same, once the first was full
//! <dir>/log/2026-11-21/13-004.sealed       what stood in a log, for good (`sealed.rs`)
//! <dir>/log/2026-11-21/12-031-m1.sealed    what stood in several sealed files
//! ```
//!
//! A log is append-only blocks of compressed documents and views (`format.rs`). One thread writes
//! them, one write and one sync for all who wait (`committer.rs`). What is in the logs has an index in
//! memory (`index.rs`), rebuilt from them at every opening (`recovery.rs`). Another thread seals the logs
//! that are closed (`sealer.rs`); what is sealed is looked up in its file (`part.rs`). Retention removes
//! whole files.
//!
//! Memory: a settled trace of one document takes 470 B of index, one of five 600 B, until it is sealed;
//! about 3 B from then on. The graph totals of the last day, a cache of decompressed blocks and the texts
//! of documents that wait to be settled (`recent.rs`) come on top. Opening reads the logs once, and of
//! the sealed files their sections.

mod batch;
mod blocks;
pub mod check;
mod committer;
mod decoder;
mod digest;
mod failure;
mod files;
mod format;
mod fuzz;
mod hour;
mod index;
mod keeping;
mod lately;
mod links;
mod log;
mod pack;
mod part;
mod payload;
mod queue;
mod recent;
mod recovery;
mod scan;
pub mod sealed;
mod sealer;
mod shared;
mod side_by_side;
mod snapshot;
mod state;
mod swap;
#[cfg(test)]
mod tests;
mod trouble;

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use crossbeam_channel::Sender;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use self::blocks::BlockReader;
use self::committer::Committer;
use self::digest::DocumentDigest;
use self::failure::Doing;
use self::files::{Files, SystemFiles};
use self::format::{BlockEncoder, RAW_BYTES_MAX};
#[doc(hidden)]
pub use self::fuzz::{FuzzedLog, fuzz_block, fuzz_log, fuzz_payloads};
use self::log::LogWriter;
use self::queue::{NewDocument, NewView, Queue, Work};
use self::recent::RecentTexts;
pub use self::recovery::RecoveryReport;
use self::sealer::Sealer;
use self::shared::Shared;
pub use self::snapshot::{Snapshot, SnapshotFile};
use self::state::StateDb;
use self::trouble::Trouble;
use super::{
    DoomedPage, DoomedPlace, Kept, OversizedView, Record, StateRecord, Store, StoreError,
    TraceDocuments, ViewPage, ViewScan,
};
use crate::trace::totals::{MinuteTotals, Totals, Wanted};
use crate::trace::view::TraceView;

/// Tells the time of arrival.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An entry's length at most: a block less its version byte and the entry's own lengths.
const ENTRY_BYTES_MAX: usize = RAW_BYTES_MAX - 64;

/// Views that are put with one request: few enough that documents which arrive meanwhile wait for a few
/// milliseconds of the committer's work at most.
const VIEWS_PER_REQUEST: usize = 64;

/// Bytes that the index of what is not sealed may take; documents are refused beyond. That is 165,000
/// settled traces of five documents, 16 s of 50,000 documents a second: reaching it means that sealing does
/// not follow. A full log takes a third of it at most, whatever stands in it (`log.rs`).
const INDEX_BYTES_MAX: u32 = 96 << 20;

/// Files that may wait to be merged; documents are refused beyond. Sixteen merges of them, the content of ten
/// minutes at 50,000 documents a second: reaching it means that merging does not follow. Each is open.
const UNMERGED_FILES_MAX: u32 = 1024;

/// What can be chosen about an embedded store.
#[derive(Clone)]
pub struct Options {
    /// Bytes of decompressed blocks to keep in memory; 32 MiB by default. With 0 every read goes to
    /// the disk. More helps those who read many traces of the same hours again and again.
    pub cache_bytes_max: u64,
    /// Bytes of appended documents to keep in memory until their traces are settled; 64 MiB by
    /// default. What has no room, or all of it with 0, is read back from the log.
    pub recent_bytes_max: usize,
    /// Bytes of documents at which a log is closed, to be sealed; 32 MiB by default. Sealing takes about
    /// twice as much memory.
    pub seal_document_bytes: u64,
    /// How long after a failed write it is tried again, for the first time; 100 ms by default. Later
    /// pauses are longer, up to 50 times this. With zero each write that comes is such an attempt.
    pub retry_after: Duration,
    /// Whether closed logs are sealed, and sealed files merged, in the background; they are by default.
    pub is_sealing: bool,
    /// Tells the time of arrival, which decides the partition; the system's clock by default.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes_max: 32 << 20,
            recent_bytes_max: 64 << 20,
            seal_document_bytes: 32 << 20,
            retry_after: Duration::from_millis(100),
            is_sealing: true,
            clock: Arc::new(crate::clock::now),
        }
    }
}

/// The embedded store. Dropping it waits for what was asked for already.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    state: StateDb,
    queue: Arc<Queue>,
    sealer: Sealer,
    /// Whether logs are sealed by themselves.
    is_sealing: bool,
    /// The sealer works while this is there.
    bell: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    report: RecoveryReport,
    /// Held, not read: the lock goes with the file.
    _lock: File,
}

impl EmbeddedStore {
    /// Opens the store in a directory, making it if it is not there, and recovers what it holds.
    /// Blocking: reads every log once.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open; [`StoreError::Corrupt`] when it was
    /// written by a later release; others when it cannot be read or made.
    pub fn open(dir: &Path, options: Options) -> Result<Self, StoreError> {
        Self::open_with(dir, options, Arc::new(SystemFiles))
    }

    fn open_with(dir: &Path, options: Options, files: Arc<dyn Files>) -> Result<Self, StoreError> {
        let log_dir = dir.join("log");
        fs::create_dir_all(&log_dir).doing("making", &log_dir)?;
        let lock = lock(dir)?;
        let state = StateDb::open(&dir.join("state.redb"))?;
        files.sync_dir(dir).doing("syncing", dir)?;
        if let Some(parent) = dir.canonicalize().doing("reading", dir)?.parent() {
            files.sync_dir(parent).doing("syncing", parent)?;
        }
        let blocks = BlockReader::new(options.cache_bytes_max);
        let recent = RecentTexts::new(options.recent_bytes_max);
        let shared = Shared::new(log_dir.clone(), Arc::clone(&files), blocks, recent);
        let shared = Arc::new(shared);
        let report = recovery::recover(&shared, (options.clock)())?;
        let (queue, requests) = Queue::new();
        let queue = Arc::new(queue);
        let committer = Committer {
            shared: Arc::clone(&shared),
            log: LogWriter::new(&log_dir, files, options.seal_document_bytes),
            clock: Arc::clone(&options.clock),
            encoder: BlockEncoder::new().doing("compressing for", &log_dir)?,
            trouble: Trouble::none(options.retry_after),
            doomed: Vec::new(),
        };
        let sealer = Sealer {
            shared: Arc::clone(&shared),
            queue: Arc::clone(&queue),
            clock: options.clock,
            is_stopped: Arc::default(),
            turn: Arc::default(),
            merging: Arc::default(),
        };
        let (bell, rings) = crossbeam_channel::bounded(1);
        let mut threads = Vec::new();
        if options.is_sealing {
            let (sealing, merging) = (sealer.clone(), sealer.clone());
            let bells = rings.clone();
            let thread = thread::Builder::new().name("store-sealer".to_owned());
            let thread = thread.spawn(move || sealing.run(&rings));
            threads.push(thread.doing("sealing", &log_dir)?);
            let thread = thread::Builder::new().name("store-merger".to_owned());
            let thread = thread.spawn(move || merging.run_merging(&bells));
            threads.push(thread.doing("merging in", &log_dir)?);
        }
        let thread = thread::Builder::new().name("store-committer".to_owned());
        let thread = thread.spawn(move || committer.run(&requests));
        threads.push(thread.doing("writing", &log_dir)?);
        Ok(Self {
            shared,
            state,
            queue,
            sealer,
            is_sealing: options.is_sealing,
            bell: Mutex::new(Some(bell)),
            threads: Mutex::new(threads),
            report,
            _lock: lock,
        })
    }

    /// What opening found.
    #[must_use]
    pub const fn recovery_report(&self) -> RecoveryReport {
        self.report
    }

    /// Seals everything that is in logs now, whether its traces are settled or not, and then merges the
    /// sealed files of each hour if asked to. Blocking. In the background both happen by themselves.
    ///
    /// # Errors
    /// When something cannot be read or written; what could not be sealed stays in its log.
    pub fn seal_all(&self, and_merge: bool) -> Result<(), StoreError> {
        self.sealer.seal_all(and_merge, (self.sealer.clock)())
    }

    /// Traces whose documents were sealed by a release with another form of views and that have no view
    /// since: so many at most. They are to be settled in the background; until then they have none.
    /// Blocking.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn outdated(&self, traces_max: usize) -> Result<Vec<TraceId>, StoreError> {
        self.shared.outdated(traces_max)
    }

    /// The files with documents, oldest first: when the last of their documents arrived at the latest,
    /// and their length. Blocking.
    ///
    /// # Errors
    /// When a length cannot be read.
    pub fn usage(&self) -> Result<Vec<(Timestamp, u64)>, StoreError> {
        self.shared.usage()
    }

    /// Takes no more writes, and returns when those asked for already are done and synced.
    /// Blocking. Readers go on.
    pub fn close(&self) {
        self.sealer.is_stopped.store(true, Ordering::Relaxed);
        drop(lock_of(&self.bell).take());
        let threads = std::mem::take(&mut *lock_of(&self.threads));
        // the sealer comes first: it may wait for the committer
        let mut threads = threads.into_iter();
        let last = threads.next_back();
        join(threads);
        self.queue.close();
        join(last.into_iter());
    }

    /// Runs something blocking beside the tasks.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let work = tokio::task::spawn_blocking(move || work(&shared));
        // a join fails when the runtime ends, or by a panic that was reported already
        work.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes = records.iter().map(|record| record.document.len()).sum();
        let mut documents = Vec::with_capacity(records.len());
        for Record { trace_id, document } in records {
            check_size(document.len())?;
            let digest = DocumentDigest::of(&document);
            documents.push(NewDocument {
                trace_id,
                digest,
                document,
                replaces: None,
            });
        }
        self.queue.ask(Work::Append(documents), bytes).await
    }

    fn health(&self) -> Result<(), StoreError> {
        self.shared.health()
    }

    fn backlog(&self) -> f64 {
        if !self.is_sealing {
            return 0.0;
        }
        let share = |of: usize, of_max: u32| {
            let of = u32::try_from(of).unwrap_or(u32::MAX);
            f64::from(of) / f64::from(of_max)
        };
        let index = self.shared.index();
        let unsealed = share(index.bytes(), INDEX_BYTES_MAX);
        unsealed.max(share(index.parts.unmerged(), UNMERGED_FILES_MAX))
    }

    async fn documents(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
        let trace_ids = trace_ids.to_vec();
        self.blocking(move |shared| shared.documents(&trace_ids))
            .await
    }

    async fn document_counts(&self, trace_ids: &[TraceId]) -> Result<Vec<u32>, StoreError> {
        let trace_ids = trace_ids.to_vec();
        self.blocking(move |shared| shared.document_counts(&trace_ids))
            .await
    }

    async fn put_views(&self, views: Vec<TraceView>) -> Result<Vec<OversizedView>, StoreError> {
        let mut oversized = Vec::new();
        let mut views = views.into_iter().peekable();
        while views.peek().is_some() {
            let mut bytes = 0;
            let mut fitting = Vec::with_capacity(VIEWS_PER_REQUEST);
            for view in views.by_ref().take(VIEWS_PER_REQUEST) {
                let encoded = payload::encode_view(&view)
                    .doing("encoding a view for", Path::new("the store"))?;
                if encoded.len() > ENTRY_BYTES_MAX {
                    oversized.push(OversizedView {
                        trace_id: view.trace_id,
                        revision: view.revision,
                        bytes: encoded.len(),
                    });
                    continue;
                }
                bytes += encoded.len();
                fitting.push(NewView { view, encoded });
            }
            if !fitting.is_empty() {
                self.queue.ask(Work::PutViews(fitting), bytes).await?;
            }
        }
        Ok(oversized)
    }

    async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError> {
        self.blocking(move |shared| shared.views(&scan)).await
    }

    async fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MinuteTotals, StoreError> {
        self.blocking(move |shared| shared.totals(start, end)).await
    }

    async fn minutes(
        &self,
        start: Timestamp,
        end: Timestamp,
        wanted: Wanted,
    ) -> Result<Totals, StoreError> {
        self.blocking(move |shared| shared.minutes(start, end, &wanted))
            .await
    }

    async fn linking_to(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceId>, StoreError> {
        let trace_ids = trace_ids.to_vec();
        self.blocking(move |shared| {
            let linking = shared.linking_to(trace_ids.into_iter())?;
            Ok(linking.into_iter().collect())
        })
        .await
    }

    async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
        self.blocking(Shared::unsettled).await
    }

    async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let disturbed = self
            .blocking(move |shared| Ok(shared.disturbed_by(time)))
            .await?;
        let work = Work::DropBefore(time, disturbed);
        self.queue.ask(work, 0).await
    }

    async fn doomed(
        &self,
        time: Timestamp,
        after: Option<DoomedPlace>,
        traces_max: usize,
    ) -> Result<DoomedPage, StoreError> {
        self.blocking(move |shared| Ok(shared.doomed(time, after, traces_max)))
            .await
    }

    async fn keep(&self, trace_ids: &[TraceId], time: Timestamp) -> Result<Kept, StoreError> {
        self.keep_documents(trace_ids, time).await
    }

    async fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
        let (state, key) = (self.state.clone(), key.to_owned());
        self.blocking(move |_| state.state(&key)).await
    }

    async fn put_state(&self, key: &str, expected: u64, value: Vec<u8>) -> Result<u64, StoreError> {
        let (state, key) = (self.state.clone(), key.to_owned());
        self.blocking(move |_| state.put_state(&key, expected, &value))
            .await
    }
}

fn lock_of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn join(threads: impl Iterator<Item = JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the store ended in a panic");
        }
    }
}

/// Takes the directory for this process.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("LOCK");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .doing("opening", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: dir.display().to_string(),
        }),
        Err(TryLockError::Error(source)) => Err(source).doing("locking", &path),
    }
}

/// Ingest refuses documents long before this; it keeps a block's length within what readers accept.
fn check_size(bytes: usize) -> Result<(), StoreError> {
    if bytes <= ENTRY_BYTES_MAX {
        return Ok(());
    }
    let source = std::io::Error::from(std::io::ErrorKind::FileTooLarge);
    Err(StoreError::Io {
        doing: format!("storing a document of {bytes} bytes"),
        source,
    })
}
