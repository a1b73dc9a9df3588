//! The embedded store as a whole: the contract, the model, and what is its own affair: directory,
//! closing, cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::contract::sample::{HOUR, trace, view};
use crate::store::contract::{Subject, all_views, append, documents_of, model, put, unsettled};

mod damage;
mod days;
mod faults;
mod golden;
mod kill;
mod sealing;
mod search;

/// A store in a directory of its own that goes away with it.
pub(super) struct Embedded {
    pub(super) dir: TempDir,
    now: Arc<AtomicI64>,
    cache_bytes_max: u64,
    files: Arc<dyn Files>,
    store: Option<Arc<EmbeddedStore>>,
}

impl Embedded {
    fn new() -> Self {
        Self::with(32 << 20, Arc::new(SystemFiles))
    }

    fn with(cache_bytes_max: u64, files: Arc<dyn Files>) -> Self {
        let now = Arc::new(AtomicI64::new(Timestamp::from_seconds(HOUR).micros()));
        let dir = tempfile::tempdir().unwrap();
        let mut subject = Self {
            dir,
            now,
            cache_bytes_max,
            files,
            store: None,
        };
        subject.open();
        subject
    }

    fn options(&self) -> Options {
        let now = Arc::clone(&self.now);
        let clock = Arc::new(move || Timestamp::from_micros(now.load(Ordering::SeqCst)));
        Options {
            cache_bytes_max: self.cache_bytes_max,
            // with no cache nothing comes from memory
            recent_bytes_max: usize::try_from(self.cache_bytes_max).unwrap(),
            // what is sealed and tried again when is for the test to say
            is_sealing: false,
            retry_after: Duration::ZERO,
            clock,
            ..Options::default()
        }
    }

    fn open(&mut self) {
        let files = Arc::clone(&self.files);
        let store = EmbeddedStore::open_with(self.dir.path(), self.options(), files);
        self.store = Some(Arc::new(store.unwrap()));
    }

    fn close(&mut self) {
        let store = self.store.take().map(Arc::into_inner);
        drop(
            store
                .expect("an open store")
                .expect("nobody else holds the store"),
        );
    }

    fn embedded(&self) -> &EmbeddedStore {
        self.store.as_ref().unwrap()
    }

    /// The file of the first hour.
    fn log(&self) -> PathBuf {
        self.dir.path().join("log/2026-11-21/14.log")
    }
}

#[async_trait]
impl Subject for Embedded {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.as_ref().unwrap()) as Arc<dyn Store>
    }

    async fn reopen(&mut self) {
        self.close();
        self.open();
        let report = self.embedded().recovery_report();
        assert_eq!(
            (report.regions_damaged, report.bytes_cut),
            (0, 0),
            "{report:?}"
        );
    }

    fn arrive_at(&mut self, now: Timestamp) {
        self.now.store(now.micros(), Ordering::SeqCst);
    }
}

mod contract {
    use super::Embedded;

    crate::store_contract!(Embedded::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn property_random_sessions_behave_like_the_model(steps in model::steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(model::behaves_like_the_model(&mut Embedded::new(), &steps));
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_directory_is_open_in_one_process_at_a_time() {
    let mut subject = Embedded::new();
    let dir = subject.dir.path().to_owned();
    let refused = EmbeddedStore::open(&dir, Options::default()).err().unwrap();
    assert!(matches!(&refused, StoreError::InUse { path } if *path == dir.display().to_string()));
    subject.close();
    EmbeddedStore::open(&dir, Options::default()).unwrap();
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let refused = EmbeddedStore::open(&path, Options::default())
        .err()
        .unwrap();
    assert_eq!(
        refused.to_string(),
        format!("making {}", path.join("log").display())
    );
}

#[tokio::test]
async fn each_hour_of_arrival_has_its_log_and_a_dropped_one_leaves_none() {
    let mut subject = Embedded::new();
    let log_dir = subject.dir.path().join("log");
    for (hour, text) in [(0, "a"), (1, "b"), (10, "c")] {
        subject.arrive_at(Timestamp::from_seconds(HOUR + hour * 3600));
        append(&subject, trace(1), &[text]).await;
    }
    let names = [
        "2026-11-21/14.log",
        "2026-11-21/15.log",
        "2026-11-22/00.log",
    ];
    assert_eq!(files_below(&log_dir), names.map(|name| log_dir.join(name)));
    subject
        .store()
        .drop_before(Timestamp::from_seconds(HOUR + 7200))
        .await
        .unwrap();
    assert_eq!(files_below(&log_dir), [log_dir.join(names[2])]);
    assert!(!log_dir.join("2026-11-21").exists());
}

#[tokio::test]
async fn a_clock_that_is_set_back_loses_nothing() {
    let mut subject = Embedded::new();
    for (hours, text) in [(2, "a"), (0, "b"), (1, "c"), (0, "d")] {
        subject.arrive_at(Timestamp::from_seconds(HOUR + hours * 3600));
        append(&subject, trace(1), &[text]).await;
    }
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b", "c", "d"]);
    subject.reopen().await;
    put(&subject, &[view(1, 4, HOUR)]).await;
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b", "c", "d"]);
    subject.reopen().await;
    assert_eq!(all_views(&subject).await, [view(1, 4, HOUR)]);
}

#[tokio::test]
async fn files_of_others_in_the_log_directory_are_left_alone() {
    let mut subject = Embedded::new();
    append(&subject, trace(1), &["a"]).await;
    let notes = [
        "log/notes.txt",
        "log/2026-11-21/14.log.bak",
        "log/2026-11-21/lost.log",
    ];
    let notes = notes.map(|name| subject.dir.path().join(name));
    for note in &notes {
        fs::write(note, "mine").unwrap();
    }
    subject.reopen().await;
    subject.store().drop_before(Timestamp::MAX).await.unwrap();
    assert_eq!(documents_of(&subject, trace(1)).await, Vec::<String>::new());
    for note in &notes {
        assert_eq!(fs::read_to_string(note).unwrap(), "mine");
    }
}

#[tokio::test]
async fn a_closed_store_finishes_what_waits_and_takes_no_more() {
    let mut subject = Embedded::new();
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let store = subject.store();
            let document = number.to_string();
            let record = Record {
                trace_id: trace(1),
                document,
            };
            tokio::spawn(async move { store.append(vec![record]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    subject.embedded().close();
    let mut kept = Vec::new();
    for (number, caller) in callers.into_iter().enumerate() {
        match caller.await.unwrap() {
            Ok(()) => kept.push(number.to_string()),
            Err(error) => assert!(matches!(error, StoreError::Closed), "{error:?}"),
        }
    }
    assert!(!kept.is_empty(), "nothing waited when the store was closed");
    let late = Record {
        trace_id: trace(1),
        document: "late".to_owned(),
    };
    let refused = subject.store().append(vec![late]).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    assert_eq!(
        documents_of(&subject, trace(1)).await,
        kept,
        "readers go on"
    );
    subject.reopen().await;
    assert_eq!(documents_of(&subject, trace(1)).await, kept);
}

#[tokio::test]
async fn a_store_without_a_cache_reads_from_the_disk() {
    let mut subject = Embedded::with(0, Arc::new(SystemFiles));
    append(&subject, trace(1), &["a", "b"]).await;
    put(&subject, &[view(1, 2, HOUR)]).await;
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b"]);
    subject.reopen().await;
    assert_eq!(all_views(&subject).await, [view(1, 2, HOUR)]);
}

#[tokio::test]
async fn a_document_beyond_any_block_is_refused_and_the_store_goes_on() {
    let subject = Embedded::new();
    let record = Record {
        trace_id: trace(1),
        document: " ".repeat(ENTRY_BYTES_MAX + 1),
    };
    let refused = subject.store().append(vec![record]).await.unwrap_err();
    let StoreError::Io { source, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::FileTooLarge);
    append(&subject, trace(1), &["a"]).await;
    assert_eq!(documents_of(&subject, trace(1)).await, ["a"]);
}

#[tokio::test]
async fn a_view_beyond_any_block_is_left_out_and_the_others_are_stored() {
    let subject = Embedded::new();
    append(&subject, trace(1), &["a"]).await;
    append(&subject, trace(2), &["a"]).await;
    let mut huge = view(1, 1, HOUR);
    huge.nodes[0].name = " ".repeat(ENTRY_BYTES_MAX);
    let views = vec![huge, view(2, 1, HOUR)];
    let oversized = subject.store().put_views(views).await.unwrap();
    let [view_1] = oversized[..] else {
        panic!("{oversized:?}")
    };
    assert_eq!((view_1.trace_id, view_1.revision), (trace(1), 1));
    assert!(view_1.bytes > ENTRY_BYTES_MAX);
    assert_eq!(all_views(&subject).await, [view(2, 1, HOUR)]);
    assert_eq!(unsettled(&subject).await, [trace(1)].into());
}

#[tokio::test]
async fn recent_documents_are_read_without_the_disk_and_later_from_it() {
    let mut subject = Embedded::with(1 << 20, Arc::new(SystemFiles));
    append(&subject, trace(1), &["a", "b", "a"]).await;
    append(&subject, trace(1), &["b", "c"]).await;
    fs::write(subject.log(), "").unwrap();
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b", "c"]);
    let read = subject.store().documents(&[trace(1)]).await;
    assert!(
        read.is_err(),
        "the second time it is the log that tells: {read:?}"
    );
    subject.close();
}

#[tokio::test]
async fn more_hours_than_open_files_can_be_read() {
    let mut subject = Embedded::with(0, Arc::new(SystemFiles));
    let mut expected = Vec::new();
    for hour in 0..100 {
        subject.arrive_at(Timestamp::from_seconds(HOUR + hour * 3600));
        expected.push(format!("{hour:03}"));
        append(&subject, trace(1), &[&format!("{hour:03}")]).await;
    }
    assert_eq!(documents_of(&subject, trace(1)).await, expected);
    assert_eq!(documents_of(&subject, trace(1)).await, expected);
}
