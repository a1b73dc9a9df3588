//! The numbers of one field: each value with its rows, or, when there are too many, their hashes for
//! `=` and their rows in order of value for `<` and `>`.

use foldhash::HashMap;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::algebra::Found;
use super::hashed::{PairList, Pairs, hash};
use super::rows::{RowSet, renumbered};
use super::source::{Reader, SearchError, Source, Span, Writer};
use crate::filter::ast::NumberOp;

/// Different values that a field keeps.
const VALUES_MAX: usize = 1024;
/// Values that a field keeps however few rows have them.
const VALUES_FREE: usize = 64;
/// Rows that a value has to stand for on average, beyond those.
const ROWS_PER_VALUE_MIN: u64 = 8;
/// Rows in a group of neighbouring values: as many candidates may be too many at either end.
const GROUP_ROWS: usize = 256;

/// Numbers in memory.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    present: RowSet,
    /// By the bits of the value, of which zero has but one form.
    values: HashMap<u64, RowSet>,
    /// Set once there are too many values.
    many: Option<Many>,
}

/// What is kept of too many values.
#[derive(Debug, Default)]
struct Many {
    pairs: Pairs,
    values: Vec<(f64, u32)>,
    groups: Vec<(f64, f64, RoaringBitmap)>,
}

/// Numbers as they are found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct NumberEntry {
    present: Span,
    body: NumberBody,
}

#[derive(Debug, Serialize, Deserialize)]
enum NumberBody {
    Full(Vec<(f64, Span)>),
    /// Hashes, and groups with their least and greatest value.
    Many(PairList, Vec<(f64, f64, Span)>),
}

impl Default for NumberBody {
    fn default() -> Self {
        Self::Full(Vec::new())
    }
}

/// Zero has two forms, which are equal.
fn bits_of(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

impl Numbers {
    pub(super) fn add(&mut self, row: u32, value: f64) {
        self.present.insert(row);
        let bits = bits_of(value);
        if self.many.is_none() {
            self.values.entry(bits).or_default().insert(row);
            if self.values.len() > VALUES_MAX {
                self.spread();
            }
        } else {
            self.spread().add(bits, row);
        }
    }

    fn spread(&mut self) -> &mut Many {
        let many = self.many.get_or_insert_with(Many::default);
        for (bits, mut rows) in self.values.drain() {
            for row in rows.all() {
                many.add(bits, row);
            }
        }
        many
    }

    /// Adds the numbers of another index, whose rows have these numbers here.
    pub(super) fn merge<S: std::ops::Deref<Target: Source>>(
        &mut self,
        entry: &NumberEntry,
        from: &Reader<S>,
        row_of: &dyn Fn(u32) -> Option<u32>,
    ) -> Result<(), SearchError> {
        match &entry.body {
            NumberBody::Full(values) => {
                for (value, span) in values {
                    for row in &renumbered(&from.set(*span)?, row_of) {
                        self.add(row, *value);
                    }
                }
            }
            NumberBody::Many(list, groups) => {
                let theirs = list.read(from, row_of)?;
                let present = renumbered(&from.set(entry.present)?, row_of);
                self.present.unite(present);
                let many = self.spread();
                many.pairs.pairs.extend(theirs.pairs);
                many.pairs.missing_bits = many.pairs.missing_bits.max(theirs.missing_bits);
                for (least, most, span) in groups {
                    let rows = renumbered(&from.set(*span)?, row_of);
                    many.groups.push((*least, *most, rows));
                }
            }
        }
        Ok(())
    }

    /// Gives each row another number.
    pub(super) fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        self.present.renumber(row_of);
        for rows in self.values.values_mut() {
            rows.renumber(row_of);
        }
        if let Some(many) = &mut self.many {
            many.renumber(row_of);
        }
    }

    pub(super) fn write(&mut self, to: &mut Writer) -> Result<NumberEntry, SearchError> {
        let values = self.values.len();
        let is_sparse = self.present.all().len() < ROWS_PER_VALUE_MIN.saturating_mul(values as u64);
        if values > VALUES_FREE && is_sparse {
            self.spread();
        }
        let body = if let Some(many) = &mut self.many {
            let list = many.pairs.write(to);
            NumberBody::Many(list, many.write_groups(to)?)
        } else {
            let mut values: Vec<_> = self.values.drain().collect();
            values.sort_unstable_by_key(|(bits, _)| *bits);
            let mut spans = Vec::with_capacity(values.len());
            for (bits, mut rows) in values {
                spans.push((f64::from_bits(bits), to.set(rows.all())?));
            }
            NumberBody::Full(spans)
        };
        Ok(NumberEntry {
            present: to.set(self.present.all())?,
            body,
        })
    }
}

impl Many {
    fn add(&mut self, bits: u64, row: u32) {
        let value = f64::from_bits(bits);
        // no comparison holds for what is not a number
        if !value.is_nan() {
            self.pairs.pairs.push((hash(&bits.to_le_bytes()), row));
            self.values.push((value, row));
        }
    }

    fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        self.pairs.renumber(row_of);
        let values = self.values.iter();
        let values = values.filter_map(|(value, row)| Some((*value, row_of(*row)?)));
        self.values = values.collect();
        for (.., rows) in &mut self.groups {
            *rows = renumbered(rows, row_of);
        }
    }

    fn write_groups(&mut self, to: &mut Writer) -> Result<Vec<(f64, f64, Span)>, SearchError> {
        self.values
            .sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let chunks = self.values.chunks(GROUP_ROWS).filter_map(|chunk| {
            let rows: RoaringBitmap = chunk.iter().map(|(_, row)| *row).collect();
            Some((chunk.first()?.0, chunk.last()?.0, rows))
        });
        self.groups.extend(chunks);
        let mut spans = Vec::with_capacity(self.groups.len());
        for (least, most, rows) in &self.groups {
            spans.push((*least, *most, to.set(rows)?));
        }
        Ok(spans)
    }
}

impl NumberEntry {
    /// The rows of which a value passes; `None` asks whether there is one.
    pub(super) fn find<S: std::ops::Deref<Target: Source>>(
        &self,
        from: &Reader<S>,
        test: Option<(NumberOp, f64)>,
    ) -> Result<Found, SearchError> {
        let Some((operator, than)) = test else {
            return Ok(Found::exact(from.set(self.present)?));
        };
        match (&self.body, operator) {
            (NumberBody::Full(values), _) => {
                let mut rows = RoaringBitmap::new();
                for (value, span) in values {
                    if operator.holds(*value, than) {
                        rows |= from.set(*span)?;
                    }
                }
                Ok(Found::exact(rows))
            }
            (NumberBody::Many(list, _), NumberOp::Equal) => {
                let bits = bits_of(than).to_le_bytes();
                Ok(Found::inexact(list.look_up(from, &bits)?))
            }
            (NumberBody::Many(..), NumberOp::NotEqual) => {
                Ok(Found::inexact(from.set(self.present)?))
            }
            (NumberBody::Many(_, groups), _) => {
                let mut found = Found::none();
                for (least, most, span) in groups {
                    match (operator.holds(*least, than), operator.holds(*most, than)) {
                        (false, false) => {}
                        (true, true) => found.unite(Found::exact(from.set(*span)?)),
                        _ => found.unite(Found::inexact(from.set(*span)?)),
                    }
                }
                Ok(found)
            }
        }
    }
}
