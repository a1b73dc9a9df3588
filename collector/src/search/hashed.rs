//! Values that are too many to be kept, as (hash, row) pairs in order of hash: about 3 bytes a pair. A
//! look-up reads one group of them and finds every row with the value, and few others.

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::source::{Reader, SearchError, Source, Span, Writer};

/// Pairs in a group.
const GROUP_PAIRS: usize = 512;
/// Bits of a hash beyond those that tell as many values apart as there are pairs: one look-up in
/// four finds a row of another's.
const SPARE_BITS: u32 = 2;

/// A value's hash: 32 bits, of which a list keeps the first.
pub(super) fn hash(value: &[u8]) -> u32 {
    crc32c::crc32c(value)
}

/// Pairs in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    /// Hash and row, in no order.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Bits of the hashes that are not known: what was merged kept fewer.
    pub(super) missing_bits: u8,
}

/// A list as it is found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PairList {
    /// Bits at the end of a hash that are not kept.
    dropped_bits: u8,
    /// Bits of the greatest row.
    row_bits: u8,
    /// Of each group the first key (hash, then row) and where it is.
    groups: Vec<(u64, Span)>,
}

const fn key_of(hash: u32, row: u32) -> u64 {
    ((hash as u64) << 32) | row as u64
}

const fn parts_of(key: u64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the key")]
    ((key >> 32) as u32, key as u32)
}

impl Pairs {
    /// Adds a row with a value of this hash; one that has it several times, as the user of each of its
    /// segments, counts once where they follow each other.
    pub(super) fn add(&mut self, hash: u32, row: u32) {
        if self.pairs.last() != Some(&(hash, row)) {
            self.pairs.push((hash, row));
        }
    }

    /// Gives each row another number, and leaves out those that get none.
    pub(super) fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        self.pairs.retain_mut(|(_, row)| match row_of(*row) {
            Some(number) => {
                *row = number;
                true
            }
            None => false,
        });
    }

    pub(super) fn write(&self, to: &mut Writer) -> PairList {
        let wanted = self.pairs.len().max(2).ilog2() + SPARE_BITS;
        let dropped = 32_u32.saturating_sub(wanted);
        let dropped_bits = u8::try_from(dropped).unwrap_or(0).max(self.missing_bits);
        let short = |hash: u32| hash.checked_shr(u32::from(dropped_bits)).unwrap_or(0);
        let keys = self.pairs.iter();
        let mut keys: Vec<u64> = keys.map(|(hash, row)| key_of(short(*hash), *row)).collect();
        keys.sort_unstable();
        keys.dedup();
        let row_max = self.pairs.iter().map(|(_, row)| *row).max().unwrap_or(0);
        let row_bits = u32::BITS - row_max.leading_zeros();
        // a hash and the row right behind it: one distance a pair, short where a value has many rows
        let packed =
            |key: u64| (u64::from(parts_of(key).0) << row_bits) | u64::from(parts_of(key).1);
        let groups = keys.chunks(GROUP_PAIRS).map(|group| {
            let mut bytes = Vec::new();
            let first = group.first().copied().unwrap_or(0);
            let mut before = packed(first);
            for key in group {
                push_varint(&mut bytes, packed(*key) - before);
                before = packed(*key);
            }
            (first, to.bytes(&bytes))
        });
        PairList {
            dropped_bits,
            row_bits: u8::try_from(row_bits).unwrap_or(u8::MAX),
            groups: groups.collect(),
        }
    }
}

impl PairList {
    /// The rows that may have a value.
    pub(super) fn look_up<S: std::ops::Deref<Target: Source>>(
        &self,
        from: &Reader<S>,
        value: &[u8],
    ) -> Result<RoaringBitmap, SearchError> {
        let dropped = u32::from(self.dropped_bits);
        let wanted = hash(value).checked_shr(dropped).unwrap_or(0);
        let first = self
            .groups
            .partition_point(|(key, _)| parts_of(*key).0 < wanted)
            .saturating_sub(1);
        let mut rows = RoaringBitmap::new();
        for (key, span) in self.groups.iter().skip(first) {
            if parts_of(*key).0 > wanted {
                break;
            }
            let pairs = self.decode(*key, &from.bytes(*span)?)?;
            rows.extend(
                pairs
                    .iter()
                    .filter(|(hash, _)| *hash == wanted)
                    .map(|(_, row)| *row),
            );
        }
        Ok(rows)
    }

    /// All pairs, their hashes with zeros for the bits that are not kept.
    pub(super) fn read<S: std::ops::Deref<Target: Source>>(
        &self,
        from: &Reader<S>,
        row_of: &dyn Fn(u32) -> Option<u32>,
    ) -> Result<Pairs, SearchError> {
        let mut pairs = Vec::new();
        for (key, span) in &self.groups {
            for (hash, row) in self.decode(*key, &from.bytes(*span)?)? {
                let hash = hash.checked_shl(u32::from(self.dropped_bits)).unwrap_or(0);
                pairs.extend(row_of(row).map(|row| (hash, row)));
            }
        }
        Ok(Pairs {
            pairs,
            missing_bits: self.dropped_bits,
        })
    }

    /// The pairs of a group.
    fn decode(&self, first: u64, mut bytes: &[u8]) -> Result<Vec<(u32, u32)>, SearchError> {
        let damaged = || SearchError::damaged("a list of hashes");
        let row_bits = u32::from(self.row_bits);
        if row_bits > u32::BITS {
            return Err(damaged());
        }
        let mut pairs = Vec::with_capacity(GROUP_PAIRS);
        let (hash, row) = parts_of(first);
        let mut packed = (u64::from(hash) << row_bits) | u64::from(row);
        while !bytes.is_empty() {
            let step = take_varint(&mut bytes).ok_or_else(damaged)?;
            packed = packed.checked_add(step).ok_or_else(damaged)?;
            let hash = u32::try_from(packed >> row_bits).map_err(|_| damaged())?;
            let row = packed & ((1_u64 << row_bits) - 1);
            pairs.push((hash, u32::try_from(row).map_err(|_| damaged())?));
        }
        Ok(pairs)
    }
}

/// Appends a number, seven bits a byte.
fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the last seven bits")]
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 128")]
    out.push(number as u8);
}

/// Takes a number; `None` when it is cut off or too large.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
