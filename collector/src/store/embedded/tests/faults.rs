//! Every write, sync and change of names of a session is made to fail, in three manners, once or several
//! times in a row. Nothing acknowledged may be lost or be there twice, before, meanwhile, afterwards or
//! after reopening; and the same store must take documents again once the fault is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;
use crate::store::contract::model::Step;
use crate::store::contract::{all_totals, model, sample, unsettled};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Nothing is done.
    Refuse,
    /// Half of a write reaches the file.
    Tear,
    /// The machine dies, or pages that could not be written are dropped: what was not synced is gone.
    LosePower,
}

const MANNERS: [Manner; 3] = [Manner::Refuse, Manner::Tear, Manner::LosePower];

/// The calls of opening, whose failure is a plain error.
const OPENING: usize = 2;

/// Files some of whose calls fail.
struct Faulty {
    /// Which, counted from the first after opening.
    fails: BTreeSet<usize>,
    manner: Manner,
    calls: AtomicUsize,
    has_failed: AtomicBool,
    /// Nothing fails, and nothing is counted.
    is_well: AtomicBool,
    synced: Mutex<HashMap<u64, u64>>,
}

impl Faulty {
    fn new(fails: impl IntoIterator<Item = usize>, manner: Manner) -> Arc<Self> {
        Arc::new(Self {
            fails: fails.into_iter().map(|call| call + OPENING).collect(),
            manner,
            calls: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            is_well: AtomicBool::new(false),
            synced: Mutex::default(),
        })
    }

    fn is_next_to_fail(&self) -> bool {
        if self.is_well.load(Ordering::SeqCst) {
            return false;
        }
        let fails = self
            .fails
            .contains(&self.calls.fetch_add(1, Ordering::SeqCst));
        self.has_failed.fetch_or(fails, Ordering::SeqCst);
        fails
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
        let file = self.call(|| SystemFiles.open_log(path))?;
        let metadata = file.metadata()?;
        if metadata.len() == 0 {
            // another file may have had its number
            self.synced.lock().unwrap().remove(&metadata.ino());
        }
        Ok(file)
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

    fn cut(&self, file: &File, end: u64) -> io::Result<()> {
        self.call(|| SystemFiles.cut(file, end))
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
        self.call(|| SystemFiles.sync_dir(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(|| SystemFiles.remove(path))
    }
}

/// How often something may be refused before it is done.
const REFUSALS_MAX: usize = 12;

/// What a session was promised.
#[derive(Default)]
struct Promises {
    documents: BTreeMap<u32, BTreeSet<&'static str>>,
    /// Those that were refused too.
    sent: BTreeMap<u32, BTreeSet<&'static str>>,
    views: BTreeMap<u32, TraceView>,
    /// The first trace's partition was dropped, or is being dropped.
    is_dropped: bool,
}

impl Promises {
    /// Appends until it is done, as a client does.
    async fn append(&mut self, subject: &Embedded, number: u32, texts: &[&'static str]) {
        self.sent.entry(number).or_default().extend(texts);
        let record = |text: &&str| Record {
            trace_id: trace(number),
            document: (*text).to_owned(),
        };
        let records: Vec<_> = texts.iter().map(record).collect();
        for _ in 0..REFUSALS_MAX {
            let outcome = subject.store().append(records.clone()).await;
            if self.is_done(subject, outcome).await {
                self.documents.entry(number).or_default().extend(texts);
                return self.check(subject).await;
            }
        }
        panic!("documents of trace {number} are still refused");
    }

    async fn put(&mut self, subject: &Embedded, view: TraceView, number: u32) {
        for _ in 0..REFUSALS_MAX {
            let outcome = subject.store().put_views(vec![view.clone()]).await;
            if self.is_done(subject, outcome.map(drop)).await {
                self.views.insert(number, view);
                return self.check(subject).await;
            }
        }
        panic!("the view of trace {number} is still refused");
    }

    async fn is_done(&self, subject: &Embedded, outcome: Result<(), StoreError>) -> bool {
        let health = subject.store().health();
        match outcome {
            Ok(()) => assert!(health.is_ok(), "{health:?}"),
            Err(StoreError::Unwritable) => {
                let Err(StoreError::Io { source, .. }) = health else {
                    panic!("{health:?}")
                };
                assert_eq!(source.to_string(), "fault");
                self.check(subject).await;
                return false;
            }
            Err(other) => panic!("{other:?}"),
        }
        true
    }

    async fn drop_first(&mut self, subject: &Embedded, may_stay: bool) {
        self.is_dropped = true;
        let time = Timestamp::from_seconds(HOUR + 3600);
        for _ in 0..REFUSALS_MAX {
            if subject.store().drop_before(time).await.is_ok() {
                assert!(!subject.log().exists());
                let views = all_views(subject).await;
                if !(may_stay && views.iter().any(|view| view.trace_id == trace(1))) {
                    self.views.remove(&1);
                }
                return self.check(subject).await;
            }
        }
        panic!("what is old is still there");
    }

    /// Documents, views and totals, as long as the store is open.
    async fn check(&self, subject: &Embedded) {
        self.check_documents(subject).await;
        let mut views: Vec<_> = self.views.values().cloned().collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.summary.start, view.trace_id)));
        assert_eq!(all_views(subject).await, views);
        assert_eq!(all_totals(subject).await, sample::sum(&views));
    }

    async fn check_documents(&self, subject: &Embedded) {
        for (number, sent) in &self.sent {
            let found = documents_of(subject, trace(*number)).await;
            let once: BTreeSet<_> = found.iter().map(String::as_str).collect();
            assert_eq!(once.len(), found.len(), "there twice: {found:?}");
            assert!(once.is_subset(sent), "{found:?}");
            let is_dropped = self.is_dropped && *number == 1;
            let acknowledged = self.documents.get(number).filter(|_| !is_dropped);
            let lost = acknowledged.map(|texts| texts.difference(&once).count());
            assert!(lost.unwrap_or(0) == 0, "trace {number} has {found:?}");
        }
    }

    /// The same after reopening: a view that was not synced may be gone, and one that was refused be
    /// there; then its trace is unsettled, if it is not right.
    async fn check_reopened(&self, subject: &Embedded) {
        self.check_documents(subject).await;
        let views = all_views(subject).await;
        assert_eq!(all_totals(subject).await, sample::sum(&views));
        let unsettled = unsettled(subject).await;
        for (number, expected) in &self.views {
            let found = views.iter().find(|view| view.trace_id == trace(*number));
            let count = documents_of(subject, trace(*number)).await.len();
            let is_right = found == Some(expected)
                || found.is_some_and(|view| usize::try_from(view.revision) == Ok(count));
            assert!(is_right || unsettled.contains(&trace(*number)), "{found:?}");
        }
    }
}

/// Does what a store does in its life; `true` when the fault was met.
async fn session(files: &Arc<Faulty>) -> bool {
    let mut subject = Embedded::with(1 << 20, Arc::clone(files) as Arc<dyn Files>);
    let mut promises = Promises::default();
    promises.append(&subject, 1, &["a", "b"]).await;
    promises.put(&subject, view(1, 2, HOUR), 1).await;
    promises.append(&subject, 1, &["a", "c"]).await;
    promises.put(&subject, view(1, 3, HOUR), 1).await;
    promises.append(&subject, 2, &["d"]).await;
    promises.put(&subject, view(2, 1, HOUR), 2).await;
    promises.put(&subject, view(1, 3, HOUR + 1), 1).await;
    subject.arrive_at(Timestamp::from_seconds(HOUR + 36_000));
    promises.append(&subject, 2, &["e"]).await;
    promises.put(&subject, view(2, 2, HOUR), 2).await;
    promises.documents.entry(2).or_default().remove("d");
    // a view that had to be written once more may have been by then, in a later hour
    promises.drop_first(&subject, files.has_failed()).await;
    promises.append(&subject, 2, &["f"]).await;
    subject.close();

    subject.files = Arc::new(SystemFiles);
    subject.open();
    promises.check_reopened(&subject).await;
    promises.append_after_reopening(&subject).await;
    files.has_failed()
}

impl Promises {
    async fn append_after_reopening(&mut self, subject: &Embedded) {
        append(subject, trace(3), &["g"]).await;
        assert!(unsettled(subject).await.contains(&trace(3)));
    }
}

#[tokio::test]
async fn whatever_call_fails_nothing_acknowledged_is_lost_and_the_store_recovers() {
    for manner in MANNERS {
        for lasts in [1, 3] {
            let mut calls = 0;
            while session(&Faulty::new(calls..calls + lasts, manner)).await {
                calls += 1;
            }
            // at least a header, its sync, two directories, and a write and a sync of each append
            assert!(calls > 15, "{manner:?}: {calls} calls");
        }
    }
}

/// Seals and merges, as the store does by itself; what cannot be made leaves everything as it was.
async fn seal(subject: &Embedded, and_merge: bool) {
    let sealer = subject.embedded().sealer.clone();
    let seal = move || drop(sealer.seal_all(and_merge, Timestamp::MIN));
    tokio::task::spawn_blocking(seal).await.unwrap();
}

/// Writes, seals and merges; `true` when the fault was met. With `dies`, the process dies at the fault.
async fn sealing_session(files: &Arc<Faulty>, dies: bool) -> bool {
    let mut subject = Embedded::with(1 << 20, Arc::clone(files) as Arc<dyn Files>);
    let mut promises = Promises::default();
    let writes = [(1, ["a", "b"], 2), (2, ["c", "d"], 2), (1, ["e", "f"], 4)];
    for (number, texts, revision) in writes {
        promises.append(&subject, number, &texts).await;
        let view = view(number, revision, HOUR + i64::from(number));
        promises.put(&subject, view, number).await;
        seal(&subject, number == 1).await;
        promises.check(&subject).await;
        if dies && files.has_failed() {
            break;
        }
    }
    subject.close();
    subject.files = Arc::new(SystemFiles);
    subject.open();
    promises.check_reopened(&subject).await;
    let report = subject.embedded().recovery_report();
    assert_eq!(
        (report.sealed_damaged, report.sealed_lost),
        (0, 0),
        "{report:?}"
    );
    if !files.has_failed() {
        promises.check(&subject).await;
    }
    seal(&subject, true).await;
    promises.check_reopened(&subject).await;
    promises.append_after_reopening(&subject).await;
    files.has_failed()
}

#[tokio::test]
async fn whatever_call_fails_while_sealing_or_merging_nothing_is_lost_or_there_twice() {
    for (manner, dies) in [
        (Manner::Refuse, false),
        (Manner::Tear, false),
        (Manner::LosePower, false),
        (Manner::Refuse, true),
        (Manner::Tear, true),
        (Manner::LosePower, true),
    ] {
        let mut calls = 0;
        while sealing_session(&Faulty::new([calls], manner), dies).await {
            calls += 1;
        }
        assert!(calls > 50, "{manner:?}: {calls} calls");
    }
}

/// A store whose writes are tried again until they are done.
struct Healing {
    inner: Embedded,
    faults: Arc<Faulty>,
}

#[async_trait]
impl Subject for Healing {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(Insisting(self.inner.store()))
    }

    async fn reopen(&mut self) {
        self.faults.is_well.store(true, Ordering::SeqCst);
        self.inner.close();
        self.inner.open();
        self.faults.is_well.store(false, Ordering::SeqCst);
    }

    fn arrive_at(&mut self, now: Timestamp) {
        self.inner.arrive_at(now);
    }
}

/// Tries again what is refused.
struct Insisting(Arc<dyn Store>);

#[async_trait]
impl Store for Insisting {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let mut outcome = self.0.append(records.clone()).await;
        for _ in 0..REFUSALS_MAX {
            if outcome.is_err() {
                outcome = self.0.append(records.clone()).await;
            }
        }
        outcome
    }

    async fn put_views(&self, views: Vec<TraceView>) -> Result<Vec<OversizedView>, StoreError> {
        let mut outcome = self.0.put_views(views.clone()).await;
        for _ in 0..REFUSALS_MAX {
            if outcome.is_err() {
                outcome = self.0.put_views(views.clone()).await;
            }
        }
        outcome
    }

    async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let mut outcome = self.0.drop_before(time).await;
        for _ in 0..REFUSALS_MAX {
            if outcome.is_err() {
                outcome = self.0.drop_before(time).await;
            }
        }
        outcome
    }

    fn health(&self) -> Result<(), StoreError> {
        self.0.health()
    }

    async fn documents(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
        self.0.documents(trace_ids).await
    }

    async fn document_counts(&self, trace_ids: &[TraceId]) -> Result<Vec<u32>, StoreError> {
        self.0.document_counts(trace_ids).await
    }

    async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError> {
        self.0.views(scan).await
    }

    async fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MinuteTotals, StoreError> {
        self.0.totals(start, end).await
    }

    async fn minutes(
        &self,
        start: Timestamp,
        end: Timestamp,
        wanted: Wanted,
    ) -> Result<Totals, StoreError> {
        self.0.minutes(start, end, wanted).await
    }

    async fn linking_to(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceId>, StoreError> {
        self.0.linking_to(trace_ids).await
    }

    async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
        self.0.unsettled().await
    }

    async fn doomed(
        &self,
        time: Timestamp,
        after: Option<DoomedPlace>,
        traces_max: usize,
    ) -> Result<DoomedPage, StoreError> {
        self.0.doomed(time, after, traces_max).await
    }

    async fn keep(&self, ids: &[TraceId], time: Timestamp) -> Result<Kept, StoreError> {
        let mut outcome = self.0.keep(ids, time).await;
        for _ in 0..REFUSALS_MAX {
            if outcome.is_err() {
                outcome = self.0.keep(ids, time).await;
            }
        }
        outcome
    }

    async fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
        self.0.state(key).await
    }

    async fn put_state(&self, key: &str, expected: u64, value: Vec<u8>) -> Result<u64, StoreError> {
        self.0.put_state(key, expected, value).await
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn property_a_store_that_recovers_from_faults_behaves_like_the_model(
        steps in model::steps(),
        fails in prop::collection::btree_set(0..100_usize, 1..8),
        manner in prop::sample::select(MANNERS.to_vec()),
    ) {
        // a view that had to be written once more stands in a later hour, and goes with that
        let steps = sealing::leaving_out(steps, |step| matches!(step, Step::Drop { .. } | Step::Keep { .. }));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let faults = Faulty::new(fails, manner);
        let inner = Embedded::with(1 << 20, Arc::clone(&faults) as Arc<dyn Files>);
        let mut subject = Healing { inner, faults };
        runtime.block_on(model::behaves_like_the_model(&mut subject, &steps));
    }
}

#[tokio::test]
async fn a_failed_sync_fails_all_who_shared_the_commit_and_its_file_is_not_written_again() {
    // making the log: directory, file, write, sync, 2 directories; then the write
    let files = Faulty::new([7], Manner::Refuse);
    let subject = Embedded::with(1 << 20, Arc::clone(&files) as Arc<dyn Files>);
    let record = |text: &str| Record {
        trace_id: trace(1),
        document: text.to_owned(),
    };
    let refused = subject.store().append(vec![record("a")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unwritable), "{refused:?}");
    let health = subject.store().health().unwrap_err();
    let path = subject.log();
    assert_eq!(health.to_string(), format!("syncing {}", path.display()));
    assert_eq!(documents_of(&subject, trace(1)).await, Vec::<String>::new());
    subject.store().append(vec![record("b")]).await.unwrap();
    assert_eq!(documents_of(&subject, trace(1)).await, ["b"]);
    assert!(!path.exists(), "there was nothing in it");
    assert!(path.with_file_name("14-001.log").exists());
}

#[tokio::test]
async fn what_is_old_is_dropped_while_nothing_can_be_written_and_makes_room() {
    // the two documents take the first ten calls, and the second write after them fails for long
    let files = Faulty::new(12..10_000, Manner::Refuse);
    let mut subject = Embedded::with(1 << 20, Arc::clone(&files) as Arc<dyn Files>);
    append(&subject, trace(1), &["a"]).await;
    append(&subject, trace(1), &["b"]).await;
    append(&subject, trace(2), &["c"]).await;
    let record = Record {
        trace_id: trace(2),
        document: "d".to_owned(),
    };
    let refused = subject.store().append(vec![record]).await;
    assert!(
        matches!(refused, Err(StoreError::Unwritable)),
        "{refused:?}"
    );
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b"]);
    let aside = subject.log().with_extension("log.damaged");
    fs::write(&aside, "").unwrap();
    files.is_well.store(true, Ordering::SeqCst);
    subject.arrive_at(Timestamp::from_seconds(HOUR + 7200));
    subject
        .store()
        .drop_before(Timestamp::from_seconds(HOUR + 3600))
        .await
        .unwrap();
    subject.store().health().unwrap();
    assert!(!subject.log().exists() && !aside.exists());
    assert_eq!(documents_of(&subject, trace(2)).await, Vec::<String>::new());
    append(&subject, trace(2), &["e"]).await;
    subject.reopen().await;
    assert_eq!(documents_of(&subject, trace(2)).await, ["e"]);
}
