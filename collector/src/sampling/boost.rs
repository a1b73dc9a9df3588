//! Rate boosts for clients that know them: from reports of anomalies to the raised rate that is sent,
//! as a pure state machine. Source: `spec/sampling.md` section 8; AWS documents only its bounds.
//!
//! Three points where the specification leaves room. The worst service is the one that needs the
//! highest rate, so that every service gets its recorded anomalies. Clients report every ten seconds
//! and a bit, so now and then a window sees none of them: the last closed window that saw reports
//! counts, for up to [`CLOSED_SECONDS_MAX`] after it closed. And nothing is stored: after a restart
//! there may be a boost before the earlier one's pause is over.
//!
//! Bounds: two windows per rule of [`SERVICES_PER_RULE_MAX`] services each; services beyond them are
//! counted and left out.

use std::collections::BTreeMap;

use radiograph_protocol::api::sampling::{BoostStatisticsDocument, SamplingBoost, WholeSeconds};
use radiograph_protocol::sampling::{SamplingRateBoost, SamplingRule};
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::statistics::{WINDOW_SECONDS, start_of_window};

/// Services that are told apart in one window of one rule.
pub(crate) const SERVICES_PER_RULE_MAX: usize = 100;

/// How long a boost lasts.
const BOOST_SECONDS: i64 = 60;

/// How long after its end a window may start a boost.
const CLOSED_SECONDS_MAX: i64 = 30;

/// Recorded anomalies per second and service that are wanted.
const WANTED_PER_SECOND: u64 = 1;

/// The same per window.
const WANTED: u64 = WANTED_PER_SECOND * WINDOW_SECONDS.unsigned_abs();

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The reports and boosts of all rules.
#[derive(Debug, Default)]
pub(crate) struct Boosts {
    by_rule: BTreeMap<String, RuleBoost>,
    services_left_out: u64,
}

/// A service whose anomalies go unrecorded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unrecorded {
    pub(crate) service_name: String,
    /// Anomalies in the window.
    pub(crate) anomalies: u64,
    /// Those of them that were recorded.
    pub(crate) sampled_anomalies: u64,
}

#[derive(Debug, Default)]
struct RuleBoost {
    running: Window,
    closed: Window,
    last: Option<Boost>,
}

/// A window without services saw no reports.
#[derive(Debug, Default)]
struct Window {
    start_seconds: i64,
    services: BTreeMap<String, Anomalies>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Anomalies {
    count: u64,
    sampled: u64,
}

#[derive(Debug, Clone, Copy)]
struct Boost {
    began: Timestamp,
    rate: f64,
}

impl Boosts {
    /// Takes a report in, under the time of its receipt. The caller knows that the rule is there.
    pub(crate) fn add(&mut self, document: &BoostStatisticsDocument, now: Timestamp) {
        let rule = self.by_rule.entry(document.rule_name.clone()).or_default();
        rule.turn_to(start_of_window(now));
        let services = &mut rule.running.services;
        let is_known = services.contains_key(&document.service_name);
        if !is_known && services.len() == SERVICES_PER_RULE_MAX {
            self.services_left_out += 1;
            return;
        }
        let sum = services.entry(document.service_name.clone()).or_default();
        sum.count = sum.count.saturating_add(document.anomaly_count);
        sum.sampled = sum.sampled.saturating_add(document.sampled_anomaly_count);
    }

    /// What every client of the rule is sent now: the boost that runs, or one that begins.
    pub(crate) fn boost(&mut self, rule: &SamplingRule, now: Timestamp) -> Option<SamplingBoost> {
        let bounds = rule.sampling_rate_boost?;
        if bounds.max_rate <= rule.fixed_rate {
            return None;
        }
        let state = self.by_rule.get_mut(&rule.rule_name)?;
        state.turn_to(start_of_window(now));
        // a clock that was set back would otherwise keep a boost running, or the next one waiting
        state.last = state.last.filter(|last| last.began <= now);
        if !state.last.is_some_and(|last| last.is_running(now)) {
            let may_begin = state.last.is_none_or(|last| last.is_over(&bounds, now));
            let worst = state.unrecorded(now).filter(|_| may_begin)?;
            let rate = WANTED as f64 / worst.anomalies as f64;
            state.last = Some(Boost { began: now, rate });
        }
        let running = state.last?;
        Some(SamplingBoost {
            // the rule may have changed since it began
            rate: running.rate.min(bounds.max_rate).max(rule.fixed_rate),
            ttl: WholeSeconds(running.ttl_seconds()),
        })
    }

    /// The service that would start a boost of this rule now, whether or not one is allowed.
    pub(crate) fn unrecorded(&mut self, rule_name: &str, now: Timestamp) -> Option<Unrecorded> {
        let state = self.by_rule.get_mut(rule_name)?;
        state.turn_to(start_of_window(now));
        state.unrecorded(now)
    }

    /// Reports that were left out at [`SERVICES_PER_RULE_MAX`] since the start.
    pub(crate) const fn services_left_out(&self) -> u64 {
        self.services_left_out
    }

    /// Drops the rules that `is_kept` does not name.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.by_rule.retain(|rule_name, _| is_kept(rule_name));
    }
}

impl RuleBoost {
    /// Closes the running window once another one begins.
    fn turn_to(&mut self, start_seconds: i64) {
        if start_seconds <= self.running.start_seconds {
            return;
        }
        let next = Window {
            start_seconds,
            services: BTreeMap::new(),
        };
        let over = std::mem::replace(&mut self.running, next);
        if !over.services.is_empty() {
            self.closed = over;
        }
    }

    /// Of the services whose anomalies go unrecorded the one that needs the highest rate: the one with
    /// the fewest.
    fn unrecorded(&self, now: Timestamp) -> Option<Unrecorded> {
        let closed_for = start_of_window(now) - (self.closed.start_seconds + WINDOW_SECONDS);
        if !(0..=CLOSED_SECONDS_MAX).contains(&closed_for) {
            return None;
        }
        let services = self.closed.services.iter();
        let unrecorded = services.filter(|(_, anomalies)| anomalies.go_unrecorded());
        let (name, worst) = unrecorded.min_by_key(|(_, anomalies)| anomalies.count)?;
        Some(Unrecorded {
            service_name: name.clone(),
            anomalies: worst.count,
            sampled_anomalies: worst.sampled,
        })
    }
}

impl Anomalies {
    /// With fewer wanted than there are, all of them are.
    fn go_unrecorded(&self) -> bool {
        self.count > self.sampled && self.sampled < WANTED.min(self.count)
    }
}

impl Boost {
    /// The first second in which it does not hold.
    const fn ttl_seconds(&self) -> i64 {
        self.began.seconds_floor().saturating_add(BOOST_SECONDS)
    }

    const fn is_running(&self, now: Timestamp) -> bool {
        now.seconds_floor() < self.ttl_seconds()
    }

    fn is_over(&self, bounds: &SamplingRateBoost, now: Timestamp) -> bool {
        let pause = i64::from(bounds.cooldown_window_minutes) * MICROS_PER_MINUTE;
        now.since(self.began) > Elapsed::from_micros(pause)
    }
}

#[cfg(test)]
mod tests;
