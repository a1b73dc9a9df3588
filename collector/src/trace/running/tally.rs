//! Adds up many packed histograms into a plain one.
//!
//! Counts of near places stand in a table of 32 KB, which stays in the processor's first cache, so
//! that an addition is a sum in place whatever the order. Empty again after each answer.

use super::packed::Packed;
use crate::trace::histogram::{GridPlace, Histogram};

/// Counts being added up.
pub(super) struct Tally {
    near: Box<[i64]>,
    /// A bit for each group of near places that has been written to.
    written: u64,
    /// Counts of places that are not near, in the order in which they came.
    far: Vec<(GridPlace, i64)>,
}

/// Places in a group.
const GROUP: usize = 64;
/// Groups of near places, as many as `written` has bits: values below 1,396 s.
const GROUPS: usize = 64;

impl Tally {
    /// A tally without counts.
    pub(super) fn new() -> Self {
        Self {
            near: vec![0; GROUP * GROUPS].into_boxed_slice(),
            written: 0,
            far: Vec::new(),
        }
    }

    /// The sum of some histograms.
    pub(super) fn sum<'p>(&mut self, histograms: impl Iterator<Item = &'p Packed>) -> Histogram {
        for histogram in histograms {
            self.add(histogram);
        }
        self.take()
    }

    fn add(&mut self, histogram: &Packed) {
        for (place, count) in histogram.places() {
            let at = usize::try_from(place).unwrap_or(usize::MAX);
            match self.near.get_mut(at) {
                Some(sum) => {
                    *sum += count;
                    self.written |= 1 << (at / GROUP);
                }
                None => self.far.push((place, count)),
            }
        }
    }

    fn take(&mut self) -> Histogram {
        let mut places = Vec::new();
        for (group, counts) in self.near.chunks_mut(GROUP).enumerate() {
            if self.written & (1 << group) != 0 {
                for (at, count) in counts
                    .iter_mut()
                    .enumerate()
                    .filter(|(_, count)| **count != 0)
                {
                    // below 4,096
                    let place = GridPlace::try_from(group * GROUP + at).unwrap_or(GridPlace::MAX);
                    places.push((place, std::mem::take(count)));
                }
            }
        }
        self.written = 0;
        self.far.sort_unstable();
        for same in self.far.chunk_by(|(one, _), (other, _)| one == other) {
            let sum = same.iter().map(|(_, count)| count).sum();
            places.extend(same.first().map(|(place, _)| (*place, sum)));
        }
        self.far.clear();
        places.retain(|(_, count)| *count != 0);
        Histogram::of_places(places)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use radiograph_protocol::timestamp::Elapsed;

    use super::*;

    proptest! {
        #[test]
        fn property_sums_are_those_of_plain_histograms(
            answers in prop::collection::vec(prop::collection::vec(prop::collection::vec(
                (prop_oneof![0..2_000_000_i64, 1_390_000_000..1_400_000_000_i64], -2..3_i64),
                0..20), 0..5), 1..4)
        ) {
            let mut tally = Tally::new();
            for histograms in answers {
                let mut sum = Histogram::default();
                let mut parts = Vec::new();
                for entries in histograms {
                    let mut plain = Histogram::default();
                    for (micros, times) in entries {
                        plain.count(Elapsed::from_micros(micros), times);
                    }
                    sum.add(&plain, 1);
                    let mut packed = Packed::default();
                    packed.add(&plain, 1, &mut Vec::new());
                    parts.push(packed);
                }
                prop_assert_eq!(tally.sum(parts.iter()), sum);
            }
        }
    }
}
