//! A huge trace does not keep the collector from answering others, and is answered itself.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use radiograph_tests::{Api, Collector, eventually};
use serde_json::{Value, json};

/// A full minute.
const START: i64 = 1_700_000_040;

/// Subsegments of the giant, in documents of this many each.
const SUBSEGMENTS: usize = 100_000;
const PER_DOCUMENT: usize = 50;

/// Small traces that are sent while the giant grows.
const SMALL_TRACES: usize = 20;

fn trace_id(number: usize) -> String {
    format!("1-6553f128-{number:024x}")
}

fn segment(trace: usize, name: &str, seconds: i64) -> String {
    let (trace, end) = (trace_id(trace), START + seconds);
    format!(
        r#"{{"trace_id":"{trace}","id":"0000000000000001","name":"{name}","start_time":{START},"end_time":{end}}}"#
    )
}

/// One streamed document of the giant, a subsegment with the others embedded; the last is a call.
fn streamed(document: usize) -> String {
    let first = 2 + document * PER_DOCUMENT;
    let times = format!(r#""start_time":{START},"end_time":{}"#, START + 1);
    let embedded: Vec<String> = (first + 1..first + PER_DOCUMENT)
        .map(|id| {
            let is_last = id + 1 == first + PER_DOCUMENT;
            let call = if is_last {
                r#""namespace":"remote","#
            } else {
                ""
            };
            format!(r#"{{"id":"{id:016x}","name":"step.test",{call}{times}}}"#)
        })
        .collect();
    let (trace, embedded) = (trace_id(1), embedded.join(","));
    format!(
        r#"{{"trace_id":"{trace}","type":"subsegment","id":"{first:016x}","parent_id":"0000000000000001","name":"part",{times},"subsegments":[{embedded}]}}"#
    )
}

fn summary(api: &Api, trace: usize) -> Option<Value> {
    let start = START as f64;
    let summaries = api.summaries(start - 60.0, start + 60.0);
    let id = trace_id(trace);
    summaries.into_iter().find(|one| one["Id"] == json!(id))
}

/// Goes on making the giant due, each time with one more document, until told to stop; returns how
/// many documents it has then.
fn keep_growing(api: &Api, is_enough: &AtomicBool, sent: &AtomicUsize) -> usize {
    let whole: Vec<String> = (0..SUBSEGMENTS / PER_DOCUMENT).map(streamed).collect();
    assert_eq!(api.put(&[segment(1, "giant", 10)]), json!([]));
    for fifty in whole.chunks(50) {
        assert_eq!(api.put(fifty), json!([]));
        sent.fetch_add(fifty.len(), Ordering::Relaxed);
    }
    let mut documents = 1 + whole.len();
    while !is_enough.load(Ordering::Relaxed) {
        let more = streamed(documents - 1);
        assert_eq!(api.put(&[more]), json!([]));
        documents += 1;
    }
    documents
}

/// Says so when it is dropped, also by a test that fails: the giant's thread must end.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a small trace and asks for it in every way until all know it.
fn send_small(api: &Api, trace: usize) {
    assert_eq!(api.put(&[segment(trace, "small", 1)]), json!([]));
    assert_eq!(api.traces(&[trace_id(trace)]).len(), 1);
    eventually("the small trace's summary", || summary(api, trace));
    let window = json!({"StartTime": START, "EndTime": START + 60});
    let graph = api.ok("/ServiceGraph", &window);
    let services = graph["Services"].as_array().unwrap();
    let small = services
        .iter()
        .find(|one| one["Name"] == "small" && one["Type"].is_null());
    let count = &small.unwrap()["SummaryStatistics"]["TotalCount"];
    assert_eq!(
        count.as_u64(),
        Some(trace as u64 - 1),
        "one for each so far"
    );
}

/// The giant is stitched again and again during all of this; nobody else waits for it.
#[test]
fn others_are_answered_while_a_giant_trace_is_sent_and_settled() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let (is_enough, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let documents = thread::scope(|scope| {
        let until_here = Until(&is_enough);
        let giant = scope.spawn(|| keep_growing(&collector.api(), &is_enough, &sent));
        let api = collector.api();
        for small in 2..2 + SMALL_TRACES {
            send_small(&api, small);
            assert!(
                !giant.is_finished(),
                "the giant must grow as long as others ask"
            );
        }
        // from here on all of the giant is there, and stitched for every document more
        eventually("the whole giant", || {
            let is_sent = sent.load(Ordering::Relaxed) == SUBSEGMENTS / PER_DOCUMENT;
            is_sent.then_some(())
        });
        for small in 2 + SMALL_TRACES..2 + 2 * SMALL_TRACES {
            send_small(&api, small);
        }
        drop(until_here);
        giant.join().unwrap()
    });
    check_giant(&collector.api(), documents);
    collector.stop();
}

/// Everything that is derived of the giant counts every document.
fn check_giant(api: &Api, documents: usize) {
    let giant = eventually("the giant's last view", || {
        summary(api, 1).filter(|summary| summary["Revision"] == json!(documents))
    });
    assert_eq!(
        (&giant["Duration"], &giant["IsPartial"]),
        (&json!(10.0), &json!(false))
    );
    let calls = documents - 1;
    let graph = api.ok("/TraceGraph", &json!({"TraceIds": [trace_id(1)]}));
    let services = graph["Services"].as_array().unwrap();
    let counts: Vec<_> = services
        .iter()
        .map(|one| {
            (
                one["Name"].as_str().unwrap(),
                one["SummaryStatistics"]["TotalCount"].as_u64(),
            )
        })
        .collect();
    let expected = [
        ("giant", Some(1)),
        ("giant", None),
        ("step.test", Some(calls as u64)),
    ];
    assert_eq!(counts, expected);
    let traces = api.traces(&[trace_id(1)]);
    let segments = traces[0]["Segments"].as_array().unwrap();
    assert_eq!(segments.len(), 1 + calls, "one inferred segment per call");
    let parts = segments[0]["Document"]["subsegments"].as_array().unwrap();
    let nested = parts
        .iter()
        .map(|part| 1 + part["subsegments"].as_array().unwrap().len());
    assert_eq!(nested.sum::<usize>(), calls * PER_DOCUMENT);
}
