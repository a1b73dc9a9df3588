//! The views of one sealed file in a window, newest first, block by block: a block is decompressed when
//! its turn comes, and a view is decoded when it is taken. With a plan, what cannot match is passed over:
//! blocks are not read and views not decoded (`prune.rs`).

use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::SealedFile;
use super::directory::ViewBlock;
use super::prune::Pruner;
use super::rows::{RowHead, Rows};
use crate::search::Plan;
use crate::store::{Cursor, ScanRange, ScanWork, StoreError, ViewScan};
use crate::trace::view::TraceView;

/// Where the next view of a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct NextPlace {
    /// Its place; before its block is read, no place in the block is newer.
    pub(in super::super) cursor: Cursor,
    /// Whether its block is read, so that the place is exact.
    pub(in super::super) is_read: bool,
}

/// A scan under way.
pub(in super::super) struct RowScan<'a> {
    file: &'a SealedFile,
    from: Cursor,
    end: Cursor,
    /// What has to be later than this is active; `None` takes any.
    latest_min: Option<Timestamp>,
    blocks: std::slice::Iter<'a, ViewBlock>,
    /// The block to be read next.
    waiting: Option<&'a ViewBlock>,
    /// What is left of the block that was read: its rows in the window, oldest first.
    rows: Option<(Arc<Rows>, u64)>,
    heads: Vec<Hit>,
    /// Views of that block in the window behind the last of these that cannot match.
    pruned_last: u64,
    plan: Option<&'a Plan>,
    /// Set when the first block is due; `None` in it when there is no index that can be used.
    pruner: Option<Option<Pruner<'a>>>,
    work: ScanWork,
}

/// A view that may be taken.
struct Hit {
    row: u64,
    head: RowHead,
    /// Views in the window right before it that cannot match.
    pruned: u64,
}

impl<'a> RowScan<'a> {
    /// The views of a file that a scan asks for, in pages of any length; with a plan, without some that
    /// cannot match.
    pub(in super::super) fn new(
        file: &'a SealedFile,
        scan: &ViewScan,
        plan: Option<&'a Plan>,
    ) -> Self {
        let first_of = |start| Cursor {
            start,
            trace_id: TraceId::from_bits(0),
        };
        let (from, end, latest_min) = match scan.range {
            ScanRange::Started => (scan.start, scan.end, None),
            ScanRange::Active => (Timestamp::MIN, scan.end, Some(scan.start)),
            ScanRange::Contributing => {
                let end = scan.end.plus_micros(file.meta.lead.micros());
                (Timestamp::MIN, end, Some(scan.start))
            }
        };
        let end = first_of(end);
        let end = scan.after.map_or(end, |after| after.min(end));
        let is_for_nothing = first_of(from) >= end
            || !file.has_current_views()
            || file.meta.latest < latest_min.filter(|_| file.meta.latest.is_some());
        let newer = file.views.partition_point(|block| block.last() >= end);
        let blocks = match is_for_nothing {
            true => &[],
            false => file.views.get(newer..).unwrap_or_default(),
        };
        let mut rows = Self {
            file,
            from: first_of(from),
            end,
            latest_min,
            blocks: blocks.iter(),
            waiting: None,
            rows: None,
            heads: Vec::new(),
            pruned_last: 0,
            plan,
            pruner: None,
            work: ScanWork::default(),
        };
        rows.wait_for_block();
        rows
    }

    /// Where the next view is; `None` at the end.
    pub(in super::super) fn next_place(&self) -> Option<NextPlace> {
        if let Some(hit) = self.heads.last() {
            return Some(NextPlace {
                cursor: hit.head.cursor,
                is_read: true,
            });
        }
        self.waiting.map(|block| NextPlace {
            cursor: block.first(),
            is_read: false,
        })
    }

    /// Reads the block that the next view is in, or passes over it when nothing in it can match. Tells
    /// how much was read: blocks, and frames of the index.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub(in super::super) fn read_block(&mut self) -> Result<u64, StoreError> {
        let Some(block) = self.waiting.take() else {
            return Ok(0);
        };
        let reads = self.reads();
        if self.may_match(block) {
            self.read(block)?;
        } else {
            self.work.blocks_pruned += 1;
            self.work.views_pruned += self.rows_inside(block);
        }
        self.wait_for_block();
        Ok(self.reads() - reads)
    }

    fn read(&mut self, block: &ViewBlock) -> Result<(), StoreError> {
        let rows = self.file.rows_at_hand(block)?;
        self.work.blocks_read += 1;
        let mut pruned = 0;
        for (row, head) in (block.first_row..).zip(&rows.heads) {
            if !(self.from..self.end).contains(&head.cursor) || !self.is_late(head.latest) {
                continue;
            }
            let pruner = self.pruner.as_ref().and_then(Option::as_ref);
            if pruner.is_some_and(|pruner| !pruner.has(row)) {
                pruned += 1;
                continue;
            }
            self.heads.push(Hit {
                row,
                head: head.clone(),
                pruned: std::mem::take(&mut pruned),
            });
        }
        self.pruned_last = pruned;
        if self.heads.is_empty() {
            self.work.views_pruned += std::mem::take(&mut self.pruned_last);
        }
        self.heads.reverse();
        self.rows = Some((rows, block.offset));
        Ok(())
    }

    /// The next view with its row, if its block is read.
    ///
    /// # Errors
    /// When it is damaged.
    pub(in super::super) fn take(&mut self) -> Result<Option<(u64, TraceView)>, StoreError> {
        let Some(hit) = self.pop() else {
            return Ok(None);
        };
        let Some((rows, offset)) = self.rows.as_ref() else {
            return Ok(None);
        };
        let view = rows.view(&hit.head);
        let view = view.ok_or_else(|| self.file.damaged_at(*offset))?;
        Ok(Some((hit.row, view)))
    }

    /// Goes past the next view.
    pub(in super::super) fn skip(&mut self) {
        self.pop();
    }

    /// Adds what was read so far.
    pub(in super::super) fn add_work_to(&self, work: &mut ScanWork) {
        work.add(&self.work);
        if self.work.blocks_read + self.work.blocks_pruned > 0 {
            work.files += 1;
            work.files_pruned += u64::from(self.work.blocks_read == 0);
            work.files_unindexed += u64::from(matches!(self.pruner, Some(None)));
        }
        if let Some(Some(pruner)) = &self.pruner {
            pruner.add_to(work);
        }
    }

    fn pop(&mut self) -> Option<Hit> {
        let hit = self.heads.pop()?;
        self.work.views_pruned += hit.pruned;
        if self.heads.is_empty() {
            self.work.views_pruned += std::mem::take(&mut self.pruned_last);
        }
        Some(hit)
    }

    /// Whether a view of a block may match. An index that fails is not asked again.
    fn may_match(&mut self, block: &ViewBlock) -> bool {
        let Some(plan) = self.plan else {
            return true;
        };
        let file = self.file;
        let opened = self.pruner.get_or_insert_with(|| Pruner::open(file, plan));
        let Some(pruner) = opened else {
            return true;
        };
        match pruner.may_match(block) {
            Ok(may_match) => may_match,
            Err(error) => {
                file.tell_of_index(&error);
                pruner.add_to(&mut self.work);
                *opened = None;
                true
            }
        }
    }

    fn reads(&self) -> u64 {
        let pruner = self.pruner.as_ref().and_then(Option::as_ref);
        self.work.reads() + pruner.map_or(0, Pruner::reads)
    }

    /// The views of a block in the window; where it reaches beyond, as many as if they were spread evenly.
    fn rows_inside(&self, block: &ViewBlock) -> u64 {
        let (first, last) = (block.first().start.micros(), block.last().start.micros());
        let from = self
            .latest_min
            .map_or(self.from.start, |min| min.max(self.from.start));
        let newest = i128::from(first.min(self.end.start.micros()));
        let oldest = i128::from(last.max(from.micros()));
        let whole = i128::from(first) - i128::from(last);
        if oldest > newest {
            return 0;
        }
        if newest - oldest == whole {
            return u64::from(block.rows);
        }
        let share = i128::from(block.rows) * (newest - oldest) / whole.max(1);
        u64::try_from(share).unwrap_or(0)
    }

    fn is_late(&self, latest: Timestamp) -> bool {
        self.latest_min.is_none_or(|min| latest >= min)
    }

    /// Turns to the next block that can have views of the window.
    fn wait_for_block(&mut self) {
        let (from, latest_min) = (self.from, self.latest_min);
        let is_late = |latest| latest_min.is_none_or(|min| latest >= min);
        self.waiting = self
            .blocks
            .by_ref()
            .take_while(|block| block.first() >= from)
            .find(|block| is_late(block.latest));
    }
}
