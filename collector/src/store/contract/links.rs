//! Promises about views that link to other traces.

use std::collections::BTreeSet;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::sample::{HOUR, linking, sum, trace, view};
use super::{Subject, all_totals, all_views, append, linking_to, put, unsettled};

fn traces<const N: usize>(numbers: [u32; N]) -> BTreeSet<TraceId> {
    numbers.map(trace).into()
}

/// Documents are counted by trace, in the order asked for.
pub async fn documents_are_counted(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "b"]).await;
    append(subject, trace(2), &["a", "a"]).await;
    let store = subject.store();
    let asked = [trace(2), trace(9), trace(1), trace(2)];
    assert_eq!(store.document_counts(&asked).await.unwrap(), [1, 0, 2, 1]);
    assert_eq!(store.document_counts(&[]).await.unwrap(), [0; 0]);
}

/// A trace that links to another is found there while its view takes that one to have another number
/// of documents than it has, and unsettled as long.
pub async fn traces_with_stale_links_are_found_by_what_they_link_to(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    append(subject, trace(2), &["a"]).await;
    append(subject, trace(3), &["a"]).await;
    let views = [
        linking(1, 1, HOUR, &[(9, 0), (8, 0)]),
        linking(2, 1, HOUR, &[(9, 1), (9, 1)]),
        view(3, 1, HOUR),
    ];
    put(subject, &views).await;
    for _ in 0..2 {
        assert_eq!(linking_to(subject, &[trace(9)]).await, traces([2]));
        assert_eq!(linking_to(subject, &[trace(8), trace(3)]).await, traces([]));
        assert_eq!(unsettled(subject).await, traces([2]));
        subject.reopen().await;
    }
    append(subject, trace(9), &["a"]).await;
    append(subject, trace(8), &["a", "b"]).await;
    for _ in 0..2 {
        assert_eq!(linking_to(subject, &[trace(9)]).await, traces([1]));
        let both = [trace(9), trace(8), trace(9)];
        assert_eq!(linking_to(subject, &both).await, traces([1]));
        assert_eq!(unsettled(subject).await, traces([1, 8, 9]));
        subject.reopen().await;
    }
}

/// A view of the same documents replaces the one before, since a trace it links to has changed; its
/// former links count no more, in the totals either.
pub async fn a_view_of_equal_revision_replaces_its_links(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    append(subject, trace(9), &["a"]).await;
    put(
        subject,
        &[linking(1, 1, HOUR, &[(9, 0), (8, 3)]), view(9, 1, HOUR)],
    )
    .await;
    assert_eq!(unsettled(subject).await, traces([1]));
    let settled = [view(9, 1, HOUR), linking(1, 1, HOUR, &[(9, 1)])];
    put(subject, &settled[1..]).await;
    for _ in 0..2 {
        assert_eq!(unsettled(subject).await, traces([]));
        assert_eq!(linking_to(subject, &[trace(8), trace(9)]).await, traces([]));
        assert_eq!(all_views(subject).await, settled);
        assert_eq!(all_totals(subject).await, sum(&settled));
        subject.reopen().await;
    }
}

/// A link to its own trace says nothing that the trace's documents do not.
pub async fn a_trace_that_links_to_itself_is_not_found_by_that(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    put(subject, &[linking(1, 1, HOUR, &[(1, 7)])]).await;
    assert_eq!(linking_to(subject, &[trace(1)]).await, traces([]));
    assert_eq!(unsettled(subject).await, traces([]));
}

/// Two that link to each other are found until each knows the other as it is.
pub async fn traces_that_link_to_each_other_are_told_apart(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    append(subject, trace(2), &["a", "b"]).await;
    put(
        subject,
        &[
            linking(1, 1, HOUR, &[(2, 1)]),
            linking(2, 2, HOUR, &[(1, 1)]),
        ],
    )
    .await;
    assert_eq!(
        linking_to(subject, &[trace(1), trace(2)]).await,
        traces([1])
    );
    put(subject, &[linking(1, 1, HOUR, &[(2, 2)])]).await;
    assert_eq!(linking_to(subject, &[trace(1), trace(2)]).await, traces([]));
    assert_eq!(unsettled(subject).await, traces([]));
}

/// Dropping a trace that others link to makes these unsettled; one that lost its own documents has
/// nothing to be settled from, and is not.
pub async fn a_dropped_trace_makes_those_unsettled_that_link_to_it(subject: &mut dyn Subject) {
    subject.arrive_at(Timestamp::from_seconds(HOUR));
    append(subject, trace(9), &["a"]).await;
    append(subject, trace(1), &["a"]).await;
    put(subject, &[view(9, 1, HOUR)]).await;
    subject.arrive_at(Timestamp::from_seconds(HOUR + 3600));
    append(subject, trace(2), &["a"]).await;
    put(
        subject,
        &[
            linking(1, 1, HOUR, &[(9, 1)]),
            linking(2, 1, HOUR, &[(9, 1)]),
        ],
    )
    .await;
    assert_eq!(unsettled(subject).await, traces([]));
    let hour = Timestamp::from_seconds(HOUR + 3600);
    subject.store().drop_before(hour).await.unwrap();
    for _ in 0..2 {
        assert_eq!(linking_to(subject, &[trace(9)]).await, traces([2]));
        assert_eq!(unsettled(subject).await, traces([2]));
        subject.reopen().await;
    }
    put(subject, &[linking(2, 1, HOUR, &[(9, 0)])]).await;
    assert_eq!(unsettled(subject).await, traces([]));
}
