//! The real collector answers as the oracle does: a second implementation of
//! `spec/traces-and-graph.md`, written from that page alone (`tests/python/oracle`).
//!
//! Documents go in through PutTraceSegments; every member of every answer is compared by meaning.
//! What differs is printed with its path, so that the specification can be asked who is right.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use radiograph_proto_fixtures::{documents_of, example, recordings};
use radiograph_tests::{Api, Collector, eventually, python};
use serde_json::{Map, Value, json};

// a folder of its own: what lies beside this file is a test of its own
#[path = "oracle/differences.rs"]
mod differences;

use differences::{Differences, allow_wider_times, by_node};

/// Whether the collector draws the edges of links between different traces.
const LINKS_BETWEEN_TRACES: bool = true;

/// Whether the collector answers GetTimeSeriesServiceStatistics.
const TIME_SERIES: bool = true;

/// Random traces per run, and the seed they are made from.
const RANDOM_TRACES: usize = 200;
const RANDOM_SEED: u64 = 4;

/// The minute before which no random trace begins: t0 of the specification's examples.
const T0: f64 = 1_700_000_040.0;

/// Documents of one PutTraceSegments.
const DOCUMENTS_MAX: usize = 50;

/// How often graphs are read again while they differ, all together: links are drawn a moment after
/// their traces.
const READ_AGAIN_MAX: usize = 500;

/// Runs the oracle's command.
fn oracle(arguments: &[&str], request: &Value) -> Value {
    let mut child = Command::new("python3")
        .arg("-B")
        .arg(python::script("oracle/main.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let request = request.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(request.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle {arguments:?} failed");
    // a command that takes no request may end before it was written
    let _not_read = writer.join().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What of the documents was refused, in any order.
fn refused(entries: &[Value]) -> Vec<String> {
    let shown = |entry: &Value| format!("{} {}", entry["ErrorCode"], entry["Id"]);
    let mut shown: Vec<String> = entries.iter().map(shown).collect();
    shown.sort();
    shown
}

/// Summaries by trace, once every document is in them.
fn settled_summaries(api: &Api, wanted: &Value) -> Value {
    let revisions = wanted["summaries"].as_object().unwrap();
    eventually("every document in the summaries", || {
        let mut found = Map::new();
        for hour in wanted["hours"].as_array().unwrap() {
            let (start, end) = (hour[0].as_f64().unwrap(), hour[1].as_f64().unwrap());
            for summary in api.summaries(start, end) {
                found.insert(summary["Id"].as_str().unwrap().to_owned(), summary);
            }
        }
        let is_complete = |(id, wanted): (&String, &Value)| {
            found
                .get(id)
                .is_some_and(|found| found["Revision"] == wanted["Revision"])
        };
        revisions
            .iter()
            .all(is_complete)
            .then_some(Value::Object(found))
    })
}

/// Reads a graph, again while it differs and there is patience left, and tells what differs.
fn graph_differences(
    what: &str,
    wanted: &Value,
    is_exact: bool,
    patience: &mut usize,
    read: impl Fn() -> Value,
) -> Vec<String> {
    let last = eventually(what, || {
        let found = by_node(&read());
        let mut wanted = by_node(wanted);
        if !is_exact {
            allow_wider_times(&mut wanted, &found);
        }
        let mut now = Differences::default();
        now.compare(what, &wanted, &found);
        *patience = patience.saturating_sub(1);
        (now.0.is_empty() || *patience == 0).then_some(now)
    });
    last.0
}

fn compare_graphs(differences: &mut Differences, api: &Api, wanted: &Value) {
    let mut patience = READ_AGAIN_MAX;
    for graph in wanted["service_graphs"].as_array().unwrap() {
        let (window, services) = (&graph["window"], &graph["services"]);
        let request = json!({"StartTime": window[0], "EndTime": window[1]});
        let what = format!("service graph of {window}");
        let read = || api.ok("/ServiceGraph", &request)["Services"].clone();
        let found = graph_differences(&what, services, false, &mut patience, read);
        differences.0.extend(found);
    }
    for graph in wanted["trace_graphs"].as_array().unwrap() {
        let (ids, services) = (&graph["ids"], &graph["services"]);
        let request = json!({"TraceIds": ids});
        let what = format!("trace graph of {ids}");
        let read = || api.ok("/TraceGraph", &request)["Services"].clone();
        let found = graph_differences(&what, services, true, &mut patience, read);
        differences.0.extend(found);
    }
}

fn compare_series(differences: &mut Differences, api: &Api, wanted: &Value) {
    for series in wanted["series"].as_array().unwrap() {
        let (window, period, selector) =
            (&series["window"], &series["period"], &series["selector"]);
        let mut request = json!({"StartTime": window[0], "EndTime": window[1], "Period": period});
        if !selector.is_null() {
            request["EntitySelectorExpression"] = selector.clone();
        }
        let mut found = Vec::new();
        loop {
            let mut page = api.ok("/TimeSeriesServiceStatistics", &request);
            found.append(page["TimeSeriesServiceStatistics"].as_array_mut().unwrap());
            request["NextToken"] = page["NextToken"].take();
            if request["NextToken"].is_null() {
                break;
            }
        }
        let what = format!("series {selector} of {window} by {period}");
        differences.compare(&what, &series["points"], &Value::Array(found));
    }
}

/// Sends documents to a collector of their own, and compares all it says with the oracle.
#[track_caller]
fn assert_same_answers(what: &str, documents: &[String], windows: Option<Value>) {
    let mut request = json!({
        "documents": documents,
        "links_between_traces": LINKS_BETWEEN_TRACES,
        "selectors": [null, "service(\"front\")", "edge(\"front\", \"back\")"],
    });
    if let Some(windows) = windows {
        request["windows"] = windows;
    }
    let wanted = oracle(&[], &request);
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = collector.api();
    let mut unprocessed = Vec::new();
    for some in documents.chunks(DOCUMENTS_MAX) {
        unprocessed.extend(api.put(some).as_array().unwrap().clone());
    }
    assert_eq!(
        refused(&unprocessed),
        refused(wanted["refused"].as_array().unwrap()),
        "{what}: refused documents"
    );
    let mut differences = Differences::default();
    let summaries = settled_summaries(&api, &wanted);
    differences.compare("summaries", &wanted["summaries"], &summaries);
    let ids: Vec<String> = wanted["traces"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let id = |trace: &Value| trace["Id"].as_str().unwrap().to_owned();
    let traces: BTreeMap<String, Value> = api
        .traces(&ids)
        .into_iter()
        .map(|trace| (id(&trace), trace))
        .collect();
    differences.compare("traces", &wanted["traces"], &json!(traces));
    compare_graphs(&mut differences, &api, &wanted);
    if TIME_SERIES {
        compare_series(&mut differences, &api, &wanted);
    }
    differences.assert_none(what);
}

#[test]
fn the_oracle_gives_the_results_of_the_worked_examples() {
    for number in 1..=5 {
        let example = example(number);
        let request =
            json!({"documents": example["documents"], "windows": [[T0 - 60.0, T0 + 120.0]]});
        let answer = oracle(&[], &request);
        let mut differences = Differences::default();
        let id = example["summary"]["Id"].as_str().unwrap();
        differences.compare("summary", &answer["summaries"][id], &example["summary"]);
        let services = &answer["service_graphs"][0]["services"];
        differences.compare("services", services, &example["services"]);
        let segments = answer["traces"][id]["Segments"].as_array().unwrap();
        for entry in example["entries"].as_array().into_iter().flatten() {
            let segment = segments.iter().find(|segment| segment["Id"] == entry["id"]);
            differences.compare("entry", &segment.unwrap()["Document"], entry);
        }
        differences.assert_none(&format!("example {number}"));
    }
}

#[test]
fn the_worked_examples_are_answered_as_the_oracle_does() {
    let mut documents = Vec::new();
    for number in 1..=5 {
        documents.extend(documents_of(&example(number)));
    }
    let windows = json!([[T0 - 60.0, T0 + 120.0], [T0, T0 + 2.5]]);
    assert_same_answers("the worked examples", &documents, Some(windows));
}

#[test]
fn the_recordings_are_answered_as_the_oracle_does() {
    let mut documents = Vec::new();
    for recording in recordings() {
        let bodies = recording
            .datagrams
            .iter()
            .map(|datagram| datagram.split_once('\n').unwrap().1);
        // OTLP in base64 is not the oracle's
        let json = bodies.filter(|body| body.starts_with('{'));
        documents.extend(json.map(str::to_owned));
    }
    assert_same_answers("the recordings", &documents, None);
}

#[test]
fn random_traces_are_answered_as_the_oracle_does() {
    let (seed, traces) = (RANDOM_SEED.to_string(), RANDOM_TRACES.to_string());
    let documents = oracle(&["generate", &seed, &traces], &Value::Null);
    let documents: Vec<String> = serde_json::from_value(documents).unwrap();
    let windows = json!([
        [T0 - 3600.0, T0 + 3600.0],
        [T0 + 61.5, T0 + 122.25],
        [T0 + 120.0, T0 + 180.0],
        [T0 + 180.0, T0 + 420.0],
    ]);
    let what = format!("{traces} random traces of seed {seed}");
    assert_same_answers(&what, &documents, Some(windows));
}
