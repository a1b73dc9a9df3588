//! What holds for every trace of the shop, and for the traffic as a whole.

mod sending;
mod traffic;

use std::collections::HashMap;

use proptest::prelude::*;
use radiograph_protocol::datagram;
use radiograph_protocol::ids::SegmentId;
use radiograph_protocol::segment::{self, Document, Entity, Kind};
use radiograph_protocol::timestamp::Timestamp;

use super::documents::Datagram;
use super::shop::{Shop, Trace};

/// Literal time of the tests, in the middle of a millisecond.
const NOW: Timestamp = Timestamp::from_micros(1_795_264_534_876_543);

fn body(datagram: &Datagram) -> &str {
    std::str::from_utf8(datagram::split(datagram.text.as_bytes()).unwrap()).unwrap()
}

fn documents(trace: &Trace) -> Vec<Document<'_>> {
    trace
        .datagrams
        .iter()
        .map(|datagram| segment::parse(body(datagram)).unwrap())
        .collect()
}

/// Some traces of one shop.
fn traces(seed: u64, count: usize) -> Vec<Trace> {
    let mut shop = Shop::new(seed);
    (0..count).map(|_| shop.next_trace(NOW).unwrap()).collect()
}

/// Every entity of the documents, embedded ones included, with the id of its parent.
fn entities<'d>(documents: &'d [Document<'d>]) -> Vec<(Option<SegmentId>, &'d Entity<'d>)> {
    fn collect<'d>(
        parent: Option<SegmentId>,
        entity: &'d Entity<'d>,
        all: &mut Vec<(Option<SegmentId>, &'d Entity<'d>)>,
    ) {
        all.push((parent, entity));
        for child in &entity.subsegments {
            collect(Some(entity.id), child, all);
        }
    }
    let mut all = Vec::new();
    for document in documents {
        collect(document.parent_id, &document.entity, &mut all);
    }
    all
}

/// Documents that count: not the announcement of a segment that comes whole.
fn complete<'d>(documents: Vec<Document<'d>>) -> Vec<Document<'d>> {
    documents
        .into_iter()
        .filter(|document| document.entity.end.is_some())
        .collect()
}

proptest! {
    // a seed is 20 traces and more, each another draw: few seeds say much
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn property_every_datagram_is_one_accepted_document(seed in any::<u64>()) {
        for trace in traces(seed, 20) {
            for datagram in &trace.datagrams {
                let document = segment::parse(body(datagram));
                prop_assert!(document.is_ok(), "{:?}: {}", document, datagram.text);
                // the default bound of macOS, far below the 65,507 that UDP allows
                prop_assert!(datagram.text.len() <= 9_216, "{} bytes", datagram.text.len());
            }
        }
    }

    #[test]
    fn property_the_same_seed_gives_the_same_documents(seed in any::<u64>()) {
        prop_assert_eq!(traces(seed, 5), traces(seed, 5));
        prop_assert_ne!(traces(seed, 5), traces(seed.wrapping_add(1), 5));
    }

    #[test]
    fn property_every_parent_is_in_the_trace(seed in any::<u64>()) {
        for trace in traces(seed, 20) {
            let documents = complete(documents(&trace));
            let all = entities(&documents);
            let by_id: HashMap<_, _> = all.iter().map(|(_, entity)| (entity.id, entity)).collect();
            prop_assert_eq!(by_id.len(), all.len(), "ids are unique");
            let roots = all.iter().filter(|(parent, _)| parent.is_none()).count();
            prop_assert_eq!(roots, 1);
            for (parent, _) in &all {
                prop_assert!(parent.is_none_or(|parent| by_id.contains_key(&parent)));
            }
            for document in &documents {
                prop_assert_eq!(document.trace_id, trace.id);
            }
        }
    }

    #[test]
    fn property_a_child_lies_within_its_parent(seed in any::<u64>()) {
        for trace in traces(seed, 20) {
            let documents = complete(documents(&trace));
            let all = entities(&documents);
            let by_id: HashMap<_, _> = all.iter().map(|(_, entity)| (entity.id, *entity)).collect();
            for (parent, child) in &all {
                let Some(parent) = parent.map(|parent| by_id[&parent]) else { continue };
                if parent.name == "SQS" {
                    // a message is consumed after it was sent
                    prop_assert!(child.start >= parent.end.unwrap());
                } else {
                    prop_assert!(child.start >= parent.start, "{} in {}", child.name, parent.name);
                    prop_assert!(child.end <= parent.end, "{} in {}", child.name, parent.name);
                }
            }
        }
    }

    #[test]
    fn property_a_trace_ends_now(seed in any::<u64>()) {
        for trace in traces(seed, 20) {
            let documents = documents(&trace);
            let last = documents.iter().map(|document| document.entity.end_or_start()).max();
            let last = last.unwrap();
            prop_assert!(last <= NOW);
            prop_assert!(NOW.since(last).micros() <= 2_000, "{last}");
            let first = documents.iter().map(|document| document.entity.start).min().unwrap();
            prop_assert_eq!(trace.id.bits() >> 96, u128::try_from(first.seconds_floor()).unwrap());
        }
    }

    #[test]
    fn property_announced_segments_come_whole_later(seed in any::<u64>()) {
        for trace in traces(seed, 60) {
            for (datagram, document) in trace.datagrams.iter().zip(documents(&trace)) {
                if document.entity.end.is_some() {
                    continue;
                }
                prop_assert_eq!(datagram.held.micros(), 0);
                let whole = trace.datagrams.iter().find(|other| {
                    let other = segment::parse(body(other)).unwrap();
                    other.entity.id == document.entity.id && other.entity.end.is_some()
                });
                let held = whole.unwrap().held.micros();
                prop_assert!((1_000_000..3_000_000).contains(&held), "{held}");
            }
        }
    }

    #[test]
    fn property_segments_are_counted_once(seed in any::<u64>()) {
        for trace in traces(seed, 20) {
            let documents = complete(documents(&trace));
            let segments = documents.iter().filter(|document| document.kind == Kind::Segment);
            prop_assert_eq!(segments.count(), trace.segments);
        }
    }
}
