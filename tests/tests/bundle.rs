//! `radiograph export`, `import`, `backup` and `restore` with real servers: what recordings of real
//! clients and documents of other years answer in one collector they answer in another.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use radiograph_proto_fixtures::{documents_of, example, recordings};
use radiograph_tests::{Api, Collector, binaries, eventually};
use serde_json::{Value, json};

fn radiograph(args: &[&str]) -> Output {
    let mut command = Command::new(binaries::path("radiograph"));
    command.args(args).env_remove("RADIOGRAPH_ENDPOINT");
    command.output().unwrap()
}

/// What it printed, which has to be a success.
#[track_caller]
fn done(args: &[&str]) -> String {
    let output = radiograph(args);
    let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {remarks}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says on standard error, and with which exit code.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = radiograph(args);
    let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), remarks)
}

/// The bodies of all recordings that are JSON, and the worked examples.
fn documents() -> Vec<String> {
    let recorded = recordings().into_iter();
    let datagrams = recorded.flat_map(|recording| recording.datagrams);
    let bodies = datagrams.filter_map(|datagram| Some(datagram.split_once('\n')?.1.to_owned()));
    let mut documents: Vec<String> = bodies.filter(|body| body.starts_with('{')).collect();
    documents.extend((1..=5).flat_map(|number| documents_of(&example(number))));
    documents
}

/// The traces of these documents, but for ids that are none: recordings have such, too.
fn traces(documents: &[String]) -> BTreeSet<String> {
    let ids = documents.iter().filter_map(|text| {
        let document: Value = serde_json::from_str(text).ok()?;
        Some(document["trace_id"].as_str()?.to_ascii_lowercase())
    });
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    ids.filter(|id| id.chars().all(is_part)).collect()
}

/// All that is asked of both collectors, in an order of its own. Windows have at most six hours: one
/// around the start of each trace.
fn answers(api: &Api, ids: &BTreeSet<String>) -> Vec<Value> {
    let ids: Vec<String> = ids.iter().cloned().collect();
    let mut answers = api.traces(&ids);
    let segments = answers
        .iter()
        .filter_map(|trace| trace["Segments"].as_array());
    let starts = segments
        .flatten()
        .filter_map(|segment| segment["Document"]["start_time"].as_f64());
    let hours: BTreeSet<u32> = starts.filter_map(hour).collect();
    for hour in hours {
        let (start, end) = (f64::from(hour) * 3600.0, f64::from(hour + 1) * 3600.0);
        let window = json!({"StartTime": start, "EndTime": end});
        answers.extend(api.summaries(start, end));
        answers.push(api.ok("/ServiceGraph", &window));
        answers.push(api.ok("/TimeSeriesServiceStatistics", &window));
    }
    answers
}

/// The hour since 1970 that a time in seconds lies in.
fn hour(seconds: f64) -> Option<u32> {
    let hour = format!("{:.0}", (seconds / 3600.0).floor());
    hour.parse().ok()
}

/// The answers once they are these, or once every trace has a summary and nothing changes any more.
fn settled(api: &Api, ids: &BTreeSet<String>, expected: Option<&Vec<Value>>) -> Vec<Value> {
    let mut before = Vec::new();
    eventually("the answers", || {
        let now = answers(api, ids);
        let those_with = |member: &str| {
            let with = now.iter().filter(|answer| !answer[member].is_null());
            with.filter_map(|answer| answer["Id"].as_str())
                .collect::<BTreeSet<_>>()
        };
        let is_there = match expected {
            Some(expected) => now == *expected,
            None => now == before && those_with("Segments") == those_with("IsPartial"),
        };
        before.clone_from(&now);
        is_there.then_some(now)
    })
}

fn endpoint(collector: &Collector) -> String {
    format!("http://{}", collector.address)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn recordings_answer_the_same_where_they_are_imported_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let from = Collector::start(&dir.path().join("from"));
    let to = Collector::start(&dir.path().join("to"));
    let documents = documents();
    for call in documents.chunks(50) {
        from.api().put(call);
    }
    let ids = traces(&documents);
    let expected = settled(&from.api(), &ids, None);
    let bundle = dir.path().join("all.xray");
    done(&["export", text(&bundle), "--endpoint", &endpoint(&from)]);
    let counts = done(&["import", text(&bundle), "--endpoint", &endpoint(&to)]);
    assert!(counts.contains(" 0 already there, 0 rejected"), "{counts}");
    settled(&to.api(), &ids, Some(&expected));
    let counts = done(&["import", text(&bundle), "--endpoint", &endpoint(&to)]);
    assert!(counts.starts_with("0 sent, "), "{counts}");

    let backup = dir.path().join("backup");
    done(&["backup", text(&backup), "--endpoint", &endpoint(&from)]);
    let restored = dir.path().join("restored");
    done(&["restore", text(&backup), "--data-dir", text(&restored)]);
    let third = Collector::start(&restored);
    settled(&third.api(), &ids, Some(&expected));
    for collector in [from, to, third] {
        collector.stop();
    }
}

#[test]
fn what_cannot_be_done_has_a_name_and_an_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("data"));
    let endpoint = endpoint(&collector);
    let none = dir.path().join("none.xray");
    let torn = dir.path().join("torn.xray");
    std::fs::write(&torn, b"\x89XRAY").unwrap();
    let full = dir.path();
    for (row, args, code, expected) in [
        (
            "no file",
            &["import", text(&none), "--endpoint", &endpoint][..],
            1,
            "reading",
        ),
        (
            "torn",
            &["import", text(&torn), "--endpoint", &endpoint],
            1,
            "ends early",
        ),
        (
            "a bad filter",
            &["export", "-", "--filter", "x(", "--endpoint", &endpoint],
            1,
            "InvalidRequest",
        ),
        (
            "a bad id",
            &["export", "-", "--trace", "x", "--endpoint", &endpoint],
            1,
            "Invalid trace id",
        ),
        (
            "both",
            &["export", "-", "--trace", "x", "--since", "1h"],
            2,
            "cannot be used with",
        ),
        (
            "nobody there",
            &["export", "-", "--endpoint", "http://127.0.0.1:1"],
            1,
            "no answer",
        ),
        (
            "a full directory",
            &["backup", text(full), "--endpoint", &endpoint],
            1,
            "is not empty",
        ),
        (
            "no backup",
            &["restore", text(full), "--data-dir", text(&none)],
            1,
            "no SHA256SUMS",
        ),
    ] {
        let (found, remarks) = refused(args);
        assert_eq!(found, Some(code), "{row}: {remarks}");
        assert!(remarks.contains(expected), "{row}: {remarks}");
    }
    collector.stop();
}
