//! A set of rows that is being made. Rows nearly always come in order, so they are gathered in a list and
//! entered in the set together: that takes a tenth of entering each.
//!
//! Memory: a row takes 4 bytes in the list, 2 at most in the set.

use roaring::RoaringBitmap;

/// Rows that are gathered before they are entered.
const RECENT_MAX: usize = 1024;

/// Rows, each once.
#[derive(Debug, Default)]
pub(super) struct RowSet {
    set: RoaringBitmap,
    /// Each greater than the one before; perhaps in the set as well.
    recent: Vec<u32>,
}

impl RowSet {
    /// Adds a row.
    pub(super) fn insert(&mut self, row: u32) {
        match self.recent.last() {
            Some(last) if *last == row => return,
            Some(last) if *last > row || self.recent.len() >= RECENT_MAX => self.enter(),
            _ => {}
        }
        self.recent.push(row);
    }

    /// Adds rows.
    pub(super) fn unite(&mut self, rows: RoaringBitmap) {
        self.enter();
        if self.set.is_empty() {
            self.set = rows;
        } else {
            self.set |= rows;
        }
    }

    /// Adds rows.
    pub(super) fn unite_with(&mut self, mut rows: Self) {
        rows.enter();
        self.unite(rows.set);
    }

    /// Gives each row another number, and leaves out those that get none.
    pub(super) fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        self.enter();
        self.set = renumbered(&self.set, row_of);
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.set.is_empty()
    }

    /// All of them.
    pub(super) fn all(&mut self) -> &RoaringBitmap {
        self.enter();
        &self.set
    }

    fn enter(&mut self) {
        let recent = self.recent.iter().copied();
        // what is not behind all that are there is entered one by one
        if self.set.append(recent.clone()).is_err() {
            self.set.extend(recent);
        }
        self.recent.clear();
    }
}

/// These rows under other numbers, no two under one; without those that get none.
pub(super) fn renumbered(
    rows: &RoaringBitmap,
    row_of: &dyn Fn(u32) -> Option<u32>,
) -> RoaringBitmap {
    of_any(rows.iter().filter_map(row_of).collect())
}

/// The set of rows in any order.
fn of_any(mut rows: Vec<u32>) -> RoaringBitmap {
    let bytes_needed = rows.iter().max().map_or(0, |max| *max as usize / 8 + 1);
    if bytes_needed > rows.len() * size_of::<u32>() {
        rows.sort_unstable();
        rows.dedup();
        let sorted = RoaringBitmap::from_sorted_iter(rows.iter().copied());
        return sorted.unwrap_or_else(|_| rows.into_iter().collect());
    }
    // a bit each is no longer than the list, and needs no sorting
    let mut bytes = vec![0_u8; bytes_needed];
    for row in rows {
        if let Some(byte) = bytes.get_mut(row as usize / 8) {
            *byte |= 1 << (row % 8);
        }
    }
    RoaringBitmap::from_lsb0_bytes(0, &bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn property_rows_are_those_that_were_added_in_whatever_order(
            steps in prop::collection::vec((0..40_u32, 0..3_u32, 0..400_u32), 0..20),
            first: u16,
        ) {
            let mut rows = RowSet::default();
            let mut expected = BTreeSet::new();
            for (place, step, count) in steps {
                let added = (0..count).map(|number| u32::from(first) + place * 200 + number * step);
                for row in added.clone() {
                    rows.insert(row);
                }
                if place % 5 == 0 {
                    rows.unite(added.clone().collect());
                }
                expected.extend(added);
            }
            prop_assert_eq!(rows.is_empty(), expected.is_empty());
            prop_assert!(rows.all().iter().eq(expected.iter().copied()));
        }

        #[test]
        fn property_rows_are_renumbered_sparse_or_dense(
            rows in prop::collection::btree_set(0..3_000_u32, 0..600),
            shift in prop_oneof![Just(1_u32), Just(100_000)],
        ) {
            let row_of = |row: u32| (!row.is_multiple_of(7)).then(|| (3_000 - row) * shift);
            let mut set = RowSet::default();
            rows.iter().for_each(|row| set.insert(*row));
            set.renumber(&row_of);
            let expected: BTreeSet<u32> = rows.iter().copied().filter_map(row_of).collect();
            prop_assert!(set.all().iter().eq(expected));
        }
    }
}
