//! The whole text against `golden.txt`, which lies beside this file; `UPDATE_GOLDEN=1` rewrites it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use radiograph_protocol::sampling::Counts;

use super::*;
use crate::sampling::{RuleUsage, Usage};
use crate::store::StoreError;

/// Every counter with a value of its own, so that two which were mixed up show.
fn example() -> Snapshot {
    Snapshot {
        accepted: 1_000,
        rejected: BTreeMap::from([("MissingId", 2), ("ParseError", 3)]),
        unstored: 4,
        unsampled_otlp: 5,
        views_settled: 6,
        views_oversized: 7,
        settle_failures: 8,
        pinned: [26, 27, 28],
        requests: BTreeMap::from([(
            "PutTraceSegments",
            OperationCounters {
                statuses: BTreeMap::from([(200, 9), (503, 10)]),
                within: [0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16],
                elapsed: Duration::from_millis(17_250),
            },
        )]),
        throttled: 18,
        slowed: 28,
        connections_limited: BTreeMap::from([("full", 29), ("head_time", 30)]),
        body_bytes: 19,
        store_errors: BTreeMap::from([("io", 20), ("unwritable", 21)]),
        insights_limited: BTreeMap::from([("services_watched", 37), ("events_kept", 38)]),
        telemetry_records: 22,
        daemons: [23, 24, 25, 26],
    }
}

fn rules() -> RulesUsage {
    let rule = |rule_name: &str, first: u64, is_raised| RuleUsage {
        rule_name: rule_name.to_owned(),
        counts: Counts {
            requests: first,
            sampled: first + 1,
            borrows: first + 2,
        },
        reservoir: Usage {
            reservoir_size: 34,
            quota_granted: first + 3,
            clients_active: 35,
            clients_forgotten: first + 4,
        },
        is_raised,
    };
    RulesUsage {
        rules: vec![rule("check\"out", 40, true), rule("Default", 50, false)],
        boost_services_left_out: 36,
    }
}

fn state() -> State {
    State {
        is_stopping: false,
        is_serving: true,
        store: Ok(()),
        unsettled: 27,
        backlog: 0.0,
    }
}

fn process() -> ProcessNow {
    ProcessNow {
        started: Duration::from_millis(1_795_264_699_041),
        resident_bytes: Some(7_340_032),
    }
}

/// The version changes with every release, the golden file does not.
fn shown(counters: &Snapshot, state: Option<&State>) -> String {
    let own = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    metrics(counters, &rules(), state, &process()).replace(&own, "version=\"0.0.0\"")
}

#[test]
fn the_text_is_the_golden_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/text/golden.txt");
    let text = shown(&example(), Some(&state()));
    if update_golden() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch for those who run the tests, not for the collector"
)]
fn update_golden() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

#[test]
fn a_collector_that_does_not_take_documents_is_not_ready() {
    let ready = |state: Option<&State>| {
        let text = shown(&Snapshot::default(), state);
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("radiograph_collector_ready "));
        line.map(str::to_owned)
    };
    assert_eq!(ready(Some(&state())).as_deref(), Some("1"));
    assert_eq!(ready(None).as_deref(), Some("0"));
    let full = State {
        store: Err(StoreError::Unwritable),
        ..state()
    };
    assert_eq!(ready(Some(&full)).as_deref(), Some("0"));
}

#[test]
fn no_sample_comes_twice_and_only_counters_end_in_total() {
    let text = shown(&example(), Some(&state()));
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = samples
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    let unique: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
    }
}
