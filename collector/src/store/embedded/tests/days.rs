//! Files of whole days, and blocks that are kept in memory: what is promised of the store holds with
//! them, and what they promise themselves.

use super::sealing::{Then, compare_with_model, leaving_out, seal_all};
use super::*;
use crate::store::contract::model::Step;
use crate::store::contract::{all_totals, sample};
use crate::store::embedded::sealer::Reach;

/// Files of the disk with as many bytes free as is said.
struct Crowded(AtomicI64);

impl Files for Crowded {
    fn free_bytes(&self, _: &Path) -> std::io::Result<u64> {
        Ok(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// Hours of a day in which something arrives.
const HOURS: [i64; 3] = [0, 10, 23];

/// Nine days with a trace in some hours, sealed by hours; the first trace has a document in all of them.
async fn nine_days(subject: &mut Embedded) {
    for number in 0..9 * 3_u32 {
        let (day, hour) = (i64::from(number / 3), HOURS[number as usize % 3]);
        subject.arrive_at(midnight(day).plus_micros(hour * 3_600_000_000));
        // what nothing compresses, so that a merge makes files no shorter than what stands in them
        let ids: Vec<_> = (0..600).map(|_| uuid::Uuid::new_v4().to_string()).collect();
        append(subject, trace(number + 2), &[&ids.concat()]).await;
        append(subject, trace(1), &[&format!("{number:02}")]).await;
        put(subject, &[view(number + 2, 1, HOUR + i64::from(number))]).await;
        seal_all(subject.embedded(), false, Timestamp::MIN).await;
    }
    subject.arrive_at(midnight(9));
}

fn midnight(days: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_219_200 + days * 86_400)
}

async fn merge_days(subject: &Embedded) {
    let sealer = subject.embedded().sealer.clone();
    let merging = tokio::task::spawn_blocking(move || sealer.merge_all(Reach::Days));
    merging.await.unwrap().unwrap();
}

fn names(subject: &Embedded) -> Vec<PathBuf> {
    let parts = subject.embedded().shared.index().parts.clone();
    let names = parts.iter().map(|part| PathBuf::from(part.name.relative()));
    names.collect()
}

#[tokio::test]
async fn days_that_are_over_become_one_file_and_answers_stay_the_same() {
    let mut subject = Embedded::new();
    nine_days(&mut subject).await;
    let views = all_views(&subject).await;
    let documents = documents_of(&subject, trace(1)).await;
    assert_eq!((views.len(), documents.len()), (9 * 3, 9 * 3));
    merge_days(&subject).await;
    for _ in 0..2 {
        let expected = (21..30).map(|day| PathBuf::from(format!("2026-11-{day}/23-000-m1.sealed")));
        assert_eq!(names(&subject), expected.collect::<Vec<_>>());
        assert_eq!(all_views(&subject).await, views);
        assert_eq!(documents_of(&subject, trace(1)).await, documents);
        assert_eq!(all_totals(&subject).await, sample::sum(&views));
        subject.reopen().await;
    }
}

#[tokio::test]
async fn a_day_is_dropped_when_all_of_it_is_older() {
    let mut subject = Embedded::new();
    nine_days(&mut subject).await;
    merge_days(&subject).await;
    let left = async |before: Timestamp| {
        subject.store().drop_before(before).await.unwrap();
        (names(&subject).len(), all_views(&subject).await.len())
    };
    assert_eq!(left(midnight(1).plus_micros(-1)).await, (9, 9 * 3));
    assert_eq!(left(midnight(1)).await, (8, 8 * 3));
    assert_eq!(left(midnight(3)).await, (6, 6 * 3));
    assert_eq!(documents_of(&subject, trace(1)).await.len(), 6 * 3);
    assert_eq!(documents_of(&subject, trace(2)).await, Vec::<String>::new());
    let views = all_views(&subject).await;
    assert_eq!(all_totals(&subject).await, sample::sum(&views));
}

#[tokio::test]
async fn a_merge_waits_while_the_disk_has_no_room() {
    let files = Arc::new(Crowded(AtomicI64::new(1000)));
    let mut subject = Embedded::with(32 << 20, Arc::clone(&files) as Arc<dyn Files>);
    nine_days(&mut subject).await;
    merge_days(&subject).await;
    assert_eq!(names(&subject).len(), 9 * 3);
    files.0.store(i64::MAX, Ordering::SeqCst);
    merge_days(&subject).await;
    assert_eq!(names(&subject).len(), 9);
}

#[tokio::test]
async fn a_merge_is_given_up_when_the_store_is_closed() {
    let mut subject = Embedded::new();
    nine_days(&mut subject).await;
    let sealer = subject.embedded().sealer.clone();
    sealer.is_stopped.store(true, Ordering::SeqCst);
    let given_up = tokio::task::spawn_blocking(move || sealer.merge_all(Reach::Days));
    let given_up = given_up.await.unwrap();
    assert!(matches!(given_up, Err(StoreError::Closed)), "{given_up:?}");
    let files = files_below(&subject.dir.path().join("log"));
    assert_eq!(files.len(), 9 * 3, "nothing half made is left");
    subject.reopen().await;
    assert_eq!(all_views(&subject).await.len(), 9 * 3);
}

#[tokio::test]
async fn a_block_that_is_kept_is_not_read_again_and_all_of_them_are_bounded() {
    let mut subject = Embedded::with(40_000, Arc::new(SystemFiles));
    let long = "x".repeat(10_000);
    let text = |number: u32| format!("{number}{long}");
    for number in 1..=9 {
        append(&subject, trace(number), &[&text(number)]).await;
        put(&subject, &[view(number, 1, HOUR)]).await;
        seal_all(subject.embedded(), false, Timestamp::MIN).await;
    }
    let cache = Arc::clone(subject.embedded().shared.blocks.cache());
    for round in 0..3 {
        for number in 1..=9 {
            let documents = documents_of(&subject, trace(number)).await;
            assert_eq!(documents, [text(number)], "round {round}");
            assert!(cache.bytes() <= 40_000, "{} bytes", cache.bytes());
        }
        assert_eq!(all_views(&subject).await.len(), 9);
    }
    assert!(cache.bytes() > 10_000, "{} bytes", cache.bytes());
    subject.close();
    subject.cache_bytes_max = 1 << 20;
    subject.open();
    assert_eq!(documents_of(&subject, trace(1)).await, [text(1)]);
    assert_eq!(all_views(&subject).await.len(), 9);
    for file in files_below(&subject.dir.path().join("log")) {
        fs::write(file, "").unwrap();
    }
    assert_eq!(documents_of(&subject, trace(1)).await, [text(1)]);
    assert_eq!(all_views(&subject).await.len(), 9);
    let unread = subject.store().documents(&[trace(2)]).await;
    assert!(unread.is_err(), "{unread:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Retention is by days then, which the model knows nothing of.
    #[test]
    fn property_sessions_merged_by_days_behave_like_the_model(steps in model::steps()) {
        let steps = leaving_out(steps, |step| matches!(step, Step::Drop { .. } | Step::Keep { .. }));
        compare_with_model(Then::MergeDays, &steps);
    }

    /// With a cache of a few blocks, some are read and some are kept.
    #[test]
    fn property_a_small_cache_changes_no_answer(
        steps in model::steps(),
        cache_bytes_max in 0..4_000_u64,
    ) {
        let steps = leaving_out(steps, |step| matches!(step, Step::Drop { .. } | Step::Keep { .. }));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut subject = sealing::Sealing::with_cache(Then::Vary, cache_bytes_max);
        runtime.block_on(model::behaves_like_the_model(&mut subject, &steps));
    }
}
