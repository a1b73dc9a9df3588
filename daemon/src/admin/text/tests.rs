//! The whole text against `golden.txt`, which lies beside this file; `UPDATE_GOLDEN=1` rewrites it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

/// Every counter with a value of its own, so that two which were mixed up show.
fn example() -> Counters {
    Counters {
        received: 1_000,
        received_tcp: 1,
        ignored: 2,
        rejected: vec![("no_separator", 3), ("header_version", 4)],
        sampled_out: 5,
        spilled: vec![("buffer_full", 6)],
        waiting: 7,
        otlp_documents: 8,
        otlp_spans: 9,
        otlp_unsampled: 10,
        destinations: vec![
            DestinationCounters {
                name: "default".to_owned(),
                inherited: 11,
                sent: 12,
                spooled: 13,
                held: 14,
                rejected: vec![("unprocessed", 15), ("http_400", 16)],
                spilled: vec![("spool_full", 17)],
                unprocessed: vec![("ParseError".to_owned(), 18), ("other".to_owned(), 19)],
                failures: vec![("timeout", 20), ("http_5xx", 21)],
                replayed: 23,
                spool_bytes: 24,
                spool_oldest_seconds: 25,
                is_up: true,
                down_reason: None,
            },
            DestinationCounters {
                name: "second".to_owned(),
                sent: 26,
                down_reason: Some("down for 3 s: time-out".to_owned()),
                ..DestinationCounters::default()
            },
        ],
        proxy_forwarded: 27,
        proxy_refused: 28,
        proxy_failed: 29,
        proxy_cached: 30,
    }
}

fn process() -> ProcessNow {
    ProcessNow {
        started: Duration::from_millis(1_795_264_699_041),
        resident_bytes: Some(7_340_032),
    }
}

/// The version changes with every release, the golden file does not.
fn shown(counters: &Counters, kernel_drops: Option<u64>, process: &ProcessNow) -> String {
    let own = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    metrics(counters, kernel_drops, process).replace(&own, "version=\"0.0.0\"")
}

#[test]
fn the_text_is_the_golden_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/text/golden.txt");
    let text = shown(&example(), Some(31), &process());
    if update_golden() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch for those who run the tests, not for the daemon"
)]
fn update_golden() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

#[test]
fn what_is_unknown_is_left_out_and_every_family_comes_once() {
    let unknown = ProcessNow {
        resident_bytes: None,
        ..process()
    };
    let text = shown(&Counters::default(), None, &unknown);
    let families: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let expected = [
        "radiograph_daemon_segments_received_total",
        "radiograph_daemon_datagrams_ignored_total",
        "radiograph_daemon_segments_sampled_out_total",
        "radiograph_daemon_segments_waiting",
        "radiograph_daemon_otlp_documents_total",
        "radiograph_daemon_otlp_unsampled_documents_total",
        "radiograph_daemon_otlp_spans_total",
        "radiograph_daemon_proxy_calls_total",
        "radiograph_daemon_build_info",
        "process_start_time_seconds",
    ];
    assert_eq!(families, expected);
}

#[test]
fn no_sample_comes_twice_and_only_counters_end_in_total() {
    let text = shown(&example(), Some(31), &process());
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = samples
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    let unique: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
    }
}
