//! Response times and durations counted on a fixed grid.
//!
//! A fixed grid merges and subtracts exactly, which sketches do not, so that running totals stay
//! right when a view is replaced. Source: `spec/traces-and-graph.md` section 7.3.

use std::collections::BTreeMap;

use radiograph_protocol::timestamp::{Elapsed, millis_as_seconds};
use serde::{Deserialize, Serialize};

/// Counts by place on the grid; a place whose count is zero is not held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Histogram(BTreeMap<GridPlace, i64>);

/// A value of the grid, by its number: 0 is 0 s, 1 is 1 ms, 1,001 is 1.01 s, and so on.
pub(super) type GridPlace = u64;

impl Histogram {
    /// A histogram with one entry.
    #[must_use]
    pub fn of(elapsed: Elapsed) -> Self {
        Self(BTreeMap::from([(place_of(elapsed), 1)]))
    }

    /// A histogram of these places, ascending, and their counts, none of them zero.
    pub(super) fn of_places(places: impl IntoIterator<Item = (GridPlace, i64)>) -> Self {
        Self(places.into_iter().collect())
    }

    /// Counts a value `times` times; a negative number takes it away.
    pub fn count(&mut self, elapsed: Elapsed, times: i64) {
        self.count_at(place_of(elapsed), times);
    }

    /// Adds `factor` times the other's counts; `-1` takes them away again.
    pub fn add(&mut self, other: &Self, factor: i64) {
        for (place, count) in &other.0 {
            self.count_at(*place, factor * count);
        }
    }

    fn count_at(&mut self, place: GridPlace, times: i64) {
        let sum = self.0.entry(place).or_insert(0);
        *sum += times;
        if *sum == 0 {
            self.0.remove(&place);
        }
    }

    /// Seconds and counts, ascending.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (f64, i64)> {
        let seconds = |place| millis_as_seconds(millis_of(place));
        self.0
            .iter()
            .map(move |(place, count)| (seconds(*place), *count))
    }

    /// Places on the grid and counts, ascending.
    pub(super) fn places(&self) -> impl ExactSizeIterator<Item = (GridPlace, i64)> {
        self.0.iter().map(|(place, count)| (*place, *count))
    }
}

/// The nearest grid value, half up: 1 ms apart below 1 s, 10 ms below 10 s, 100 ms below 100 s, 1 s
/// above. Each finer part of the grid leaves 900 values more behind than the next one counts.
fn place_of(elapsed: Elapsed) -> GridPlace {
    let micros = elapsed.micros().unsigned_abs();
    let (step, left_behind) = match micros {
        ..1_000_000 => (1_000, 0),
        1_000_000..10_000_000 => (10_000, 900),
        10_000_000..100_000_000 => (100_000, 1_800),
        _ => (1_000_000, 2_700),
    };
    (micros + step / 2) / step + left_behind
}

fn millis_of(place: GridPlace) -> i64 {
    let millis = match place {
        ..1_000 => place,
        1_000..1_900 => (place - 900) * 10,
        1_900..2_800 => (place - 1_800) * 100,
        _ => (place - 2_700).saturating_mul(1_000),
    };
    i64::try_from(millis).unwrap_or(i64::MAX)
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
            (i64::MAX, 9_223_372_036_855.0),
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
