//! The views of one sealed file in a window, newest first, block by block: a block is decompressed when
//! its turn comes, and a view is decoded when it is taken.

use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::SealedFile;
use super::directory::ViewBlock;
use super::rows::{RowHead, Rows};
use crate::store::{Cursor, ScanRange, StoreError, ViewScan};
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
    heads: Vec<(u64, RowHead)>,
}

impl<'a> RowScan<'a> {
    /// The views of a file that a scan asks for, in pages of any length.
    pub(in super::super) fn new(file: &'a SealedFile, scan: &ViewScan) -> Self {
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
        };
        rows.wait_for_block();
        rows
    }

    /// Where the next view is; `None` at the end.
    pub(in super::super) fn next_place(&self) -> Option<NextPlace> {
        if let Some((_, head)) = self.heads.last() {
            return Some(NextPlace {
                cursor: head.cursor,
                is_read: true,
            });
        }
        self.waiting.map(|block| NextPlace {
            cursor: block.first(),
            is_read: false,
        })
    }

    /// Reads the block that the next view is in.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub(in super::super) fn read_block(&mut self) -> Result<(), StoreError> {
        let Some(block) = self.waiting.take() else {
            return Ok(());
        };
        self.wait_for_block();
        let rows = self.file.rows_at_hand(block)?;
        let heads = (block.first_row..).zip(rows.heads.iter().cloned());
        let is_hit = |head: &RowHead| {
            (self.from..self.end).contains(&head.cursor) && self.is_late(head.latest)
        };
        self.heads = heads.filter(|(_, head)| is_hit(head)).collect();
        self.heads.reverse();
        self.rows = Some((rows, block.offset));
        Ok(())
    }

    /// The next view with its row, if its block is read.
    ///
    /// # Errors
    /// When it is damaged.
    pub(in super::super) fn take(&mut self) -> Result<Option<(u64, TraceView)>, StoreError> {
        let Some(((row, head), (rows, offset))) = self.heads.pop().zip(self.rows.as_ref()) else {
            return Ok(None);
        };
        let view = rows.view(&head);
        let view = view.ok_or_else(|| self.file.damaged_at(*offset))?;
        Ok(Some((row, view)))
    }

    /// Goes past the next view.
    pub(in super::super) fn skip(&mut self) {
        self.heads.pop();
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
