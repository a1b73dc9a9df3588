//! Random sessions on a store, compared after every step with the same on [`MemoryStore`].

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use radiograph_protocol::timestamp::Timestamp;

use super::memory::MemoryStore;
use super::sample::{HOUR, lasting, linking, trace};
use super::{
    Record, ScanRange, Subject, all_totals, all_views, append, documents_of, linking_to, put, scan,
    unsettled,
};

const TRACES: std::ops::Range<u32> = 0..4;

/// One step of a session.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Appends documents, as (trace, text).
    Append(Vec<(u32, u8)>),
    /// Puts a view of a trace with this revision, start and length, right or wrong.
    Put {
        trace: u32,
        revision: u32,
        start: i64,
        seconds: i64,
    },
    /// Puts a view with links to traces as they were with so many documents, right or wrong.
    Link {
        trace: u32,
        revision: u32,
        producers: Vec<(u32, u32)>,
    },
    /// Puts the view that a trace ought to have.
    Settle { trace: u32 },
    /// Time goes on by so many minutes.
    Wait { minutes: i64 },
    /// Drops what is older than so many minutes.
    Drop { minutes: i64 },
    /// Keeps these traces and drops the rest of what is older than so many minutes.
    Keep { traces: Vec<u32>, minutes: i64 },
    /// Closes and opens.
    Reopen,
}

/// Steps in proportion to what happens in life, but for retention and reopening.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let document = (TRACES, 0..5_u8);
    let step = prop_oneof![
        4 => prop::collection::vec(document, 1..4).prop_map(Step::Append),
        2 => (TRACES, 1..5_u32, 0..200_i64, 0..100_i64).prop_map(
            |(trace, revision, start, seconds)| Step::Put { trace, revision, start, seconds }
        ),
        2 => (TRACES, 1..4_u32, prop::collection::vec((TRACES, 0..4_u32), 1..4)).prop_map(
            |(trace, revision, producers)| Step::Link { trace, revision, producers }
        ),
        3 => TRACES.prop_map(|trace| Step::Settle { trace }),
        2 => (1..90_i64).prop_map(|minutes| Step::Wait { minutes }),
        1 => (-60..180_i64).prop_map(|minutes| Step::Drop { minutes }),
        2 => (prop::collection::vec(TRACES, 1..3), 0..120_i64)
            .prop_map(|(traces, minutes)| Step::Keep { traces, minutes }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..25)
}

/// The same steps with no document that comes twice, for stores that keep a repeat of what arrived long
/// before, so that it may stay when the first is dropped.
pub(crate) fn without_repeats(mut steps: Vec<Step>) -> Vec<Step> {
    let mut seen = BTreeSet::new();
    for step in &mut steps {
        if let Step::Append(documents) = step {
            documents.retain(|document| seen.insert(*document));
        }
    }
    steps
}

/// Does the steps on both and compares everything that can be asked after each.
pub(crate) async fn behaves_like_the_model(subject: &mut dyn Subject, steps: &[Step]) {
    let mut model = MemoryStore::default();
    let mut now = HOUR;
    subject.arrive_at(Timestamp::from_seconds(now));
    model.arrive_at(Timestamp::from_seconds(now));
    for step in steps {
        if let Step::Wait { minutes } = step {
            now += minutes * 60;
        }
        take(subject, step, now).await;
        take(&mut model, step, now).await;
        compare(subject, &model, step).await;
    }
}

async fn take(subject: &mut dyn Subject, step: &Step, now: i64) {
    match step {
        Step::Append(documents) => {
            let record = |(number, text): &(u32, u8)| Record {
                trace_id: trace(*number),
                document: text.to_string(),
            };
            let records = documents.iter().map(record).collect();
            subject.store().append(records).await.unwrap();
        }
        Step::Put {
            trace,
            revision,
            start,
            seconds,
        } => {
            put(
                subject,
                &[lasting(*trace, *revision, HOUR + start, *seconds)],
            )
            .await;
        }
        Step::Link {
            trace,
            revision,
            producers,
        } => {
            // as in life, one view takes a trace to be the same in all its links
            let producers: BTreeMap<u32, u32> = producers.iter().copied().collect();
            let producers: Vec<_> = producers.into_iter().collect();
            put(subject, &[linking(*trace, *revision, HOUR, &producers)]).await;
        }
        Step::Settle { trace: number } => {
            let count = documents_of(subject, trace(*number)).await.len();
            if let Ok(revision @ 1..) = u32::try_from(count) {
                put(subject, &[lasting(*number, revision, HOUR, 5)]).await;
            }
        }
        Step::Wait { .. } => subject.arrive_at(Timestamp::from_seconds(now)),
        Step::Drop { minutes } => {
            let time = Timestamp::from_seconds(now - minutes * 60);
            subject.store().drop_before(time).await.unwrap();
        }
        Step::Keep { traces, minutes } => keep(subject, traces, now - minutes * 60, now).await,
        Step::Reopen => subject.reopen().await,
    }
}

/// As retention does: keeps, settles what was kept, and drops.
async fn keep(subject: &dyn Subject, traces: &[u32], time: i64, now: i64) {
    // what is being written is not dropped under what is kept
    let time = Timestamp::from_seconds(time.min(now - now.rem_euclid(3600)));
    let traces: Vec<_> = traces.iter().copied().map(trace).collect();
    let kept = subject.store().keep(&traces, time).await.unwrap();
    for number in TRACES.filter(|number| kept.traces.contains(&trace(*number))) {
        let count = documents_of(subject, trace(number)).await.len();
        let revision = u32::try_from(count).unwrap();
        put(subject, &[lasting(number, revision, HOUR, 5)]).await;
    }
    subject.store().drop_before(time).await.unwrap();
}

async fn compare(subject: &dyn Subject, model: &MemoryStore, step: &Step) {
    for number in TRACES {
        let (found, expected) = (
            documents_of(subject, trace(number)).await,
            documents_of(model, trace(number)).await,
        );
        assert_eq!(
            found, expected,
            "documents of trace {number} after {step:?}"
        );
    }
    assert_eq!(
        all_views(subject).await,
        all_views(model).await,
        "views after {step:?}"
    );
    let window = (HOUR + 50, HOUR + 120);
    for range in [ScanRange::Started, ScanRange::Active] {
        let found = scan(subject, window, range, 2).await;
        assert_eq!(
            found,
            scan(model, window, range, 3).await,
            "{range:?} after {step:?}"
        );
    }
    assert_eq!(
        all_totals(subject).await,
        all_totals(model).await,
        "totals after {step:?}"
    );
    for producer in TRACES.map(trace) {
        let (found, expected) = (
            linking_to(subject, &[producer]).await,
            linking_to(model, &[producer]).await,
        );
        assert_eq!(found, expected, "linking to {producer} after {step:?}");
    }
    let (found, expected): (BTreeSet<_>, _) = (unsettled(subject).await, unsettled(model).await);
    assert_eq!(found, expected, "unsettled after {step:?}");
}

#[tokio::test]
#[should_panic(expected = "documents of trace 1")]
async fn a_store_that_loses_a_document_is_found_out() {
    /// Forgets everything when it is opened again.
    struct Forgetful(MemoryStore);

    #[async_trait::async_trait]
    impl Subject for Forgetful {
        fn store(&self) -> std::sync::Arc<dyn super::Store> {
            self.0.store()
        }

        async fn reopen(&mut self) {
            self.0 = MemoryStore::default();
        }

        fn arrive_at(&mut self, now: Timestamp) {
            self.0.arrive_at(now);
        }
    }

    let mut subject = Forgetful(MemoryStore::default());
    append(&subject, trace(2), &[]).await;
    behaves_like_the_model(&mut subject, &[Step::Append(vec![(1, 1)]), Step::Reopen]).await;
}
