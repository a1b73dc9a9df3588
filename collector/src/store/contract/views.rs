//! Promises about views, totals and what is unsettled.

use std::sync::Arc;

use radiograph_protocol::timestamp::Timestamp;

use super::sample::{HOUR, lasting, sum, trace, view};
use super::{ScanRange, Subject, all_totals, all_views, append, put, scan, totals, unsettled};
use crate::filter::{Expression, parse};
use crate::store::ViewScan;
use crate::trace::view::TraceView;

/// Views are ordered by start, descending.
pub async fn views_come_newest_first(subject: &mut dyn Subject) {
    put(
        subject,
        &[view(1, 1, HOUR + 5), view(2, 1, HOUR + 9), view(3, 1, HOUR)],
    )
    .await;
    let expected = [view(2, 1, HOUR + 9), view(1, 1, HOUR + 5), view(3, 1, HOUR)];
    assert_eq!(all_views(subject).await, expected);
}

/// Pages of any size leave nothing out and repeat nothing; the last one ends the scan.
pub async fn pages_join_up_to_the_whole(subject: &mut dyn Subject) {
    let views: Vec<_> = (0..10)
        .map(|number| view(number, 1, HOUR + i64::from(number)))
        .collect();
    put(subject, &views).await;
    let newest_first: Vec<_> = views.into_iter().rev().collect();
    for range in [ScanRange::Started, ScanRange::Active] {
        for views_max in 1..=11 {
            let found = scan(subject, (HOUR, HOUR + 10), range, views_max).await;
            assert_eq!(found, newest_first, "{range:?}, pages of {views_max}");
        }
    }
}

/// Views with one start are ordered by trace id, descending, across pages too.
pub async fn traces_that_started_together_are_told_apart(subject: &mut dyn Subject) {
    put(
        subject,
        &[view(2, 1, HOUR), view(3, 1, HOUR), view(1, 1, HOUR)],
    )
    .await;
    let expected = [view(3, 1, HOUR), view(2, 1, HOUR), view(1, 1, HOUR)];
    assert_eq!(
        scan(subject, (HOUR, HOUR + 1), ScanRange::Started, 1).await,
        expected
    );
}

/// The window's start belongs to it, its end does not; an empty window holds nothing.
pub async fn a_window_ends_before_its_end(subject: &mut dyn Subject) {
    put(subject, &[view(1, 1, HOUR), view(2, 1, HOUR + 10)]).await;
    let started = |window| scan(subject, window, ScanRange::Started, 10);
    assert_eq!(started((HOUR, HOUR + 10)).await, [view(1, 1, HOUR)]);
    assert_eq!(
        started((HOUR + 1, HOUR + 11)).await,
        [view(2, 1, HOUR + 10)]
    );
    assert_eq!(started((HOUR, HOUR)).await, []);
    assert_eq!(started((HOUR + 10, HOUR)).await, []);
}

/// With a filter every view that matches is there, in its place, and at most those that are without one:
/// in pages of any size, which may be short but come to an end.
pub async fn a_filter_loses_no_match(subject: &mut dyn Subject) {
    let views: Vec<_> = (0..40_u32)
        .map(|number| {
            let mut view = view(number, 1, HOUR + i64::from(number));
            view.summary.is_partial = number % 3 == 0;
            view
        })
        .collect();
    for views in views.chunks(9) {
        put(subject, views).await;
    }
    for (text, step) in [
        ("", 1),
        ("partial", 3),
        ("partial AND responsetime > 1000000", 40),
    ] {
        let filter = parse(text, |_| None).unwrap();
        let matching = |view: &TraceView| filter.matches(view);
        let expected: Vec<_> = views.iter().rev().filter(|view| matching(view)).collect();
        assert!(
            step == 40 || expected.len() == 40_usize.div_ceil(step),
            "{text}"
        );
        for views_max in [1, 7, 100] {
            let found = matches(subject, &filter, views_max).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }
}

async fn matches(subject: &dyn Subject, filter: &Expression, views_max: usize) -> Vec<TraceView> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let scan = ViewScan {
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            range: ScanRange::Started,
            after,
            views_max,
            filter: Some(Arc::new(filter.clone())),
        };
        let page = subject.store().views(scan).await.unwrap();
        let views = page.views.iter().map(|view| (**view).clone());
        found.extend(views.filter(|view| filter.matches(view)));
        if page.next.is_none() {
            return found;
        }
        assert!(after.is_none() || page.next < after, "a page comes further");
        after = page.next;
    }
}

/// A trace is active from its start to its latest moment, both included.
pub async fn an_active_scan_finds_a_long_trace(subject: &mut dyn Subject) {
    let long = lasting(1, 1, HOUR, 7200);
    let brief = view(2, 1, HOUR + 60);
    put(subject, &[long.clone(), brief.clone()]).await;
    let active = |window| scan(subject, window, ScanRange::Active, 1);
    assert_eq!(active((HOUR + 61, HOUR + 62)).await, [brief, long.clone()]);
    let long = [long];
    assert_eq!(active((HOUR + 7200, HOUR + 7300)).await, long);
    assert_eq!(active((HOUR + 7201, HOUR + 7300)).await, []);
    assert_eq!(active((HOUR - 9, HOUR)).await, []);
    assert_eq!(active((HOUR - 9, HOUR + 1)).await, long);
}

/// A trace contributes from the first moment of any entity, before its own start as well.
pub async fn a_contributing_scan_finds_what_began_before_its_trace(subject: &mut dyn Subject) {
    let mut early = view(1, 1, HOUR + 100);
    early.facts.segments[0].earliest = Timestamp::from_seconds(HOUR);
    put(subject, &[early.clone(), view(2, 1, HOUR + 7200)]).await;
    let window = (HOUR, HOUR + 1);
    let contributing = scan(subject, window, ScanRange::Contributing, 1).await;
    assert!(contributing.contains(&early), "{contributing:?}");
    assert_eq!(scan(subject, window, ScanRange::Active, 1).await, []);
    subject.reopen().await;
    let contributing = scan(subject, window, ScanRange::Contributing, 1).await;
    assert!(contributing.contains(&early), "{contributing:?}");
}

/// Only the last view of a trace is there, at its new place, and only it counts in the totals.
pub async fn a_view_replaces_the_earlier_one_in_views_and_totals(subject: &mut dyn Subject) {
    put(subject, &[view(1, 1, HOUR + 100), view(2, 1, HOUR)]).await;
    put(subject, &[lasting(1, 2, HOUR - 100, 50)]).await;
    let expected = [view(2, 1, HOUR), lasting(1, 2, HOUR - 100, 50)];
    assert_eq!(all_views(subject).await, expected);
    assert_eq!(all_totals(subject).await, sum(&expected));
}

/// A late view of fewer documents does not undo a newer one; one of as many replaces it.
pub async fn a_view_of_a_lower_revision_is_ignored(subject: &mut dyn Subject) {
    put(subject, &[view(1, 2, HOUR)]).await;
    put(subject, &[view(1, 1, HOUR + 1)]).await;
    assert_eq!(all_views(subject).await, [view(1, 2, HOUR)]);
    put(subject, &[view(1, 2, HOUR + 2)]).await;
    assert_eq!(all_views(subject).await, [view(1, 2, HOUR + 2)]);
    assert_eq!(all_totals(subject).await, sum(&[view(1, 2, HOUR + 2)]));
}

/// Of several views of one trace in one call, the greatest revision counts, the later of equals.
pub async fn one_call_may_bring_several_views_of_a_trace(subject: &mut dyn Subject) {
    let brought = [1, 3, 2, 3].into_iter().zip(HOUR..);
    let brought: Vec<_> = brought
        .map(|(revision, start)| view(1, revision, start))
        .collect();
    put(subject, &brought).await;
    assert_eq!(all_views(subject).await, [view(1, 3, HOUR + 3)]);
    assert_eq!(all_totals(subject).await, sum(&[view(1, 3, HOUR + 3)]));
}

/// Totals are cut to whole minutes.
pub async fn totals_cover_the_minutes_of_the_window(subject: &mut dyn Subject) {
    put(
        subject,
        &[
            view(1, 1, HOUR),
            view(2, 1, HOUR + 58),
            view(3, 1, HOUR + 60),
        ],
    )
    .await;
    let requests = async |start, end| {
        let totals = totals(subject, start, end).await;
        totals.nodes.values().map(|node| node.present).sum::<i64>()
    };
    assert_eq!(requests(HOUR, HOUR + 60).await, 2);
    assert_eq!(requests(HOUR + 60, HOUR + 120).await, 1);
    assert_eq!(requests(HOUR + 30, HOUR + 61).await, 3);
    assert_eq!(requests(HOUR + 120, HOUR + 180).await, 0);
}

/// Views and totals are there after reopening, replaced ones are not.
pub async fn views_survive_reopening(subject: &mut dyn Subject) {
    put(subject, &[view(1, 1, HOUR), view(2, 5, HOUR)]).await;
    put(subject, &[view(1, 2, HOUR + 5)]).await;
    subject.reopen().await;
    let expected = [view(1, 2, HOUR + 5), view(2, 5, HOUR)];
    assert_eq!(all_views(subject).await, expected);
    assert_eq!(all_totals(subject).await, sum(&expected));
}

/// A trace is unsettled from a document on until a view counts it.
pub async fn unsettled_are_traces_whose_view_misses_documents(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "b"]).await;
    append(subject, trace(2), &["a"]).await;
    put(subject, &[view(2, 1, HOUR), view(3, 1, HOUR)]).await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    put(subject, &[view(1, 1, HOUR)]).await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    subject.reopen().await;
    assert_eq!(unsettled(subject).await, [trace(1)].into());
    put(subject, &[view(1, 2, HOUR)]).await;
    append(subject, trace(2), &["a"]).await;
    assert_eq!(unsettled(subject).await, [].into());
    append(subject, trace(2), &["b"]).await;
    assert_eq!(unsettled(subject).await, [trace(2)].into());
    subject.reopen().await;
    assert_eq!(unsettled(subject).await, [trace(2)].into());
}
