//! What the hour before a minute lets expect of it, and whether it is exceeded. Pure.
//!
//! The bound on the number of faults is the forecast that GetTimeSeriesServiceStatistics shows for the
//! same minute (`spec/traces-and-graph.md` section 9). More traffic at the same rate of faults exceeds
//! it without being an anomaly, so the rate has to be exceeded as well.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::query::series::{FORECAST_PERIODS, forecast_bounds};

/// Seconds that a forecast looks back on.
pub(crate) const LOOK_BACK_SECONDS: i64 = FORECAST_PERIODS * 60;

/// Minutes with requests that have to be known of a service before anything of it is an anomaly: one that
/// has just begun has no usual rate of faults.
pub(crate) const LEARNING_MINUTES: usize = 10;

/// Faults of a minute below which it is no anomaly, however few there were before.
pub(crate) const FAULTS_MIN: i64 = 5;

/// Requests of which at least one is a fault in an anomaly: one in a hundred.
const REQUESTS_PER_FAULT_MAX: i64 = 100;

/// What is expected of a service's minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// Upper bound of the forecast for a minute's faults.
    high: i64,
    /// Faults of the whole hour.
    faults: i64,
    /// Requests of the whole hour.
    requests: i64,
}

impl Past {
    /// Of the minutes of an hour, those without requests left out; `None` when too few are known.
    pub(crate) fn of(minutes: impl Iterator<Item = Counts> + Clone) -> Option<Self> {
        if minutes.clone().count() < LEARNING_MINUTES {
            return None;
        }
        let mut sum = Counts::default();
        for counts in minutes.clone() {
            sum.add(counts);
        }
        let (_, high) = forecast_bounds(minutes.map(|counts| counts.faults));
        Some(Self {
            high,
            faults: sum.faults,
            requests: sum.total,
        })
    }

    /// Whether a minute has more faults than expected, by their number and by their share.
    pub(crate) fn is_exceeded_by(&self, counts: Counts) -> bool {
        let is_much = counts.faults >= FAULTS_MIN
            && counts.faults.saturating_mul(REQUESTS_PER_FAULT_MAX) >= counts.total;
        is_much && counts.faults > self.high && self.is_rate_exceeded_by(counts)
    }

    /// Whether f faults of n requests are more than e + 3 √e, where e = n F ÷ R is what the hour's rate of
    /// F faults of R requests lets expect; both sides times R, so that all numbers are whole.
    fn is_rate_exceeded_by(&self, counts: Counts) -> bool {
        let [faults, total, before, requests] =
            [counts.faults, counts.total, self.faults, self.requests].map(i128::from);
        let expected = total.saturating_mul(before);
        let above = faults.saturating_mul(requests).saturating_sub(expected);
        let variance = expected.saturating_mul(requests).saturating_mul(9);
        above > 0 && above.saturating_mul(above) > variance
    }

    /// Faults of a minute above the mean of the hour.
    pub(crate) fn excess(&self, counts: Counts) -> i64 {
        let mean = self.faults.div_euclid(FORECAST_PERIODS);
        counts.faults.saturating_sub(mean).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(faults: i64, total: i64) -> Counts {
        Counts {
            faults,
            ok: total - faults,
            total,
        }
    }

    #[test]
    fn a_minute_is_an_anomaly_when_number_and_share_of_faults_exceed_the_hour_before() {
        let rows = [
            ("clean, then an outage", (0, 100), (50, 100), true),
            ("too few faults", (0, 100), (4, 20), false),
            ("enough of few requests", (0, 20), (5, 20), true),
            ("a small share", (0, 1000), (9, 1000), false),
            ("one in a hundred", (0, 1000), (10, 1000), true),
            ("as before", (10, 100), (10, 100), false),
            (
                "ten times the traffic at the same share",
                (10, 100),
                (100, 1000),
                false,
            ),
            (
                "ten times the traffic at twice the share",
                (10, 100),
                (200, 1000),
                true,
            ),
            // 10 expected, 19 within three deviations of 3.2
            ("chance", (10, 100), (19, 100), false),
            ("beyond chance", (10, 100), (20, 100), true),
            ("less traffic, all faults", (10, 100), (9, 9), false),
        ];
        for (name, before, now, expected) in rows {
            let hour = vec![minute(before.0, before.1); 60];
            let past = Past::of(hour.iter().copied()).unwrap();
            let found = past.is_exceeded_by(minute(now.0, now.1));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn nothing_is_expected_of_a_service_that_has_just_begun() {
        let known = |minutes: usize| Past::of(vec![minute(0, 9); minutes].into_iter());
        assert_eq!(known(LEARNING_MINUTES - 1), None);
        assert!(
            known(LEARNING_MINUTES)
                .unwrap()
                .is_exceeded_by(minute(9, 9))
        );
    }

    #[test]
    fn the_largest_counts_that_can_be_are_compared_without_overflow() {
        let number = i64::from(u32::MAX);
        let most = minute(number, number);
        let past = Past::of(vec![most; 60].into_iter()).unwrap();
        assert!(!past.is_exceeded_by(most));
        let clean = Past::of(vec![minute(0, number); 60].into_iter()).unwrap();
        assert!(clean.is_exceeded_by(most));
    }
}
