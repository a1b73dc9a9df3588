//! The generator makes what it says: a property over traces that never hold a streamed subsegment
//! or an orphan would prove little.

use std::collections::BTreeSet;

use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use radiograph_protocol::segment::{self, Kind};

use super::truth::{Truth, parent_links};
use super::*;

/// Linked traces, always the same ones.
fn sample() -> Vec<Vec<Generated>> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = linked_traces();
    let mut make = || strategy.new_tree(&mut runner).unwrap().current();
    (0..200).map(|_| make()).collect()
}

#[test]
fn every_document_passes_the_checks_of_put_trace_segments() {
    for trace in sample().concat() {
        assert!(!trace.documents.is_empty());
        for document in &trace.documents {
            let read = segment::parse(document);
            assert_eq!(read.unwrap().trace_id, trace.trace_id, "{document}");
        }
    }
}

#[test]
fn everything_odd_that_senders_do_occurs() {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for traces in sample() {
        for trace in &traces {
            let truth = Truth::of(trace);
            note_documents(trace, &mut seen);
            note_entities(trace, &truth, &mut seen);
            for (linked, id) in trace.entities.iter().flat_map(parent_links) {
                let linked = traces.iter().find(|one| one.trace_id.to_string() == linked);
                seen.insert(match Truth::of(linked.unwrap()).producer(id) {
                    Some(_) => "a link that draws an edge",
                    None => "a link to what was never sent",
                });
            }
        }
    }
    let expected = BTreeSet::from([
        "a link that draws an edge",
        "a link to what was never sent",
        "a repeated document",
        "a streamed subsegment",
        "an unfinished version of what is complete",
        "a segment that is a subsegment too",
        "unfinished for ever",
        "a caller that never reports",
        "several graph roots",
        "no graph root",
        "an orphan",
        "a segment that calls a segment",
        "a call that several segments answer at one node",
        "a child that begins before its parent",
        "a child that outlives its parent",
        "a partial trace without orphans and unfinished ones",
        "several that begin together",
        "requests in several minutes",
    ]);
    assert_eq!(seen, expected);
}

fn note_documents(trace: &Generated, seen: &mut BTreeSet<&'static str>) {
    let mut note = |what, is_seen: bool| {
        if is_seen {
            seen.insert(what);
        }
    };
    let different: BTreeSet<&String> = trace.documents.iter().collect();
    note(
        "a repeated document",
        different.len() < trace.documents.len(),
    );
    for document in &different {
        let document = segment::parse(document).unwrap();
        let of_id = |one: &&Planned| one.id == document.entity.id.bits();
        let entity = trace.entities.iter().find(of_id).unwrap();
        let is_subsegment = document.kind == Kind::Subsegment;
        note("a streamed subsegment", is_subsegment);
        note(
            "a segment that is a subsegment too",
            is_subsegment && entity.is_segment,
        );
        let is_unfinished = document.entity.end.is_none();
        note("unfinished for ever", is_unfinished && entity.end.is_none());
        let was_unfinished = is_unfinished && entity.end.is_some();
        note("an unfinished version of what is complete", was_unfinished);
    }
}

fn note_entities(trace: &Generated, truth: &Truth<'_>, seen: &mut BTreeSet<&'static str>) {
    let mut note = |what, is_seen: bool| {
        if is_seen {
            seen.insert(what);
        }
    };
    let roots = truth
        .owners()
        .filter(|one| truth.is_graph_root(one))
        .count();
    note("several graph roots", roots > 1);
    note("no graph root", roots == 0);
    let starts: BTreeSet<i64> = trace.entities.iter().map(|one| one.start).collect();
    note(
        "several that begin together",
        starts.len() < trace.entities.len(),
    );
    let minutes: BTreeSet<i64> = truth
        .nodes()
        .into_keys()
        .map(|(minute, _)| minute)
        .collect();
    note("requests in several minutes", minutes.len() > 1);
    let mut answered = BTreeSet::new();
    for entity in &trace.entities {
        note("an orphan", truth.is_orphan(entity));
        let Some(parent) = truth.parent(entity) else {
            let is_lost = entity.is_segment && entity.parent.is_some();
            note("a caller that never reports", is_lost);
            continue;
        };
        let by_segment = entity.is_segment && parent.is_segment;
        note("a segment that calls a segment", by_segment);
        let is_first = !entity.is_segment || answered.insert((parent.id, truth.node_of(entity)));
        note("a call that several segments answer at one node", !is_first);
        note(
            "a child that begins before its parent",
            entity.start < parent.start,
        );
        note(
            "a child that outlives its parent",
            entity.end > parent.end && parent.end.is_some(),
        );
    }
    let is_complete = trace
        .entities
        .iter()
        .all(|one| one.end.is_some() && !truth.is_orphan(one));
    note(
        "a partial trace without orphans and unfinished ones",
        truth.is_partial() && is_complete,
    );
}
