//! What is too large, too much or out of order.

use super::*;
use crate::store::embedded::format::RAW_BYTES_MAX;

fn refusal(traces: Vec<SealedTrace>) -> StoreError {
    let dir = tempfile::tempdir().unwrap();
    let input = traces.into_iter().map(Ok);
    let refused = seal(&dir.path().join("a"), ARRIVAL, SMALL, input).unwrap_err();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    refused
}

#[test]
fn traces_out_of_order_are_refused() {
    for numbers in [[2, 1], [1, 1]] {
        let refused = refusal(numbers.map(|number| traced(number, &["a"], None)).to_vec());
        let reason = format!("trace {} is out of order", sample::trace(1));
        assert_eq!(corrupt_reason(&refused), reason, "{numbers:?}");
    }
}

#[test]
fn the_view_of_another_trace_is_refused() {
    let mut trace = traced(1, &["a"], Some((0, 1)));
    trace.view = Some(sample::view(2, 1, 0));
    let refused = refusal(vec![trace]);
    assert_eq!(
        corrupt_reason(&refused),
        "a view of another trace is to be sealed"
    );
}

#[test]
fn a_document_that_no_block_holds_is_refused() {
    let large = "x".repeat(RAW_BYTES_MAX + (1 << 20));
    let refused = refusal(vec![traced(1, &[&large], None)]);
    let StoreError::Io { source, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::FileTooLarge);
}

#[test]
fn a_trace_of_several_blocks_has_them_alone_and_its_neighbours_are_found() {
    let long: Vec<_> = (0..20).map(|number| format!("{number:0150}")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let traces = [
        traced(1, &["a"], Some((0, 1))),
        traced(2, &long, Some((1, 1))),
        traced(3, &["c"], Some((2, 1))),
    ];
    let sealed = Sealed::of(&traces);
    let file = sealed.open();
    let firsts: Vec<_> = file.documents.iter().map(|block| block.first).collect();
    let middle = firsts
        .iter()
        .filter(|first| **first == sample::trace(2))
        .count();
    assert_eq!((middle, firsts.len()), (10, 12), "two documents a block");
    for trace in &traces {
        assert_eq!(file.documents(trace.trace_id).unwrap(), trace.documents);
        assert_eq!(file.view(trace.trace_id).unwrap(), trace.view);
    }
    let read: Vec<_> = file
        .traces()
        .map(|trace| trace.unwrap().documents)
        .collect();
    assert_eq!(read, traces.map(|trace| trace.documents));
    assert_eq!(file.meta().traces, 3);
    assert_eq!(SealedFile::verify(&sealed.path()).unwrap().problems, []);
}

#[test]
fn a_page_has_one_view_at_least_and_a_last_page_goes_nowhere() {
    let sealed = Sealed::of(&ten());
    let file = sealed.open();
    let mut scan = ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: ScanRange::Active,
        after: None,
        views_max: 0,
        filter: None,
    };
    assert_eq!(file.scan(&scan).unwrap().rows.len(), 1);
    scan.views_max = 9;
    let page = file.scan(&scan).unwrap();
    assert_eq!((page.rows.len(), page.next), (9, None));
}
