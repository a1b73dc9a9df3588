//! `radiograph query` and `why-not` against a real collector, and boto3's paginator while writes go on.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use radiograph_tests::{Api, Collector, binaries, eventually, python};
use serde_json::{Value, json};

/// Epoch seconds at which the traces of these tests begin.
const START: f64 = 1_700_000_000.0;

fn trace_id(number: u64) -> String {
    format!("1-6553f100-{number:024x}")
}

/// A finished trace of one segment, `after` seconds from [`START`].
fn document(number: u64, after: f64, members: Value) -> String {
    let mut document = json!({
        "trace_id": trace_id(number), "id": format!("{:016x}", number + 1), "name": "web",
        "start_time": START + after, "end_time": START + after + 0.25,
    });
    let Value::Object(members) = members else {
        unreachable!("members are an object");
    };
    document.as_object_mut().unwrap().extend(members);
    document.to_string()
}

fn put(api: &Api, documents: &[String]) {
    for fifty in documents.chunks(50) {
        assert_eq!(api.put(fifty), json!([]));
    }
}

fn settled(api: &Api, start: f64, end: f64, count: usize) {
    eventually("settled traces", || {
        (api.summaries(start, end).len() == count).then_some(())
    });
}

/// Runs `radiograph` with these arguments, and the collector as its endpoint.
fn radiograph(collector: &Collector, arguments: &[&str]) -> Output {
    let endpoint = format!("http://{}", collector.address);
    let mut command = Command::new(binaries::path("radiograph"));
    command.args(arguments).args(["--endpoint", &endpoint]);
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Three traces, eight hours apart: more than the collector answers at once.
fn three(collector: &Collector) -> Api {
    let api = collector.api();
    let fault = json!({"fault": true, "annotations": {"plan": "gold"}, "user": "ann",
        "http": {"request": {"method": "GET", "url": "http://shop.test/cart"}, "response": {"status": 500}}});
    put(
        &api,
        &[
            document(1, 0.0, json!({})),
            document(2, 8.0 * 3600.0, fault),
            document(3, 16.0 * 3600.0, json!({"annotations": {"plan": "silver"}})),
        ],
    );
    for hours in [0.0, 8.0, 16.0] {
        let at = START + hours * 3600.0;
        settled(&api, at - 60.0, at + 60.0, 1);
    }
    api
}

/// A window of 24 hours around the three traces.
const WINDOW: [&str; 4] = [
    "--since",
    "2023-11-14T22:00:00Z",
    "--until",
    "2023-11-15T22:00:00Z",
];

#[test]
fn query_finds_traces_in_a_window_longer_than_the_collector_answers() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    three(&collector);
    let query = |more: &[&str]| {
        let arguments: Vec<&str> = ["query"]
            .iter()
            .chain(more)
            .chain(&WINDOW)
            .copied()
            .collect();
        let output = radiograph(&collector, &arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {out}{err}");
        (out, err)
    };
    let ids = |out: &str| -> Vec<String> {
        let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|line: Value| line["Id"].as_str().unwrap().to_owned())
            .collect()
    };
    for range in ["trace-id", "event", "service"] {
        let (out, err) = query(&["--json", "--range", range]);
        assert_eq!(ids(&out), [3, 2, 1].map(trace_id), "{range}");
        assert!(err.contains("3 traces of "), "{range}: {err}");
    }
    let (out, err) = query(&["--json", "--limit", "2"]);
    assert_eq!(ids(&out), [3, 2].map(trace_id));
    assert!(err.contains("there are more: --limit"), "{err}");

    let (out, _) = query(&["fault"]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    let row = [
        "2023-11-15T06:13:20.000Z  0.250 s",
        "fault",
        "GET 500",
        "web http://shop.test/cart",
        "user=ann plan=gold",
        &trace_id(2),
        &format!("http://{}/#/traces/{}", collector.address, trace_id(2)),
    ];
    for part in row {
        assert!(lines[1].contains(part), "{part} in {out}");
    }
    let (_, err) = query(&["service(\"web\") { fault }", "--explain"]);
    assert!(
        err.contains(
            "understood as: service(\"web\") { fault }\n  1:1   service(\"web\")\n  1:18    fault"
        ),
        "{err}"
    );
    collector.stop();
}

#[test]
fn a_slip_is_pointed_at_without_asking_anybody() {
    let mut command = Command::new(binaries::path("radiograph"));
    // nothing listens on this port
    let output = command
        .args([
            "query",
            "ok AND duration < ",
            "--endpoint",
            "http://127.0.0.1:9",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "radiograph: Error Location: line 1, position 19 : Invalid input symbol: 'duration < '\n  \
         ok AND duration < \n                    ^\n  expected: a number\n"
    );
}

#[test]
fn why_not_tells_the_terms_that_decide_and_how_it_went_by_its_exit_code() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = three(&collector);
    let group = json!({"GroupName": "faulty", "FilterExpression": "fault"});
    api.ok("/CreateGroup", &group);
    let why_not = |number: u64, expression: &str| {
        let output = radiograph(&collector, &["why-not", &trace_id(number), expression]);
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let silent = String::new();
    assert_eq!(
        why_not(3, "ok AND (annotation.plan = \"gold\" OR responsetime > 5)"),
        (
            Some(0),
            "the trace does not match\n  1:9 annotation.plan = \"gold\": is \"silver\" (string)\n  \
             1:37 responsetime > 5: is 0.25\n"
                .to_owned(),
            silent.clone()
        )
    );
    assert_eq!(
        why_not(3, "group.name = \"faulty\""),
        (
            Some(0),
            "the trace does not match\n  1:1 group.name = \"faulty\": is false\n    \
             the group selects fault\n      fault: is false\n"
                .to_owned(),
            silent.clone()
        )
    );
    assert_eq!(
        why_not(2, "group.name = \"faulty\" AND user").0,
        Some(3),
        "it matches"
    );
    assert_eq!(
        why_not(9, "ok"),
        (
            Some(4),
            silent,
            format!("radiograph: no such trace: {}\n", trace_id(9))
        )
    );
    let (code, _, err) = why_not(1, "group.name = \"nobody\"");
    assert_eq!(code, Some(2));
    assert!(err.contains("Group not found: nobody\n"), "{err}");
    collector.stop();
}

/// Adds traces everywhere in the window, and another segment to some of the first `count`.
fn write_on(api: &Api, is_done: &AtomicBool, written: &AtomicU64, count: u64) {
    let mut round = 0_u64;
    while !is_done.load(Ordering::Relaxed) && round < 400 {
        let added = (0..20).map(|place| {
            let number = count + round * 20 + place;
            document(number, (number * 37 % 9000) as f64 / 9.0, json!({}))
        });
        let late = (0..20).map(|place| {
            let number = (round * 20 + place) * 13 % count;
            let id = format!("{:016x}", 0xff_0000 + number);
            let parent = format!("{:016x}", number + 1);
            document(
                number,
                number as f64 / 10.0,
                json!({"id": id, "parent_id": parent}),
            )
        });
        put(api, &added.chain(late).collect::<Vec<_>>());
        written.fetch_add(1, Ordering::Relaxed);
        round += 1;
    }
}

/// boto3's paginator over all that is good, which waits behind the first page for a line.
fn paginator(collector: &Collector) -> Child {
    python::client("paginate.py", collector.address)
        .args([(START - 60.0).to_string(), (START + 3600.0).to_string()])
        .arg("ok")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn boto3_pages_through_ten_thousand_traces_while_writes_go_on_each_exactly_once() {
    const COUNT: u64 = 10_000;
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = collector.api();
    let documents: Vec<String> = (0..COUNT)
        .map(|number| document(number, number as f64 / 10.0, json!({})))
        .collect();
    put(&api, &documents);
    settled(&api, START - 60.0, START + 3600.0, 10_000);

    let mut child = paginator(&collector);
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "first page");
    // from here on traces are added everywhere in the window, and old ones get another segment
    let is_done = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    let result: Value = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            write_on(&api, &is_done, &written, COUNT);
        });
        eventually("writes", || {
            (written.load(Ordering::Relaxed) > 5).then_some(())
        });
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        let result = said.next().unwrap().unwrap();
        is_done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        serde_json::from_str(&result).unwrap()
    });
    assert!(child.wait().unwrap().success());
    assert!(
        result["pages"].as_u64().unwrap() >= 20,
        "{}",
        result["pages"]
    );
    let mut times = BTreeMap::new();
    for id in result["ids"].as_array().unwrap() {
        *times.entry(id.as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    let missed: Vec<String> = (0..COUNT)
        .map(trace_id)
        .filter(|id| !times.contains_key(id))
        .collect();
    assert!(missed.is_empty(), "missed {}: {missed:.10?}", missed.len());
    collector.stop();
}
