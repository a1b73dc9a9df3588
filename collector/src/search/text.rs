//! The texts of one field: each value with its rows, or, when there are too many, their hashes.
//!
//! Values that are kept answer every operator exactly. By hash only `=` is answered, with a few rows too
//! many; other operators get every row that has a value.

use foldhash::HashMap;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::algebra::Found;
use super::hashed::{PairList, Pairs, hash};
use super::rows::{RowSet, renumbered};
use super::source::{Reader, SearchError, Source, Span, Writer};
use crate::filter::ast::TextOp;

/// Different values that a field keeps.
const VALUES_MAX: usize = 4096;
/// Bytes of the values that a field keeps.
const VALUE_BYTES_MAX: usize = 256 * 1024;
/// Values that a field keeps however few rows have them.
const VALUES_FREE: usize = 64;
/// Rows that a value has to stand for on average, beyond those.
const ROWS_PER_VALUE_MIN: u64 = 8;

/// Texts in memory.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) present: RowSet,
    values: HashMap<String, RowSet>,
    value_bytes: usize,
    /// Set once there are too many values.
    hashed: Option<Pairs>,
}

/// Texts as they are found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TextEntry {
    pub(super) present: Span,
    pub(super) body: TextBody,
}

/// The values.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum TextBody {
    Full(Vec<(String, Span)>),
    Hashed(PairList),
}

impl Default for TextBody {
    fn default() -> Self {
        Self::Full(Vec::new())
    }
}

impl Texts {
    pub(super) fn add(&mut self, row: u32, value: &str) {
        self.present.insert(row);
        if let Some(hashed) = &mut self.hashed {
            hashed.add(hash(value.as_bytes()), row);
        } else if let Some(rows) = self.values.get_mut(value) {
            rows.insert(row);
        } else {
            self.value(value).insert(row);
            self.check_values();
        }
    }

    /// The rows of a value, which may be a new one.
    fn value(&mut self, value: &str) -> &mut RowSet {
        self.value_bytes = self.value_bytes.saturating_add(value.len());
        self.values.entry(value.to_owned()).or_default()
    }

    fn check_values(&mut self) {
        if self.values.len() > VALUES_MAX || self.value_bytes > VALUE_BYTES_MAX {
            self.hash_all();
        }
    }

    fn hash_all(&mut self) -> &mut Pairs {
        let hashed = self.hashed.get_or_insert_with(Pairs::default);
        for (value, mut rows) in self.values.drain() {
            let hash = hash(value.as_bytes());
            hashed
                .pairs
                .extend(rows.all().iter().map(|row| (hash, row)));
        }
        hashed
    }

    /// Adds the texts of another index, whose rows have these numbers here.
    pub(super) fn merge<S: std::ops::Deref<Target: Source>>(
        &mut self,
        entry: &TextEntry,
        from: &Reader<S>,
        row_of: &dyn Fn(u32) -> Option<u32>,
    ) -> Result<(), SearchError> {
        self.present
            .unite(renumbered(&from.set(entry.present)?, row_of));
        match &entry.body {
            TextBody::Full(values) => {
                for (value, span) in values {
                    let rows = renumbered(&from.set(*span)?, row_of);
                    if rows.is_empty() {
                        continue;
                    }
                    if let Some(hashed) = &mut self.hashed {
                        let hash = hash(value.as_bytes());
                        hashed.pairs.extend(rows.iter().map(|row| (hash, row)));
                    } else {
                        self.value(value).unite(rows);
                        self.check_values();
                    }
                }
            }
            TextBody::Hashed(list) => {
                let theirs = list.read(from, row_of)?;
                let ours = self.hash_all();
                ours.pairs.extend(theirs.pairs);
                ours.missing_bits = ours.missing_bits.max(theirs.missing_bits);
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
        if let Some(hashed) = &mut self.hashed {
            hashed.renumber(row_of);
        }
    }

    pub(super) fn write(&mut self, to: &mut Writer) -> Result<TextEntry, SearchError> {
        let values = self.values.len();
        let is_sparse = self.present.all().len() < ROWS_PER_VALUE_MIN.saturating_mul(values as u64);
        if values > VALUES_FREE && is_sparse {
            self.hash_all();
        }
        let body = if let Some(hashed) = &self.hashed {
            TextBody::Hashed(hashed.write(to))
        } else {
            let mut values: Vec<_> = self.values.drain().collect();
            values.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let mut spans = Vec::with_capacity(values.len());
            for (value, mut rows) in values {
                spans.push((value, to.set(rows.all())?));
            }
            TextBody::Full(spans)
        };
        Ok(TextEntry {
            present: to.set(self.present.all())?,
            body,
        })
    }
}

impl TextEntry {
    /// The rows of which a value passes; `None` asks whether there is one.
    pub(super) fn find<S: std::ops::Deref<Target: Source>>(
        &self,
        from: &Reader<S>,
        test: Option<(TextOp, &str)>,
    ) -> Result<Found, SearchError> {
        let Some((operator, than)) = test else {
            return Ok(Found::exact(from.set(self.present)?));
        };
        match &self.body {
            TextBody::Full(values) => {
                let mut rows = RoaringBitmap::new();
                for (value, span) in values {
                    if operator.holds(value, than) {
                        rows |= from.set(*span)?;
                    }
                }
                Ok(Found::exact(rows))
            }
            TextBody::Hashed(list) if operator == TextOp::Equal => {
                Ok(Found::inexact(list.look_up(from, than.as_bytes())?))
            }
            TextBody::Hashed(_) => Ok(Found::inexact(from.set(self.present)?)),
        }
    }
}
