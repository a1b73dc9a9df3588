//! Which links draw edges, and what the producer tells of them.

use super::*;
use crate::trace::stitch::{parse_all, stitch};
use crate::trace::view::view;

const PRODUCER: &str = "1-6553f128-000000000000000000000006";
const CONSUMER: &str = "1-6553f128-000000000000000000000007";

fn id(text: &str) -> TraceId {
    TraceId::parse(text).unwrap()
}

/// A segment with links, each as (trace, entity, type).
fn consumer(links: &[(&str, u64, &str)]) -> String {
    let link = |(trace, entity, kind): &(&str, u64, &str)| {
        format!(
            r#"{{"trace_id":"{trace}","id":"{entity:016x}",
            "attributes":{{"aws.xray.reserved.reference_type":"{kind}"}}}}"#
        )
    };
    let links: Vec<String> = links.iter().map(link).collect();
    format!(
        r#"{{"trace_id":"{CONSUMER}","id":"7000000000000001","name":"worker",
        "start_time":9,"end_time":10,"links":[{}]}}"#,
        links.join(",")
    )
}

fn linked(document: &str) -> Vec<(TraceId, Vec<u64>)> {
    let parsed = parse_all([document]);
    let linked = linked_by(&stitch(&parsed).unwrap());
    let linked = linked.into_iter();
    linked
        .map(|(trace, ids)| (trace, ids.iter().map(|id| id.bits()).collect()))
        .collect()
}

#[test]
fn parent_links_to_other_traces_ask_for_what_they_point_at() {
    let links = [
        (PRODUCER, 2, "parent"),
        (CONSUMER, 3, "parent"),
        (PRODUCER, 4, "child"),
        (PRODUCER, 1, "parent"),
        (PRODUCER, 2, "parent"),
    ];
    assert_eq!(linked(&consumer(&links)), [(id(PRODUCER), vec![1, 2])]);
    assert_eq!(linked(&consumer(&links[1..2])), []);
}

#[test]
fn links_beyond_the_bound_ask_for_nothing() {
    let links: Vec<_> = (1..=30)
        .map(|entity| (PRODUCER, entity, "parent"))
        .collect();
    let expected: Vec<u64> = (1..=20).collect();
    assert_eq!(linked(&consumer(&links)), [(id(PRODUCER), expected)]);
}

#[test]
fn a_view_remembers_how_many_documents_a_producer_was_stored_with() {
    let consumer = consumer(&[(PRODUCER, 1, "parent"), (CONSUMER, 1, "parent")]);
    let segment = format!(
        r#"{{"trace_id":"{PRODUCER}","id":"0000000000000001","name":"shop","start_time":1,"end_time":2}}"#
    );
    let parsed = parse_all([segment.as_str()]);
    let mut producers = Producers::default();
    let of = |producers: &Producers| {
        let view = view([consumer.as_str()], producers).unwrap();
        let found = view
            .facts
            .links
            .iter()
            .filter(|link| link.producer.is_some());
        (producers_of(&view), found.count())
    };
    assert_eq!(of(&producers), (vec![(id(PRODUCER), 0)], 0));
    // one of the two cannot be read: the number is that of the store, so that it compares to it
    producers.add_stored(id(PRODUCER), 2);
    assert_eq!(of(&producers), (vec![(id(PRODUCER), 2)], 0));
    producers.add(&stitch(&parsed).unwrap(), SegmentId::from_bits(1));
    assert_eq!(of(&producers), (vec![(id(PRODUCER), 2)], 1));
}
