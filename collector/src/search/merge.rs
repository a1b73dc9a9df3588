//! Several indexes to one, without their views: every set is read, its rows renumbered, and added. That
//! costs a few tens of nanoseconds for each entry, a tenth of decoding the view.

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::Deref;

use roaring::RoaringBitmap;
use serde::Serialize;

use super::column::{BLOCK_ROWS, Column};
use super::content::Content;
use super::family::{Deviation, Family, FamilyEntry, Member, MemberEntry};
use super::field::{FLAG_BITS, TraceFlag};
use super::index::Index;
use super::rows::{RowSet, renumbered};
use super::source::{Reader, SearchError, Source, Span};

/// Stands for a row that is not taken over.
pub(crate) const LEFT_OUT: u32 = u32::MAX;

/// The index of `rows` rows that these indexes make, each given with the new number of each of its
/// rows, or [`LEFT_OUT`].
///
/// # Errors
/// When one of them cannot be read or is damaged: the index is to be built from the views then.
pub(crate) fn merge<S: Deref<Target: Source>>(
    inputs: &[(&Index<S>, &[u32])],
    rows: u32,
) -> Result<Vec<u8>, SearchError> {
    let mut content = Content::default();
    content.response_times.resize(rows as usize, None);
    content.durations.resize(rows as usize, None);
    for (index, places) in inputs {
        let row_of = |row: u32| {
            let row = places.get(row as usize).copied();
            row.filter(|row| *row < rows)
        };
        let input = Input {
            index,
            row_of: &row_of,
        };
        input.add_to(&mut content)?;
    }
    content.write()
}

/// An index that is taken over.
struct Input<'a, S> {
    index: &'a Index<S>,
    row_of: &'a dyn Fn(u32) -> Option<u32>,
}

impl<S: Deref<Target: Source>> Input<'_, S> {
    fn reader(&self) -> &Reader<S> {
        &self.index.reader
    }

    fn set(&self, span: Span) -> Result<RoaringBitmap, SearchError> {
        Ok(renumbered(&self.reader().set(span)?, self.row_of))
    }

    fn row_set(&self, span: Span) -> Result<RowSet, SearchError> {
        let mut rows = RowSet::default();
        rows.unite(self.set(span)?);
        Ok(rows)
    }

    fn add_to(&self, to: &mut Content) -> Result<(), SearchError> {
        for (flag, rows) in TraceFlag::ALL.into_iter().zip(&mut to.flags) {
            rows.unite(self.set(self.index.flag(flag))?);
        }
        self.add_columns(to)?;
        let nodes = self.index.nodes()?;
        let places = self.add_family(&mut to.nodes, &nodes, |key| Some(key.clone()))?;
        let clients = self.index.clients()?;
        self.add_family(&mut to.clients, &clients, |key| Some(key.clone()))?;
        let place_of = |at: u32| places.get(at as usize).copied().flatten();
        let edges = self.index.edges()?;
        self.add_family(&mut to.edges, &edges, |(source, target)| {
            let source = match source {
                Some(source) => Some(place_of(*source)?),
                None => None,
            };
            Some((source, place_of(*target)?))
        })?;
        for (place, texts) in to.texts.iter_mut().enumerate() {
            let entry = self.index.text_at(place)?;
            texts.merge(&entry, self.reader(), self.row_of)?;
        }
        let status = self.index.status()?;
        to.status.merge(&status, self.reader(), self.row_of)?;
        self.add_annotations(to)
    }

    fn add_columns(&self, to: &mut Content) -> Result<(), SearchError> {
        let times = self.index.response_times()?;
        let durations = self.index.durations()?;
        self.add_column(&times, None, &mut to.response_times)?;
        self.add_column(&durations, Some(&times), &mut to.durations)
    }

    fn add_column(
        &self,
        column: &Column,
        base: Option<&Column>,
        to: &mut [Option<i64>],
    ) -> Result<(), SearchError> {
        let mut start = 0;
        let mut block = 0;
        while start < self.index.rows() {
            let count = BLOCK_ROWS.min(self.index.rows() - start);
            let numbers = column.numbers(self.reader(), base, block, count)?;
            for (row, number) in (start..).zip(numbers) {
                let place = (self.row_of)(row).and_then(|row| to.get_mut(row as usize));
                if let Some(place) = place {
                    *place = number;
                }
            }
            start += count;
            block += 1;
        }
        Ok(())
    }

    /// Adds a family and tells the new place of each member; without one its rows are among the others.
    fn add_family<K>(
        &self,
        to: &mut Family<K>,
        entry: &FamilyEntry<K>,
        key_of: impl Fn(&K) -> Option<K>,
    ) -> Result<Vec<Option<u32>>, SearchError>
    where
        K: Hash + Eq + Clone + Serialize + Borrow<K>,
    {
        to.other.unite(self.set(entry.other)?);
        let mut places = Vec::with_capacity(entry.members.len());
        for member in &entry.members {
            let theirs = self.member(member)?;
            let key = key_of(&member.key).filter(|_| !theirs.rows.is_empty());
            let place = key.and_then(|key| to.place(&key));
            match place.and_then(|place| to.members.get_mut(place as usize)) {
                Some(ours) => ours.merge(theirs),
                None => to.other.unite_with(theirs.rows),
            }
            places.push(place);
        }
        Ok(places)
    }

    fn member<K>(&self, entry: &MemberEntry<K>) -> Result<Member, SearchError> {
        let mut member = Member {
            rows: self.row_set(entry.rows)?,
            usual: entry.usual,
            deviations: Vec::new(),
        };
        for (flag, some, all) in &entry.deviations {
            let flags = usize::from(FLAG_BITS);
            member.deviations.resize_with(flags, Deviation::default);
            let deviation = member.deviations.get_mut(usize::from(*flag));
            let deviation = deviation.ok_or(SearchError::damaged("a flag"))?;
            deviation.some = self.row_set(*some)?;
            deviation.all = self.row_set(*all)?;
        }
        Ok(member)
    }

    fn add_annotations(&self, to: &mut Content) -> Result<(), SearchError> {
        let list = self.index.keys()?;
        to.annotations.other.unite(self.set(list.other)?);
        for (key, span) in &list.keys {
            let entry = self.index.annotation(*span)?;
            let exists = self.set(entry.exists)?;
            let is_true = self.set(entry.is_true)?;
            let is_false = self.set(entry.is_false)?;
            if exists.is_empty() && is_false.is_empty() {
                continue;
            }
            let Some(annotated) = to.annotations.of(key) else {
                to.annotations.other.unite(exists | is_false);
                continue;
            };
            annotated.exists.unite(exists);
            annotated.is_true.unite(is_true);
            annotated.is_false.unite(is_false);
            annotated
                .text
                .merge(&entry.text, self.reader(), self.row_of)?;
            annotated
                .number
                .merge(&entry.number, self.reader(), self.row_of)?;
        }
        Ok(())
    }
}
