//! Every recording goes over UDP through the real daemon into the real collector, and comes back
//! from the API equal in meaning to what was sent.
//!
//! Golden answers lie in `proto-fixtures/golden/replay`, one file per recording; `UPDATE_GOLDEN=1`
//! rewrites them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use radiograph_proto_fixtures::{Recording, recording, recordings, root};
use radiograph_tests::{Api, Collector, Daemon, eventually};
use serde_json::{Value, json};

/// Datagrams sent before waiting for them to arrive: the kernel's queue may be as short as 12 large
/// ones, and UDP tells nobody what it lost.
const SENT_AT_ONCE_MAX: usize = 10;

/// What a recording's JSON documents are about: id to trace, without those the API must refuse.
fn documents(recording: &Recording) -> Vec<Value> {
    let bodies = recording
        .datagrams
        .iter()
        .map(|datagram| datagram.split_once('\n').unwrap().1);
    let accepted = bodies.filter(|body| radiograph_protocol::segment::parse(body).is_ok());
    accepted
        .map(|body| serde_json::from_str(body).unwrap())
        .collect()
}

struct Replayed {
    api: Api,
    traces: Vec<Value>,
    trace_ids: Vec<String>,
    _collector: Collector,
    _data: tempfile::TempDir,
}

/// Sends a recording and waits until all of it can be read.
fn replay(recording: &Recording) -> Replayed {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let daemon = Daemon::start(collector.address);
    let api = collector.api();
    for datagrams in recording.datagrams.chunks(SENT_AT_ONCE_MAX) {
        for datagram in datagrams {
            daemon.send(datagram.as_bytes());
        }
        let part = Recording {
            name: recording.name.clone(),
            datagrams: datagrams.to_vec(),
        };
        let sent = documents(&part);
        eventually(&format!("the documents of {}", recording.name), || {
            let found = entities(&api.traces(&trace_ids(&sent)));
            let arrived = |d: &Value| found.contains_key(d["id"].as_str().unwrap());
            sent.iter().all(arrived).then_some(())
        });
    }
    // what is on its way still (second versions, refused documents, OTLP) is delivered at the stop
    daemon.stop();
    let trace_ids: Vec<String> = revisions(recording).into_keys().collect();
    let traces = api.traces(&trace_ids);
    Replayed {
        api,
        traces,
        trace_ids,
        _collector: collector,
        _data: data,
    }
}

/// Traces of the OTLP recordings with the number of documents their spans make; the datagrams are
/// not JSON to be looked into here. Unsampled ones must not appear as traces.
const OTLP_TRACES: [(&str, &str, u64); 3] = [
    ("otlp-udp/js", "1-6b019031-1faf75aa2b39e6cecf4f3df7", 2),
    (
        "otlp-udp/py_sampled",
        "1-5759e988-bd862e3fe1be46a994272793",
        1,
    ),
    (
        "otlp-udp/py_sampled",
        "1-6b019030-825e3c7a3ad687d5d8796bab",
        5,
    ),
];

/// How many different documents each trace of a recording has.
fn revisions(recording: &Recording) -> BTreeMap<String, u64> {
    let mut different: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for datagram in &recording.datagrams {
        let body = datagram.split_once('\n').unwrap().1;
        if let Ok(document) = radiograph_protocol::segment::parse(body) {
            let trace = different.entry(document.trace_id.to_string()).or_default();
            trace.insert(body.to_owned());
        }
    }
    let mut revisions: BTreeMap<String, u64> = different
        .into_iter()
        .map(|(trace, bodies)| (trace, bodies.len() as u64))
        .collect();
    let otlp = OTLP_TRACES
        .iter()
        .filter(|(name, ..)| *name == recording.name);
    revisions.extend(otlp.map(|(_, trace, documents)| ((*trace).to_owned(), *documents)));
    revisions
}

fn trace_ids(documents: &[Value]) -> Vec<String> {
    let ids = documents
        .iter()
        .map(|d| d["trace_id"].as_str().unwrap().to_owned());
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every sent entity in returned traces, by id: its own members and the ids of its children.
fn entities(traces: &[Value]) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for segment in traces
        .iter()
        .flat_map(|trace| trace["Segments"].as_array().unwrap())
    {
        let document = &segment["Document"];
        if document.get("inferred").is_none() {
            collect(document, &mut found);
        }
    }
    found
}

fn collect(entity: &Value, found: &mut BTreeMap<String, Value>) {
    for child in entity["subsegments"].as_array().into_iter().flatten() {
        collect(child, found);
    }
    let known = found.insert(
        entity["id"].as_str().unwrap().to_owned(),
        own_members(entity),
    );
    assert!(known.is_none(), "{} came back twice", entity["id"]);
}

/// An entity without what nesting expresses: where it hangs, and what hangs below it.
fn own_members(entity: &Value) -> Value {
    let mut own = entity.clone();
    let members = own.as_object_mut().unwrap();
    for name in ["subsegments", "type", "trace_id", "parent_id"] {
        members.remove(name);
    }
    if members.get("in_progress") == Some(&json!(false)) {
        members.remove("in_progress");
    }
    own
}

/// The version of each sent entity that has to come back: the complete one.
fn expected(documents: &[Value]) -> BTreeMap<String, Value> {
    let mut expected: BTreeMap<String, Value> = BTreeMap::new();
    let mut pending: Vec<&Value> = documents.iter().collect();
    while let Some(entity) = pending.pop() {
        pending.extend(entity["subsegments"].as_array().into_iter().flatten());
        let id = entity["id"].as_str().unwrap().to_owned();
        let is_complete = entity["end_time"].is_number();
        if is_complete || !expected.contains_key(&id) {
            expected.insert(id, own_members(entity));
        }
    }
    expected
}

fn golden_path(name: &str) -> PathBuf {
    root().join("golden/replay").join(format!("{name}.json"))
}

/// Compares with the golden file, or writes it.
#[track_caller]
fn assert_golden(name: &str, shown: &Value) {
    let path = golden_path(name);
    let shown = serde_json::to_string_pretty(shown).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, shown).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == shown,
        "{name} differs from {}:\n{shown}",
        path.display()
    );
}

#[test]
fn every_recording_comes_back_equal_in_meaning() {
    let mut compared = 0;
    for recording in recordings() {
        let replayed = replay(&recording);
        let sent = documents(&recording);
        let (returned, expected) = (entities(&replayed.traces), expected(&sent));
        for (id, entity) in &expected {
            assert_eq!(returned.get(id), Some(entity), "{}: {id}", recording.name);
            compared += 1;
        }
        if !sent.is_empty() {
            assert_eq!(
                returned.len(),
                expected.len(),
                "{}: nothing added",
                recording.name
            );
        }
    }
    assert_eq!(compared, 882, "entities in all recordings");
}

/// The hours that traces lie in: recordings may hold traces of several days.
#[expect(clippy::cast_possible_truncation, reason = "hours since 1970")]
fn hours(traces: &[Value]) -> BTreeSet<i64> {
    let segments = traces
        .iter()
        .flat_map(|trace| trace["Segments"].as_array().unwrap());
    let starts = segments.map(|segment| segment["Document"]["start_time"].as_f64().unwrap());
    starts
        .map(|start| (start / 3600.0).floor() as i64)
        .collect()
}

#[test]
fn every_recording_has_its_golden_answers() {
    for recording in recordings() {
        let replayed = replay(&recording);
        let windows = hours(&replayed.traces);
        let settled = eventually(&format!("views of {}", recording.name), || {
            let mut summaries = BTreeMap::new();
            let mut services = Vec::new();
            for hour in &windows {
                #[expect(clippy::cast_precision_loss, reason = "hours since 1970")]
                let start = *hour as f64 * 3600.0;
                for summary in replayed.api.summaries(start, start + 3600.0) {
                    summaries.insert(summary["Id"].as_str().unwrap().to_owned(), summary);
                }
                let request = json!({"StartTime": start, "EndTime": start + 3600.0});
                let graph = replayed.api.ok("/ServiceGraph", &request);
                services.push(graph["Services"].clone());
            }
            let shown = |(trace, revision): (&String, &u64)| {
                summaries
                    .get(trace)
                    .is_some_and(|summary| summary["Revision"] == json!(revision))
            };
            let expected = revisions(&recording);
            let complete = expected.iter().all(shown) && summaries.len() == expected.len();
            complete.then_some((summaries, services))
        });
        let summaries: Vec<Value> = settled.0.into_values().collect();
        let golden =
            json!({"traces": replayed.traces, "summaries": summaries, "services": settled.1});
        assert_golden(&recording.name, &golden);
    }
}

#[test]
fn the_three_service_chains_are_one_trace_and_one_connected_graph() {
    for client in ["aws-xray-sdk-python", "aws-xray-sdk-node", "mixed"] {
        let replayed = replay(&recording(&format!("{client}/chain3")));
        assert_eq!(replayed.trace_ids.len(), 4, "{client}: ok, 404, 503, 429");
        for id in &replayed.trace_ids {
            let graph = replayed.api.ok("/TraceGraph", &json!({"TraceIds": [id]}));
            let services = graph["Services"].as_array().unwrap();
            let edges: usize = services
                .iter()
                .map(|service| service["Edges"].as_array().unwrap().len())
                .sum();
            let active = services
                .iter()
                .filter(|service| service["State"] == "active")
                .count();
            // client → front → middle → back and nothing beside
            assert_eq!(
                (services.len(), active, edges),
                (4, 3, 3),
                "{client} {id}: {graph}"
            );
            let roots = services
                .iter()
                .filter(|service| service["Root"] == json!(true))
                .count();
            assert_eq!(roots, 1, "{client} {id}");
        }
    }
}
