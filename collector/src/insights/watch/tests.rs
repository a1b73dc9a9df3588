//! Minutes made by hand: `shop`, which clients call, calls `pay`; what each row says of them in
//! minutes of faults, and the insights that are to be found.

use proptest::prelude::*;

use super::*;
use crate::trace::node::EdgeKey;

mod bounds;

const MINUTE: i64 = 60;

fn group() -> OfGroup {
    OfGroup {
        name: "g".to_owned(),
        arn: "arn".to_owned(),
        filter_expression: None,
    }
}

fn key(name: &str) -> NodeKey {
    NodeKey {
        name: name.to_owned(),
        kind: None,
        account_id: None,
    }
}

fn of(faults: i64, total: i64) -> Counts {
    Counts {
        faults,
        ok: total - faults,
        total,
    }
}

/// A minute with these services, and these calls besides those from clients to `shop`.
fn minute(services: &[(&str, Counts)], calls: &[(&str, &str, Counts)]) -> MinuteCounts {
    let mut counts = MinuteCounts::default();
    for (name, of) in services {
        counts.nodes.insert(key(name), *of);
        if *name == "shop" {
            let edge = EdgeKey {
                source: NodeKey::client_of(name),
                target: key(name),
            };
            counts.edges.insert(edge, *of);
        }
    }
    for (source, target, of) in calls {
        let edge = EdgeKey {
            source: key(source),
            target: key(target),
        };
        counts.edges.insert(edge, *of);
    }
    counts
}

/// A minute of 100 requests to `shop`, each of which calls `pay` once.
fn shop_and_pay(shop: i64, pay: i64) -> MinuteCounts {
    let (shop, pay) = (of(shop, 100), of(pay, 100));
    minute(&[("shop", shop), ("pay", pay)], &[("shop", "pay", pay)])
}

/// All insights that these minutes, from time 0, have been found to hold.
fn found(minutes: impl IntoIterator<Item = MinuteCounts>) -> Vec<Insight> {
    judged(&mut GroupWatch::new(0, None), minutes)
}

fn judged(watch: &mut GroupWatch, minutes: impl IntoIterator<Item = MinuteCounts>) -> Vec<Insight> {
    judged_counting(watch, minutes).0
}

/// The same, and what fell beyond bounds.
fn judged_counting(
    watch: &mut GroupWatch,
    minutes: impl IntoIterator<Item = MinuteCounts>,
) -> (Vec<Insight>, Vec<(Bound, u64)>) {
    let mut last: Vec<Insight> = Vec::new();
    let mut beyond = Beyond::default();
    for counts in minutes {
        for insight in watch.judge(watch.judged_until, counts, &group(), &mut beyond) {
            last.retain(|known| known.id != insight.id);
            last.push(insight);
        }
    }
    last.sort_by_key(|insight| (insight.start, insight.id));
    (last, beyond.counts().collect())
}

/// Runs of minutes with so many faults of `shop`, out of so many requests.
fn shop(runs: &[(usize, i64, i64)]) -> Vec<MinuteCounts> {
    let run = |(minutes, faults, total): &(usize, i64, i64)| {
        vec![minute(&[("shop", of(*faults, *total))], &[]); *minutes]
    };
    runs.iter().flat_map(run).collect()
}

/// First minute, end, and whether it is closed.
type Shape = (i64, i64, bool);

#[test]
fn each_series_of_faults_has_its_insights() {
    let flapping = |times: usize| {
        let mut runs = vec![(60, 0, 100)];
        runs.extend([(1, 50, 100), (1, 0, 100)].repeat(times));
        runs.push((15, 0, 100));
        shop(&runs)
    };
    let rows: [(&str, Vec<MinuteCounts>, Vec<Shape>); 11] = [
        ("steady low faults", shop(&[(150, 3, 100)]), vec![]),
        (
            "steady high faults from the start",
            shop(&[(150, 60, 100)]),
            vec![],
        ),
        ("tiny traffic", shop(&[(60, 0, 1), (20, 1, 1)]), vec![]),
        (
            "one bad minute",
            shop(&[(60, 0, 100), (1, 90, 100), (30, 0, 100)]),
            vec![],
        ),
        (
            "more traffic alone",
            shop(&[(60, 5, 100), (30, 50, 1000)]),
            vec![],
        ),
        (
            "a step",
            shop(&[(60, 0, 100), (20, 50, 100)]),
            vec![(60, 80, false)],
        ),
        (
            "a recovery",
            shop(&[(60, 0, 100), (20, 50, 100), (15, 0, 100)]),
            vec![(60, 80, true)],
        ),
        (
            "a recovery that has just begun",
            shop(&[(60, 0, 100), (20, 50, 100), (9, 0, 100)]),
            vec![(60, 89, false)],
        ),
        ("flapping", flapping(10), vec![(60, 79, true)]),
        (
            "an outage, and another soon after it",
            shop(&[(60, 0, 100), (30, 50, 100), (20, 0, 100), (5, 50, 100)]),
            vec![(60, 90, true), (110, 115, false)],
        ),
        (
            "what lasts for a day is usual then",
            shop(&[(60, 0, 100), (24 * 60 + 120, 50, 100)]),
            vec![(60, 1500, true)],
        ),
    ];
    for (name, minutes, expected) in rows {
        let insights = found(minutes);
        let shape = |insight: &Insight| {
            let (start, end) = (insight.start / MINUTE, insight.end / MINUTE);
            (start, end, insight.is_closed)
        };
        let shapes: Vec<Shape> = insights.iter().map(shape).collect();
        assert_eq!(shapes, expected, "{name}");
    }
}

#[test]
fn an_insight_counts_the_requests_from_its_start_to_its_last_bad_minute() {
    let mut insights = found(shop(&[(60, 0, 100), (20, 50, 100), (30, 0, 100)]));
    let insight = insights.pop().unwrap();
    let expected = of(20 * 50, 2000);
    assert_eq!(insight.impact.clients, expected);
    assert_eq!(insight.impact.root_cause, expected);
    let events: Vec<_> = insight.shown_events().collect();
    assert_eq!(
        events.len(),
        5,
        "when found, and every five minutes: {events:?}"
    );
    assert!(events.is_sorted_by(|a, b| a.event_time > b.event_time));
}

fn roots(insights: &[Insight]) -> Vec<&str> {
    let names = insights.iter();
    names
        .map(|insight| insight.root_cause.name.as_str())
        .collect()
}

#[test]
fn the_callee_that_the_caller_faults_because_of_is_the_root_cause() {
    let quiet = || vec![shop_and_pay(0, 0); 60];
    let rows = [
        ("both", vec![shop_and_pay(50, 50); 5], "pay"),
        ("the caller alone", vec![shop_and_pay(50, 0); 5], "shop"),
        ("the callee alone", vec![shop_and_pay(0, 50); 5], "pay"),
        (
            "the caller for the most part",
            vec![shop_and_pay(90, 10); 5],
            "shop",
        ),
    ];
    for (name, outage, expected) in rows {
        let insights = found(quiet().into_iter().chain(outage));
        assert_eq!(roots(&insights).last(), Some(&expected), "{name}");
        let shown = insights.last().unwrap().shown();
        let worst = &shown.top_anomalous_services.first().unwrap().service_id;
        assert_eq!(worst.name, expected, "{name}");
    }
    let both = found(quiet().into_iter().chain(vec![shop_and_pay(50, 50); 5]));
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].services.len(), 2);
    let clients = both[0].impact.clients;
    assert_eq!(clients, of(250, 500), "clients of the caller");
}

#[test]
fn an_insight_stays_the_same_when_its_root_cause_is_found_to_be_another() {
    let mut minutes = vec![shop_and_pay(0, 0); 60];
    minutes.push(shop_and_pay(50, 0));
    minutes.push(shop_and_pay(50, 50));
    let before = found(minutes.clone());
    assert_eq!(roots(&before), ["shop"]);
    minutes.extend(vec![shop_and_pay(50, 50); 18]);
    let after = found(minutes);
    assert_eq!(roots(&after), ["pay"]);
    assert_eq!(after[0].id, before[0].id);
    assert_eq!(after[0].impact.clients, of(20 * 50, 2000));
    assert_eq!(after[0].impact.root_cause, of(19 * 50, 2000));
}

#[test]
fn services_that_do_not_call_each_other_have_insights_of_their_own() {
    let both = |faults: i64| {
        let of = of(faults, 100);
        minute(&[("shop", of), ("batch", of)], &[])
    };
    let insights = found([vec![both(0); 60], vec![both(50); 5]].concat());
    let mut names = roots(&insights);
    names.sort_unstable();
    assert_eq!(names, ["batch", "shop"]);
    let batch = insights.iter().find(|one| one.root_cause == key("batch"));
    assert_eq!(batch.unwrap().impact.clients, of(0, 0), "nobody calls it");
}

#[test]
fn of_services_that_call_each_other_the_worst_is_the_root_cause() {
    let round = |a: i64, b: i64| {
        let (a, b) = (of(a, 100), of(b, 100));
        minute(&[("a", a), ("b", b)], &[("a", "b", b), ("b", "a", a)])
    };
    let insights = found([vec![round(0, 0); 60], vec![round(60, 50); 5]].concat());
    assert_eq!(roots(&insights), ["a"]);
    assert_eq!(insights[0].services.len(), 2);
}

/// Faults of `shop` and `pay`: more often than not none.
fn faults() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let one = || prop_oneof![3 => Just(0_i64), 2 => 0_i64..60];
    let run = (one(), one(), 1_usize..15);
    let runs = proptest::collection::vec(run, 1..12);
    runs.prop_map(|runs| {
        let minutes = runs.into_iter();
        let minutes = minutes.flat_map(|(shop, pay, minutes)| vec![(shop, pay); minutes]);
        minutes.collect()
    })
}

/// One that takes up judging at a minute, with the hour before it, as after a restart.
fn taken_up(mut watch: GroupWatch, all: &[MinuteCounts], at: usize) -> GroupWatch {
    let first = at.saturating_sub(60);
    for (place, counts) in all.iter().enumerate().take(at).skip(first) {
        watch.learn(i64::try_from(place).unwrap() * MINUTE, counts.clone());
    }
    watch.learned();
    watch
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_a_restart_at_any_minute_finds_the_same_insights(faults in faults(), cut in any::<prop::sample::Index>()) {
        let mut all = vec![shop_and_pay(0, 0); 60];
        all.extend(faults.iter().map(|(shop, pay)| shop_and_pay(*shop, *pay)));
        let whole = found(all.clone());
        let cut = cut.index(all.len());
        let mut watch = GroupWatch::new(0, None);
        let mut insights = judged(&mut watch, all[..cut].to_vec());
        let record = serde_json::to_vec(&watch).unwrap();
        let mut watch = taken_up(serde_json::from_slice(&record).unwrap(), &all, cut);
        for insight in judged(&mut watch, all[cut..].to_vec()) {
            insights.retain(|known| known.id != insight.id);
            insights.push(insight);
        }
        insights.sort_by_key(|insight| (insight.start, insight.id));
        prop_assert_eq!(insights, whole);
    }

    #[test]
    fn property_a_window_that_begins_earlier_or_later_in_quiet_finds_the_same_insights(faults in faults(), from in 0_usize..120) {
        let mut all = vec![shop_and_pay(0, 0); 120];
        all.extend(faults.iter().map(|(shop, pay)| shop_and_pay(*shop, *pay)));
        let whole = found(all.clone());
        let start = i64::try_from(from).unwrap() * MINUTE;
        let mut watch = taken_up(GroupWatch::new(start, None), &all, from);
        prop_assert_eq!(judged(&mut watch, all[from..].to_vec()), whole);
    }
}
