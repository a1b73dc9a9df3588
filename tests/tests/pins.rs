//! Pins outlast retention: made with `radiograph pin`, over what a collector with `--retention 1h` finds
//! to be years old at its start. What is stored is made old by moving its logs to another day, which is
//! all that a store knows of a log's age.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use radiograph_tests::servers::Server;
use radiograph_tests::{Api, Collector, binaries, eventually};
use serde_json::Value;
use tempfile::TempDir;

const START: u64 = 1_795_269_600;

fn id(number: u64) -> String {
    format!("1-{START:08x}-{number:024x}")
}

/// A segment that starts so many seconds after [`START`]; every second one is a fault.
fn segment(number: u64) -> String {
    let start = START + number;
    format!(
        r#"{{"trace_id":"{}","id":"{:016x}","name":"shop","start_time":{start},"end_time":{start}.5,"fault":{}}}"#,
        id(number),
        number + 1,
        number.is_multiple_of(2)
    )
}

/// `radiograph pin`, `pins` or `unpin`: its lines.
fn radiograph(api_at: &Collector, args: &[&str]) -> Vec<String> {
    let mut command = Command::new(binaries::path("radiograph"));
    command.args(args);
    let output = command
        .args(["--endpoint", &format!("http://{}", api_at.address)])
        .output()
        .unwrap();
    let remarks = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {remarks}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(ToOwned::to_owned).collect()
}

/// A collector that keeps an hour.
fn forgetful(data: &Path) -> Collector {
    let args = ["--listen", "127.0.0.1:0", "--admin", "off"];
    let data = ["--data-dir", data.to_str().unwrap()];
    let args = [&args[..], &data, &["--retention", "1h"]].concat();
    let mut server = Server::start("radiograph-collector", &args);
    let address = server.value_behind("address=").parse().unwrap();
    Collector { server, address }
}

/// Moves all logs to a day long ago; whether there were logs alone, as the end of an hour seals them.
fn grow_old(data: &Path) -> bool {
    let log_dir = data.join("log");
    let old = log_dir.join("2020-01-01");
    fs::create_dir_all(&old).unwrap();
    let mut are_logs = true;
    for day in fs::read_dir(&log_dir).unwrap() {
        let day = day.unwrap().path();
        for file in fs::read_dir(&day).unwrap() {
            let file = file.unwrap().path();
            are_logs &= file.extension().is_some_and(|extension| extension == "log");
            fs::rename(&file, old.join(file.file_name().unwrap())).unwrap();
        }
    }
    are_logs
}

fn found(api: &Api) -> Vec<String> {
    let ids: Vec<String> = (1..=4).map(id).collect();
    let mut traces = Vec::new();
    for trace in api.traces(&ids) {
        traces.push(trace["Id"].as_str().unwrap().to_owned());
    }
    traces.sort();
    traces
}

/// The ids in all summaries, once there are so many.
fn summarized(api: &Api, count: usize) -> Vec<String> {
    let start = f64::from(u32::try_from(START).unwrap());
    eventually("the summaries", || {
        let summaries = api.summaries(start, start + 3600.0);
        let id = |summary: &Value| summary["Id"].as_str().unwrap().to_owned();
        let mut ids: Vec<String> = summaries.iter().map(id).collect();
        ids.sort();
        (ids.len() == count).then_some(ids)
    })
}

/// A directory with four traces of long ago, of which the first and the even ones are pinned.
fn pinned_long_ago() -> TempDir {
    loop {
        let data = tempfile::tempdir().unwrap();
        let collector = Collector::start(data.path());
        let api = collector.api();
        let documents: Vec<String> = (1..=4).map(segment).collect();
        assert_eq!(api.put(&documents), serde_json::json!([]));
        summarized(&api, 4);
        let pinned = radiograph(&collector, &["pin", &id(1), "--note", "the outage"]);
        assert!(pinned[0].starts_with("1 1-"), "{pinned:?}");
        assert!(pinned[0].contains(" traces=1 "), "{pinned:?}");
        let window = (START.to_string(), (START + 60).to_string());
        let window = ["pin", "--since", &window.0, "--until", &window.1];
        let window = [&window[..], &["--filter", "fault"]].concat();
        let pinned = radiograph(&collector, &window);
        assert!(pinned[0].contains(" traces=2 "), "{pinned:?}");
        collector.stop();
        if grow_old(data.path()) {
            return data;
        }
    }
}

#[test]
fn what_is_pinned_outlasts_retention_until_it_is_unpinned() {
    let data = pinned_long_ago();
    let kept = [id(1), id(2), id(4)];
    for _ in 0..2 {
        let collector = forgetful(data.path());
        let api = collector.api();
        eventually("retention", || (found(&api).len() < 4).then_some(()));
        assert_eq!(found(&api), kept);
        assert_eq!(summarized(&api, 3), kept);
        let pins = radiograph(&collector, &["pins"]);
        assert_eq!(pins.len(), 2, "{pins:?}");
        assert!(pins[0].contains(r#" note="the outage""#), "{pins:?}");
        assert!(pins[1].contains(" traces=2 "), "{pins:?}");
        collector.stop();
        // whatever the time, all of it is old again
        grow_old(data.path());
    }
    let collector = forgetful(data.path());
    assert_eq!(radiograph(&collector, &["unpin", "2"]), ["2 unpinned"]);
    assert_eq!(radiograph(&collector, &["pins"]).len(), 1);
    collector.stop();
    grow_old(data.path());
    let collector = forgetful(data.path());
    let api = collector.api();
    eventually("retention", || (found(&api) == [id(1)]).then_some(()));
    collector.stop();
}

#[test]
fn a_pin_that_is_unsound_is_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let endpoint = format!("http://{}", collector.address);
    for (args, expected) in [
        (&["pin", "nonsense"][..], "Invalid trace id nonsense"),
        (
            &["unpin", "7"],
            "pin 7: /DeletePin: 400 InvalidRequestException: Pin not found",
        ),
        (&["pin", "--since", "yesterday"], "not a timestamp"),
        (
            &["pin", "--since", "1h", "--filter", "fault ="],
            "400 InvalidRequestException",
        ),
    ] {
        let mut command = Command::new(binaries::path("radiograph"));
        command.args(args).args(["--endpoint", &endpoint]);
        let output = command.output().unwrap();
        let remarks = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(remarks.contains(expected), "{args:?}: {remarks}");
    }
    collector.stop();
}
