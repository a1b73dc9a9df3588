//! A number of every row: response time and duration in whole milliseconds, as the API rounds them.
//!
//! Blocks of 4,096 rows, each with its least and greatest number, packed in as many bits as their
//! distance needs. Durations are kept as what they exceed the response time by, which is mostly nothing.

use std::ops::Range;

use radiograph_protocol::timestamp::{Elapsed, millis_as_seconds};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::algebra::Found;
use super::source::{Reader, SearchError, Source, Span, Writer};
use crate::filter::ast::NumberOp;

/// Rows in a block.
pub(super) const BLOCK_ROWS: u32 = 4096;
/// Bits of the widest number: microseconds are 63 bits, milliseconds ten fewer, an excess one more.
const WIDTH_MAX: u32 = 56;

/// Whole milliseconds as [`Elapsed::seconds_ms`] rounds them.
pub(super) const fn millis(elapsed: Elapsed) -> i64 {
    elapsed.micros().saturating_add(500).div_euclid(1000)
}

/// A column as it is found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Column {
    blocks: Vec<Block>,
    data: Span,
}

/// A block of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Block {
    /// Least and greatest number, of those that are there.
    ends: Option<(i64, i64)>,
    /// What the least code stands for.
    base: i64,
    /// Whether code 0 is a number that is not there.
    has_missing: bool,
    width: u8,
    /// Where its codes begin in the data.
    at: u64,
}

/// Writes a column; where `base` has a number, as the distance from that.
pub(super) fn write(
    numbers: &[Option<i64>],
    base: Option<&[Option<i64>]>,
    to: &mut Writer,
) -> Result<Span, SearchError> {
    let (mut blocks, mut data) = (Vec::new(), Vec::new());
    let size = BLOCK_ROWS as usize;
    for (number, chunk) in numbers.chunks(size).enumerate() {
        let from = base
            .and_then(|base| base.get(number * size..))
            .unwrap_or_default();
        let from = from.iter().copied().chain(std::iter::repeat(None));
        let stored: Vec<Option<i64>> = chunk
            .iter()
            .zip(from)
            .map(|(number, from)| Some(number.as_ref()?.wrapping_sub(from.unwrap_or(0))))
            .collect();
        let least = stored.iter().flatten().min().copied().unwrap_or(0);
        let most = stored.iter().flatten().max().copied().unwrap_or(0);
        let has_missing = stored.contains(&None);
        let code = |stored: &Option<i64>| {
            let distance = |value: &i64| value.abs_diff(least) + u64::from(has_missing);
            stored.as_ref().map_or(0, distance)
        };
        let width = u64::BITS - code(&Some(most)).leading_zeros();
        let there = chunk.iter().flatten();
        blocks.push(Block {
            ends: there.clone().min().copied().zip(there.max().copied()),
            base: least,
            has_missing,
            width: u8::try_from(width).unwrap_or(u8::MAX),
            at: data.len() as u64,
        });
        pack(stored.iter().map(code), width, &mut data);
    }
    let data = to.bytes(&data);
    to.value(&Column { blocks, data })
}

fn pack(codes: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u128, 0);
    for code in codes {
        bits |= u128::from(code) << count;
        count += width;
        while count >= 8 {
            out.extend(bits.to_le_bytes().first());
            bits >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        out.extend(bits.to_le_bytes().first());
    }
}

impl Column {
    /// The rows of `range` whose number passes; `None` asks whether there is one. `base` is the column
    /// that this one's numbers are distances from.
    pub(super) fn find<S: std::ops::Deref<Target: Source>>(
        &self,
        from: &Reader<S>,
        base: Option<&Self>,
        range: Range<u32>,
        test: Option<(NumberOp, f64)>,
    ) -> Result<Found, SearchError> {
        let holds = |millis: i64| {
            test.is_none_or(|(operator, than)| operator.holds(millis_as_seconds(millis), than))
        };
        let mut rows = RoaringBitmap::new();
        let first = range.start / BLOCK_ROWS;
        for (number, block) in self.blocks.iter().enumerate().skip(first as usize) {
            let start = u32::try_from(number)
                .unwrap_or(u32::MAX)
                .saturating_mul(BLOCK_ROWS);
            if start >= range.end {
                break;
            }
            let rows_in = BLOCK_ROWS.min(range.end - start);
            let Some((least, most)) = block.ends else {
                continue;
            };
            // between two that do not pass none does, unless one is asked for or excluded
            let (at_least, at_most) = (holds(least), holds(most));
            let is_between = match test {
                Some((NumberOp::Equal, than)) => {
                    millis_as_seconds(least) <= than && than <= millis_as_seconds(most)
                }
                Some((NumberOp::NotEqual, _)) => least != most || at_least,
                _ => at_least || at_most,
            };
            let is_whole = match test {
                Some((NumberOp::Equal | NumberOp::NotEqual, _)) => least == most && at_least,
                _ => at_least && at_most,
            };
            if is_whole && !block.has_missing {
                rows.insert_range(start..start.saturating_add(rows_in));
            } else if is_between {
                let numbers = self.numbers(from, base, number, rows_in)?;
                let hits = (start..).zip(numbers);
                let hits = hits.filter(|(_, number)| number.is_some_and(holds));
                rows.extend(hits.map(|(row, _)| row));
            }
        }
        rows.remove_range(..range.start);
        Ok(Found::exact(rows))
    }

    /// The first numbers of a block.
    pub(super) fn numbers<S: std::ops::Deref<Target: Source>>(
        &self,
        from: &Reader<S>,
        base: Option<&Self>,
        block: usize,
        count: u32,
    ) -> Result<Vec<Option<i64>>, SearchError> {
        let damaged = || SearchError::damaged("a column");
        let head = self.blocks.get(block).ok_or_else(damaged)?;
        let width = u32::from(head.width);
        if width > WIDTH_MAX {
            return Err(damaged());
        }
        let bytes = u64::from(count.saturating_mul(width).div_ceil(8));
        let codes = from.bytes(self.data.part(head.at, bytes).ok_or_else(damaged)?)?;
        let bases = match base {
            Some(base) => base.numbers(from, None, block, count)?,
            None => Vec::new(),
        };
        let mut bases = bases.into_iter().map(Option::unwrap_or_default);
        let numbers = (0..count).map(|place| {
            let base = bases.next().unwrap_or(0);
            let code = unpack(&codes, width, place);
            let distance = match head.has_missing {
                true => code.checked_sub(1)?,
                false => code,
            };
            let stored = head.base.wrapping_add_unsigned(distance);
            Some(stored.wrapping_add(base))
        });
        Ok(numbers.collect())
    }
}

fn unpack(bytes: &[u8], width: u32, place: u32) -> u64 {
    let bit = place * width;
    let window = bytes.get((bit / 8) as usize..).unwrap_or_default();
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(window) {
        *to = *from;
    }
    let mask = (1_u64 << width) - 1;
    (u64::from_le_bytes(word) >> (bit % 8)) & mask
}
