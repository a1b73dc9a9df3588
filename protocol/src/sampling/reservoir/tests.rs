//! The client's decision: quota, borrowing, rate, and what they add up to over time.

use proptest::prelude::*;

use super::*;

/// Never sampled by rate.
const HIGH: f64 = 0.999_999;

fn reservoir(reservoir_size: u32, fixed_rate: f64) -> Reservoir {
    Reservoir::new(&SamplingRule {
        reservoir_size,
        fixed_rate,
        ..SamplingRule::default_rule(String::new())
    })
}

fn lease(quota: u32, ttl_seconds: i64) -> Option<Lease> {
    Some(Lease { quota, ttl_seconds })
}

/// How many of `requests` in the second `now` are recorded when the rate records none.
fn recorded(reservoir: &mut Reservoir, now: i64, requests: u32) -> usize {
    (0..requests)
        .filter(|_| reservoir.decide(now, HIGH) == Decision::Record)
        .count()
}

#[test]
fn without_a_lease_one_request_per_second_is_borrowed() {
    let mut reservoir = reservoir(50, 0.0);
    assert_eq!(recorded(&mut reservoir, 100, 5), 1);
    assert_eq!(recorded(&mut reservoir, 101, 5), 1);
    let counts = Counts {
        requests: 10,
        sampled: 0,
        borrows: 2,
    };
    assert_eq!(reservoir.take_counts(), counts);
    assert_eq!(reservoir.take_counts(), Counts::default());
}

#[test]
fn empty_reservoir_lends_nothing() {
    assert_eq!(recorded(&mut reservoir(0, 0.0), 100, 5), 0);
}

#[test]
fn leased_quota_is_used_up_each_second_until_its_last_one() {
    let mut reservoir = reservoir(50, 0.0);
    reservoir.apply_target(0.0, lease(3, 101));
    let per_second = [100, 101, 102].map(|now| recorded(&mut reservoir, now, 5));
    assert_eq!(per_second, [3, 3, 1], "borrowing again once it ended");
    let counts = reservoir.take_counts();
    assert_eq!((counts.sampled, counts.borrows), (6, 1));
}

#[test]
fn quota_of_zero_stops_borrowing_and_an_absent_one_does_not() {
    let mut reservoir = reservoir(50, 0.0);
    reservoir.apply_target(0.0, None);
    assert_eq!(recorded(&mut reservoir, 100, 5), 1);
    reservoir.apply_target(0.0, lease(0, 400));
    assert_eq!(recorded(&mut reservoir, 101, 5), 0);
}

#[test]
fn target_without_quota_keeps_the_lease_and_brings_the_rate() {
    let mut reservoir = reservoir(50, 0.0);
    reservoir.apply_target(0.0, lease(2, 400));
    reservoir.apply_target(1.0, None);
    assert_eq!(recorded(&mut reservoir, 100, 5), 5);
    assert_eq!(reservoir.take_counts().sampled, 5);
}

#[test]
fn reloaded_rule_keeps_lease_and_counts() {
    let mut reservoir = reservoir(50, 0.0);
    reservoir.apply_target(0.0, lease(2, 400));
    assert_eq!(recorded(&mut reservoir, 100, 1), 1);
    reservoir.apply_rule(&SamplingRule {
        fixed_rate: 0.0,
        reservoir_size: 0,
        ..SamplingRule::default_rule(String::new())
    });
    assert_eq!(recorded(&mut reservoir, 100, 5), 1, "one of two was taken");
    assert_eq!(reservoir.take_counts().requests, 6);
}

#[test]
fn rate_of_one_records_all_and_of_zero_none() {
    let mut all = reservoir(0, 1.0);
    let mut none = reservoir(0, 0.0);
    for draw in [0.0, 0.5, HIGH] {
        assert_eq!(all.decide(100, draw), Decision::Record, "{draw}");
        assert_eq!(none.decide(100, draw), Decision::Drop, "{draw}");
    }
}

/// Numbers in `[0, 1)` that fill it evenly (multiples of the golden ratio), so that the share below
/// a rate is that rate within a few numbers however many are taken.
fn even_draws() -> impl Iterator<Item = f64> {
    (1_u32..).map(|index| (f64::from(index) * 0.618_033_988_749_894_9).fract())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn property_kept_share_is_the_rules_at_any_request_rate(
        requests_per_second in 0_u32..3000,
        seconds in 1_u32..20,
        quota in 0_u32..200,
        fixed_rate in 0.0_f64..=1.0,
        has_lease in any::<bool>(),
    ) {
        let mut reservoir = reservoir(200, fixed_rate);
        if has_lease {
            reservoir.apply_target(fixed_rate, lease(quota, 10_000));
        }
        let mut draws = even_draws();
        let mut kept = 0_u32;
        for second in 0..seconds {
            for _ in 0..requests_per_second {
                let draw = draws.next().unwrap();
                kept += u32::from(reservoir.decide(i64::from(second), draw) == Decision::Record);
            }
        }
        let first = if has_lease { quota } else { 1 }.min(requests_per_second);
        // draws are skipped while the quota lasts, which disturbs their evenness once a second
        let slack = f64::from(seconds) * 8.0;
        let expected = f64::from(first * seconds)
            + fixed_rate * f64::from((requests_per_second - first) * seconds);
        prop_assert!((f64::from(kept) - expected).abs() <= slack, "{kept}, not {expected}");
        let counts = reservoir.take_counts();
        prop_assert_eq!(counts.requests, u64::from(requests_per_second * seconds));
        prop_assert_eq!(counts.sampled + counts.borrows, u64::from(kept));
    }

    #[test]
    fn property_reservoir_never_exceeds_its_quota_in_any_second(
        quota in 0_u32..20,
        reservoir_size in 0_u32..3,
        seconds in prop::collection::vec((0_i64..4, 0_u32..60), 1..30),
    ) {
        let mut reservoir = reservoir(reservoir_size, 0.0);
        reservoir.apply_target(0.0, lease(quota, 20));
        let mut now = 0;
        for (step, requests) in seconds {
            now += step + 1;
            let bound = if now <= 20 { quota } else { reservoir_size.min(1) };
            let kept = recorded(&mut reservoir, now, requests);
            prop_assert_eq!(kept, usize::try_from(bound.min(requests)).unwrap());
        }
    }
}
