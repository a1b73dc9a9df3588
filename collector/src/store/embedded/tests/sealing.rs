//! What is promised of the store holds whatever is sealed, merged and cold: the whole suite over data
//! that is sealed after every write, the model over random mixtures; and what sealing itself promises.

use std::sync::atomic::AtomicU32;

use super::*;
use crate::store::contract::model::Step;
use crate::store::contract::{all_totals, sample};

/// What is done after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Everything is sealed.
    Seal,
    /// And merged.
    Merge,
    /// And old.
    Cool,
    /// Merged by days, whatever share of the store one is.
    MergeDays,
    /// One of these, or nothing, by turns.
    Vary,
}

/// A store whose data is sealed after each write.
pub(super) struct Sealing {
    inner: Embedded,
    then: Then,
    writes: Arc<AtomicU32>,
}

impl Sealing {
    fn new(then: Then) -> Self {
        Self::with_cache(then, 32 << 20)
    }

    pub(super) fn with_cache(then: Then, cache_bytes_max: u64) -> Self {
        Self {
            inner: Embedded::with(cache_bytes_max, Arc::new(SystemFiles)),
            then,
            writes: Arc::default(),
        }
    }
}

#[async_trait]
impl Subject for Sealing {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(SealedStore {
            inner: Arc::clone(self.inner.store.as_ref().unwrap()),
            then: self.then,
            writes: Arc::clone(&self.writes),
        })
    }

    async fn reopen(&mut self) {
        self.inner.reopen().await;
        let report = self.inner.embedded().recovery_report();
        assert_eq!((report.sealed_damaged, report.sealed_lost), (0, 0));
    }

    fn arrive_at(&mut self, now: Timestamp) {
        self.inner.arrive_at(now);
    }
}

struct SealedStore {
    inner: Arc<EmbeddedStore>,
    then: Then,
    writes: Arc<AtomicU32>,
}

impl SealedStore {
    async fn after_write(&self) {
        let write = self.writes.fetch_add(1, Ordering::SeqCst);
        let (and_merge, now) = match (self.then, write % 7) {
            (Then::Seal, _) | (Then::Vary, 1) => (false, Timestamp::MIN),
            (Then::Merge, _) | (Then::Vary, 3) => (true, Timestamp::MIN),
            (Then::Cool, _) | (Then::Vary, 6) => (true, Timestamp::MAX),
            (Then::MergeDays, _) => {
                seal_all(&self.inner, false, Timestamp::MIN).await;
                let sealer = self.inner.sealer.clone();
                let merging = tokio::task::spawn_blocking(move || sealer.merge_day_whole());
                return merging.await.unwrap().unwrap();
            }
            (Then::Vary, _) => return,
        };
        seal_all(&self.inner, and_merge, now).await;
    }
}

pub(super) async fn seal_all(store: &EmbeddedStore, and_merge: bool, now: Timestamp) {
    let sealer = store.sealer.clone();
    let sealing = tokio::task::spawn_blocking(move || sealer.seal_all(and_merge, now));
    sealing.await.unwrap().unwrap();
}

#[async_trait]
impl Store for SealedStore {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.inner.append(records).await?;
        self.after_write().await;
        Ok(())
    }

    async fn documents(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceDocuments>, StoreError> {
        self.inner.documents(trace_ids).await
    }

    async fn document_counts(&self, trace_ids: &[TraceId]) -> Result<Vec<u32>, StoreError> {
        self.inner.document_counts(trace_ids).await
    }

    async fn put_views(&self, views: Vec<TraceView>) -> Result<Vec<OversizedView>, StoreError> {
        let oversized = self.inner.put_views(views).await?;
        self.after_write().await;
        Ok(oversized)
    }

    async fn views(&self, scan: ViewScan) -> Result<ViewPage, StoreError> {
        self.inner.views(scan).await
    }

    async fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MinuteTotals, StoreError> {
        self.inner.totals(start, end).await
    }

    async fn minutes(
        &self,
        start: Timestamp,
        end: Timestamp,
        wanted: Wanted,
    ) -> Result<Totals, StoreError> {
        self.inner.minutes(start, end, wanted).await
    }

    async fn linking_to(&self, trace_ids: &[TraceId]) -> Result<Vec<TraceId>, StoreError> {
        self.inner.linking_to(trace_ids).await
    }

    async fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
        self.inner.unsettled().await
    }

    async fn drop_before(&self, time: Timestamp) -> Result<(), StoreError> {
        self.inner.drop_before(time).await
    }

    async fn doomed(
        &self,
        time: Timestamp,
        after: Option<DoomedPlace>,
        traces_max: usize,
    ) -> Result<DoomedPage, StoreError> {
        self.inner.doomed(time, after, traces_max).await
    }

    async fn keep(&self, trace_ids: &[TraceId], time: Timestamp) -> Result<Kept, StoreError> {
        let kept = self.inner.keep(trace_ids, time).await?;
        self.after_write().await;
        Ok(kept)
    }

    async fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
        self.inner.state(key).await
    }

    async fn put_state(&self, key: &str, expected: u64, value: Vec<u8>) -> Result<u64, StoreError> {
        self.inner.put_state(key, expected, value).await
    }

    fn health(&self) -> Result<(), StoreError> {
        self.inner.health()
    }
}

mod sealed_contract {
    use super::{Sealing, Then};

    crate::store_contract!(Sealing::new(Then::Seal));
}

mod merged_contract {
    use super::{Sealing, Then};

    crate::store_contract!(Sealing::new(Then::Merge));
}

mod cold_contract {
    use super::{Sealing, Then};

    crate::store_contract!(Sealing::new(Then::Cool));
}

/// Steps without some.
pub(super) fn leaving_out(steps: Vec<Step>, is_out: fn(&Step) -> bool) -> Vec<Step> {
    steps.into_iter().filter(|step| !is_out(step)).collect()
}

pub(super) fn compare_with_model(then: Then, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(model::behaves_like_the_model(
        &mut Sealing::new(then),
        steps,
    ));
}

fn any_manner() -> impl Strategy<Value = Then> {
    prop_oneof![
        Just(Then::Seal),
        Just(Then::Merge),
        Just(Then::Cool),
        Just(Then::Vary),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_sealed_sessions_behave_like_the_model(
        steps in model::steps(),
        then in any_manner(),
    ) {
        let steps = leaving_out(steps, |step| matches!(step, Step::Drop { .. } | Step::Keep { .. }));
        compare_with_model(then, &steps);
    }

    /// Which traces lost documents to retention is not told by a reopened store, whose caller has asked
    /// right after dropping.
    #[test]
    fn property_sealed_sessions_with_retention_behave_like_the_model(
        steps in model::steps(),
        then in any_manner(),
    ) {
        let steps = leaving_out(steps, |step| matches!(step, Step::Reopen));
        compare_with_model(then, &model::without_repeats(steps));
    }
}

#[tokio::test]
async fn the_index_holds_nothing_of_what_was_sealed() {
    let mut subject = Embedded::new();
    append(&subject, trace(1), &["a", "b"]).await;
    put(&subject, &[view(1, 2, HOUR)]).await;
    seal_all(subject.embedded(), false, Timestamp::MIN).await;
    let log_dir = subject.dir.path().join("log");
    for _ in 0..2 {
        let shared = &subject.embedded().shared;
        assert_eq!(shared.index().traces().count(), 0);
        assert_eq!(shared.index().view_places(None), []);
        assert_eq!(shared.blocks.partitions().len(), 0);
        let names = ["2026-11-21/14-000.sealed"].map(|name| log_dir.join(name));
        assert_eq!(files_below(&log_dir), names);
        subject.reopen().await;
    }
    assert_eq!(subject.embedded().recovery_report().sealed, 1);
    append(&subject, trace(2), &["c"]).await;
    assert!(log_dir.join("2026-11-21/14-001.log").exists());
}

/// A store that closes logs at so many bytes of documents, and seals and merges in the background.
fn sealing_by_itself(seal_document_bytes: u64) -> Embedded {
    let mut subject = Embedded::new();
    subject.close();
    let options = Options {
        is_sealing: true,
        seal_document_bytes,
        ..subject.options()
    };
    let store = EmbeddedStore::open(subject.dir.path(), options).unwrap();
    subject.store = Some(Arc::new(store));
    subject
}

#[tokio::test]
async fn a_log_is_closed_when_it_is_full_and_settled_ones_are_sealed_by_themselves() {
    let mut subject = sealing_by_itself(100);
    for number in 1..=4 {
        append(&subject, trace(number), &[&"x".repeat(60)]).await;
    }
    let views = [1, 2, 3].map(|number| view(number, 1, HOUR));
    put(&subject, &views).await;
    // the first log waits for nothing, the second for the last trace
    until(|| subject.embedded().shared.index().parts.iter().count() == 1).await;
    put(&subject, &[view(4, 1, HOUR)]).await;
    until(|| subject.embedded().shared.index().parts.iter().count() == 2).await;
    subject.arrive_at(Timestamp::from_seconds(HOUR + 3600));
    until(|| subject.embedded().shared.blocks.partitions().is_empty()).await;
    let merged = subject.dir.path().join("log/2026-11-21/14-002-m1.sealed");
    until(|| merged.exists()).await;
    let names = || files_below(&subject.dir.path().join("log"));
    until(|| names() == [merged.clone()]).await;
    for number in 1..=4 {
        assert_eq!(documents_of(&subject, trace(number)).await.len(), 1);
    }
    assert_eq!(all_views(&subject).await.len(), 4);
}

#[tokio::test]
async fn a_log_is_closed_when_it_has_many_documents_however_short_they_are() {
    let subject = Embedded::new();
    let texts: Vec<_> = (1..1 << 16).map(|number: u32| number.to_string()).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let second = subject.log().with_file_name("14-001.log");
    append(&subject, trace(1), &texts).await;
    append(&subject, trace(1), &["has room yet"]).await;
    assert!(!second.exists());
    append(&subject, trace(1), &["has none any more"]).await;
    assert!(second.exists());
}

#[tokio::test]
async fn what_waits_to_be_merged_is_counted_until_it_is() {
    let subject = sealing_by_itself(u64::MAX);
    let unmerged = || subject.embedded().shared.index().parts.unmerged();
    for number in 1..=2 {
        append(&subject, trace(number), &["a"]).await;
        seal_all(subject.embedded(), false, Timestamp::MIN).await;
    }
    assert_eq!(unmerged(), 2);
    let waiting = subject.store().backlog() * f64::from(UNMERGED_FILES_MAX);
    assert!((waiting - 2.0).abs() < 0.001, "{waiting}");
    seal_all(subject.embedded(), true, Timestamp::MIN).await;
    append(&subject, trace(3), &["a"]).await;
    seal_all(subject.embedded(), false, Timestamp::MIN).await;
    assert_eq!(unmerged(), 1, "beside the merged one");
    // what is cold is merged by days, and not before its day is over
    seal_all(subject.embedded(), false, Timestamp::MAX).await;
    assert_eq!(unmerged(), 0);
}

#[tokio::test]
async fn what_a_dying_process_leaves_beside_sealed_files_is_removed() {
    let mut subject = Embedded::new();
    let day = subject.log().parent().unwrap().to_owned();
    append(&subject, trace(1), &["a"]).await;
    put(&subject, &[view(1, 1, HOUR)]).await;
    let log = fs::read(subject.log()).unwrap();
    seal_all(subject.embedded(), false, Timestamp::MIN).await;
    let sealed = fs::read(day.join("14-000.sealed")).unwrap();
    append(&subject, trace(1), &["b"]).await;
    put(&subject, &[view(1, 2, HOUR)]).await;
    seal_all(subject.embedded(), true, Timestamp::MIN).await;
    subject.close();
    // both died before they had removed what they replaced, and a third one over a half-made file
    fs::write(day.join("14.log"), log).unwrap();
    fs::write(day.join("14-000.sealed"), sealed).unwrap();
    fs::write(day.join("14-009.sealed.part"), "half").unwrap();
    subject.open();
    assert_eq!(files_below(&day), [day.join("14-001-m1.sealed")]);
    assert_eq!(documents_of(&subject, trace(1)).await, ["a", "b"]);
    let views = [view(1, 2, HOUR)];
    assert_eq!(all_views(&subject).await, views);
    assert_eq!(all_totals(&subject).await, sample::sum(&views));
}

#[tokio::test]
async fn a_damaged_block_of_a_sealed_file_is_an_error_and_a_lost_file_is_reported() {
    let mut subject = Embedded::new();
    let path = subject.log().with_file_name("14-000.sealed");
    append(&subject, trace(1), &["a"]).await;
    seal_all(subject.embedded(), false, Timestamp::MIN).await;
    append(&subject, trace(2), &["b"]).await;
    subject.close();
    let mut bytes = fs::read(&path).unwrap();
    // within the first block, which the header of the file stands before
    bytes[80] ^= 1;
    fs::write(&path, &bytes).unwrap();
    subject.open();
    let refused = subject.store().documents(&[trace(1)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    assert_eq!(documents_of(&subject, trace(2)).await, ["b"]);
    subject.close();
    fs::write(&path, vec![0; bytes.len()]).unwrap();
    subject.open();
    let report = subject.embedded().recovery_report();
    assert_eq!((report.sealed, report.sealed_lost), (0, 1));
    assert!(path.exists(), "for a person to look at");
    assert_eq!(documents_of(&subject, trace(2)).await, ["b"]);
    append(&subject, trace(3), &["c"]).await;
}

#[tokio::test]
async fn a_damaged_log_is_sealed_without_what_cannot_be_read_and_set_aside() {
    let mut subject = Embedded::new();
    append(&subject, trace(1), &["a"]).await;
    append(&subject, trace(2), &["b"]).await;
    subject.close();
    let mut bytes = fs::read(subject.log()).unwrap();
    // the payload of the first block
    bytes[40] ^= 1;
    fs::write(subject.log(), bytes).unwrap();
    subject.open();
    assert_eq!(subject.embedded().recovery_report().regions_damaged, 1);
    seal_all(subject.embedded(), false, Timestamp::MIN).await;
    assert_eq!(documents_of(&subject, trace(1)).await, Vec::<String>::new());
    assert_eq!(documents_of(&subject, trace(2)).await, ["b"]);
    assert!(subject.log().with_file_name("14.log.damaged").exists());
    subject.reopen().await;
    assert_eq!(documents_of(&subject, trace(2)).await, ["b"]);
}

#[tokio::test]
async fn traces_sealed_with_views_of_another_release_are_settled_again() {
    let mut subject = Embedded::new();
    subject.close();
    let path = subject.log().with_file_name("14-000.sealed");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    sealed::tests::of_another_view_format(&path);
    subject.open();
    assert_eq!(subject.embedded().recovery_report().sealed_outdated, 1);
    assert_eq!(documents_of(&subject, trace(1)).await, ["a"]);
    assert_eq!(all_views(&subject).await, []);
    assert_eq!(subject.embedded().outdated(0).unwrap(), []);
    assert_eq!(subject.embedded().outdated(9).unwrap(), [trace(1)]);
    put(&subject, &[view(1, 1, HOUR)]).await;
    for _ in 0..2 {
        assert_eq!(subject.embedded().outdated(9).unwrap(), []);
        assert_eq!(all_views(&subject).await, [view(1, 1, HOUR)]);
        assert_eq!(all_totals(&subject).await, sample::sum(&[view(1, 1, HOUR)]));
        seal_all(subject.embedded(), true, Timestamp::MIN).await;
        subject.reopen().await;
    }
}

/// Readers that ask again and again while everything is sealed and merged under their hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_miss_nothing_and_see_nothing_twice_while_sealing_goes_on() {
    let subject = Embedded::new();
    let is_done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let store = Arc::clone(subject.store.as_ref().unwrap());
    append(&subject, trace(1), &["a"]).await;
    put(&subject, &[view(1, 1, HOUR), view(2, 1, HOUR)]).await;
    let writing = tokio::spawn({
        let is_done = Arc::clone(&is_done);
        async move {
            for round in 0..20 {
                store.put_views(vec![view(2, 1, HOUR)]).await.unwrap();
                let record = Record {
                    trace_id: trace(1),
                    document: "a".to_owned(),
                };
                store.append(vec![record]).await.unwrap();
                seal_all(&store, round % 3 == 0, Timestamp::MIN).await;
            }
            is_done.store(true, Ordering::SeqCst);
        }
    });
    while !is_done.load(Ordering::SeqCst) {
        assert_eq!(documents_of(&subject, trace(1)).await, ["a"]);
        assert_eq!(
            all_views(&subject).await,
            [view(2, 1, HOUR), view(1, 1, HOUR)]
        );
        let views = [view(1, 1, HOUR), view(2, 1, HOUR)];
        assert_eq!(all_totals(&subject).await, sample::sum(&views));
    }
    writing.await.unwrap();
}

async fn until(is_so: impl Fn() -> bool) {
    let deadline = crate::clock::instant() + Duration::from_secs(60);
    while !is_so() {
        assert!(crate::clock::instant() < deadline, "waited in vain");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn digests_of_what_was_sealed_last_are_at_hand() {
    let subject = Embedded::new();
    let store = subject.embedded();
    append(&subject, trace(1), &["a", "b"]).await;
    append(&subject, trace(2), &["alone"]).await;
    put(&subject, &[view(2, 1, HOUR)]).await;
    let queue = Arc::clone(&store.queue);
    let closing = move || queue.tell(Work::CloseLog { at_once: true });
    tokio::task::spawn_blocking(closing).await.unwrap().unwrap();
    append(&subject, trace(1), &["c"]).await;
    put(&subject, &[view(1, 3, HOUR)]).await;
    seal_all(store, false, Timestamp::MIN).await;

    let parts = store.shared.index().parts.clone();
    let first = parts.iter().next().unwrap().name;
    let digests = [DocumentDigest::of("a"), DocumentDigest::of("b")];
    assert_eq!(
        store.shared.lately().of(first, trace(1)),
        Some(digests.to_vec())
    );
    assert_eq!(
        store.shared.lately().of(first, trace(2)),
        Some(vec![DocumentDigest::of("alone")]),
        "the next log may have more of it"
    );
    assert_eq!(store.shared.document_count(trace(1)).unwrap(), 3);
    assert!(unsettled(&subject).await.is_empty());
}
