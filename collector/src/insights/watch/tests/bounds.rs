//! Each bound of a group, reached: what is left out, and how it is counted.

use super::*;
use crate::insights::anomaly::CALLEES_MAX;
use crate::insights::insight::EVENTS_MAX;
use crate::insights::rooting::OPEN_MAX;

/// A minute of 100 requests to each of so many services, of which so many are faults.
fn all(services: usize, faults: i64) -> MinuteCounts {
    let names: Vec<String> = (0..services).map(|number| number.to_string()).collect();
    let services = names.iter().map(|name| (name.as_str(), of(faults, 100)));
    minute(&services.collect::<Vec<_>>(), &[])
}

#[test]
fn more_anomalies_than_may_be_at_once_are_left_out_and_counted() {
    let mut watch = GroupWatch::new(0, None);
    let services = ANOMALIES_MAX + 3;
    let quiet = judged_counting(&mut watch, vec![all(services, 0); 20]);
    assert_eq!(quiet, (vec![], vec![]));
    let outage = vec![all(services, 50); 3];
    let (insights, beyond) = judged_counting(&mut watch, outage);
    assert_eq!(watch.anomalies.len(), ANOMALIES_MAX);
    assert_eq!(insights.len(), OPEN_MAX);
    // three services for three minutes; those without an insight from the minute that confirms them
    let without = u64::try_from(ANOMALIES_MAX - OPEN_MAX).unwrap();
    let expected = [
        (Bound::ServicesAnomalous, 9),
        (Bound::InsightsActive, 2 * without),
    ];
    assert_eq!(beyond, expected);
}

#[test]
fn services_beyond_the_bound_are_counted_and_not_watched_until_others_are_gone() {
    let mut watch = GroupWatch::new(0, None);
    let (_, beyond) = judged_counting(&mut watch, [all(SERVICES_MAX, 0)]);
    assert_eq!(beyond, []);
    let (_, beyond) = judged_counting(&mut watch, shop(&[(2, 0, 100)]));
    assert_eq!(beyond, [(Bound::ServicesWatched, 2)]);
    assert_eq!(watch.memory.hour.len(), SERVICES_MAX);
    assert!(!watch.memory.hour.contains_key(&key("shop")));
    judged(&mut watch, shop(&[(60, 0, 100)]));
    assert!(watch.memory.hour.contains_key(&key("shop")));
}

#[test]
fn an_insight_lets_its_oldest_event_but_the_first_go_and_counts_it() {
    // an event when it is found, and one every five minutes
    let events = i64::try_from(EVENTS_MAX).unwrap();
    let minutes = usize::try_from(2 + events * 5).unwrap();
    let mut watch = GroupWatch::new(0, None);
    judged(&mut watch, shop(&[(60, 0, 100)]));
    let (mut insights, beyond) = judged_counting(&mut watch, shop(&[(minutes, 50, 100)]));
    assert_eq!(beyond, [(Bound::EventsKept, 1)]);
    let times: Vec<i64> = insights
        .remove(0)
        .shown_events()
        .map(|event| event.event_time.seconds_floor())
        .collect();
    assert_eq!(times.len(), EVENTS_MAX);
    let found = 62 * MINUTE;
    let (first, second) = (times.last().unwrap(), &times[EVENTS_MAX - 2]);
    assert_eq!((*first, *second), (found, found + 600));
}

#[test]
fn callees_that_an_anomaly_cannot_tell_apart_are_counted() {
    let names: Vec<String> = (0..CALLEES_MAX + 2)
        .map(|number| format!("callee {number:02}"))
        .collect();
    let at = |faults: i64| {
        let calls: Vec<_> = names
            .iter()
            .map(|name| ("shop", name.as_str(), of(faults, 100)))
            .collect();
        minute(&[("shop", of(faults, 100))], &calls)
    };
    let mut watch = GroupWatch::new(0, None);
    let (_, beyond) = judged_counting(&mut watch, vec![at(0); 60]);
    assert_eq!(beyond, []);
    let (_, beyond) = judged_counting(&mut watch, vec![at(50); 3]);
    assert_eq!(beyond, [(Bound::CalleesBlamed, 6)]);
}
