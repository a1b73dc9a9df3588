//! What every store promises, as a suite: one function per promise of [`Store`], run for each backend
//! by [`store_contract!`](crate::store_contract). A backend that cannot keep one says so by name.
//!
//! What a crash may do to a store is the backend's own affair and tested there; here a store is
//! closed and opened again.

#![cfg_attr(
    not(test),
    expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a suite of tests"
    )
)]
#![expect(
    clippy::missing_panics_doc,
    reason = "tests panic when a promise is not kept"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::{Record, ScanRange, Store, ViewScan};
use crate::trace::totals::MinuteTotals;
use crate::trace::view::TraceView;

pub mod documents;
pub mod keeping;
pub mod links;
#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
pub(crate) mod model;
pub mod retention;
pub mod sample;
pub mod state;
pub mod views;

/// A store under test that can be closed and opened again, with a clock that the test moves.
#[async_trait]
pub trait Subject: Send {
    /// The store; a new one after each reopening.
    fn store(&self) -> Arc<dyn Store>;

    /// Closes the store and opens it again.
    async fn reopen(&mut self);

    /// From now on this is the time at which things arrive.
    fn arrive_at(&mut self, now: Timestamp);
}

/// Makes a test of every promise: `store_contract!(make_subject())`.
#[macro_export]
macro_rules! store_contract {
    ($subject:expr) => {
        $crate::store_contract!(@tests $subject, documents:
            appended_documents_are_found_by_trace,
            appended_documents_survive_reopening,
            a_repeated_document_is_stored_once,
            the_same_text_in_two_traces_is_two_documents,
            unknown_and_repeated_ids_leave_the_answer_alone,
            documents_of_any_size_and_script_come_back_as_they_were,
            an_empty_append_returns_at_once,
            concurrent_appends_are_all_kept);
        $crate::store_contract!(@tests $subject, views:
            views_come_newest_first,
            pages_join_up_to_the_whole,
            a_filter_loses_no_match,
            traces_that_started_together_are_told_apart,
            a_window_ends_before_its_end,
            an_active_scan_finds_a_long_trace,
            a_contributing_scan_finds_what_began_before_its_trace,
            a_view_replaces_the_earlier_one_in_views_and_totals,
            a_view_of_a_lower_revision_is_ignored,
            one_call_may_bring_several_views_of_a_trace,
            totals_cover_the_minutes_of_the_window,
            views_survive_reopening,
            unsettled_are_traces_whose_view_misses_documents);
        $crate::store_contract!(@tests $subject, links:
            documents_are_counted,
            traces_with_stale_links_are_found_by_what_they_link_to,
            a_view_of_equal_revision_replaces_its_links,
            a_trace_that_links_to_itself_is_not_found_by_that,
            traces_that_link_to_each_other_are_told_apart,
            a_dropped_trace_makes_those_unsettled_that_link_to_it);
        $crate::store_contract!(@tests $subject, retention:
            a_partition_is_dropped_when_all_of_it_is_older,
            what_was_dropped_stays_away_after_reopening,
            a_view_goes_with_the_partition_of_its_last_version,
            a_document_dropped_with_its_partition_may_come_again,
            a_trace_that_lost_documents_takes_a_view_of_the_rest,
            a_view_behind_what_is_left_covers_it,
            a_store_goes_on_after_everything_was_dropped);
        $crate::store_contract!(@tests $subject, keeping:
            what_is_kept_stays_and_the_rest_is_dropped,
            what_is_kept_is_there_once_and_survives_reopening,
            keeping_again_or_what_is_young_changes_nothing,
            a_kept_document_that_comes_again_is_a_repeat,
            a_kept_trace_is_unsettled_once_its_view_is_dropped,
            views_and_totals_of_a_kept_trace_that_is_settled_are_unchanged,
            a_trace_in_old_and_young_partitions_is_kept_whole,
            a_walk_meets_every_trace_that_is_to_lose_something,
            what_was_kept_is_dropped_in_its_turn);
        $crate::store_contract!(@tests $subject, state:
            an_unknown_record_is_not_there,
            a_record_counts_its_versions,
            a_record_changed_meanwhile_is_not_overwritten,
            of_concurrent_writers_of_one_version_one_wins,
            records_survive_reopening);
    };
    (@tests $subject:expr, $part:ident: $($promise:ident),*) => {
        mod $part {
            use super::*;
            $(
                #[tokio::test]
                async fn $promise() {
                    $crate::store::contract::$part::$promise(&mut $subject).await;
                }
            )*
        }
    };
}

/// Appends documents to one trace.
pub async fn append(subject: &dyn Subject, trace_id: TraceId, documents: &[&str]) {
    let record = |document: &&str| Record {
        trace_id,
        document: (*document).to_owned(),
    };
    subject
        .store()
        .append(documents.iter().map(record).collect())
        .await
        .unwrap();
}

/// Puts views, none of which is too large.
pub async fn put(subject: &dyn Subject, views: &[TraceView]) {
    let oversized = subject.store().put_views(views.to_vec()).await.unwrap();
    assert_eq!(oversized, []);
}

/// The documents of one trace, sorted.
pub async fn documents_of(subject: &dyn Subject, trace_id: TraceId) -> Vec<String> {
    let mut found = subject.store().documents(&[trace_id]).await.unwrap();
    assert!(found.len() <= 1, "one answer per trace at most");
    let Some(found) = found.pop() else {
        return Vec::new();
    };
    assert_eq!(found.trace_id, trace_id);
    assert_ne!(
        found.documents,
        Vec::<String>::new(),
        "an answer is never empty"
    );
    let mut documents = found.documents;
    documents.sort();
    documents
}

/// All views of a window, read in pages of this size.
pub async fn scan(
    subject: &dyn Subject,
    (start, end): (i64, i64),
    range: ScanRange,
    views_max: usize,
) -> Vec<TraceView> {
    let (start, end) = (Timestamp::from_seconds(start), Timestamp::from_seconds(end));
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let scan = ViewScan {
            start,
            end,
            range,
            after,
            views_max,
            filter: None,
        };
        let page = subject.store().views(scan).await.unwrap();
        assert!(
            page.views.len() <= views_max,
            "a page holds views_max views at most"
        );
        found.extend(page.views.iter().map(|view| (**view).clone()));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Every view there is, newest first.
pub async fn all_views(subject: &dyn Subject) -> Vec<TraceView> {
    scan(
        subject,
        (i64::MIN / 1_000_000, i64::MAX / 1_000_000),
        ScanRange::Started,
        100,
    )
    .await
}

/// The totals of a window in epoch seconds.
pub async fn totals(subject: &dyn Subject, start: i64, end: i64) -> MinuteTotals {
    let (start, end) = (Timestamp::from_seconds(start), Timestamp::from_seconds(end));
    subject.store().totals(start, end).await.unwrap()
}

/// The totals of all time. Their spans of time are made alike, since a store need not narrow them
/// again when a view is replaced.
pub async fn all_totals(subject: &dyn Subject) -> MinuteTotals {
    let all = subject
        .store()
        .totals(Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    sample::without_spans(all)
}

/// The traces whose stale links lead to one of these.
pub async fn linking_to(subject: &dyn Subject, traces: &[TraceId]) -> BTreeSet<TraceId> {
    let linking = subject.store().linking_to(traces).await.unwrap();
    let set: BTreeSet<_> = linking.iter().copied().collect();
    assert_eq!(set.len(), linking.len(), "a linking trace is there once");
    set
}

/// The unsettled traces.
pub async fn unsettled(subject: &dyn Subject) -> BTreeSet<TraceId> {
    let unsettled = subject.store().unsettled().await.unwrap();
    let set: BTreeSet<_> = unsettled.iter().copied().collect();
    assert_eq!(set.len(), unsettled.len(), "a trace is unsettled once");
    set
}
