//! When a rule is raised and how far, on examples and over random signals.

use proptest::prelude::*;

use super::*;

const START: i64 = 1_704_067_200;

fn settings(traces_per_second_max: u32, max_rate: f64) -> AdaptiveSettings {
    AdaptiveSettings {
        traces_per_second_max,
        max_rate,
        cooldown_window_minutes: 5,
        error_rate_increase: 0.05,
        latency_factor: 2.0,
    }
}

fn levels(fixed_rate: f64, reservoir_size: u32) -> Levels {
    Levels {
        fixed_rate,
        reservoir_size,
    }
}

#[test]
fn half_of_what_the_budget_leaves_goes_to_the_reservoir_and_the_rest_to_the_rate() {
    let cases = [
        // planned are 200 per second, of which 5 and a hundredth of 195 are recorded already
        ("plain", (0.01, 5), (105, 1.0), 100.0, (0.344, 55)),
        ("rate is bounded", (0.01, 5), (105, 0.2), 100.0, (0.2, 55)),
        ("little traffic", (0.01, 5), (105, 1.0), 10.0, (1.0, 55)),
        (
            "rate above the bound stays",
            (0.5, 5),
            (300, 0.2),
            100.0,
            (0.5, 152),
        ),
        ("budget of one more", (0.0, 5), (6, 1.0), 100.0, (0.005, 5)),
        ("budget is used up", (0.5, 5), (100, 1.0), 100.0, (0.5, 5)),
        (
            "reservoir is above the budget",
            (0.0, 50),
            (10, 1.0),
            100.0,
            (0.0, 50),
        ),
        ("no traffic", (0.01, 5), (105, 1.0), 0.0, (0.01, 5)),
        (
            "rule that records nothing",
            (0.0, 0),
            (10, 1.0),
            100.0,
            (0.025, 5),
        ),
    ];
    for (name, own, (budget, max_rate), requests, expected) in cases {
        let raised = raise(levels(own.0, own.1), &settings(budget, max_rate), requests);
        assert_eq!(raised.reservoir_size, expected.1, "{name}");
        let difference = (raised.fixed_rate - expected.0).abs();
        assert!(difference < 1e-9, "{name}: {raised:?}");
    }
}

#[test]
fn rule_falls_back_a_cooldown_after_the_last_signal() {
    let settings = settings(10, 1.0);
    let at = |seconds| Timestamp::from_seconds(START + seconds);
    let mut raised = None;
    let mut changes = Vec::new();
    for seconds in (0..2000).step_by(10) {
        let is_signalled = [50, 60, 300, 900].contains(&seconds);
        let before = raised.is_some();
        raised = next(raised, is_signalled, &settings, at(seconds));
        if raised.is_some() != before {
            changes.push(seconds);
        }
    }
    assert_eq!(changes, [50, 600, 900, 1200]);
}

#[test]
fn clock_set_back_does_not_keep_a_rule_raised() {
    let settings = settings(10, 1.0);
    let at = |seconds| Timestamp::from_seconds(START + seconds);
    let raised = next(None, true, &settings, at(0));
    let raised = next(raised, false, &settings, at(-86_400));
    assert_eq!(raised.map(|raised| raised.signalled), Some(at(-86_400)));
    assert_eq!(next(raised, false, &settings, at(-86_400 + 300)), None);
}

/// Traces per second that are really recorded.
fn recorded(levels: Levels, requests: f64) -> f64 {
    let reservoir = f64::from(levels.reservoir_size).min(requests);
    reservoir + levels.fixed_rate * (requests - reservoir)
}

proptest! {
    #[test]
    fn property_raised_is_never_below_the_rules_own_and_never_above_the_budget(
        fixed_rate in 0.0_f64..=1.0,
        reservoir_size in 0_u32..2000,
        budget in 1_u32..3000,
        max_rate in 0.001_f64..=1.0,
        seen in 0.0_f64..10_000.0,
        grown in 0.0_f64..=TRAFFIC_FACTOR,
    ) {
        let own = levels(fixed_rate, reservoir_size);
        let raised = raise(own, &settings(budget, max_rate), seen);
        prop_assert!(raised.fixed_rate >= own.fixed_rate && raised.fixed_rate <= 1.0);
        prop_assert!(raised.reservoir_size >= own.reservoir_size);
        prop_assert!(raised.fixed_rate <= max_rate.max(own.fixed_rate));
        let requests = seen * grown;
        let allowed = f64::from(budget).max(recorded(own, requests));
        let found = recorded(raised, requests);
        prop_assert!(found <= allowed + 1e-6, "{} of {}", found, allowed);
    }

    #[test]
    fn property_without_a_signal_a_rule_is_its_own_after_a_cooldown_and_never_oscillates_faster(
        cooldown_window_minutes in 1_u32..10,
        signals in prop::collection::vec((any::<bool>(), 1_i64..60), 1..300),
    ) {
        let settings = AdaptiveSettings { cooldown_window_minutes, ..settings(10, 1.0) };
        let cooldown = i64::from(cooldown_window_minutes) * 60;
        let (mut now, mut raised, mut last_signal) = (0, None, None);
        let (mut rises, mut falls) = (Vec::new(), Vec::new());
        for (is_signalled, pause) in signals {
            now += pause;
            let before: Option<Raised> = raised;
            raised = next(before, is_signalled, &settings, Timestamp::from_seconds(now));
            last_signal = if is_signalled { Some(now) } else { last_signal };
            let is_due = last_signal.is_some_and(|signal| now - signal < cooldown);
            prop_assert_eq!(raised.is_some(), is_due, "raised exactly within a cooldown");
            match (before, raised) {
                (None, Some(_)) => rises.push(now),
                (Some(_), None) => falls.push(now),
                _ => {}
            }
        }
        for times in [rises, falls] {
            prop_assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= cooldown), "{times:?}");
        }
    }
}
