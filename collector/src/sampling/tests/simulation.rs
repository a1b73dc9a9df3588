//! Hundreds of clients that come, go, fall silent, burst and have wrong clocks, over simulated minutes
//! with a fixed seed: what they record stays within the reservoir plus the overshoot that the head of
//! `allocation.rs` lists as (a) to (e), and nobody starves.

use super::fleet::{Fleet, Habit, Plan, Tally};
use crate::sampling::AdaptiveSettings;

/// Seconds from waking up to the next report.
const REPORT_WITHIN: i64 = 10;

/// Seconds from waking up to the last report that may be answered without a quota.
const SETTLED_WITHIN: i64 = REPORT_WITHIN + 30;

/// A client that obeys, with up to so many requests per second, its clock wrong by up to three minutes.
fn any_plan(fleet: &mut Fleet, requests_max: u64) -> Plan {
    Plan {
        requests_per_second: fleet.random.u64(1..=requests_max),
        skew: fleet.random.i64(-180..=180),
        habit: Habit::Obeys,
    }
}

fn busy(requests_per_second: u64) -> Plan {
    Plan {
        requests_per_second,
        skew: 0,
        habit: Habit::Obeys,
    }
}

/// A fleet of `count` such clients.
fn fleet(count: usize, reservoir_size: u32, fixed_rate: f64, seed: u64) -> Fleet {
    let mut fleet = Fleet::new(reservoir_size, fixed_rate, seed);
    for _ in 0..count {
        let plan = any_plan(&mut fleet, 8);
        fleet.join(plan);
    }
    fleet
}

/// A second in which some come, some go, some fall silent and some burst.
fn step_with_churn(fleet: &mut Fleet) -> Tally {
    let joining = fleet.random.u32(..20) == 0;
    if joining {
        for _ in 0..fleet.random.usize(1..5) {
            let plan = any_plan(fleet, 8);
            fleet.join(plan);
        }
    }
    if fleet.random.u32(..20) == 0 {
        let count = fleet.random.usize(1..5);
        fleet.leave(count);
    }
    fleet.stir(200);
    fleet.step()
}

/// The bounds of a second without restarts and changed rules, as they are at any time.
fn check(tally: &Tally, reservoir_size: u32, second: i64) {
    let reservoir = u64::from(reservoir_size);
    let allowed = reservoir + tally.stepping;
    assert!(tally.quota_active <= allowed, "{second}: {tally:?}");
    assert!(tally.silent_awake <= REPORT_WITHIN, "{second}: {tally:?}");
    assert!(
        tally.borrower_awake <= SETTLED_WITHIN,
        "{second}: {tally:?}"
    );
}

#[test]
fn recorded_stays_within_the_reservoir_while_clients_come_go_sleep_and_burst() {
    for (count, reservoir_size, seed) in [(300, 40, 1), (200, 900, 2)] {
        let mut fleet = fleet(count, reservoir_size, 0.0, seed);
        let (mut recorded, mut silent, mut borrowed) = (0, 0, 0);
        for second in 0..300 {
            let tally = step_with_churn(&mut fleet);
            check(&tally, reservoir_size, second);
            let overshoot = tally.quota_silent + tally.borrowed + tally.stepping;
            let allowed = u64::from(reservoir_size) + overshoot;
            assert!(tally.recorded <= allowed, "{second}: {tally:?}");
            recorded += tally.recorded;
            silent += tally.quota_silent;
            borrowed += tally.borrowed;
        }
        assert!(silent > 0, "somebody woke up with a lease");
        assert!(borrowed > 0, "somebody borrowed");
        let used = recorded as f64 / (300.0 * f64::from(reservoir_size));
        assert!(used > 0.6, "of {reservoir_size} only {used} was used");
    }
}

#[test]
fn fixed_rate_comes_on_top_and_nothing_else() {
    let (reservoir_size, rate) = (100, 0.1);
    let mut fleet = fleet(200, reservoir_size, rate, 3);
    let (mut recorded, mut requests, mut by_reservoir) = (0, 0, 0);
    for second in 0..240 {
        let tally = step_with_churn(&mut fleet);
        check(&tally, reservoir_size, second);
        recorded += tally.recorded;
        requests += tally.requests;
        by_reservoir +=
            u64::from(reservoir_size) + tally.quota_silent + tally.borrowed + tally.stepping;
    }
    let by_rate = requests as f64 * rate;
    // five standard deviations of that many draws
    let allowed = by_reservoir as f64 + by_rate + 5.0 * by_rate.sqrt();
    assert!(recorded as f64 <= allowed, "{recorded} of {allowed}");
    assert!(
        recorded as f64 > by_rate,
        "{recorded}, of these {by_rate} by rate"
    );
}

#[test]
fn every_client_has_its_turn_when_there_are_ten_for_each_unit() {
    let mut fleet = Fleet::new(20, 0.0, 4);
    for _ in 0..200 {
        fleet.join(busy(5));
    }
    let mut longest = 0;
    for second in 0..900 {
        check(&fleet.step(), 20, second);
        let without = fleet.clients.iter().map(|client| second - client.held);
        longest = longest.max(without.max().unwrap());
    }
    assert!(longest <= 660, "somebody had none for {longest} s");
    assert!(longest > 300, "turns are what is tested");
}

#[test]
fn no_client_starves_while_others_come_and_go() {
    let mut fleet = fleet(200, 100, 0.0, 5);
    for _ in 0..600 {
        step_with_churn(&mut fleet);
    }
    let old = fleet.clients.iter().filter(|client| client.came == 0);
    let starved = old.clone().filter(|client| client.held == 0);
    assert!(old.count() > 50);
    assert_eq!(starved.count(), 0, "of those that stayed ten minutes");
}

#[test]
fn clients_that_are_few_get_what_they_ask_for() {
    let mut fleet = Fleet::new(100, 0.0, 6);
    for requests_per_second in [2, 4, 8] {
        fleet.join(busy(requests_per_second));
    }
    let tallies: Vec<Tally> = (0..120).map(|_| fleet.step()).collect();
    for tally in &tallies[40..] {
        assert_eq!(tally.recorded, tally.requests, "{tally:?}");
    }
}

#[test]
fn restart_may_double_the_reservoir_until_clients_are_known_again() {
    let reservoir_size = 600;
    let mut fleet = fleet(150, reservoir_size, 0.0, 7);
    for _ in 0..120 {
        fleet.step();
    }
    fleet.restart();
    let mut most = 0;
    for second in 0..120 {
        let tally = fleet.step();
        let held = tally.quota_active + tally.quota_silent;
        most = most.max(held);
        let allowed = if second <= SETTLED_WITHIN { 2 } else { 1 } * u64::from(reservoir_size);
        assert!(held <= allowed, "{second}: {tally:?}");
    }
    assert!(most > u64::from(reservoir_size), "the overshoot is tested");
}

#[test]
fn shrunk_reservoir_is_kept_as_soon_as_everybody_reported_twice() {
    let mut fleet = fleet(100, 400, 0.0, 8);
    for _ in 0..120 {
        fleet.step();
    }
    fleet.resize(50);
    for second in 0..120 {
        let tally = fleet.step();
        let held = tally.quota_active + tally.quota_silent;
        // half of the clients step over one on their way to nothing
        let allowed = match second {
            0..=10 => 400 + 100,
            11..=20 => 50 + 100,
            _ => 50,
        };
        assert!(held <= allowed, "{second}: {tally:?}");
    }
}

#[test]
fn clients_whose_clocks_are_ahead_by_a_lease_borrow_one_each() {
    let mut fleet = Fleet::new(10, 0.0, 9);
    for index in 0..100 {
        let skew = if index < 40 { 600 } else { -600 };
        fleet.join(Plan { skew, ..busy(5) });
    }
    for second in 0..180 {
        let tally = fleet.step();
        assert!(tally.quota_active <= 10, "{second}: {tally:?}");
        if second > SETTLED_WITHIN {
            assert!(tally.borrowed <= 40, "{second}: {tally:?}");
            assert!(tally.recorded <= 10 + 40, "{second}: {tally:?}");
        }
    }
}

#[test]
fn clients_that_ignore_a_zero_keep_one_each_at_most() {
    let mut fleet = Fleet::new(10, 0.0, 10);
    for index in 0..60_u64 {
        let habit = if index < 30 {
            Habit::IgnoresZero
        } else {
            Habit::Obeys
        };
        fleet.join(Plan {
            habit,
            ..busy(index % 7 + 1)
        });
    }
    let mut most = 0;
    for second in 0..600 {
        let tally = fleet.step();
        let recorded = tally.quota_active + tally.quota_silent + tally.borrowed;
        if second > SETTLED_WITHIN {
            assert!(recorded <= 10 + 30, "{second}: {tally:?}");
            most = most.max(recorded);
        }
    }
    assert!(most > 10, "the overshoot is tested");
}

#[test]
fn hundreds_of_clients_that_come_at_once_share_within_a_minute() {
    let mut fleet = Fleet::new(300, 0.0, 11);
    for _ in 0..20 {
        fleet.join(busy(50));
    }
    for _ in 0..60 {
        fleet.step();
    }
    for _ in 0..280 {
        fleet.join(busy(5));
    }
    for second in 0..120 {
        check(&fleet.step(), 300, second);
    }
    let quotas: Vec<u32> = fleet
        .clients
        .iter()
        .map(|client| client.lease.unwrap().quota)
        .collect();
    assert_eq!(quotas, [1; 300], "one each");
}

#[test]
fn raised_rule_keeps_to_its_budget_and_falls_back() {
    let settings = AdaptiveSettings {
        traces_per_second_max: 300,
        max_rate: 1.0,
        cooldown_window_minutes: 1,
        error_rate_increase: 0.05,
        latency_factor: 2.0,
    };
    let mut fleet = fleet(200, 20, 0.01, 12);
    let (mut raised_seconds, mut recorded) = (0, 0);
    for second in 0..300 {
        let tally = fleet.step();
        let is_raised = second % 10 == 9 && fleet.adapt(settings, second < 120);
        raised_seconds += i64::from(is_raised) * 10;
        let allowed = 300 + tally.quota_silent + tally.borrowed + tally.stepping;
        assert!(tally.recorded <= allowed, "{second}: {tally:?}");
        match second {
            60..120 => recorded += tally.recorded,
            // 20 by quota, and a hundredth of less than 2000 requests
            220.. => assert!(tally.recorded <= 60, "{second}: {tally:?}"),
            _ => {}
        }
    }
    assert!(recorded / 60 > 150, "{recorded} in a minute");
    assert_eq!(
        raised_seconds,
        120 + 60 - 10,
        "until a minute after the last cause"
    );
}
