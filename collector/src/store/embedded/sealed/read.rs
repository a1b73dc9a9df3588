//! Look-ups and scans in an open sealed file.

use std::num::NonZeroU64;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::blocks::{BlockCache, CachedBlock};
use super::super::failure::corrupt;
use super::SealedFile;
use super::directory::{DocumentBlock, ViewBlock};
use super::documents::{self, Reader};
use super::frame::Kind;
use super::rows::Rows;
use super::scan::RowScan;
use super::seal::Sums;
use crate::store::{Cursor, StoreError, ViewScan};
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;

/// What is kept of a row's head in memory, at least.
const HEAD_BYTES: usize = size_of::<super::rows::RowHead>();

/// A block that was read, for whoever asks for it next.
#[derive(Debug, Clone)]
pub(in super::super) struct SealedBlock {
    content: Content,
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Content {
    Documents(Arc<Vec<Vec<u8>>>),
    Views(Arc<Rows>),
    /// A frame of the search index.
    Terms(Arc<Vec<u8>>),
}

impl SealedBlock {
    /// Memory that it takes.
    pub(in super::super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

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
        let mut all = Vec::new();
        self.look_into(trace_id, |streams| {
            let found = documents::of_trace(streams, trace_id)?;
            all.extend(found.into_iter().flat_map(|(_, documents)| documents));
            Some(())
        })?;
        Ok(all)
    }

    /// The view of a trace; `None` when it has none here.
    ///
    /// # Errors
    /// As [`Self::documents`], for the view's block as well.
    pub fn view(&self, trace_id: TraceId) -> Result<Option<TraceView>, StoreError> {
        if !self.has_current_views() {
            return Ok(None);
        }
        let mut start = None;
        self.look_into(trace_id, |streams| {
            start = start.or(view_start_of(streams, trace_id)?);
            Some(())
        })?;
        let Some(start) = start else {
            return Ok(None);
        };
        let cursor = Cursor { start, trace_id };
        let at = self.views.partition_point(|block| block.last() > cursor);
        if let Some(block) = self.views.get(at) {
            let rows = self.rows_at_hand(block)?;
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
        let mut rows = RowScan::new(self, scan, None);
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

    /// The rows of a block, from memory when they are there.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub(super) fn rows_at_hand(&self, block: &ViewBlock) -> Result<Arc<Rows>, StoreError> {
        if let Some(Content::Views(rows)) = self.kept(block.offset) {
            return Ok(rows);
        }
        let streams = self.block(Kind::VIEWS, (block.offset, block.bytes))?;
        let raw = bytes_of(&streams);
        let rows = Rows::read(streams).ok_or_else(|| self.damaged_at(block.offset))?;
        let bytes = raw.saturating_add(rows.heads.len().saturating_mul(HEAD_BYTES));
        let rows = Arc::new(rows);
        let content = Content::Views(Arc::clone(&rows));
        self.keep(block.offset, SealedBlock { content, bytes });
        Ok(rows)
    }

    /// The streams of a block of documents, from memory when they are there.
    fn streams_at_hand(&self, block: &DocumentBlock) -> Result<Arc<Vec<Vec<u8>>>, StoreError> {
        if let Some(Content::Documents(streams)) = self.kept(block.offset) {
            return Ok(streams);
        }
        let streams = Arc::new(self.block(Kind::DOCUMENTS, (block.offset, block.bytes))?);
        let content = Content::Documents(Arc::clone(&streams));
        let bytes = bytes_of(&streams);
        self.keep(block.offset, SealedBlock { content, bytes });
        Ok(streams)
    }

    /// From now on blocks that are looked into are kept there. The first who says so is obeyed.
    pub(in super::super) fn keep_blocks_in(&self, cache: &Arc<BlockCache>) {
        self.cache
            .get_or_init(|| (Arc::clone(cache), cache.sealed_file()));
    }

    /// A frame of the search index that is kept.
    pub(super) fn kept_frame(&self, offset: u64) -> Option<Arc<Vec<u8>>> {
        match self.kept(offset)? {
            Content::Terms(frame) => Some(frame),
            _ => None,
        }
    }

    /// Keeps a frame of the search index.
    pub(super) fn keep_frame(&self, offset: u64, frame: &Arc<Vec<u8>>) {
        let bytes = frame.capacity();
        let content = Content::Terms(Arc::clone(frame));
        self.keep(offset, SealedBlock { content, bytes });
    }

    fn kept(&self, offset: u64) -> Option<Content> {
        let (cache, name) = self.cache.get()?;
        match cache.get(*name, offset)? {
            CachedBlock::Sealed(block) => Some(block.content),
            CachedBlock::Log(_) => None,
        }
    }

    fn keep(&self, offset: u64, block: SealedBlock) {
        if let Some((cache, name)) = self.cache.get() {
            cache.put(*name, offset, CachedBlock::Sealed(block));
        }
    }

    /// Hands to `read` the blocks that would have a trace; it gives `None` when one is damaged.
    fn look_into(
        &self,
        trace_id: TraceId,
        mut read: impl FnMut(&[Vec<u8>]) -> Option<()>,
    ) -> Result<(), StoreError> {
        if !self.may_have(trace_id) {
            return Ok(());
        }
        for block in self.blocks_of(trace_id) {
            let streams = self.streams_at_hand(block)?;
            read(&streams).ok_or_else(|| self.damaged_at(block.offset))?;
        }
        Ok(())
    }

    /// Asks the system to read ahead what [`Self::documents`] of a trace will read, so that the reads of
    /// several traces go on side by side. A hint: it is nobody's loss when it is not taken.
    pub(in super::super) fn will_need(&self, trace_id: TraceId) {
        if !self.may_have(trace_id) {
            return;
        }
        for block in self.blocks_of(trace_id) {
            let is_kept = |(cache, name): &(Arc<BlockCache>, _)| cache.has(*name, block.offset);
            if !self.cache.get().is_some_and(is_kept) {
                let length = NonZeroU64::new(u64::from(block.bytes));
                let advice = rustix::fs::Advice::WillNeed;
                let _hint = rustix::fs::fadvise(&self.file, block.offset, length, advice);
            }
        }
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

fn bytes_of(streams: &[Vec<u8>]) -> usize {
    let lengths = streams.iter().map(Vec::capacity);
    lengths.fold(0, usize::saturating_add)
}

/// Start of the view of a trace in a block, without putting documents together: `None` when the block is
/// damaged, the inner one when the trace has no view or is none of these.
fn view_start_of(streams: &[Vec<u8>], wanted: TraceId) -> Option<Option<Timestamp>> {
    let mut reader = Reader::new(streams)?;
    while let Some((head, _)) = reader.next() {
        if head.trace_id == wanted {
            return Some(head.view_start);
        }
    }
    reader.is_done().then_some(None)
}
