//! Which views of a sealed file a search has to read: what its indexes say, asked for in parts, so that a
//! search whose first page is soon full does not go through all of them.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::SealedFile;
use super::directory::ViewBlock;
use super::terms::{DAMAGED, Extent, OpenIndex};
use crate::search::{ClauseUse, Plan, Precision, SearchError};
use crate::store::{ClauseWork, ScanWork};

/// Rows that an index is asked about first.
const PART_ROWS: u32 = 1 << 16;
/// Each part is so many times as long as the one before, up to a whole index: who comes that far looks for
/// something rare.
const PART_GROWTH: u32 = 4;

/// What the indexes of a file say.
pub(super) struct Pruner<'a> {
    plan: &'a Plan,
    file: &'a SealedFile,
    extents: Vec<Extent>,
    /// The index that was asked last, and its first row.
    index: Option<(u64, OpenIndex<'a>)>,
    /// Frames that were asked for.
    reads: Rc<Cell<u64>>,
    /// The rows that are decided, and those of them that may match, by their numbers in the index.
    decided: Range<u64>,
    candidates: RoaringBitmap,
    /// The rows that may match of the block that was asked about last.
    of_block: Vec<u64>,
    part_rows: u32,
    clauses: Vec<ClauseWork>,
}

impl<'a> Pruner<'a> {
    /// The indexes of a file; `None`, with a word in the log if they ought to be there, without any that can
    /// be used.
    pub(super) fn open(file: &'a SealedFile, plan: &'a Plan) -> Option<Self> {
        let extents = match file.index_extents() {
            Ok(extents) => extents?,
            Err(error) => {
                file.tell_of_index(&error);
                return None;
            }
        };
        let clauses = plan.clauses().iter().map(|clause| ClauseWork {
            clause: clause.clone(),
            ..ClauseWork::default()
        });
        Some(Self {
            plan,
            file,
            extents,
            index: None,
            reads: Rc::default(),
            decided: 0..0,
            candidates: RoaringBitmap::new(),
            of_block: Vec::new(),
            part_rows: PART_ROWS,
            clauses: clauses.collect(),
        })
    }

    /// Whether a view of a block may match. Blocks are asked about in their order.
    ///
    /// # Errors
    /// When an index is damaged or cannot be read.
    pub(super) fn may_match(&mut self, block: &ViewBlock) -> Result<bool, SearchError> {
        let end = block.first_row.saturating_add(u64::from(block.rows));
        let mut row = block.first_row;
        self.of_block.clear();
        // a block may reach into the rows of the next index
        while row < end {
            if !self.decided.contains(&row) {
                self.decide(row)?;
            }
            let until = end.min(self.decided.end);
            let first = self.index.as_ref().map_or(0, |(first, _)| *first);
            let local = |row: u64| u32::try_from(row.saturating_sub(first)).unwrap_or(u32::MAX);
            let found = self.candidates.range(local(row)..local(until));
            self.of_block
                .extend(found.map(|row| first + u64::from(row)));
            row = until;
        }
        Ok(!self.of_block.is_empty())
    }

    /// Whether the view of a row may match that is in the block asked about last.
    pub(super) fn has(&self, row: u64) -> bool {
        self.of_block.binary_search(&row).is_ok()
    }

    /// Frames that were asked for.
    pub(super) fn reads(&self) -> u64 {
        self.reads.get()
    }

    /// Adds what was done.
    pub(super) fn add_to(&self, work: &mut ScanWork) {
        work.add(&ScanWork {
            frames_read: self.reads.get(),
            clauses: self.clauses.clone(),
            ..ScanWork::default()
        });
    }

    /// Asks about the rows from one on, those of one index at most.
    fn decide(&mut self, row: u64) -> Result<(), SearchError> {
        let is_inside = |first: u64, rows: u32| (first..first + u64::from(rows)).contains(&row);
        let known = self.index.take();
        let known = known.filter(|(first, index)| is_inside(*first, index.rows()));
        let (first, index) = match known {
            Some(known) => known,
            None => self.index_of(row)?,
        };
        let local = u32::try_from(row.saturating_sub(first)).map_err(|_| DAMAGED)?;
        let end = local.saturating_add(self.part_rows).min(index.rows());
        let found = self.plan.candidates(&index, local..end)?;
        self.decided = row..first + u64::from(end);
        self.candidates = found.rows;
        self.index = Some((first, index));
        self.note(u64::from(end - local), &found.clauses);
        self.part_rows = self.part_rows.saturating_mul(PART_GROWTH);
        Ok(())
    }

    /// The index that has a row, and its first row.
    fn index_of(&self, row: u64) -> Result<(u64, OpenIndex<'a>), SearchError> {
        let mut first = 0;
        for (place, (rows, _)) in self.extents.iter().enumerate() {
            let end = first + u64::from(*rows);
            if row < end {
                let index = self.file.search_index(&self.extents, place, &self.reads)?;
                return Ok((first, index));
            }
            first = end;
        }
        Err(DAMAGED)
    }

    fn note(&mut self, rows: u64, uses: &[ClauseUse]) {
        for (clause, used) in self.clauses.iter_mut().zip(uses) {
            let times = match used.precision {
                Precision::Exact => &mut clause.exact,
                Precision::Inexact => &mut clause.inexact,
                Precision::NotIndexed => &mut clause.not_indexed,
                Precision::Skipped => {
                    clause.skipped += 1;
                    continue;
                }
            };
            *times += 1;
            clause.rows_asked += rows;
            clause.rows_kept += used.rows;
        }
    }
}
