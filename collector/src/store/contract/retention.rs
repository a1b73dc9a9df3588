//! Promises about dropping by time of arrival. The suite moves arrivals by hours, so a store may have
//! partitions of an hour or less.

use radiograph_protocol::timestamp::Timestamp;

use super::sample::{HOUR, sum, trace, view};
use super::{Subject, all_totals, all_views, append, documents_of, put, unsettled};

fn arrive_at(subject: &mut dyn Subject, seconds: i64) {
    subject.arrive_at(Timestamp::from_seconds(seconds));
}

async fn drop_before(subject: &dyn Subject, seconds: i64) {
    subject
        .store()
        .drop_before(Timestamp::from_seconds(seconds))
        .await
        .unwrap();
}

/// What arrived at or after the time stays, and so does what was older but shares its partition.
pub async fn a_partition_is_dropped_when_all_of_it_is_older(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    append(subject, trace(1), &["old"]).await;
    arrive_at(subject, HOUR + 3600);
    append(subject, trace(1), &["new"]).await;
    drop_before(subject, HOUR).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["new", "old"]);
    drop_before(subject, HOUR + 3600).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["new"]);
    drop_before(subject, HOUR + 7200).await;
    assert_eq!(documents_of(subject, trace(1)).await, Vec::<String>::new());
}

/// Reopening brings nothing back.
pub async fn what_was_dropped_stays_away_after_reopening(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    append(subject, trace(1), &["old"]).await;
    put(subject, &[view(1, 1, HOUR)]).await;
    arrive_at(subject, HOUR + 3600);
    append(subject, trace(2), &["new"]).await;
    drop_before(subject, HOUR + 3600).await;
    subject.reopen().await;
    assert_eq!(documents_of(subject, trace(1)).await, Vec::<String>::new());
    assert_eq!(documents_of(subject, trace(2)).await, ["new"]);
    assert_eq!(all_views(subject).await, []);
    assert_eq!(all_totals(subject).await, sum(&[]));
}

/// A view is as old as its last version, whatever the time of its trace; totals follow.
pub async fn a_view_goes_with_the_partition_of_its_last_version(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    put(subject, &[view(1, 1, HOUR), view(2, 1, HOUR + 9000)]).await;
    arrive_at(subject, HOUR + 3600);
    put(subject, &[view(1, 2, HOUR)]).await;
    drop_before(subject, HOUR + 3600).await;
    assert_eq!(all_views(subject).await, [view(1, 2, HOUR)]);
    assert_eq!(all_totals(subject).await, sum(&[view(1, 2, HOUR)]));
    drop_before(subject, HOUR + 7200).await;
    assert_eq!(all_views(subject).await, []);
    assert_eq!(all_totals(subject).await, sum(&[]));
}

/// A dropped document is forgotten, and no repeat any more.
pub async fn a_document_dropped_with_its_partition_may_come_again(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    append(subject, trace(1), &["a"]).await;
    arrive_at(subject, HOUR + 3600);
    drop_before(subject, HOUR + 3600).await;
    append(subject, trace(1), &["a"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a"]);
    assert_eq!(unsettled(subject).await, [trace(1)].into());
}

/// A view that counts dropped documents gives way to one of those that are left, which counts fewer;
/// and a new document makes the trace unsettled though their number is the old view's again.
pub async fn a_trace_that_lost_documents_takes_a_view_of_the_rest(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    append(subject, trace(1), &["a"]).await;
    arrive_at(subject, HOUR + 3600);
    append(subject, trace(1), &["b"]).await;
    put(subject, &[view(1, 2, HOUR)]).await;
    drop_before(subject, HOUR + 3600).await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    append(subject, trace(1), &["c"]).await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    subject.reopen().await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    put(subject, &[view(1, 2, HOUR + 1)]).await;
    assert_eq!(unsettled(subject).await, [].into());

    arrive_at(subject, HOUR + 7200);
    append(subject, trace(1), &["d"]).await;
    put(subject, &[view(1, 3, HOUR + 2)]).await;
    drop_before(subject, HOUR + 7200).await;
    put(subject, &[view(1, 1, HOUR + 3)]).await;
    assert_eq!(all_views(subject).await, [view(1, 1, HOUR + 3)]);
    assert_eq!(unsettled(subject).await, [].into());
    subject.reopen().await;
    assert_eq!(all_views(subject).await, [view(1, 1, HOUR + 3)]);
}

/// A view that was put after the last document and counts as many as are left covers these, whatever
/// it was computed from.
pub async fn a_view_behind_what_is_left_covers_it(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    append(subject, trace(1), &["a"]).await;
    arrive_at(subject, HOUR + 3600);
    append(subject, trace(1), &["b"]).await;
    put(subject, &[view(1, 1, HOUR)]).await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    drop_before(subject, HOUR + 3600).await;
    assert_eq!(unsettled(subject).await, [].into());
}

/// A store that dropped even what is being written takes new documents in the same hour.
pub async fn a_store_goes_on_after_everything_was_dropped(subject: &mut dyn Subject) {
    arrive_at(subject, HOUR);
    append(subject, trace(1), &["a"]).await;
    put(subject, &[view(1, 1, HOUR)]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a"]);
    drop_before(subject, HOUR + 3600).await;
    append(subject, trace(2), &["b"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, Vec::<String>::new());
    assert_eq!(documents_of(subject, trace(2)).await, ["b"]);
    subject.reopen().await;
    assert_eq!(documents_of(subject, trace(2)).await, ["b"]);
    assert_eq!(all_views(subject).await, []);
}
