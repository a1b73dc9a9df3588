//! Look-ups and scans in an open sealed file.

use radiograph_protocol::ids::TraceId;

use super::super::failure::corrupt;
use super::SealedFile;
use super::directory::{DocumentBlock, ViewBlock};
use super::documents::{self, Head};
use super::frame::Kind;
use super::rows::Rows;
use super::scan::RowScan;
use super::seal::Sums;
use crate::store::{Cursor, StoreError, ViewScan};
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;

/// A page of a sealed file's views.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SealedPage {
    /// Views, newest first, each with its row: its number among all views of the file, which stays
    /// the same as long as the file does.
    pub rows: Vec<(u64, TraceView)>,
    /// Where to go on; `None` when the window is exhausted.
    pub next: Option<Cursor>,
}

impl SealedFile {
    /// Whether the file may have documents or a view of the trace; `false` is certain. Memory alone.
    #[must_use]
    pub fn may_have(&self, trace_id: TraceId) -> bool {
        let in_filter = |bloom: &super::Bloom| bloom.may_have(trace_id.bits());
        self.bloom.as_ref().is_none_or(in_filter)
    }

    /// The documents of a trace; empty when it has none here.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the block that would have them is damaged; [`StoreError::Io`] when
    /// it cannot be read.
    pub fn documents(&self, trace_id: TraceId) -> Result<Vec<String>, StoreError> {
        let found = self.find(trace_id)?;
        Ok(found.map_or_else(Vec::new, |(_, documents)| documents))
    }

    /// The view of a trace; `None` when it has none here.
    ///
    /// # Errors
    /// As [`Self::documents`], for the view's block as well.
    pub fn view(&self, trace_id: TraceId) -> Result<Option<TraceView>, StoreError> {
        let start = self.find(trace_id)?.and_then(|(head, _)| head.view_start);
        let Some(start) = start.filter(|_| self.has_current_views()) else {
            return Ok(None);
        };
        let cursor = Cursor { start, trace_id };
        let at = self.views.partition_point(|block| block.last() > cursor);
        if let Some(block) = self.views.get(at) {
            let rows = self.rows(block)?;
            if let Some(head) = rows.heads.iter().find(|head| head.cursor == cursor) {
                let view = rows.view(head);
                return view.map(Some).ok_or_else(|| self.damaged_at(block.offset));
            }
        }
        let reason = format!("the view of trace {trace_id} is not where it should be");
        Err(corrupt(&self.path, reason))
    }

    /// A page of views in a window, newest first. Reads the blocks alone that can have some.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one of them is damaged; [`StoreError::Io`] when it cannot be read.
    pub fn scan(&self, scan: &ViewScan) -> Result<SealedPage, StoreError> {
        let views_max = scan.views_max.max(1);
        let mut page = SealedPage::default();
        let mut rows = RowScan::new(self, scan);
        while let Some(place) = rows.next_place() {
            if !place.is_read {
                rows.read_block()?;
            } else if page.rows.len() == views_max {
                page.next = page.rows.last().map(|(_, view)| cursor_of(view));
                break;
            } else {
                page.rows.extend(rows.take()?);
            }
        }
        Ok(page)
    }

    /// The sum of what its views contribute: as it was sealed, or added up from the views where that
    /// is damaged.
    ///
    /// # Errors
    /// When a view that is needed cannot be read.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        if let Some(totals) = self.section(Kind::TOTALS)? {
            return Ok(totals);
        }
        let mut sums = Sums::default();
        for view in self.views() {
            sums.add(&view?);
        }
        Ok(sums.totals)
    }

    /// The rows of a block.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub(super) fn rows(&self, block: &ViewBlock) -> Result<Rows, StoreError> {
        let streams = self.block(Kind::VIEWS, (block.offset, block.bytes))?;
        Rows::read(streams).ok_or_else(|| self.damaged_at(block.offset))
    }

    fn find(&self, trace_id: TraceId) -> Result<Option<(Head, Vec<String>)>, StoreError> {
        if !self.may_have(trace_id) {
            return Ok(None);
        }
        let mut found: Option<(Head, Vec<String>)> = None;
        for block in self.blocks_of(trace_id) {
            let streams = self.block(Kind::DOCUMENTS, (block.offset, block.bytes))?;
            let read = documents::of_trace(&streams, trace_id);
            let Some((head, documents)) = read.ok_or_else(|| self.damaged_at(block.offset))? else {
                continue;
            };
            let (_, all) = found.get_or_insert_with(|| (head, Vec::new()));
            all.extend(documents);
        }
        Ok(found)
    }

    /// The blocks that would have a trace: those that begin with it, or else the one before them.
    fn blocks_of(&self, trace_id: TraceId) -> &[DocumentBlock] {
        let from = self
            .documents
            .partition_point(|block| block.first < trace_id);
        let rest = self.documents.get(from..).unwrap_or_default();
        let count = rest
            .iter()
            .take_while(|block| block.first == trace_id)
            .count();
        let range = match count {
            0 => from.saturating_sub(1)..from,
            _ => from..from + count,
        };
        self.documents.get(range).unwrap_or_default()
    }
}

const fn cursor_of(view: &TraceView) -> Cursor {
    Cursor {
        start: view.summary.start,
        trace_id: view.trace_id,
    }
}
