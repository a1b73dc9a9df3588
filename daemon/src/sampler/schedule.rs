//! When the sampler calls the server. Pure: `now` and `draw` are arguments.
//!
//! Source: `spec/sampling.md` section 4. Rules every 300 s, targets every 10 s, both with jitter, so
//! that daemons which started together come apart. Where the SDKs keep a failed fetch for the next
//! turn, this one tries again with back-off: a daemon is started before its collector now and then.

use std::time::{Duration, Instant};

use crate::retry;

/// How often calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// From one fetch of the rules to the next.
    pub(super) rules: Duration,
    /// What is drawn on top of it at most.
    pub(super) rules_jitter: Duration,
    /// From one report to the next.
    pub(super) targets: Duration,
    /// What is drawn on top of it at most.
    pub(super) targets_jitter: Duration,
    /// The age at which rules are abandoned.
    pub(super) rules_age_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rules: Duration::from_secs(300),
            rules_jitter: Duration::from_secs(5),
            targets: Duration::from_secs(10),
            targets_jitter: Duration::from_millis(100),
            rules_age_max: Duration::from_secs(3600),
        }
    }
}

/// The next calls.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    rules_at: Instant,
    targets_at: Instant,
    /// Fetches of rules that failed in a row.
    failures: u32,
    /// When the rules in use were fetched, and in which second of the wall clock.
    fetched: Option<(Instant, i64)>,
    /// The newest `LastRuleModification`.
    modified_seconds: Option<i64>,
}

impl Schedule {
    /// Rules are wanted at once.
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            rules_at: now,
            targets_at: now + pace.targets,
            failures: 0,
            fetched: None,
            modified_seconds: None,
        }
    }

    /// When there is something to do next.
    pub(super) fn next(&self) -> Instant {
        self.rules_at.min(self.targets_at)
    }

    /// Whether the rules are to be fetched now.
    pub(super) fn wants_rules(&self, now: Instant) -> bool {
        now >= self.rules_at
    }

    /// Whether a report is due; the next one is then put in its place.
    pub(super) fn begin_report(&mut self, now: Instant, draw: f64) -> bool {
        let is_due = now >= self.targets_at;
        if is_due {
            self.targets_at = now + self.pace.targets + self.pace.targets_jitter.mul_f64(draw);
        }
        is_due
    }

    /// Rules were fetched by a call that began in this second of the wall clock.
    pub(super) fn fetched(&mut self, now: Instant, began_seconds: i64, draw: f64) {
        self.failures = 0;
        self.fetched = Some((now, began_seconds));
        self.rules_at = now + self.pace.rules + self.pace.rules_jitter.mul_f64(draw);
    }

    /// Rules could not be fetched.
    pub(super) fn failed(&mut self, now: Instant, draw: f64) {
        self.failures = self.failures.saturating_add(1);
        self.rules_at = now + retry::delay(self.failures, None, draw);
    }

    /// Whether the rules in use have become too old.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        let age = |(at, _): (Instant, i64)| now.saturating_duration_since(at);
        self.fetched
            .map(age)
            .is_some_and(|age| age >= self.pace.rules_age_max)
    }

    /// A report's answer says when a rule was last changed: after the fetch, rules are wanted at once.
    /// Each time brings one early fetch at most; a server's clock that runs ahead would ask for them
    /// for ever.
    pub(super) fn note_modification(&mut self, now: Instant, modified_seconds: i64) {
        let fetched_seconds = self.fetched.map(|(_, seconds)| seconds);
        let known = self.modified_seconds.or(fetched_seconds);
        if known.is_none_or(|known| modified_seconds > known) {
            self.rules_at = now;
        }
        self.modified_seconds = self.modified_seconds.max(Some(modified_seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn rules_are_fetched_at_once_and_then_every_five_minutes_with_jitter() {
        let start = clock::now();
        let mut schedule = Schedule::new(Pace::default(), start);
        assert!(schedule.wants_rules(start));
        schedule.fetched(start, 1000, 1.0);
        assert!(!schedule.wants_rules(start + seconds(304)));
        assert!(schedule.wants_rules(start + seconds(305)));
        schedule.fetched(start, 1000, 0.0);
        assert!(schedule.wants_rules(start + seconds(300)));
    }

    #[test]
    fn a_failed_fetch_is_tried_again_with_back_off() {
        let start = clock::now();
        let mut schedule = Schedule::new(Pace::default(), start);
        schedule.failed(start, 1.0);
        assert!(!schedule.wants_rules(start + Duration::from_millis(199)));
        assert!(schedule.wants_rules(start + Duration::from_millis(200)));
        (0..20).for_each(|_| schedule.failed(start, 1.0));
        assert!(!schedule.wants_rules(start + seconds(29)));
        assert!(schedule.wants_rules(start + seconds(30)));
        schedule.fetched(start, 1000, 0.0);
        schedule.failed(start, 1.0);
        assert!(
            schedule.wants_rules(start + Duration::from_millis(200)),
            "counted anew"
        );
    }

    #[test]
    fn reports_are_due_every_ten_seconds() {
        let start = clock::now();
        let mut schedule = Schedule::new(Pace::default(), start);
        schedule.fetched(start, 1000, 0.0);
        assert_eq!(schedule.next(), start + seconds(10));
        assert!(!schedule.begin_report(start + seconds(9), 0.0));
        assert!(schedule.begin_report(start + seconds(10), 0.0));
        assert!(!schedule.begin_report(start + seconds(19), 0.0));
        assert!(schedule.begin_report(start + seconds(20), 0.0));
    }

    #[test]
    fn rules_are_outdated_after_an_hour() {
        let start = clock::now();
        let mut schedule = Schedule::new(Pace::default(), start);
        assert!(
            !schedule.is_outdated(start + seconds(7200)),
            "there are none"
        );
        schedule.fetched(start, 1000, 0.0);
        assert!(!schedule.is_outdated(start + seconds(3599)));
        assert!(schedule.is_outdated(start + seconds(3600)));
    }

    #[test]
    fn a_change_after_the_fetch_brings_the_next_fetch_forward_once() {
        let start = clock::now();
        let mut schedule = Schedule::new(Pace::default(), start);
        schedule.fetched(start, 1000, 0.0);
        schedule.note_modification(start, 1000);
        assert!(!schedule.wants_rules(start), "not after the fetch");
        schedule.note_modification(start, 1001);
        assert!(schedule.wants_rules(start));
        schedule.fetched(start, 1000, 0.0);
        schedule.note_modification(start, 1001);
        assert!(!schedule.wants_rules(start), "known");
        schedule.note_modification(start, 1002);
        assert!(schedule.wants_rules(start));
        schedule.failed(start, 0.0);
        schedule.note_modification(start, 1002);
        assert!(!schedule.wants_rules(start), "the back-off holds");
        assert!(schedule.wants_rules(start + seconds(1)));
    }
}
