//! Signals on totals as plain values.

use std::collections::BTreeMap;

use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::*;
use crate::trace::totals::Span;

const SETTINGS: AdaptiveSettings = AdaptiveSettings {
    traces_per_second_max: 10,
    max_rate: 1.0,
    cooldown_window_minutes: 10,
    error_rate_increase: 0.05,
    latency_factor: 2.0,
};

/// A service that answered `ok` requests in `millis` each, and `bad` others as fast.
fn service(name: &str, (ok, bad): (i64, i64), millis: i64) -> (NodeKey, NodeTotals) {
    let key = NodeKey {
        name: name.to_owned(),
        kind: Some("AWS::ECS::Container".to_owned()),
        account_id: None,
    };
    let mut response_times = Histogram::default();
    response_times.count(Elapsed::from_micros(millis * 1000), ok + bad);
    let moment = Timestamp::from_seconds(1_704_067_200);
    let totals = NodeTotals {
        present: ok + bad,
        sent: ok + bad,
        roots: 0,
        statistics: Statistics {
            ok,
            fault: bad,
            ..Statistics::default()
        },
        durations: response_times.clone(),
        response_times,
        span: Span {
            start: moment,
            end: moment,
        },
    };
    (key, totals)
}

fn totals(services: impl IntoIterator<Item = (NodeKey, NodeTotals)>) -> MinuteTotals {
    MinuteTotals {
        nodes: services.into_iter().collect::<BTreeMap<_, _>>(),
        ..MinuteTotals::default()
    }
}

fn any_service() -> SamplingRule {
    SamplingRule::default_rule(String::new())
}

fn signal(now: (NodeKey, NodeTotals), before: Option<(NodeKey, NodeTotals)>) -> Option<Signal> {
    let found = cause(&any_service(), &SETTINGS, &totals([now]), &totals(before));
    found.map(|cause| cause.signal)
}

#[test]
fn risen_errors_are_a_signal_and_steady_ones_are_not() {
    let cases = [
        ("risen", (90, 10), Some((500, 5)), Some(Signal::Errors)),
        ("risen too little", (96, 4), Some((500, 5)), None),
        ("as bad as ever", (50, 50), Some((500, 500)), None),
        ("better", (99, 1), Some((500, 500)), None),
        ("too few requests", (0, 9), Some((500, 5)), None),
        ("too few errors", (18, 2), Some((500, 5)), None),
        (
            "new service with errors",
            (90, 10),
            None,
            Some(Signal::Errors),
        ),
        ("new service without", (100, 0), None, None),
        (
            "little known before",
            (90, 10),
            Some((0, 9)),
            Some(Signal::Errors),
        ),
    ];
    for (name, now, before, expected) in cases {
        let before = before.map(|before| service("shop", before, 50));
        assert_eq!(signal(service("shop", now, 50), before), expected, "{name}");
    }
}

#[test]
fn longer_response_times_are_a_signal() {
    let cases = [
        ("twice", 100, Some(50), Some(Signal::Latency)),
        ("less than twice", 99, Some(50), None),
        ("twice next to nothing", 10, Some(5), None),
        ("new service", 5000, None, None),
        ("faster", 10, Some(50), None),
    ];
    for (name, now, before, expected) in cases {
        let before = before.map(|millis| service("shop", (100, 0), millis));
        assert_eq!(
            signal(service("shop", (100, 0), now), before),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_few_slow_requests_are_no_signal() {
    let (key, mut now) = service("shop", (91, 9), 50);
    now.statistics = Statistics {
        ok: 100,
        ..Statistics::default()
    };
    now.response_times = Histogram::default();
    now.response_times.count(Elapsed::from_micros(50_000), 91);
    now.response_times.count(Elapsed::from_micros(9_000_000), 9);
    let before = service("shop", (100, 0), 50);
    assert_eq!(signal((key, now), Some(before)), None);
}

#[test]
fn cause_names_the_service_and_both_values() {
    let now = totals([service("cart", (100, 0), 50), service("shop", (75, 25), 50)]);
    let before = totals([service("cart", (100, 0), 50), service("shop", (100, 0), 50)]);
    let expected = Cause {
        service_name: "shop".to_owned(),
        signal: Signal::Errors,
        value: 0.25,
        baseline: 0.0,
    };
    let found = cause(&any_service(), &SETTINGS, &now, &before);
    assert_eq!(found, Some(expected));
}

#[test]
fn only_services_that_match_the_rule_and_send_segments_count() {
    let now = totals([service("shop", (50, 50), 50)]);
    let found = |service_name: &str, service_type: &str, now: &MinuteTotals| {
        let rule = SamplingRule {
            service_name: service_name.to_owned(),
            service_type: service_type.to_owned(),
            ..any_service()
        };
        cause(&rule, &SETTINGS, now, &totals([])).is_some()
    };
    assert!(found("SH*", "aws::ecs::*", &now));
    assert!(!found("cart", "*", &now));
    assert!(!found("*", "AWS::EC2::*", &now));
    let (key, mut inferred) = service("shop", (50, 50), 50);
    inferred.sent = 0;
    assert!(!found("*", "*", &totals([(key, inferred)])));
}
