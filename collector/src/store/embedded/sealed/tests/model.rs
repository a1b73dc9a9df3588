//! Any traces and views, against maps and sorted lists: look-ups, scans and merges.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::Cursor;
use crate::trace::contributions;
use crate::trace::totals::Totals;

const NUMBERS: u32 = 25;

fn document() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}".prop_map(|name| format!(r#"{{"name":"{name}"}}"#)),
        any::<u64>().prop_map(|id| format!(r#"{{"id":"{id:016x}","end_time":1795269600.5}}"#)),
        // alone more than a block
        (300..900_usize).prop_map(|length| "y".repeat(length)),
    ]
}

fn partition() -> impl Strategy<Value = Vec<SealedTrace>> {
    let documents = prop::collection::btree_set(document(), 0..6);
    let view = prop::option::of((-3..20_i64, 0..9_i64));
    let traces = prop::collection::btree_map(1..NUMBERS, (documents, view, any::<bool>()), 0..12);
    traces.prop_map(|traces| {
        let one = |(number, (documents, view, is_carried)): (u32, (_, _, bool))| {
            let documents: std::collections::BTreeSet<String> = documents;
            let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
            let trace = traced(number, &texts, view);
            let is_carried = is_carried && trace.view.is_some();
            SealedTrace {
                is_carried,
                ..trace
            }
        };
        let kept = |trace: &SealedTrace| !trace.documents.is_empty() || trace.view.is_some();
        traces.into_iter().map(one).filter(kept).collect()
    })
}

fn window() -> impl Strategy<Value = ViewScan> {
    let range = prop_oneof![Just(ScanRange::Started), Just(ScanRange::Active)];
    (-5..25_i64, -5..25_i64, range, 1..6_usize).prop_map(|(start, end, range, views_max)| {
        ViewScan {
            start: Timestamp::from_seconds(sample::HOUR + start),
            end: Timestamp::from_seconds(sample::HOUR + end),
            range,
            after: None,
            views_max,
            filter: None,
        }
    })
}

/// Newest first, as rows are numbered.
fn newest_first(traces: &[SealedTrace]) -> Vec<TraceView> {
    let mut views: Vec<_> = traces
        .iter()
        .filter_map(|trace| trace.view.clone())
        .collect();
    views.sort_by_key(|view| std::cmp::Reverse((view.summary.start, view.trace_id)));
    views
}

fn check_look_ups(file: &SealedFile, traces: &[SealedTrace]) {
    let known: BTreeMap<_, _> = traces.iter().map(|trace| (trace.trace_id, trace)).collect();
    for number in 0..NUMBERS + 2 {
        let trace_id = sample::trace(number);
        let expected = known.get(&trace_id);
        let documents = expected.map_or_else(Vec::new, |trace| trace.documents.clone());
        assert_eq!(file.documents(trace_id).unwrap(), documents);
        let view = expected.and_then(|trace| trace.view.clone());
        assert_eq!(file.view(trace_id).unwrap(), view);
        assert!(file.may_have(trace_id) || expected.is_none());
    }
}

fn check_scan(file: &SealedFile, views: &[TraceView], mut scan: ViewScan) {
    let is_in = |view: &TraceView| match scan.range {
        ScanRange::Started => (scan.start..scan.end).contains(&view.summary.start),
        ScanRange::Active => view.summary.start < scan.end && view.summary.latest >= scan.start,
        ScanRange::Contributing => view.earliest() < scan.end && view.summary.latest >= scan.start,
    };
    let numbered = (0_u64..).zip(views.iter().cloned());
    let expected: Vec<_> = numbered.filter(|(_, view)| is_in(view)).collect();
    let mut found = Vec::new();
    loop {
        let page = file.scan(&scan).unwrap();
        assert!(page.rows.len() <= scan.views_max);
        found.extend(page.rows);
        let Some(next) = page.next else { break };
        let last = found.last().map(|(_, view)| Cursor {
            start: view.summary.start,
            trace_id: view.trace_id,
        });
        assert_eq!(last, Some(next));
        scan.after = Some(next);
    }
    assert_eq!(found, expected);
}

/// What sealing everything at once would have been given.
fn united(partitions: &[Vec<SealedTrace>]) -> Vec<SealedTrace> {
    let mut all: BTreeMap<TraceId, SealedTrace> = BTreeMap::new();
    for trace in partitions.iter().flatten() {
        let Some(sum) = all.get_mut(&trace.trace_id) else {
            all.insert(trace.trace_id, trace.clone());
            continue;
        };
        for document in &trace.documents {
            if !sum.documents.contains(document) {
                sum.documents.push(document.clone());
            }
        }
        if let Some(view) = &trace.view {
            // a later view replaces the earlier one, which is inside, or nothing so far
            sum.is_carried = if sum.view.is_some() {
                sum.is_carried
            } else {
                trace.is_carried
            };
            sum.view = Some(view.clone());
        }
    }
    all.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_a_sealed_file_answers_as_a_map_does(
        traces in partition(),
        scans in prop::collection::vec(window(), 1..5),
    ) {
        let sealed = Sealed::of(&traces);
        let file = sealed.open();
        check_look_ups(&file, &traces);
        let views = newest_first(&traces);
        for scan in scans {
            check_scan(&file, &views, scan);
        }
        let mut totals = Totals::default();
        views.iter().for_each(|view| contributions::add(view, &mut totals, 1));
        prop_assert_eq!(file.totals().unwrap(), totals);
        prop_assert_eq!(file.views().map(Result::unwrap).collect::<Vec<_>>(), views);
        let report = SealedFile::verify(&sealed.path()).unwrap();
        prop_assert_eq!(report.problems, []);
    }

    #[test]
    fn property_merging_gives_what_sealing_everything_at_once_does(
        partitions in prop::collection::vec(partition(), 1..4),
    ) {
        let sealed: Vec<_> = partitions.iter().map(|traces| Sealed::of(traces)).collect();
        let files: Vec<_> = sealed.iter().map(Sealed::open).collect();
        let files: Vec<_> = files.iter().collect();
        let all = united(&partitions);
        let at_once = Sealed::of(&all).open();
        let target = tempfile::tempdir().unwrap();
        let path = target.path().join("merged");
        merge(&path, SMALL, &files, |_, _| false).unwrap();
        let merged = SealedFile::open(&path).unwrap();
        prop_assert_eq!(contents(&merged), contents(&at_once));
        check_look_ups(&merged, &all);
        prop_assert_eq!(SealedFile::verify(&path).unwrap().problems, []);
    }
}
