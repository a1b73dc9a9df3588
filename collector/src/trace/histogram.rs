//! Response times and durations counted on a fixed grid.
//!
//! A fixed grid merges and subtracts exactly, which sketches do not, so that running totals stay
//! right when a view is replaced. Source: `spec/traces-and-graph.md` section 7.3.

use std::collections::BTreeMap;

use radiograph_protocol::timestamp::{Elapsed, millis_as_seconds};
use serde::{Deserialize, Serialize};

/// Counts by grid value; a value whose count is zero is not held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Histogram(BTreeMap<i64, i64>);

impl Histogram {
    /// A histogram with one entry.
    #[must_use]
    pub fn of(elapsed: Elapsed) -> Self {
        Self(BTreeMap::from([(grid_millis(elapsed), 1)]))
    }

    /// Adds `factor` times the other's counts; `-1` takes them away again.
    pub fn add(&mut self, other: &Self, factor: i64) {
        for (value, count) in &other.0 {
            let sum = self.0.entry(*value).or_insert(0);
            *sum += factor * count;
            if *sum == 0 {
                self.0.remove(value);
            }
        }
    }

    /// Seconds and counts, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (f64, i64)> {
        self.0
            .iter()
            .map(|(millis, count)| (millis_as_seconds(*millis), *count))
    }
}

/// The grid value in milliseconds: half up to 1 ms below 1 s, 10 ms below 10 s, 100 ms below 100 s,
/// 1 s above.
fn grid_millis(elapsed: Elapsed) -> i64 {
    let micros = elapsed.micros();
    let step = match micros {
        ..1_000_000 => 1_000,
        1_000_000..10_000_000 => 10_000,
        10_000_000..100_000_000 => 100_000,
        _ => 1_000_000,
    };
    micros.saturating_add(step / 2) / step * (step / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_half_up_to_a_grid_that_depends_on_their_size() {
        let cases = [
            (0, 0.0),
            (499, 0.0),
            (500, 0.001),
            (157_000, 0.157),
            (999_400, 0.999),
            (999_500, 1.0),
            (2_454_000, 2.45),
            (2_455_000, 2.46),
            (9_996_000, 10.0),
            (12_340_000, 12.3),
            (99_950_000, 100.0),
            (123_456_000, 123.0),
            (123_500_000, 124.0),
        ];
        for (micros, seconds) in cases {
            let histogram = Histogram::of(Elapsed::from_micros(micros));
            let entries: Vec<_> = histogram.entries().collect();
            assert_eq!(entries.len(), 1);
            assert!(
                (entries[0].0 - seconds).abs() < 1e-12,
                "{micros}: {entries:?}"
            );
        }
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut histogram = Histogram::of(Elapsed::from_micros(1000));
        let other = Histogram::of(Elapsed::from_micros(2000));
        histogram.add(&other, 1);
        histogram.add(&other, -1);
        assert_eq!(histogram, Histogram::of(Elapsed::from_micros(1000)));
    }
}
