//! Nodes, clients or edges: of each, the rows it is in, and the rows where it is not as usual.
//!
//! A flag of a node is nearly always the same, so only deviations are kept: for each flag the rows
//! where some segment of the node differs from the usual, and those where all of them do. Both answers
//! to both questions follow exactly: some segment is usual where not all differ.

use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::{HashMap, HashMapExt as _};
use serde::{Deserialize, Serialize};

use super::field::FLAG_BITS;
use super::rows::RowSet;
use super::source::{SearchError, Span, Writer};

/// Nodes, clients and edges in memory.
#[derive(Debug)]
pub(super) struct Family<K> {
    places: HashMap<K, u32>,
    pub(super) members: Vec<Member>,
    members_max: usize,
    /// Rows with members that found no room.
    pub(super) other: RowSet,
    /// Members of the row that is being added, with what some and what all of them are.
    touched: Vec<u32>,
    marks: Vec<Option<(u8, u8)>>,
}

/// One of a family.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) rows: RowSet,
    pub(super) usual: u8,
    /// By flag; empty, or as many as there are flags.
    pub(super) deviations: Vec<Deviation>,
}

/// Rows where a flag is not as usual.
#[derive(Debug, Default)]
pub(super) struct Deviation {
    /// Of some segment or call.
    pub(super) some: RowSet,
    /// Of all of them.
    pub(super) all: RowSet,
}

/// A family as it is found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FamilyEntry<K> {
    pub(super) members: Vec<MemberEntry<K>>,
    pub(super) other: Span,
}

impl<K> Default for FamilyEntry<K> {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            other: Span::default(),
        }
    }
}

/// A member as it is found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MemberEntry<K> {
    pub(super) key: K,
    pub(super) rows: Span,
    pub(super) usual: u8,
    /// Flag, rows where some deviate, rows where all do.
    pub(super) deviations: Vec<(u8, Span, Span)>,
}

impl<K: Hash + Eq + Clone + Serialize> Family<K> {
    pub(super) fn new(members_max: usize) -> Self {
        Self {
            places: HashMap::new(),
            members: Vec::new(),
            members_max,
            other: RowSet::default(),
            touched: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// The place of a member, a new one if there is room.
    pub(super) fn place<Q>(&mut self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(place) = self.places.get(key) {
            return Some(*place);
        }
        if self.members.len() >= self.members_max {
            return None;
        }
        let place = u32::try_from(self.members.len()).ok()?;
        self.places.insert(key.to_owned(), place);
        self.members.push(Member::default());
        self.marks.push(None);
        Some(place)
    }

    /// Notes a segment or call of a member in the row that is being added.
    pub(super) fn note(&mut self, row: u32, place: Option<u32>, flags: u8) {
        let Some((place, mark)) =
            place.and_then(|place| Some((place, self.marks.get_mut(place as usize)?)))
        else {
            self.other.insert(row);
            return;
        };
        match mark {
            Some((some, all)) => {
                *some |= flags;
                *all &= flags;
            }
            None => {
                *mark = Some((flags, flags));
                self.touched.push(place);
            }
        }
    }

    /// Ends the row.
    pub(super) fn end_row(&mut self, row: u32) {
        for place in self.touched.drain(..) {
            let mark = self.marks.get_mut(place as usize).and_then(Option::take);
            if let Some((mark, member)) = mark.zip(self.members.get_mut(place as usize)) {
                member.add(row, mark);
            }
        }
    }

    /// Gives each row another number.
    pub(super) fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        self.other.renumber(row_of);
        for member in &mut self.members {
            member.rows.renumber(row_of);
            for deviation in &mut member.deviations {
                deviation.some.renumber(row_of);
                deviation.all.renumber(row_of);
            }
        }
    }

    pub(super) fn write(&mut self, to: &mut Writer) -> Result<Span, SearchError> {
        let mut keys: Vec<(&K, u32)> = self.places.iter().map(|(key, at)| (key, *at)).collect();
        keys.sort_unstable_by_key(|(_, place)| *place);
        let mut entry = FamilyEntry {
            members: Vec::with_capacity(keys.len()),
            other: to.set(self.other.all())?,
        };
        for ((key, _), member) in keys.into_iter().zip(&mut self.members) {
            let mut deviations = Vec::new();
            for (flag, deviation) in (0_u8..).zip(&mut member.deviations) {
                let Deviation { some, all } = deviation;
                if !some.is_empty() {
                    deviations.push((flag, to.set(some.all())?, to.set(all.all())?));
                }
            }
            entry.members.push(MemberEntry {
                key: key.clone(),
                rows: to.set(member.rows.all())?,
                usual: member.usual,
                deviations,
            });
        }
        to.value(&entry)
    }
}

impl Member {
    /// Adds a row in which some and all of its segments or calls are this.
    fn add(&mut self, row: u32, (some, all): (u8, u8)) {
        if self.rows.is_empty() {
            self.usual = all;
        }
        self.rows.insert(row);
        let usual = self.usual;
        let some_deviate = (some & !usual) | (!all & usual);
        if some_deviate == 0 {
            return;
        }
        let all_deviate = (all & !usual) | (!some & usual);
        for (flag, deviation) in (0_u8..).zip(self.deviations()) {
            if some_deviate >> flag & 1 == 1 {
                deviation.some.insert(row);
                if all_deviate >> flag & 1 == 1 {
                    deviation.all.insert(row);
                }
            }
        }
    }

    fn deviations(&mut self) -> &mut Vec<Deviation> {
        let flags = usize::from(FLAG_BITS);
        self.deviations.resize_with(flags, Deviation::default);
        &mut self.deviations
    }

    /// Adds rows of the same member elsewhere.
    pub(super) fn merge(&mut self, mut other: Self) {
        if self.rows.is_empty() {
            self.usual = other.usual;
        }
        let differs = self.usual ^ other.usual;
        if differs != 0 || !other.deviations.is_empty() {
            let mut theirs = std::mem::take(&mut other.deviations);
            theirs.resize_with(usize::from(FLAG_BITS), Deviation::default);
            for ((flag, ours), theirs) in (0_u8..).zip(self.deviations()).zip(theirs) {
                let Deviation { mut some, mut all } = theirs;
                if differs >> flag & 1 == 0 {
                    ours.some.unite_with(some);
                    ours.all.unite_with(all);
                } else {
                    // what is usual there deviates here
                    ours.some.unite(other.rows.all() - all.all());
                    ours.all.unite(other.rows.all() - some.all());
                }
            }
        }
        self.rows.unite_with(other.rows);
    }
}
