//! What was acknowledged is there after `kill -9`, whole, once, and settled.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use radiograph_tests::{Api, Collector, eventually};
use serde_json::{Value, json};

const KILLS: usize = 12;
const WRITERS: usize = 4;
const DOCUMENTS_PER_CALL: u64 = 10;
const START: f64 = 1_700_000_040.0;

/// Documents of a numbered call: a segment with a subsegment sent on its own, per trace.
fn documents(writer: usize, call: u64) -> Vec<(String, String)> {
    (0..DOCUMENTS_PER_CALL / 2)
        .flat_map(|place| {
            let number = ((writer as u64) << 48) | (call << 8) | place;
            let trace = format!("1-6553f128-{number:024x}");
            let (segment, child) = (number * 2 + 1, number * 2 + 2);
            let times = format!(r#""start_time":{START},"end_time":{}"#, START + 0.1);
            let root = format!(
                r#"{{"trace_id":"{trace}","id":"{segment:016x}","name":"writer",{times}}}"#
            );
            let child = format!(
                r#"{{"trace_id":"{trace}","id":"{child:016x}","parent_id":"{segment:016x}","type":"subsegment","name":"step",{times}}}"#
            );
            [(trace.clone(), root), (trace, child)]
        })
        .collect()
}

/// Writes numbered calls until told to stop or the connection breaks; remembers what was
/// acknowledged, and the number of the next call.
fn write(api: &Api, writer: usize, from: u64, stop: &AtomicBool, acked: &Mutex<Acked>) -> u64 {
    let mut call = from;
    while !stop.load(Ordering::Relaxed) {
        let documents = documents(writer, call);
        let texts: Vec<&String> = documents.iter().map(|(_, text)| text).collect();
        call += 1;
        let body = json!({"TraceSegmentDocuments": texts}).to_string();
        let Some(answer) = api.try_post("/TraceSegments", body) else {
            break;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["UnprocessedTraceSegments"], json!([]));
        let mut acked = acked.lock().unwrap();
        for (trace, text) in documents {
            acked.entry(trace).or_default().push(text);
        }
    }
    call
}

type Acked = BTreeMap<String, Vec<String>>;

#[test]
fn nothing_acknowledged_is_lost_by_killing_the_collector_under_load() {
    let data = tempfile::tempdir().unwrap();
    let acked: Arc<Mutex<Acked>> = Arc::default();
    let mut next_calls = vec![0_u64; WRITERS];
    for kill in 0..KILLS {
        let collector = Collector::start(data.path());
        let (address, stop) = (collector.address, Arc::new(AtomicBool::new(false)));
        let before = acked.lock().unwrap().len();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (stop, acked) = (Arc::clone(&stop), Arc::clone(&acked));
                let from = next_calls[writer];
                thread::spawn(move || write(&Api::new(address), writer, from, &stop, &acked))
            })
            .collect();
        // kill in the middle of the load, at another point each time
        let enough = before + 100 + 37 * kill;
        eventually("acknowledged writes", || {
            (acked.lock().unwrap().len() > enough).then_some(())
        });
        collector.server.kill();
        stop.store(true, Ordering::Relaxed);
        next_calls = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect();
    }
    let acked = Arc::into_inner(acked).unwrap().into_inner().unwrap();
    let collector = Collector::start(data.path());
    assert_all_there(&collector.api(), &acked);
    let printed = collector.stop();
    assert!(printed.contains("collector stopped"), "{printed}");
    // and once more, after a stop in good order
    assert_all_there(&Collector::start(data.path()).api(), &acked);
}

fn assert_all_there(api: &Api, acked: &Acked) {
    assert!(
        acked.len() > KILLS * 100,
        "only {} traces were written",
        acked.len()
    );
    let ids: Vec<String> = acked.keys().cloned().collect();
    let traces = api.traces(&ids);
    assert_eq!(traces.len(), acked.len(), "traces found");
    for trace in &traces {
        let segments = trace["Segments"].as_array().unwrap();
        let sent = &acked[trace["Id"].as_str().unwrap()];
        let root: Value = serde_json::from_str(&sent[0]).unwrap();
        let child: Value = serde_json::from_str(&sent[1]).unwrap();
        assert_eq!(segments.len(), 1, "one segment, nothing twice: {trace}");
        let document = &segments[0]["Document"];
        assert_eq!(document["id"], root["id"]);
        assert_eq!(
            document["subsegments"].as_array().unwrap().len(),
            1,
            "{trace}"
        );
        assert_eq!(document["subsegments"][0]["id"], child["id"]);
    }
    // views too: each summary once, and the totals are the sum over all traces
    let summaries = eventually("every trace to be settled", || {
        let summaries = api.summaries(START - 60.0, START + 60.0);
        let settled: BTreeMap<&str, &Value> = summaries
            .iter()
            .map(|s| (s["Id"].as_str().unwrap(), s))
            .collect();
        let known = |id: &String| settled.get(id.as_str()).is_some_and(|s| s["Revision"] == 2);
        ids.iter().all(known).then(|| summaries.clone())
    });
    let window = json!({"StartTime": START - 60.0, "EndTime": START + 60.0});
    let graph = api.ok("/ServiceGraph", &window);
    let node = &graph["Services"][0];
    assert_eq!(
        node["SummaryStatistics"]["TotalCount"],
        json!(summaries.len()),
        "{graph}"
    );
}
