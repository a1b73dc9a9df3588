//! Shares of a reservoir, on the worked examples and over simulated time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LEASE: Duration = Duration::from_secs(300);

/// Start of a minute, so that no turn changes in the first 60 seconds of a test.
const START: i64 = 1_704_067_200;

fn allocation(reservoir_size: u32) -> Allocation {
    Allocation::new(reservoir_size, LEASE)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn admit(allocation: &mut Allocation, client_id: &str, requests: u64, seconds: i64) -> bool {
    let counts = Counts {
        requests,
        ..Counts::default()
    };
    let report = Report {
        rule_name: "checkout",
        client_id,
        timestamp: at(seconds),
        counts,
    };
    allocation.admit(&report, at(seconds))
}

/// One call with one report; the quota sent, if one was.
fn report(allocation: &mut Allocation, id: &str, requests: u64, seconds: i64) -> Option<u32> {
    assert!(admit(allocation, id, requests, seconds), "not a repetition");
    let granted = allocation.grant(id, at(seconds));
    granted.map(|granted| granted.quota)
}

#[test]
fn demand_is_requests_per_second_since_the_last_report() {
    let cases = [
        ("first report", 84, None, 9),
        ("after ten seconds", 84, Some(10), 9),
        ("at least a second", 84, Some(0), 84),
        ("at most a minute", 84, Some(200), 2),
        ("one request", 1, Some(60), 1),
        ("absurdly many", u64::MAX, Some(1), u64::MAX),
        ("none", 0, Some(10), 0),
    ];
    for (name, requests, pause, expected) in cases {
        let mut allocation = allocation(1);
        if let Some(pause) = pause {
            admit(&mut allocation, "a", 0, -pause);
        }
        assert!(admit(&mut allocation, "a", requests, 0), "{name}");
        assert_eq!(allocation.clients["a"].demand, expected, "{name}");
    }
}

#[test]
fn demand_falls_by_half_per_report_and_to_nothing_without_requests() {
    let mut allocation = allocation(1);
    let reports = [(0, 200), (10, 1), (20, 1), (30, 1), (40, 0)];
    let demands = reports.map(|(seconds, requests)| {
        admit(&mut allocation, "a", requests, seconds);
        allocation.clients["a"].demand
    });
    assert_eq!(demands, [20, 10, 5, 2, 0]);
}

#[test]
fn demand_from_before_a_silence_is_not_kept() {
    let mut allocation = allocation(1);
    admit(&mut allocation, "a", 200, 0);
    admit(&mut allocation, "a", 1, 30);
    assert_eq!(allocation.clients["a"].demand, 1);
}

#[test]
fn repeated_report_changes_nothing() {
    let mut allocation = allocation(1);
    for seconds in [0, 10] {
        assert!(admit(&mut allocation, "a", 100, seconds));
        let repetition = Report {
            rule_name: "checkout",
            client_id: "a",
            timestamp: at(seconds),
            counts: Counts {
                requests: 100,
                ..Counts::default()
            },
        };
        assert!(!allocation.admit(&repetition, at(seconds + 1)));
        assert_eq!(allocation.clients["a"].demand, 10);
        assert_eq!(allocation.clients["a"].last_report, at(seconds));
    }
}

#[test]
fn single_client_holds_the_whole_reservoir_for_the_length_of_the_lease() {
    let mut allocation = allocation(10);
    admit(&mut allocation, "a", 30, 0);
    let granted = allocation.grant("a", at(0).plus_micros(999_999)).unwrap();
    assert_eq!(
        (granted.quota, granted.ttl),
        (10, WholeSeconds(START + 300))
    );
}

#[test]
fn lease_is_at_least_three_intervals() {
    let mut allocation = Allocation::new(10, Duration::from_secs(1));
    admit(&mut allocation, "a", 30, 0);
    let granted = allocation.grant("a", at(0)).unwrap();
    assert_eq!(granted.ttl, WholeSeconds(START + 30));
}

#[test]
fn all_reports_of_a_call_are_admitted_before_quotas() {
    let mut allocation = allocation(10);
    for (client_id, requests) in [("a", 30), ("b", 200), ("c", 10)] {
        admit(&mut allocation, client_id, requests, 0);
    }
    let quotas = ["a", "b", "c"].map(|id| allocation.grant(id, at(0)).unwrap().quota);
    assert_eq!(quotas, [3, 6, 1], "the worked example");
}

#[test]
fn two_equal_clients_get_half_each_and_the_last_one_all() {
    let mut allocation = allocation(10);
    assert_eq!(report(&mut allocation, "a", 100, 0), Some(10));
    assert_eq!(report(&mut allocation, "b", 100, 5), None);
    for round in 1..3 {
        assert_eq!(report(&mut allocation, "a", 100, round * 10), Some(5));
        assert_eq!(report(&mut allocation, "b", 100, round * 10 + 5), Some(5));
    }
    // b is silent from second 25 on
    let later = [30, 40, 50, 55].map(|seconds| report(&mut allocation, "a", 100, seconds));
    assert_eq!(later, [Some(5), Some(5), Some(5), Some(10)]);
}

#[test]
fn empty_reservoir_is_always_sent_as_a_quota_of_zero() {
    let mut allocation = allocation(0);
    admit(&mut allocation, "a", 100, 0);
    let granted = allocation.grant("a", at(0)).unwrap();
    assert_eq!((granted.quota, granted.ttl), (0, WholeSeconds(START + 300)));
}

#[test]
fn new_client_borrows_until_others_have_given_way() {
    let mut allocation = allocation(2);
    assert_eq!(report(&mut allocation, "a", 100, 0), Some(2));
    let first = report(&mut allocation, "b", 100, 1);
    assert_eq!(first, None, "all is leased");
    assert_eq!(report(&mut allocation, "a", 100, 10), Some(1));
    assert_eq!(report(&mut allocation, "b", 100, 11), Some(1));
}

#[test]
fn client_that_settled_without_a_grant_is_sent_zero() {
    let mut allocation = allocation(1);
    assert_eq!(report(&mut allocation, "b", 100, 0), Some(1));
    let quotas = [1, 11, 21, 31].map(|seconds| {
        report(&mut allocation, "b", 100, seconds);
        report(&mut allocation, "c", 100, seconds)
    });
    let start_turn = (START / 60) % 2;
    assert_eq!(
        start_turn, 0,
        "the first of two has its turn in this minute"
    );
    assert_eq!(quotas, [None, None, None, Some(0)]);
}

#[test]
fn client_that_held_a_lease_is_sent_zero_even_while_new() {
    let mut allocation = allocation(1);
    assert_eq!(report(&mut allocation, "b", 100, 0), Some(1));
    admit(&mut allocation, "a", 100, 1);
    assert_eq!(report(&mut allocation, "b", 100, 10), Some(0));
    assert_eq!(report(&mut allocation, "a", 100, 11), Some(1));
}

#[test]
fn no_quota_falls_from_above_one_straight_to_zero() {
    for (reservoir_size, next_two) in [(5, [1, 0]), (2, [1, 0]), (1, [0, 0])] {
        let mut allocation = allocation(reservoir_size);
        assert_eq!(report(&mut allocation, "z", 100, 0), Some(reservoir_size));
        for client_id in ["a", "b", "c", "d", "e"] {
            admit(&mut allocation, client_id, 100, 5);
        }
        let quotas = [10, 20].map(|seconds| report(&mut allocation, "z", 100, seconds));
        assert_eq!(quotas, next_two.map(Some), "from {reservoir_size}");
    }
}

#[test]
fn step_over_one_counts_from_the_last_quota_even_if_its_lease_ended() {
    let mut allocation = Allocation::new(5, Duration::from_secs(30));
    assert_eq!(report(&mut allocation, "z", 100, 0), Some(5));
    for client_id in ["a", "b", "c", "d", "e"] {
        admit(&mut allocation, client_id, 100, 35);
    }
    assert_eq!(report(&mut allocation, "z", 100, 40), Some(1));
}

#[test]
fn shrunk_reservoir_is_divided_anew_at_once() {
    let mut allocation = allocation(10);
    for client_id in ["a", "b"] {
        admit(&mut allocation, client_id, 100, 0);
    }
    let quotas = ["a", "b"].map(|id| allocation.grant(id, at(0)).unwrap().quota);
    assert_eq!(quotas, [5, 5]);
    allocation.resize(4, at(5));
    assert_eq!(allocation.usage(at(5)).quota_granted, 4);
    assert_eq!(report(&mut allocation, "a", 100, 10), Some(2));
    assert_eq!(report(&mut allocation, "b", 100, 11), Some(2));
    allocation.resize(8, at(15));
    assert_eq!(report(&mut allocation, "a", 100, 20), Some(4));
    assert_eq!(report(&mut allocation, "b", 100, 21), Some(4));
}

#[test]
fn reservoir_shrunk_to_nothing_ends_at_zero() {
    let mut allocation = allocation(5);
    assert_eq!(report(&mut allocation, "a", 100, 0), Some(5));
    allocation.resize(0, at(5));
    assert_eq!(report(&mut allocation, "a", 100, 10), Some(1));
    assert_eq!(report(&mut allocation, "a", 100, 20), Some(0));
}

#[test]
fn interval_grows_by_ten_seconds_per_two_thousand_clients() {
    let cases = [
        (0, 10),
        (1, 10),
        (2000, 10),
        (2001, 20),
        (10_000, 50),
        (99_999, 60),
    ];
    for (clients, expected) in cases {
        assert_eq!(interval_for(clients), expected, "{clients}");
    }
    let mut allocation = allocation(10);
    remember(&mut allocation, 2000, at(0));
    report(&mut allocation, "one more", 10, 2);
    assert_eq!(allocation.interval_seconds(), 20);
    assert_eq!(allocation.usage(at(59)).clients_active, 2001);
    assert_eq!(
        allocation.usage(at(61)).clients_active,
        1,
        "the others for three intervals"
    );
}

/// Puts clients in place that reported at `now`, the later ones a microsecond after the earlier.
fn remember(allocation: &mut Allocation, count: usize, now: Timestamp) {
    for index in 0..count {
        let last_report = now.plus_micros(i64::try_from(index).unwrap());
        let client = Client {
            first_seen: last_report,
            last_report,
            previous: (last_report, Counts::default()),
            demand: 1,
            interval_seconds: 20,
            lease: None,
            reserved: 0,
        };
        allocation.clients.insert(format!("{index:024}"), client);
    }
}

#[test]
fn client_that_was_told_a_longer_interval_is_active_for_three_of_them() {
    let mut allocation = allocation(10);
    remember(&mut allocation, 2001, at(0));
    report(&mut allocation, &format!("{:024}", 0), 10, 2);
    assert_eq!(allocation.interval_seconds(), 20);
    admit(&mut allocation, "one more", 10, 61);
    assert_eq!(allocation.interval_seconds(), 10, "the others are gone");
    let active = [61, 62].map(|seconds| allocation.usage(at(seconds)).clients_active);
    assert_eq!(active, [2, 1]);
}

#[test]
fn oldest_client_is_forgotten_at_the_bound() {
    let mut allocation = allocation(10);
    remember(&mut allocation, CLIENTS_PER_RULE_MAX, at(0));
    admit(&mut allocation, "one more", 10, 1);
    assert_eq!(allocation.clients.len(), CLIENTS_PER_RULE_MAX);
    assert!(!allocation.clients.contains_key(&format!("{:024}", 0)));
    assert!(allocation.clients.contains_key(&format!("{:024}", 1)));
    assert_eq!(allocation.usage(at(1)).clients_forgotten, 1);
    admit(&mut allocation, "one more", 20, 11);
    assert_eq!(
        allocation.usage(at(11)).clients_forgotten,
        1,
        "a known one needs no room"
    );
}

#[test]
fn silent_client_is_forgotten_after_its_lease_and_five_minutes() {
    let cases = [(60, 300), (400, 400)];
    for (lease, last_second) in cases {
        let mut allocation = Allocation::new(1, Duration::from_secs(lease));
        assert_eq!(report(&mut allocation, "a", 10, 0), Some(1));
        admit(&mut allocation, "b", 10, last_second);
        assert!(allocation.clients.contains_key("a"), "lease of {lease} s");
        admit(&mut allocation, "c", 10, last_second + 1);
        assert!(!allocation.clients.contains_key("a"), "lease of {lease} s");
    }
}

#[test]
fn client_never_admitted_is_granted_nothing() {
    assert_eq!(allocation(10).grant("a", at(0)), None);
}

/// Clients that report every ten seconds and obey, each with its requests per second and the second
/// of its first report; the leases they hold at the end, and whether each ever held quota.
struct Fleet {
    allocation: Allocation,
    clients: Vec<(String, u64, i64)>,
    leases: BTreeMap<String, ReservoirQuota>,
    has_held: Vec<bool>,
}

impl Fleet {
    fn new(reservoir_size: u32, clients: &[(u64, i64)]) -> Self {
        let named = clients.iter().enumerate();
        Self {
            allocation: allocation(reservoir_size),
            clients: named
                .map(|(index, &(rate, phase))| (format!("{index:02}"), rate, phase))
                .collect(),
            leases: BTreeMap::new(),
            has_held: vec![false; clients.len()],
        }
    }

    /// Lets them run and returns the highest sum of quotas that were live at a time.
    fn run(&mut self, seconds: i64) -> u64 {
        let mut most = 0;
        for second in 0..seconds {
            for (index, (id, rate, phase)) in self.clients.iter().enumerate() {
                if second % 10 != *phase {
                    continue;
                }
                admit(&mut self.allocation, id, rate * 10, second);
                if let Some(granted) = self.allocation.grant(id, at(second)) {
                    self.leases.insert(id.clone(), granted);
                    self.has_held[index] |= granted.quota > 0;
                }
            }
            let live = self
                .leases
                .values()
                .filter(|lease| lease.ttl.0 >= START + second);
            most = most.max(live.map(|lease| u64::from(lease.quota)).sum());
        }
        most
    }
}

#[test]
fn twenty_busy_clients_share_a_reservoir_of_three_in_turn() {
    let clients: Vec<(u64, i64)> = (0..20).map(|index| (10, index % 10)).collect();
    let mut fleet = Fleet::new(3, &clients);
    assert_eq!(fleet.run(600), 3);
    assert_eq!(fleet.has_held, [true; 20], "within ten minutes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn property_live_quotas_stay_within_the_reservoir_and_everyone_gets_some(
        reservoir_size in 0_u32..15,
        clients in prop::collection::vec((1_u64..20, 0_i64..10), 1..16),
    ) {
        let turns = i64::try_from(clients.len()).unwrap() / i64::from(reservoir_size.max(1));
        let mut fleet = Fleet::new(reservoir_size, &clients);
        let most = fleet.run((turns + 3) * 60);
        prop_assert!(most <= u64::from(reservoir_size), "{} granted", most);
        let all_held = fleet.has_held.iter().all(|&has_held| has_held);
        prop_assert_eq!(all_held, reservoir_size > 0, "{:?}", fleet.has_held);
        let granted = fleet.leases.values().map(|lease| u64::from(lease.quota)).sum::<u64>();
        prop_assert_eq!(granted, u64::from(reservoir_size), "nothing lies idle");
    }

    #[test]
    fn property_leases_fit_the_reservoir_whatever_is_reported(
        reservoir_size in 1_u32..10,
        reports in prop::collection::vec((0_usize..6, 0_u64..300, 1_i64..6), 1..80),
    ) {
        let mut allocation = allocation(reservoir_size);
        let mut second = 0;
        let mut last = BTreeMap::new();
        for (client, requests, pause) in reports {
            second += pause;
            let previous = last.insert(client, second);
            // idle clients that wake up with an old lease may exceed it, as the specification says
            if previous.is_some_and(|previous| second - previous >= 30) {
                break;
            }
            admit(&mut allocation, &client.to_string(), requests, second);
            let granted = allocation.grant(&client.to_string(), at(second));
            let usage = allocation.usage(at(second));
            prop_assert!(usage.quota_granted <= u64::from(reservoir_size), "{:?}", usage);
            prop_assert!(granted.is_none_or(|granted| granted.quota <= reservoir_size));
        }
    }
}
