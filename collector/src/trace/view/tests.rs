//! The worked examples of the specification, and the one property everything rests on: order and
//! repeats of documents never change a view.

use proptest::prelude::*;
use radiograph_proto_fixtures::{documents_of, example, same_numbers};
use serde_json::{Value, json};

use super::*;
use crate::trace::contributions;
use crate::trace::documents::entries;
use crate::trace::graph::services;
use crate::trace::link::linked_by;
use crate::trace::present;
use crate::trace::totals::Totals;

/// An example's documents, by trace.
fn traces(example: &Value) -> Vec<Vec<String>> {
    let mut traces: std::collections::BTreeMap<TraceId, Vec<String>> = Default::default();
    for text in documents_of(example) {
        let trace_id = radiograph_protocol::segment::parse(&text).unwrap().trace_id;
        traces.entry(trace_id).or_default().push(text);
    }
    traces.into_values().collect()
}

fn view_from(documents: &[String]) -> TraceView {
    view(documents.iter().map(String::as_str), &Producers::default()).unwrap()
}

#[track_caller]
fn assert_same(shown: &Value, expected: &Value) {
    let (shown, expected) = (same_numbers(shown), same_numbers(expected));
    assert_eq!(
        serde_json::to_string_pretty(&shown).unwrap(),
        serde_json::to_string_pretty(&expected).unwrap()
    );
}

#[test]
fn the_summaries_of_the_worked_examples() {
    for number in 1..=5 {
        let example = example(number);
        let expected = &example["summary"];
        let views: Vec<TraceView> = traces(&example)
            .iter()
            .map(|trace| view_from(trace))
            .collect();
        let id = expected["Id"].as_str().unwrap();
        let view = views
            .iter()
            .find(|view| view.trace_id.to_string() == id)
            .unwrap();
        let shown = serde_json::to_value(present::trace_summary(view, None)).unwrap();
        assert_same(&shown, expected);
    }
}

/// The views of all traces of an example, each knowing the traces it links to.
fn linked_views(traces: &[Vec<String>]) -> Vec<TraceView> {
    let parsed: Vec<_> = traces
        .iter()
        .map(|trace| parse_all(trace.iter().map(String::as_str)))
        .collect();
    let stitched: Vec<_> = parsed.iter().map(|trace| stitch(trace).unwrap()).collect();
    let of_trace = |trace| {
        let mut producers = Producers::default();
        for (trace_id, ids) in linked_by(trace) {
            let producer = stitched.iter().find(|other| other.trace_id == trace_id);
            producers.add(producer.unwrap(), ids);
        }
        view_of(trace, &producers)
    };
    stitched.iter().map(of_trace).collect()
}

#[test]
fn the_service_graphs_of_the_worked_examples() {
    for number in 1..=5 {
        let example = example(number);
        let mut totals = Totals::default();
        for view in linked_views(&traces(&example)) {
            contributions::add(&view, &mut totals, 1);
        }
        let from = |seconds| Timestamp::from_seconds(seconds);
        let window = totals.window(from(1_700_000_040 - 60), from(1_700_000_040 + 120));
        let shown = serde_json::to_value(services(&window)).unwrap();
        assert_same(&shown, &example["services"]);
    }
}

#[test]
fn the_returned_documents_of_the_worked_examples() {
    let mut compared = 0;
    for number in 1..=5 {
        let example = example(number);
        let Some(expected) = example["entries"].as_array() else {
            continue;
        };
        let documents = traces(&example).remove(0);
        let parsed = parse_all(documents.iter().map(String::as_str));
        let trace = stitch(&parsed).unwrap();
        let shown: Vec<Value> = entries(&trace, &parsed)
            .iter()
            .map(|entry| serde_json::from_str(&entry.document).unwrap())
            .collect();
        for entry in expected {
            let found = shown.iter().find(|one| one["id"] == entry["id"]);
            assert_same(found.unwrap_or(&Value::Null), entry);
            compared += 1;
        }
        // example 1 lists the inferred entries alone
        assert_eq!(shown.len(), expected.len() + usize::from(number == 1));
    }
    assert_eq!(compared, 5);
}

#[test]
fn entries_that_began_together_come_by_id_however_it_is_spelled() {
    let segment = |id: &str| {
        format!(
            r#"{{"trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","id":"{id}","name":"s","start_time":1,"end_time":2}}"#
        )
    };
    let ids = ["00000000000000A1", "00000000000000b1", "00000000000000C1"];
    let documents = ids.map(segment);
    let parsed = parse_all(documents.iter().map(String::as_str));
    let shown = entries(&stitch(&parsed).unwrap(), &parsed);
    let shown: Vec<&str> = shown.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(shown, ids);
}

#[test]
fn an_orphaned_call_keeps_the_name_it_knew_its_callee_by() {
    let documents = [
        r#"{"trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","id":"0000000000000002","type":"subsegment","parent_id":"0000000000000001","namespace":"remote","name":"pay.test","start_time":1,"end_time":2}"#,
        r#"{"trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","id":"0000000000000003","parent_id":"0000000000000002","name":"pay","start_time":1,"end_time":2}"#,
    ];
    let view = view_from(&documents.map(str::to_owned));
    let graph = contributions::contributions(&view).all();
    let aliases = graph.edges.values().flat_map(|edge| edge.aliases.keys());
    let aliases: Vec<_> = aliases.map(|alias| alias.name.as_str()).collect();
    assert_eq!(aliases, ["pay.test"]);
}

#[test]
fn an_unfinished_trace_is_partial_and_has_no_response_time() {
    let first: Vec<String> = traces(&example(3)).remove(0);
    let documents = example(3)["documents"].as_array().unwrap()[..3].to_vec();
    let three: Vec<String> = first
        .into_iter()
        .filter(|text| documents.contains(&json!(text)))
        .collect();
    let shown = serde_json::to_value(present::trace_summary(&view_from(&three), None)).unwrap();
    assert_eq!(
        (
            &shown["IsPartial"],
            &shown["ResponseTime"],
            &shown["Duration"],
            &shown["Revision"]
        ),
        (&json!(true), &Value::Null, &json!(0.7), &json!(3))
    );
}

#[test]
fn a_view_that_was_added_can_be_taken_away() {
    for recording in radiograph_proto_fixtures::recordings() {
        for documents in by_trace(&recording) {
            let view = view_from(&documents);
            let once = contributions::contributions(&view);
            let mut totals = once.clone();
            contributions::add(&view, &mut totals, 1);
            contributions::add(&view, &mut totals, -1);
            assert_eq!(totals, once, "{}", recording.name);
            contributions::add(&view, &mut totals, -1);
            assert_eq!(totals, Totals::default(), "{}", recording.name);
        }
    }
}

#[test]
fn counts_add_up_in_every_recording() {
    for recording in radiograph_proto_fixtures::recordings() {
        for documents in by_trace(&recording) {
            for (key, node) in contributions::contributions(&view_from(&documents))
                .all()
                .nodes
            {
                let counted: i64 = node.response_times.entries().map(|(_, count)| count).sum();
                assert_eq!(counted, node.statistics.total(), "{key:?}");
                assert!(node.statistics.total() <= node.present, "{key:?}");
            }
        }
    }
}

/// A recording's acceptable documents, by trace.
fn by_trace(recording: &radiograph_proto_fixtures::Recording) -> Vec<Vec<String>> {
    let mut traces: std::collections::BTreeMap<TraceId, Vec<String>> = Default::default();
    for datagram in &recording.datagrams {
        let body = datagram.split_once('\n').unwrap().1;
        if let Ok(document) = radiograph_protocol::segment::parse(body) {
            traces
                .entry(document.trace_id)
                .or_default()
                .push(body.to_owned());
        }
    }
    traces.into_values().collect()
}

/// Documents that fight over few ids: versions, circles, orphans, embedded copies.
fn documents() -> impl Strategy<Value = Vec<String>> {
    let id = 1..8_u64;
    let entity = (id.clone(), 0..4_u64, prop::option::of(0..4_u64), 0..3_u8).prop_map(
        |(id, start, length, namespace)| {
            let mut entity = json!({"id": format!("{id:016x}"), "name": format!("n{}", id % 3),
                "start_time": start, "annotations": {"k": start}});
            match length {
                Some(length) => entity["end_time"] = json!(start + length),
                None => entity["in_progress"] = json!(true),
            }
            match namespace {
                0 => entity["namespace"] = json!("aws"),
                1 => entity["namespace"] = json!("remote"),
                _ => {}
            }
            entity
        },
    );
    let document = (
        entity.clone(),
        prop::collection::vec(entity, 0..3),
        prop::option::of(id),
        any::<bool>(),
        prop::sample::select(vec![200, 404, 429, 500]),
    );
    let document = document.prop_map(|(mut document, embedded, parent, is_segment, status)| {
        document["trace_id"] = json!("1-6592008a-0f1e2d3c4b5a69788796a5b4");
        document["subsegments"] = json!(embedded);
        document["http"] = json!({"response": {"status": status}});
        if let Some(parent) = parent {
            document["parent_id"] = json!(format!("{parent:016x}"));
        }
        if !is_segment {
            document["type"] = json!("subsegment");
            document["parent_id"] = json!(format!("{:016x}", parent.unwrap_or(9)));
        }
        document.to_string()
    });
    prop::collection::vec(document, 1..8)
}

proptest! {
    #[test]
    fn property_order_and_repeats_never_change_a_view(
        (documents, shuffled) in documents().prop_flat_map(|documents| {
            let twice: Vec<String> = documents.iter().chain(&documents).cloned().collect();
            (Just(documents), Just(twice).prop_shuffle())
        })
    ) {
        let (straight, shuffled_view) = (view_from(&documents), view_from(&shuffled));
        prop_assert_eq!(&straight, &shuffled_view);
        let answer = |documents: &[String]| {
            let parsed = parse_all(documents.iter().map(String::as_str));
            entries(&stitch(&parsed).unwrap(), &parsed)
        };
        prop_assert_eq!(answer(&documents), answer(&shuffled));
    }

    #[test]
    fn property_every_entity_comes_back_once(documents in documents()) {
        let mut sent = std::collections::BTreeSet::new();
        for document in &documents {
            let document: Value = serde_json::from_str(document).unwrap();
            sent.insert(document["id"].as_str().unwrap().to_owned());
            for child in document["subsegments"].as_array().unwrap() {
                sent.insert(child["id"].as_str().unwrap().to_owned());
            }
        }
        let parsed = parse_all(documents.iter().map(String::as_str));
        let trace = stitch(&parsed).unwrap();
        let mut returned = Vec::new();
        for entry in entries(&trace, &parsed) {
            let document: Value = serde_json::from_str(&entry.document).unwrap();
            if document.get("inferred").is_none() {
                ids_in(&document, &mut returned);
            }
        }
        returned.sort();
        prop_assert_eq!(returned, sent.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn property_views_survive_their_stored_form(documents in documents()) {
        let view = view_from(&documents);
        let stored = postcard::to_allocvec(&view).unwrap();
        prop_assert_eq!(postcard::from_bytes::<TraceView>(&stored).unwrap(), view);
    }
}

fn ids_in(entity: &Value, ids: &mut Vec<String>) {
    ids.push(entity["id"].as_str().unwrap().to_owned());
    for child in entity["subsegments"].as_array().into_iter().flatten() {
        ids_in(child, ids);
    }
}
