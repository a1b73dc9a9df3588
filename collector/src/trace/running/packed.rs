//! A histogram as a string of bytes: what most of the memory of running totals goes into.
//!
//! A place on the grid takes 1 B up to a count of 31, 2 B up to 4,095, and 1 B more after a gap, in
//! place of the 16 B of a pair of numbers. Reading and changing it cost one pass.

use crate::trace::histogram::{GridPlace, Histogram};

/// A histogram. Each place is a number of count, sign and whether there is a gap before it, and after
/// a gap the places left out; numbers are in base 128, low digits first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Packed(Box<[u8]>);

/// A place is not the one right after the last.
const GAP: u64 = 1;
/// The count is below zero.
const NEGATIVE: u64 = 2;
/// Where the count stands above these two.
const COUNT_SHIFT: u32 = 2;

impl Packed {
    /// Adds `factor` times the other's counts. The buffer's content is lost; it saves an allocation.
    pub(super) fn add(&mut self, other: &Histogram, factor: i64, buffer: &mut Vec<u8>) {
        let theirs = other.places();
        if theirs.len() == 0 {
            return;
        }
        buffer.clear();
        let mut merged = Writer::new(buffer);
        let mut ours = self.places();
        let mut our = ours.next();
        for (place, count) in theirs {
            if let Some((before, own)) = our.filter(|(our, _)| *our < place) {
                merged.put(before, own);
                our = merged.copy_before(place, &mut ours);
            }
            match our.filter(|(our, _)| *our == place) {
                Some((_, own)) => {
                    merged.put(place, own + factor * count);
                    our = ours.next();
                }
                None => merged.put(place, factor * count),
            }
        }
        if let Some((after, own)) = our {
            merged.put(after, own);
            merged.bytes.extend_from_slice(ours.bytes.as_slice());
        }
        if self.0.len() == buffer.len() {
            self.0.copy_from_slice(buffer);
        } else {
            self.0 = Box::from(buffer.as_slice());
        }
    }

    /// Places on the grid and counts, ascending.
    pub(super) fn places(&self) -> Places<'_> {
        Places {
            bytes: self.0.iter(),
            next: 0,
        }
    }
}

/// Reads a packed histogram.
pub(super) struct Places<'p> {
    bytes: std::slice::Iter<'p, u8>,
    /// The place after the last one read.
    next: GridPlace,
}

impl Iterator for Places<'_> {
    type Item = (GridPlace, i64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let head = self.number()?;
        if head & GAP != 0 {
            self.next = self.next.wrapping_add(self.number()?);
        }
        let place = self.next;
        self.next = place.wrapping_add(1);
        let count = (head >> COUNT_SHIFT).cast_signed();
        let is_negative = head & NEGATIVE != 0;
        Some((place, if is_negative { -count } else { count }))
    }
}

impl Places<'_> {
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let first = u64::from(*self.bytes.next()?);
        if first < 128 {
            return Some(first);
        }
        let (mut number, mut shift) = (first & 127, 7);
        for digit in self.bytes.by_ref() {
            number |= u64::from(digit & 127) << shift;
            shift += 7;
            if *digit < 128 || shift > 63 {
                break;
            }
        }
        Some(number)
    }
}

/// Writes a packed histogram.
struct Writer<'b> {
    bytes: &'b mut Vec<u8>,
    /// The place after the last one written.
    next: GridPlace,
}

impl<'b> Writer<'b> {
    fn new(bytes: &'b mut Vec<u8>) -> Self {
        Self { bytes, next: 0 }
    }

    /// Appends a place, greater than all before; one without a count is left out.
    fn put(&mut self, place: GridPlace, count: i64) {
        if count == 0 {
            return;
        }
        let gap = place - self.next;
        self.next = place.wrapping_add(1);
        let sign = if count < 0 { NEGATIVE } else { 0 };
        let has_gap = if gap > 0 { GAP } else { 0 };
        // a count of 2^61 requests is out of reach
        self.number(count.unsigned_abs() << COUNT_SHIFT | sign | has_gap);
        if gap > 0 {
            self.number(gap);
        }
    }

    /// Copies as they are the entries before a place, and returns the one after them. What was put
    /// last is what was read last: so they keep their gaps.
    fn copy_before(&mut self, place: GridPlace, from: &mut Places<'_>) -> Option<(GridPlace, i64)> {
        let bytes = from.bytes.as_slice();
        loop {
            let (next, rest) = (from.next, from.bytes.as_slice());
            let entry = from.next();
            if entry.is_none_or(|(at, _)| at >= place) {
                let copied = bytes.len() - rest.len();
                self.bytes
                    .extend_from_slice(bytes.get(..copied).unwrap_or_default());
                self.next = next;
                return entry;
            }
        }
    }

    fn number(&mut self, mut number: u64) {
        while let Some(rest) = Some(number >> 7).filter(|rest| *rest > 0) {
            self.bytes.push(low_digit(number) | 128);
            number = rest;
        }
        self.bytes.push(low_digit(number));
    }
}

/// The lowest digit in base 128.
fn low_digit(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low & 127
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use radiograph_protocol::timestamp::Elapsed;

    use super::*;

    fn histogram(entries: &[(i64, i64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for (micros, times) in entries {
            histogram.count(Elapsed::from_micros(*micros), *times);
        }
        histogram
    }

    fn packed(histogram: &Histogram) -> Packed {
        let mut packed = Packed::default();
        packed.add(histogram, 1, &mut Vec::new());
        packed
    }

    #[test]
    fn neighbours_take_a_byte_up_to_31_requests_and_two_up_to_4095() {
        let rows: [(&[(i64, i64)], usize); 5] = [
            (&[], 0),
            (&[(0, 31), (1_000, 1), (2_000, 31)], 3),
            (&[(0, 32), (1_000, 4_095)], 4),
            (&[(5_000, 1)], 2),
            (&[(999_000, -1), (1_000_000, 1)], 4),
        ];
        for (entries, bytes) in rows {
            assert_eq!(packed(&histogram(entries)).0.len(), bytes, "{entries:?}");
        }
    }

    #[test]
    fn the_greatest_values_and_counts_survive() {
        let entries = [(0, 1 << 60), (1_000, -(1 << 60)), (i64::MAX, 1)];
        let histogram = histogram(&entries);
        assert!(packed(&histogram).places().eq(histogram.places()));
    }

    proptest! {
        #[test]
        fn property_it_holds_what_a_plain_histogram_holds(
            additions in prop::collection::vec(
                (prop::collection::vec((0..3_000_000_i64, -70..70_i64), 0..20), -2..3_i64), 0..8)
        ) {
            let (mut plain, mut packed) = (Histogram::default(), Packed::default());
            let mut buffer = Vec::new();
            for (entries, factor) in additions {
                let other = histogram(&entries);
                plain.add(&other, factor);
                packed.add(&other, factor, &mut buffer);
            }
            prop_assert!(packed.places().eq(plain.places()));
            packed.add(&plain, -1, &mut buffer);
            prop_assert_eq!(packed, Packed::default());
        }
    }
}
