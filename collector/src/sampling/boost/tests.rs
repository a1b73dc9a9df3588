//! Boosts over simulated time, on literal reports.

use proptest::prelude::*;

use super::*;

const START: i64 = 1_704_067_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn rule(fixed_rate: f64, max_rate: f64, cooldown_window_minutes: u32) -> SamplingRule {
    SamplingRule {
        rule_name: "checkout".to_owned(),
        fixed_rate,
        sampling_rate_boost: Some(SamplingRateBoost {
            max_rate,
            cooldown_window_minutes,
        }),
        ..SamplingRule::default_rule(String::new())
    }
}

fn report(boosts: &mut Boosts, service: &str, (anomalies, sampled): (u64, u64), seconds: i64) {
    let document = BoostStatisticsDocument {
        rule_name: "checkout".to_owned(),
        service_name: service.to_owned(),
        timestamp: at(seconds),
        anomaly_count: anomalies,
        total_count: anomalies * 2,
        sampled_anomaly_count: sampled,
    };
    boosts.add(&document, at(seconds));
}

/// The boost's rate and end, in seconds of the test.
fn sent(boosts: &mut Boosts, rule: &SamplingRule, seconds: i64) -> Option<(f64, i64)> {
    let boost = boosts.boost(rule, at(seconds))?;
    Some((boost.rate, boost.ttl.0 - START))
}

#[test]
fn anomalies_that_go_unrecorded_raise_the_rate_once_their_window_closes() {
    let cases = [
        ("few need a high rate", (20, 0), Some(0.5)),
        ("many need little", (100, 0), Some(0.1)),
        ("never above the highest", (12, 0), Some(0.8)),
        ("fewer than wanted", (2, 0), Some(0.8)),
        ("never below the rule's own", (10_000, 0), Some(0.05)),
        ("some are recorded, too few", (40, 9), Some(0.25)),
        ("enough are recorded", (40, 10), None),
        ("all are recorded", (3, 3), None),
        ("more recorded than there are", (3, 30), None),
        ("none", (0, 0), None),
    ];
    for (name, counts, rate) in cases {
        let mut boosts = Boosts::default();
        let rule = rule(0.05, 0.8, 10);
        report(&mut boosts, "shop", counts, 3);
        assert_eq!(sent(&mut boosts, &rule, 9), None, "{name}: still running");
        let expected = rate.map(|rate| (rate, 72));
        assert_eq!(sent(&mut boosts, &rule, 12), expected, "{name}");
    }
}

#[test]
fn reports_of_one_window_are_summed_per_service_and_the_worst_service_decides() {
    let mut boosts = Boosts::default();
    for (service, counts, seconds) in [
        ("often", (500, 2), 0),
        ("seldom", (15, 1), 2),
        ("seldom", (10, 1), 9),
        ("well recorded", (11, 11), 9),
    ] {
        report(&mut boosts, service, counts, seconds);
    }
    assert_eq!(
        boosts.unrecorded("checkout", at(10)),
        Some(Unrecorded {
            service_name: "seldom".to_owned(),
            anomalies: 25,
            sampled_anomalies: 2,
        })
    );
    let rule = rule(0.01, 1.0, 0);
    assert_eq!(sent(&mut boosts, &rule, 10), Some((0.4, 70)));
}

#[test]
fn boost_lasts_a_minute_and_the_next_begins_after_the_pause() {
    let mut boosts = Boosts::default();
    let rule = rule(0.05, 1.0, 3);
    let mut ends = Vec::new();
    for seconds in 0..540 {
        if seconds % 10 == 5 {
            report(&mut boosts, "shop", (20, 0), seconds);
        }
        if let Some((rate, end)) = sent(&mut boosts, &rule, seconds) {
            assert!((rate - 0.5).abs() < 1e-9);
            assert!(seconds < end, "{seconds} is before {end}");
            ends.push(end);
        }
    }
    assert_eq!(ends.len(), 180, "a minute each");
    ends.dedup();
    assert_eq!(
        ends,
        [70, 251, 432],
        "more than three minutes after the last began"
    );
}

#[test]
fn without_a_pause_one_boost_follows_the_other() {
    let mut boosts = Boosts::default();
    let rule = rule(0.05, 1.0, 0);
    let mut sent_for = 0;
    for seconds in 0..310 {
        if seconds % 10 == 5 {
            report(&mut boosts, "shop", (20, 0), seconds);
        }
        sent_for += i32::from(sent(&mut boosts, &rule, seconds).is_some());
    }
    assert_eq!(sent_for, 300);
}

#[test]
fn window_that_saw_no_reports_does_not_hide_the_one_before_and_an_old_one_is_forgotten() {
    for (seconds, is_sent) in [(20, true), (49, true), (50, false)] {
        let mut boosts = Boosts::default();
        report(&mut boosts, "shop", (20, 0), 5);
        let boost = sent(&mut boosts, &rule(0.05, 1.0, 0), seconds);
        assert_eq!(boost.is_some(), is_sent, "{seconds}");
    }
}

#[test]
fn rule_without_a_useful_boost_is_never_boosted() {
    let none = SamplingRule {
        sampling_rate_boost: None,
        ..rule(0.05, 1.0, 0)
    };
    for rule in [rule(0.3, 0.3, 0), rule(0.3, 0.2, 0), none] {
        let mut boosts = Boosts::default();
        report(&mut boosts, "shop", (20, 0), 5);
        assert_eq!(sent(&mut boosts, &rule, 10), None, "{rule:?}");
    }
}

#[test]
fn changed_rule_bounds_the_boost_that_runs() {
    let mut boosts = Boosts::default();
    report(&mut boosts, "shop", (20, 0), 5);
    assert_eq!(sent(&mut boosts, &rule(0.05, 1.0, 9), 10), Some((0.5, 70)));
    assert_eq!(sent(&mut boosts, &rule(0.05, 0.2, 9), 20), Some((0.2, 70)));
    assert_eq!(sent(&mut boosts, &rule(0.6, 0.7, 9), 30), Some((0.6, 70)));
    boosts.retain(|_| false);
    assert_eq!(sent(&mut boosts, &rule(0.05, 1.0, 9), 40), None);
}

#[test]
fn clock_set_back_ends_a_boost_rather_than_prolong_it() {
    let mut boosts = Boosts::default();
    let rule = rule(0.05, 1.0, 9);
    report(&mut boosts, "shop", (20, 0), 5);
    assert_eq!(sent(&mut boosts, &rule, 10), Some((0.5, 70)));
    assert_eq!(sent(&mut boosts, &rule, -3600), None);
}

#[test]
fn services_beyond_the_bound_are_left_out_and_counted() {
    let mut boosts = Boosts::default();
    for number in 0..SERVICES_PER_RULE_MAX {
        report(&mut boosts, &format!("{number:03}"), (500, 0), 0);
    }
    for service in ["one more", "000"] {
        report(&mut boosts, service, (20, 0), 1);
    }
    assert_eq!(boosts.services_left_out(), 1);
    let unrecorded = boosts.unrecorded("checkout", at(10)).unwrap();
    assert_eq!(
        (&*unrecorded.service_name, unrecorded.anomalies),
        ("001", 500)
    );
}

proptest! {
    #[test]
    fn property_boosts_stay_in_their_bounds_and_begin_at_most_once_per_pause(
        fixed_rate in 0.0_f64..1.0,
        max_rate in 0.0_f64..1.0,
        minutes in 0_u32..5,
        reports in prop::collection::vec((1_i64..30, 0_u64..200, 0_u64..200), 1..200),
    ) {
        let rule = rule(fixed_rate, max_rate, minutes);
        let mut boosts = Boosts::default();
        let (mut seconds, mut ends) = (0, Vec::new());
        for (pause, anomalies, sampled) in reports {
            seconds += pause;
            report(&mut boosts, "shop", (anomalies, sampled), seconds);
            if let Some((rate, end)) = sent(&mut boosts, &rule, seconds) {
                prop_assert!(fixed_rate < max_rate);
                prop_assert!((fixed_rate..=max_rate).contains(&rate));
                prop_assert!((seconds + 1..=seconds + 60).contains(&end));
                ends.push(end);
            }
        }
        ends.dedup();
        for pair in ends.windows(2) {
            prop_assert!(pair[1] - pair[0] > i64::from(minutes) * 60, "{ends:?}");
            prop_assert!(pair[1] - pair[0] >= 60, "{ends:?}");
        }
    }
}
