//! Promises about what is brought out of partitions before they are dropped.

use std::collections::BTreeSet;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::sample::{HOUR, sum, trace, view};
use super::{Subject, all_totals, all_views, append, documents_of, put, unsettled};
use crate::store::Kept;

/// Hours behind [`HOUR`], as epoch time.
fn hour(hours: i64) -> Timestamp {
    Timestamp::from_seconds(HOUR + hours * 3600)
}

async fn keep(subject: &dyn Subject, traces: &[TraceId], time: Timestamp) -> Kept {
    subject.store().keep(traces, time).await.unwrap()
}

async fn drop_before(subject: &dyn Subject, time: Timestamp) {
    subject.store().drop_before(time).await.unwrap();
}

/// Only what was asked for, all of it, and nothing of others.
pub async fn what_is_kept_stays_and_the_rest_is_dropped(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "bc"]).await;
    append(subject, trace(2), &["d"]).await;
    subject.arrive_at(hour(1));
    let asked = [trace(1), trace(9), trace(1)];
    let kept = keep(subject, &asked, hour(1)).await;
    let expected = Kept {
        traces: vec![trace(1)],
        documents: 2,
        bytes: 3,
    };
    assert_eq!(kept, expected);
    drop_before(subject, hour(1)).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "bc"]);
    assert_eq!(documents_of(subject, trace(2)).await, Vec::<String>::new());
}

/// Before the drop, after it, and whenever the store is closed in between.
pub async fn what_is_kept_is_there_once_and_survives_reopening(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "b"]).await;
    subject.arrive_at(hour(1));
    keep(subject, &[trace(1)], hour(1)).await;
    for _ in 0..2 {
        assert_eq!(documents_of(subject, trace(1)).await, ["a", "b"]);
        let counts = subject.store().document_counts(&[trace(1)]).await.unwrap();
        assert_eq!(counts, [2]);
        subject.reopen().await;
    }
    drop_before(subject, hour(1)).await;
    for _ in 0..2 {
        assert_eq!(documents_of(subject, trace(1)).await, ["a", "b"]);
        subject.reopen().await;
    }
}

/// Nothing is copied that stands in a partition that stays.
pub async fn keeping_again_or_what_is_young_changes_nothing(subject: &mut dyn Subject) {
    subject.arrive_at(hour(0));
    append(subject, trace(1), &["a"]).await;
    let nothing = Kept::default();
    assert_eq!(keep(subject, &[trace(1)], hour(0)).await, nothing);
    subject.arrive_at(hour(1));
    append(subject, trace(2), &["b"]).await;
    assert_eq!(keep(subject, &[trace(1)], hour(1)).await.documents, 1);
    assert_eq!(keep(subject, &[trace(1), trace(2)], hour(1)).await, nothing);
    subject.reopen().await;
    assert_eq!(keep(subject, &[trace(1), trace(2)], hour(1)).await, nothing);
    assert_eq!(keep(subject, &[], hour(1)).await, nothing);
}

/// A sender that repeats itself does not find the trace forgotten.
pub async fn a_kept_document_that_comes_again_is_a_repeat(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    subject.arrive_at(hour(1));
    keep(subject, &[trace(1)], hour(1)).await;
    append(subject, trace(1), &["a"]).await;
    drop_before(subject, hour(1)).await;
    append(subject, trace(1), &["a", "b"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b"]);
}

/// A view is not kept with its documents, and is missed.
pub async fn a_kept_trace_is_unsettled_once_its_view_is_dropped(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    put(subject, &[view(1, 1, HOUR)]).await;
    subject.arrive_at(hour(1));
    keep(subject, &[trace(1)], hour(1)).await;
    drop_before(subject, hour(1)).await;
    assert_eq!(all_views(subject).await, []);
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    put(subject, &[view(1, 1, HOUR)]).await;
    for _ in 0..2 {
        assert_eq!(unsettled(subject).await, [].into());
        assert_eq!(all_views(subject).await, [view(1, 1, HOUR)]);
        subject.reopen().await;
    }
}

/// What retention does leaves no gap in the answers about a kept trace, and nothing of others.
pub async fn views_and_totals_of_a_kept_trace_that_is_settled_are_unchanged(
    subject: &mut dyn Subject,
) {
    append(subject, trace(1), &["a"]).await;
    append(subject, trace(2), &["b"]).await;
    put(subject, &[view(1, 1, HOUR), view(2, 1, HOUR)]).await;
    subject.arrive_at(hour(1));
    keep(subject, &[trace(1)], hour(1)).await;
    assert_eq!(all_views(subject).await.len(), 2);
    put(subject, &[view(1, 1, HOUR)]).await;
    let both = sum(&[view(1, 1, HOUR), view(2, 1, HOUR)]);
    assert_eq!(all_totals(subject).await, both);
    drop_before(subject, hour(1)).await;
    for _ in 0..2 {
        assert_eq!(all_views(subject).await, [view(1, 1, HOUR)]);
        assert_eq!(all_totals(subject).await, sum(&[view(1, 1, HOUR)]));
        assert_eq!(unsettled(subject).await, [].into());
        subject.reopen().await;
    }
}

/// The part that is old is copied, and the part that is young is not.
pub async fn a_trace_in_old_and_young_partitions_is_kept_whole(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    subject.arrive_at(hour(1));
    append(subject, trace(1), &["b"]).await;
    subject.arrive_at(hour(2));
    append(subject, trace(1), &["c"]).await;
    put(subject, &[view(1, 3, HOUR)]).await;
    assert_eq!(keep(subject, &[trace(1)], hour(2)).await.documents, 2);
    put(subject, &[view(1, 3, HOUR)]).await;
    drop_before(subject, hour(2)).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b", "c"]);
    assert_eq!(all_views(subject).await, [view(1, 3, HOUR)]);
    assert_eq!(unsettled(subject).await, [].into());
}

/// Whatever the size of its pages; a start that is told is that of the view.
pub async fn a_walk_meets_every_trace_that_is_to_lose_something(subject: &mut dyn Subject) {
    subject.arrive_at(hour(0));
    for number in [3, 1, 2] {
        append(subject, trace(number), &["a"]).await;
        put(subject, &[view(number, 1, HOUR + i64::from(number))]).await;
    }
    subject.arrive_at(hour(1));
    append(subject, trace(2), &["b"]).await;
    append(subject, trace(4), &["a"]).await;
    subject.arrive_at(hour(2));
    append(subject, trace(5), &["a"]).await;
    for traces_max in [1, 2, 100] {
        for (time, expected) in [
            (hour(0), &[][..]),
            (hour(1), &[1, 2, 3]),
            (hour(2), &[1, 2, 3, 4]),
        ] {
            let mut found = BTreeSet::new();
            let mut after = None;
            loop {
                let store = subject.store();
                let page = store.doomed(time, after, traces_max).await.unwrap();
                assert!(page.traces.len() <= traces_max, "{page:?}");
                for doomed in page.traces {
                    let number = doomed.trace_id.bits().to_le_bytes()[0];
                    let start = Timestamp::from_seconds(HOUR + i64::from(number));
                    assert!(doomed.start.is_none_or(|told| told == start), "{doomed:?}");
                    found.insert(doomed.trace_id);
                }
                assert!(page.next.is_none() || page.next > after, "it gets on");
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let expected: BTreeSet<_> = expected.iter().copied().map(trace).collect();
            assert_eq!(found, expected, "before {time:?} by {traces_max}");
        }
    }
}

/// A copy is as old as its copying.
pub async fn what_was_kept_is_dropped_in_its_turn(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    subject.arrive_at(hour(1));
    keep(subject, &[trace(1)], hour(1)).await;
    drop_before(subject, hour(1)).await;
    subject.arrive_at(hour(2));
    assert_eq!(keep(subject, &[trace(1)], hour(2)).await.documents, 1);
    drop_before(subject, hour(2)).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a"]);
    drop_before(subject, hour(3)).await;
    assert_eq!(documents_of(subject, trace(1)).await, Vec::<String>::new());
}
