//! Every write, sync and change of names of a session is made to fail once, in three manners. What
//! was acknowledged must be there afterwards, and a store that failed must take no more.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;
use crate::store::contract::{all_totals, sample, unsettled};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Nothing is done.
    Refuse,
    /// Half of a write reaches the file.
    Tear,
    /// The machine dies: what was not synced is gone.
    LosePower,
}

/// Files whose `n`-th call fails.
struct Faulty {
    fails_at: usize,
    manner: Manner,
    calls: AtomicUsize,
    has_failed: AtomicBool,
    synced: Mutex<HashMap<u64, u64>>,
}

impl Faulty {
    fn new(fails_at: usize, manner: Manner) -> Arc<Self> {
        Arc::new(Self {
            fails_at,
            manner,
            calls: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            synced: Mutex::default(),
        })
    }

    fn is_next_to_fail(&self) -> bool {
        let is_next = self.calls.fetch_add(1, Ordering::SeqCst) == self.fails_at;
        self.has_failed.fetch_or(is_next, Ordering::SeqCst);
        is_next
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    fn call<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.is_next_to_fail() {
            Err(fault())
        } else {
            call()
        }
    }

    fn lose_unsynced(&self, file: &File) {
        if self.manner == Manner::LosePower {
            let synced = self.synced.lock().unwrap();
            let bytes = synced.get(&file.metadata().unwrap().ino()).copied();
            file.set_len(bytes.unwrap_or(0)).unwrap();
        }
    }
}

fn fault() -> io::Error {
    io::Error::other("fault")
}

impl Files for Faulty {
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.make_dir(path))
    }

    fn open_log(&self, path: &Path) -> io::Result<File> {
        self.call(|| SystemFiles.open_log(path))
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.is_next_to_fail() {
            if self.manner == Manner::Tear {
                SystemFiles.write_at(file, &bytes[..bytes.len() / 2], offset)?;
            }
            self.lose_unsynced(file);
            return Err(fault());
        }
        SystemFiles.write_at(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.is_next_to_fail() {
            self.lose_unsynced(file);
            return Err(fault());
        }
        let metadata = file.metadata()?;
        self.synced
            .lock()
            .unwrap()
            .insert(metadata.ino(), metadata.len());
        SystemFiles.sync(file)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // the first two calls belong to opening, whose failure is a plain error
        self.call(|| SystemFiles.sync_dir(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.remove(path))
    }
}

/// What a session was promised.
#[derive(Default)]
struct Promises {
    documents: Vec<(u32, &'static str)>,
    is_poisoned: bool,
    is_dropped: bool,
}

impl Promises {
    async fn append(&mut self, subject: &Embedded, number: u32, texts: &[&'static str]) {
        let record = |text: &&str| Record {
            trace_id: trace(number),
            document: (*text).to_owned(),
        };
        let outcome = subject
            .store()
            .append(texts.iter().map(record).collect())
            .await;
        if self.note(&outcome) {
            self.documents
                .extend(texts.iter().map(|text| (number, *text)));
        }
        self.check_reads(subject).await;
    }

    async fn put(&mut self, subject: &Embedded, views: &[TraceView]) {
        let outcome = subject.store().put_views(views.to_vec()).await;
        self.note(&outcome.map(drop));
    }

    /// Whether it worked; after a failure nothing may.
    fn note(&mut self, outcome: &Result<(), StoreError>) -> bool {
        match outcome {
            Err(StoreError::Io { .. }) => assert!(!self.is_poisoned, "{outcome:?}"),
            Err(StoreError::Poisoned) => assert!(self.is_poisoned),
            Err(other) => panic!("{other:?}"),
            Ok(()) => assert!(!self.is_poisoned, "a poisoned store acknowledged a write"),
        }
        self.is_poisoned |= outcome.is_err();
        outcome.is_ok()
    }

    async fn check_reads(&self, subject: &Embedded) {
        for (number, text) in &self.documents {
            let found = documents_of(subject, trace(*number)).await;
            assert!(self.is_dropped && *number == 1 || found.contains(&(*text).to_owned()));
        }
    }
}

/// Does what a store does in its life; `true` when the fault was met.
async fn session(fails_at: usize, manner: Manner) -> bool {
    let files = Faulty::new(fails_at + 2, manner);
    let mut subject = Embedded::with(1 << 20, Arc::clone(&files) as Arc<dyn Files>);
    let mut promises = Promises::default();
    promises.append(&subject, 1, &["a", "b"]).await;
    promises.put(&subject, &[view(1, 2, HOUR)]).await;
    promises.append(&subject, 1, &["a", "c"]).await;
    promises.put(&subject, &[view(1, 3, HOUR)]).await;
    subject.arrive_at(Timestamp::from_seconds(HOUR + 36_000));
    promises.append(&subject, 2, &["d"]).await;
    promises.put(&subject, &[view(2, 1, HOUR)]).await;
    promises.is_dropped = true;
    let dropped = subject
        .store()
        .drop_before(Timestamp::from_seconds(HOUR + 3600))
        .await;
    if promises.is_poisoned {
        assert!(matches!(dropped, Err(StoreError::Poisoned)));
    } else if dropped.is_err() {
        subject
            .store()
            .drop_before(Timestamp::from_seconds(HOUR + 3600))
            .await
            .unwrap();
        assert!(
            !subject.log().exists(),
            "what could not be removed is removed the next time"
        );
    }
    promises.append(&subject, 2, &["e"]).await;
    subject.close();
    assert!(promises.is_poisoned <= files.has_failed());

    subject.files = Arc::new(SystemFiles);
    subject.open();
    promises.check_reads(&subject).await;
    let report = subject.embedded().recovery_report();
    assert_eq!(report.regions_damaged, 0, "{report:?}");
    promises.is_poisoned = false;
    promises.append(&subject, 3, &["f"]).await;
    assert!(unsettled(&subject).await.contains(&trace(3)));
    files.has_failed()
}

#[tokio::test]
async fn whatever_call_fails_nothing_acknowledged_is_lost() {
    for manner in [Manner::Refuse, Manner::Tear, Manner::LosePower] {
        let mut calls = 0;
        while session(calls, manner).await {
            calls += 1;
        }
        // at least a header, its sync, two directories, and a write and a sync of each append
        assert!(calls > 15, "{manner:?}: {calls} calls");
    }
}

/// Seals and merges; what cannot be made leaves everything as it was.
/// Returns whether the store takes no more writes now.
async fn seal(subject: &Embedded, and_merge: bool) -> bool {
    let sealer = subject.embedded().sealer.clone();
    let seal = move || {
        // a failure is the fault, and what was acknowledged is looked at afterwards
        drop(sealer.seal_all(and_merge, Timestamp::MIN));
        let again = sealer.queue.tell(Work::CloseLog { at_once: true });
        matches!(again, Err(StoreError::Poisoned))
    };
    tokio::task::spawn_blocking(seal).await.unwrap()
}

/// Writes, seals and merges; `true` when the fault was met. With `dies`, the process dies at the fault.
async fn sealing_session(fails_at: usize, manner: Manner, dies: bool) -> bool {
    let files = Faulty::new(fails_at + 2, manner);
    let mut subject = Embedded::with(1 << 20, Arc::clone(&files) as Arc<dyn Files>);
    let mut promises = Promises::default();
    let mut expected = Vec::new();
    for (number, texts) in [(1, ["a", "b"]), (2, ["c", "d"]), (1, ["e", "f"])] {
        promises.append(&subject, number, &texts).await;
        let revision = if expected.len() < 2 { 2 } else { 4 };
        let before = promises.is_poisoned;
        promises
            .put(
                &subject,
                &[view(number, revision, HOUR + i64::from(number))],
            )
            .await;
        if !before && !promises.is_poisoned {
            expected.retain(|(other, _)| *other != number);
            expected.push((number, revision));
        }
        promises.is_poisoned |= seal(&subject, number == 1).await;
        promises.check_reads(&subject).await;
        if dies && files.has_failed() {
            break;
        }
    }
    if !promises.is_poisoned {
        check_views(&subject, &expected).await;
    }
    subject.close();
    subject.files = Arc::new(SystemFiles);
    subject.open();
    promises.check_reads(&subject).await;
    let report = subject.embedded().recovery_report();
    let lost = (
        report.regions_damaged,
        report.sealed_damaged,
        report.sealed_lost,
    );
    assert_eq!(lost, (0, 0, 0), "{report:?}");
    if !files.has_failed() {
        check_views(&subject, &expected).await;
    }
    let views = all_views(&subject).await;
    assert_eq!(all_totals(&subject).await, sample::sum(&views));
    promises.is_poisoned = false;
    promises.append(&subject, 3, &["g"]).await;
    files.has_failed()
}

async fn check_views(subject: &Embedded, expected: &[(u32, u32)]) {
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(number, revision)| view(*number, *revision, HOUR + i64::from(*number)))
        .collect();
    expected.sort_by_key(|view| std::cmp::Reverse(view.trace_id));
    assert_eq!(all_views(subject).await, expected);
    assert_eq!(all_totals(subject).await, sample::sum(&expected));
}

#[tokio::test]
async fn whatever_call_fails_while_sealing_or_merging_nothing_is_lost_or_there_twice() {
    for (manner, dies) in [
        (Manner::Refuse, false),
        (Manner::Refuse, true),
        (Manner::Tear, true),
        (Manner::LosePower, true),
    ] {
        let mut calls = 0;
        while sealing_session(calls, manner, dies).await {
            calls += 1;
        }
        assert!(calls > 50, "{manner:?}: {calls} calls");
    }
}

#[tokio::test]
async fn a_failed_sync_fails_all_who_shared_the_commit_and_poisons_the_store() {
    // opening: 2 calls; making the log: directory, file, write, sync, 2 directories; then the write
    let files = Faulty::new(9, Manner::Refuse);
    let subject = Embedded::with(1 << 20, Arc::clone(&files) as Arc<dyn Files>);
    let record = Record {
        trace_id: trace(1),
        document: "a".to_owned(),
    };
    let refused = subject
        .store()
        .append(vec![record.clone()])
        .await
        .unwrap_err();
    let path = subject.log();
    assert_eq!(refused.to_string(), format!("syncing {}", path.display()));
    assert_eq!(documents_of(&subject, trace(1)).await, Vec::<String>::new());
    let refused = subject.store().append(vec![record]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Poisoned), "{refused:?}");
    let refused = subject
        .store()
        .put_views(vec![view(1, 1, HOUR)])
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Poisoned), "{refused:?}");
}
