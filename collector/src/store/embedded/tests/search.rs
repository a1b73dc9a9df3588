//! Searches through sealed files against evaluating every view that counts: what is sealed, merged and
//! replaced by later views changes nothing about what a filter finds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::sealing::seal_all;
use super::*;
use crate::filter::Expression;
use crate::filter::tests::examples::EXAMPLES;
use crate::filter::tests::properties::expression;
use crate::filter::tests::traces::seven;
use crate::store::{Cursor, ScanRange, ScanWork, ViewScan};
use crate::trace::generate;
use crate::trace::link::Producers;
use crate::trace::view::{TraceView, view as view_of};

/// What is done after some views were put.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    Seal,
    Merge,
    MergeDay,
    Reopen,
}

/// A view to be put: which trace's, what it holds, and when it starts.
type Put = (u32, TraceView, i64);

fn content() -> impl Strategy<Value = TraceView> {
    let generated = generate::trace().prop_filter_map("a view", |trace| {
        let documents = trace.documents.iter().map(String::as_str);
        view_of(documents, &Producers::default())
    });
    prop_oneof![
        3 => (0..7_usize).prop_map(|number| seven().swap_remove(number)),
        1 => generated,
    ]
}

fn rounds() -> impl Strategy<Value = Vec<(Vec<Put>, Then)>> {
    let put = (1..24_u32, content(), 0..40_i64);
    let then = prop_oneof![
        1 => Just(Then::Nothing),
        3 => Just(Then::Seal),
        2 => Just(Then::Merge),
        1 => Just(Then::MergeDay),
        1 => Just(Then::Reopen),
    ];
    prop::collection::vec((prop::collection::vec(put, 0..12), then), 1..7)
}

fn expressions() -> impl Strategy<Value = Vec<Expression>> {
    let example = prop::sample::select(&EXAMPLES[..])
        .prop_map(|(text, _)| crate::filter::parse(text, |_| Some(Expression::default())).unwrap());
    prop::collection::vec(prop_oneof![example, expression()], 1..8)
}

/// The views that count, as they ought to be found.
#[derive(Default)]
struct Model {
    views: BTreeMap<TraceId, TraceView>,
    revision: u32,
}

impl Model {
    /// The view of a trace that begins so many seconds into the hour.
    fn put(&mut self, (number, mut view, seconds): Put) -> TraceView {
        self.revision += 1;
        let start = Timestamp::from_seconds(HOUR + seconds);
        let length = view.summary.latest.since(view.summary.start);
        view.trace_id = trace(number);
        view.revision = self.revision;
        view.facts.links.clear();
        view.summary.start = start;
        view.summary.latest = start.plus_micros(length.micros());
        self.views.insert(view.trace_id, view.clone());
        view
    }

    /// What matches among what started in a window, newest first.
    fn found(&self, scan: &ViewScan, filter: &Expression) -> Vec<TraceView> {
        let is_hit = |view: &&TraceView| {
            (scan.start..scan.end).contains(&view.summary.start) && filter.matches(view)
        };
        let mut found: Vec<_> = self.views.values().filter(is_hit).cloned().collect();
        found.sort_by_key(|view| std::cmp::Reverse((view.summary.start, view.trace_id)));
        found
    }
}

async fn do_then(subject: &mut Embedded, then: Then) {
    match then {
        Then::Nothing => {}
        Then::Seal => seal_all(subject.embedded(), false, Timestamp::MIN).await,
        Then::Merge => seal_all(subject.embedded(), true, Timestamp::MIN).await,
        Then::MergeDay => {
            seal_all(subject.embedded(), false, Timestamp::MIN).await;
            let sealer = subject.embedded().sealer.clone();
            let merging = tokio::task::spawn_blocking(move || sealer.merge_day_whole());
            merging.await.unwrap().unwrap();
        }
        Then::Reopen => subject.reopen().await,
    }
}

/// All that a scan hands out, page by page, and what it took.
async fn handed_out(subject: &Embedded, mut scan: ViewScan) -> (Vec<TraceView>, ScanWork) {
    let (mut found, mut work): (Vec<TraceView>, _) = (Vec::new(), ScanWork::default());
    let mut after: Option<Cursor> = None;
    loop {
        scan.after = after;
        let page = subject.store().views(scan.clone()).await.unwrap();
        assert!(page.views.len() <= scan.views_max);
        found.extend(page.views.iter().map(|view| (**view).clone()));
        work.add(&page.work);
        let Some(next) = page.next else {
            return (found, work);
        };
        assert!(
            after.is_none_or(|after| next < after),
            "a page comes further"
        );
        after = Some(next);
    }
}

fn scan_of(filter: &Expression, (start, end): (i64, i64), views_max: usize) -> ViewScan {
    ViewScan {
        start: Timestamp::from_seconds(HOUR + start),
        end: Timestamp::from_seconds(HOUR + end),
        range: ScanRange::Started,
        after: None,
        views_max,
        filter: Some(Arc::new(filter.clone())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_a_search_finds_what_evaluating_every_view_finds(
        rounds in rounds(),
        expressions in expressions(),
        window in (0..40_i64, 0..41_i64),
        views_max in 1..7_usize,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut subject = Embedded::new();
            let mut model = Model::default();
            for (puts, then) in rounds {
                for one in puts {
                    put(&subject, &[model.put(one)]).await;
                }
                do_then(&mut subject, then).await;
            }
            for filter in expressions {
                for window in [window, (0, 41)] {
                    let scan = scan_of(&filter, window, views_max);
                    let expected = model.found(&scan, &filter);
                    let (mut found, _) = handed_out(&subject, scan).await;
                    for view in &found {
                        prop_assert_eq!(model.views.get(&view.trace_id), Some(view), "a view that counts");
                    }
                    found.retain(|view| filter.matches(view));
                    prop_assert_eq!(found, expected, "{}", filter);
                }
            }
            Ok(())
        })?;
    }
}

/// The seven traces, each so many times, sealed in two files; a few of each replaced by another.
async fn sevens(times: u32) -> (Embedded, Model) {
    let subject = Embedded::new();
    let mut model = Model::default();
    for half in 0..2 {
        let mut views = Vec::new();
        for number in 0..times * 7 / 2 {
            let number = half * (times * 7 / 2) + number + 1;
            let content = seven().swap_remove(number as usize % 7);
            views.push(model.put((number, content, i64::from(number))));
        }
        put(&subject, &views).await;
        seal_all(subject.embedded(), false, Timestamp::MIN).await;
    }
    (subject, model)
}

#[tokio::test]
async fn blocks_without_a_match_are_not_read_and_each_clause_says_what_it_kept() {
    let (subject, model) = sevens(400).await;
    let filter =
        crate::filter::parse("responsetime > 5 AND annotation.nobody = 1", |_| None).unwrap();
    let (found, work) = handed_out(&subject, scan_of(&filter, (0, 9_000), 100)).await;
    assert_eq!(found, []);
    assert_eq!(
        (work.files, work.files_pruned, work.files_unindexed),
        (2, 2, 0)
    );
    assert_eq!(work.blocks_read, 0);
    assert!(work.blocks_pruned >= 2);
    assert_eq!(work.views_pruned, model.views.len() as u64);
    let [first, second] = work.clauses.as_slice() else {
        panic!("{:?}", work.clauses);
    };
    assert_eq!(
        (first.clause.as_str(), first.rows_kept),
        ("responsetime > 5", 400)
    );
    assert_eq!(
        (first.rows_asked, first.exact, second.rows_kept),
        (2800, 2, 0)
    );

    let filter = crate::filter::parse("responsetime > 5", |_| None).unwrap();
    let (found, work) = handed_out(&subject, scan_of(&filter, (0, 9_000), 1000)).await;
    assert_eq!(found.len(), 400, "only what matches is decoded");
    assert_eq!(work.views_pruned, 2400);
}

#[tokio::test]
async fn a_search_without_a_sound_index_reads_every_view() {
    let (mut subject, model) = sevens(40).await;
    subject.close();
    for part in sealed_files(&subject) {
        let mut bytes = fs::read(&part).unwrap();
        // the frame of the index stands before that of the directory
        let marker = [0xFF, b'R', b'S', 0xFE, 10, 0, 0, 0];
        let at = bytes
            .windows(8)
            .rposition(|window| window == marker)
            .unwrap();
        bytes[at + 40] ^= 1;
        fs::write(&part, bytes).unwrap();
    }
    subject.open();
    let filter = crate::filter::parse("responsetime > 5", |_| None).unwrap();
    let scan = scan_of(&filter, (0, 9_000), 1000);
    let expected = model.found(&scan, &filter);
    let (mut found, work) = handed_out(&subject, scan).await;
    assert_eq!((found.len(), work.files_unindexed), (280, 2));
    found.retain(|view| filter.matches(view));
    assert_eq!(found, expected);
}

fn sealed_files(subject: &Embedded) -> Vec<PathBuf> {
    let day = subject.log().parent().unwrap().to_owned();
    let files = fs::read_dir(day).unwrap().map(|file| file.unwrap().path());
    let is_sealed = |path: &PathBuf| path.extension().is_some_and(|end| end == "sealed");
    let files: Vec<_> = files.filter(is_sealed).collect();
    assert_eq!(files.len(), 2);
    files
}
