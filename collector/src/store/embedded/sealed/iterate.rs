//! Everything in a sealed file, one after the other: traces by id, views newest first. A block at a
//! time is in memory. A damaged block is one error, and what stands behind it follows.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::directory::DocumentBlock;
use super::documents::{self, Head, Piece};
use super::frame::Kind;
use super::rows::Row;
use super::{SealedFile, StoredTrace};
use crate::store::StoreError;
use crate::trace::view::TraceView;

impl SealedFile {
    /// All traces with their documents, by id.
    #[must_use]
    pub fn traces(&self) -> Traces<'_> {
        Traces(self.all_pieces())
    }

    /// All traces by id, their documents not put together.
    pub(super) fn all_pieces(&self) -> AllPieces<'_> {
        AllPieces {
            blocks: self.documents.iter(),
            file: self,
            ready: Vec::new().into_iter(),
            offset: 0,
            last: None,
        }
    }

    /// Hands every trace's id to `visit`, without putting documents together; one that has several blocks
    /// may come several times. Those in blocks that cannot be read are left out.
    pub(in super::super) fn each_trace_id(&self, mut visit: impl FnMut(TraceId)) {
        for block in &self.documents {
            let streams = self.block(Kind::DOCUMENTS, (block.offset, block.bytes));
            let heads = streams.ok().and_then(|streams| documents::heads(&streams));
            for head in heads.unwrap_or_default() {
                visit(head.trace_id);
            }
        }
    }

    /// The traces behind this one, by id, until `visit` wants no more: with the start of the view here, if
    /// there is one. Those in blocks that cannot be read are left out, and one that has several blocks may
    /// come several times.
    pub(in super::super) fn each_trace_after(
        &self,
        after: Option<TraceId>,
        mut visit: impl FnMut(TraceId, Option<Timestamp>) -> bool,
    ) {
        // the last block that begins before it may have more behind it
        let before = |block: &DocumentBlock| after.is_some_and(|after| block.first <= after);
        let first = self.documents.partition_point(before).saturating_sub(1);
        for block in self.documents.iter().skip(first) {
            let streams = self.block(Kind::DOCUMENTS, (block.offset, block.bytes));
            let heads = streams.ok().and_then(|streams| documents::heads(&streams));
            let heads = heads.unwrap_or_default().into_iter();
            for head in heads.filter(|head| after.is_none_or(|after| head.trace_id > after)) {
                if !visit(head.trace_id, head.view_start) {
                    return;
                }
            }
        }
    }

    /// All views, newest first; none when they are not [`SealedFile::has_current_views`].
    #[must_use]
    pub fn views(&self) -> Views<'_> {
        Views(self.all_rows())
    }

    /// All views as rows, newest first.
    pub(super) fn all_rows(&self) -> AllRows<'_> {
        let count = if self.has_current_views() {
            self.views.len()
        } else {
            0
        };
        AllRows {
            blocks: self.views.get(..count).unwrap_or_default().iter(),
            file: self,
            ready: Vec::new().into_iter(),
        }
    }
}

/// All traces of a sealed file, by id.
pub struct Traces<'a>(AllPieces<'a>);

impl Iterator for Traces<'_> {
    type Item = Result<StoredTrace, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = self.0.file;
        let trace = self.0.next()?;
        Some(trace.and_then(|trace| trace.stored(file)))
    }
}

/// A trace whose documents are not put together yet.
pub(super) struct PartedTrace {
    /// Its head in the block where it begins.
    pub(super) head: Head,
    /// What each of its blocks, usually one, has of it.
    pub(super) pieces: Vec<Piece>,
    /// Offset of the first.
    offset: u64,
}

impl PartedTrace {
    /// Puts it together.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged.
    pub(super) fn stored(&self, file: &SealedFile) -> Result<StoredTrace, StoreError> {
        let mut documents = Vec::new();
        for piece in &self.pieces {
            let here = piece.documents();
            documents.extend(here.ok_or_else(|| file.damaged_at(self.offset))?);
        }
        Ok(StoredTrace {
            trace_id: self.head.trace_id,
            documents,
            view_start: self.head.view_start,
            is_carried: self.head.is_carried,
        })
    }
}

/// All traces of a sealed file, by id, taken apart.
pub(super) struct AllPieces<'a> {
    file: &'a SealedFile,
    blocks: std::slice::Iter<'a, DocumentBlock>,
    ready: std::vec::IntoIter<(Head, Piece)>,
    /// Offset of the block that these are from.
    offset: u64,
    /// The trace read last, which may go on in the next block.
    last: Option<PartedTrace>,
}

impl Iterator for AllPieces<'_> {
    type Item = Result<PartedTrace, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((head, piece)) = self.ready.next() {
                if let Some(last) = &mut self.last
                    && last.head.trace_id == head.trace_id
                {
                    last.pieces.push(piece);
                    continue;
                }
                let next = PartedTrace {
                    head,
                    pieces: vec![piece],
                    offset: self.offset,
                };
                if let Some(whole) = self.last.replace(next) {
                    return Some(Ok(whole));
                }
                continue;
            }
            let Some(block) = self.blocks.next() else {
                return self.last.take().map(Ok);
            };
            let streams = self
                .file
                .block(Kind::DOCUMENTS, (block.offset, block.bytes));
            let pieces = streams.and_then(|streams| {
                documents::pieces(streams).ok_or_else(|| self.file.damaged_at(block.offset))
            });
            match pieces {
                Ok(pieces) => (self.ready, self.offset) = (pieces.into_iter(), block.offset),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// All views of a sealed file as rows, newest first.
pub(super) struct AllRows<'a> {
    file: &'a SealedFile,
    blocks: std::slice::Iter<'a, super::ViewBlock>,
    ready: std::vec::IntoIter<Row>,
}

impl Iterator for AllRows<'_> {
    type Item = Result<Row, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.next() {
                return Some(Ok(row));
            }
            let block = self.blocks.next()?;
            let rows = self.file.rows(block).and_then(|rows| {
                let rows: Option<Vec<_>> = rows.heads.iter().map(|head| rows.row(head)).collect();
                rows.ok_or_else(|| self.file.damaged_at(block.offset))
            });
            match rows {
                Ok(rows) => self.ready = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// All views of a sealed file, newest first.
pub struct Views<'a>(AllRows<'a>);

impl Iterator for Views<'_> {
    type Item = Result<TraceView, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = self.0.file;
        let row = self.0.next()?;
        Some(row.and_then(|row| {
            let damaged = || {
                let trace_id = row.cursor.trace_id;
                super::super::failure::corrupt(&file.path, format!("no view of trace {trace_id}"))
            };
            row.view().ok_or_else(damaged)
        }))
    }
}
