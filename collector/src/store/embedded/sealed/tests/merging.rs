//! What a merge takes over and what it leaves.

use super::*;

fn merged(inputs: &[Vec<SealedTrace>], superseded: &[(usize, u32)]) -> Contents {
    let sealed: Vec<_> = inputs.iter().map(|traces| Sealed::of(traces)).collect();
    let files: Vec<_> = sealed.iter().map(Sealed::open).collect();
    let files: Vec<_> = files.iter().collect();
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("merged");
    let is_superseded = |input: usize, trace_id: TraceId| {
        let is_it =
            |(at, number): &(usize, u32)| *at == input && sample::trace(*number) == trace_id;
        superseded.iter().any(is_it)
    };
    merge(&path, SMALL, &files, is_superseded).unwrap();
    assert_eq!(SealedFile::verify(&path).unwrap().problems, []);
    contents(&SealedFile::open(&path).unwrap())
}

#[test]
fn documents_are_united_and_the_later_view_is_kept() {
    let first = traced(1, &["a", "b"], Some((0, 1)));
    let second = traced(1, &["b", "c"], Some((0, 2)));
    let merged = merged(&[vec![first], vec![second.clone()]], &[]);
    assert_eq!(merged.traces[0].documents, ["a", "b", "c"]);
    assert_eq!(merged.views, [second.view.unwrap()]);
    assert_eq!(merged.meta.views, 1);
}

#[test]
fn a_superseded_view_is_left_and_its_documents_are_not() {
    let input = vec![
        traced(1, &["a"], Some((0, 1))),
        traced(2, &["b"], Some((1, 1))),
        traced(3, &[], Some((2, 1))),
    ];
    let merged = merged(std::slice::from_ref(&input), &[(0, 1), (0, 3)]);
    let traces: Vec<_> = merged.traces.iter().map(|trace| trace.trace_id).collect();
    assert_eq!(
        traces,
        [1, 2].map(sample::trace),
        "nothing is left of the third"
    );
    assert_eq!(merged.traces[0].view_start, None);
    assert_eq!(merged.views, [input[1].view.clone().unwrap()]);
    assert_eq!(merged.links.len(), 1);
}

#[test]
fn a_view_is_carried_only_when_the_first_of_the_inputs_replaces_one_outside() {
    let carried = |is_carried: bool| SealedTrace {
        is_carried,
        ..traced(1, &[], Some((0, 1)))
    };
    for (first, second, expected) in [
        (false, true, false),
        (true, true, true),
        (true, false, true),
        (false, false, false),
    ] {
        let merged = merged(&[vec![carried(first)], vec![carried(second)]], &[]);
        assert_eq!(
            !merged.carried.is_empty(),
            expected,
            "{first} then {second}"
        );
    }
    let superseded = merged(&[vec![carried(true)], vec![carried(true)]], &[(0, 1)]);
    assert_eq!(superseded.carried, [sample::trace(1)]);
}

#[test]
fn the_arrival_of_a_merge_spans_those_of_its_inputs_and_nothing_cannot_be_merged() {
    let dir = tempfile::tempdir().unwrap();
    let at = |from, until| {
        (
            Timestamp::from_seconds(from),
            Timestamp::from_seconds(until),
        )
    };
    let paths = [dir.path().join("a"), dir.path().join("b")];
    seal(&paths[0], at(10, 20), SMALL, []).unwrap();
    seal(&paths[1], at(5, 12), SMALL, []).unwrap();
    let files = paths.map(|path| SealedFile::open(&path).unwrap());
    let path = dir.path().join("c");
    let meta = merge(&path, SMALL, &[&files[0], &files[1]], |_, _| false).unwrap();
    assert_eq!((meta.arrival_start, meta.arrival_end), at(5, 20));
    let refused = merge(&path, SMALL, &[], |_, _| false).unwrap_err();
    assert_eq!(corrupt_reason(&refused), "nothing is to be merged");
}

#[test]
fn a_file_may_be_merged_onto_its_own_name() {
    let sealed = Sealed::of(&ten());
    let file = sealed.open();
    let before = contents(&file);
    merge(&sealed.path(), SMALL, &[&file], |_, _| false).unwrap();
    assert_eq!(contents(&sealed.open()), before);
    assert_eq!(contents(&file), before, "what was open stays readable");
}
