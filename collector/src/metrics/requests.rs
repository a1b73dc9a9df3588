//! Requests by operation: how many, how they were answered, how long it took.
//!
//! Bounds: an entry per operation, of at most as many statuses as the API has. One lock per request,
//! of which there are some thousands a second at most; documents share one.

use std::collections::BTreeMap;
use std::time::Duration;

/// Bounds of the histogram: as Prometheus is told, and as measured. From a store that answers out of
/// its memory to a client that gives up.
pub const WITHIN: [(&str, Duration); 13] = [
    ("0.001", Duration::from_micros(1_000)),
    ("0.0025", Duration::from_micros(2_500)),
    ("0.005", Duration::from_millis(5)),
    ("0.01", Duration::from_millis(10)),
    ("0.025", Duration::from_millis(25)),
    ("0.05", Duration::from_millis(50)),
    ("0.1", Duration::from_millis(100)),
    ("0.25", Duration::from_millis(250)),
    ("0.5", Duration::from_millis(500)),
    ("1", Duration::from_secs(1)),
    ("2.5", Duration::from_millis(2_500)),
    ("5", Duration::from_secs(5)),
    ("10", Duration::from_secs(10)),
];

/// One operation's requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperationCounters {
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// How many took at most as long as each bound of [`WITHIN`] says.
    pub within: [u64; WITHIN.len()],
    /// How long all took together.
    pub elapsed: Duration,
}

impl OperationCounters {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.statuses.values().sum()
    }
}

/// All operations' requests.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) by_operation: BTreeMap<&'static str, OperationCounters>,
}

impl Requests {
    /// Counts one.
    pub(super) fn count(&mut self, operation: &'static str, status: u16, elapsed: Duration) {
        let counters = self.by_operation.entry(operation).or_default();
        *counters.statuses.entry(status).or_insert(0) += 1;
        counters.elapsed = counters.elapsed.saturating_add(elapsed);
        for (count, (_, bound)) in counters.within.iter_mut().zip(WITHIN) {
            if elapsed <= bound {
                *count += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_within_every_bound_that_it_kept() {
        let mut requests = Requests::default();
        for (status, millis) in [(200, 5), (200, 6), (503, 20_000)] {
            requests.count("GetGroup", status, Duration::from_millis(millis));
        }
        let counters = &requests.by_operation["GetGroup"];
        assert_eq!(counters.within, [0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(counters.statuses, BTreeMap::from([(200, 2), (503, 1)]));
        assert_eq!(counters.count(), 3);
        assert_eq!(counters.elapsed, Duration::from_millis(20_011));
    }

    #[test]
    fn bounds_rise_and_are_told_as_they_are_measured() {
        for (text, bound) in WITHIN {
            let seconds: f64 = text.parse().unwrap();
            assert_eq!(Duration::from_secs_f64(seconds), bound);
        }
        assert!(WITHIN.is_sorted_by(|one, next| one.1 < next.1));
    }
}
