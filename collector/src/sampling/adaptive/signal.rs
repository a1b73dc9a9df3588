//! Whether errors or response times of the services that apply a rule have risen: the last minutes of
//! the service graph's totals against those before. Pure.
//!
//! A service applies a rule when it sends segments and its name and type match the rule's patterns;
//! the totals know neither hosts nor paths, so a rule for one path is raised when its whole service is
//! in trouble. Totals count recorded requests alone: shares and percentiles of them are those of all
//! requests, since who is recorded is decided before anybody knows how a request ends.

use radiograph_protocol::sampling::{SamplingRule, pattern};
use serde::Serialize;

use super::request::AdaptiveSettings;
use crate::trace::histogram::Histogram;
use crate::trace::node::NodeKey;
use crate::trace::totals::{MinuteTotals, NodeTotals, Statistics};

/// Recorded requests of a service below which nothing is concluded from them.
const REQUESTS_MIN: i64 = 10;

/// Recorded requests that have to have ended badly, so that a single one is no signal.
const ERRORS_MIN: i64 = 3;

/// Which of a service's response times is looked at: nine of ten are at most as long.
const PERCENTILE: f64 = 0.9;

/// How much longer it has to be at least, in seconds: twice one millisecond is no trouble.
const LATENCY_SECONDS_MIN: f64 = 0.02;

/// What has risen, of one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cause {
    /// The service.
    pub service_name: String,
    /// What of it.
    pub signal: Signal,
    /// What it is.
    pub value: f64,
    /// What it was.
    pub baseline: f64,
}

/// What may rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Signal {
    /// The share of requests that end in a fault, error or throttle.
    Errors,
    /// The response time in seconds that nine of ten requests keep to.
    Latency,
    /// Anomalies per ten seconds that clients report; the baseline are those that were recorded.
    UnrecordedAnomalies,
}

impl Signal {
    /// As logs call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::UnrecordedAnomalies => "unrecorded anomalies",
        }
    }
}

/// Why this rule is to be raised; of several services the first by name.
pub(crate) fn cause(
    rule: &SamplingRule,
    settings: &AdaptiveSettings,
    recent: &MinuteTotals,
    baseline: &MinuteTotals,
) -> Option<Cause> {
    let mut services = recent.nodes.iter();
    services.find_map(|(key, now)| {
        if now.sent <= 0 || now.statistics.total() < REQUESTS_MIN || !applies(rule, key) {
            return None;
        }
        let before = baseline.nodes.get(key);
        let before = before.filter(|before| before.statistics.total() >= REQUESTS_MIN);
        let (signal, value, baseline) =
            errors(settings, now, before).or_else(|| latency(settings, now, before?))?;
        Some(Cause {
            service_name: key.name.clone(),
            signal,
            value,
            baseline,
        })
    })
}

fn applies(rule: &SamplingRule, key: &NodeKey) -> bool {
    pattern::matches(&rule.service_name, &key.name)
        && pattern::matches(&rule.service_type, key.kind.as_deref().unwrap_or(""))
}

/// A service of which little is known yet is taken to have had no errors.
fn errors(
    settings: &AdaptiveSettings,
    now: &NodeTotals,
    before: Option<&NodeTotals>,
) -> Option<(Signal, f64, f64)> {
    let value = error_rate(&now.statistics);
    let baseline = before.map_or(0.0, |before| error_rate(&before.statistics));
    let is_risen =
        bad(&now.statistics) >= ERRORS_MIN && value >= baseline + settings.error_rate_increase;
    is_risen.then_some((Signal::Errors, value, baseline))
}

fn latency(
    settings: &AdaptiveSettings,
    now: &NodeTotals,
    before: &NodeTotals,
) -> Option<(Signal, f64, f64)> {
    let value = percentile(&now.response_times)?;
    let baseline = percentile(&before.response_times)?;
    let is_risen =
        value >= baseline * settings.latency_factor && value >= baseline + LATENCY_SECONDS_MIN;
    is_risen.then_some((Signal::Latency, value, baseline))
}

const fn bad(statistics: &Statistics) -> i64 {
    statistics.total() - statistics.ok
}

/// Of at least one request.
fn error_rate(statistics: &Statistics) -> f64 {
    bad(statistics) as f64 / statistics.total() as f64
}

/// The shortest response time that [`PERCENTILE`] of the requests keep to; `None` without requests.
fn percentile(times: &Histogram) -> Option<f64> {
    let total: i64 = times.entries().map(|(_, count)| count).sum();
    let wanted = total as f64 * PERCENTILE;
    let mut counted = 0;
    let mut entries = times.entries();
    let found = entries.find(|(_, count)| {
        counted += count;
        counted as f64 >= wanted
    });
    found.map(|(seconds, _)| seconds)
}

#[cfg(test)]
mod tests;
