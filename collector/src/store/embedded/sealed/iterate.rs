//! Everything in a sealed file, one after the other: traces by id, views newest first. A block at a
//! time is in memory. A damaged block is one error, and what stands behind it follows.

use radiograph_protocol::ids::TraceId;

use super::frame::Kind;
use super::rows::Row;
use super::{SealedFile, StoredTrace, documents};
use crate::store::StoreError;
use crate::trace::view::TraceView;

impl SealedFile {
    /// All traces with their documents, by id.
    #[must_use]
    pub fn traces(&self) -> Traces<'_> {
        Traces {
            blocks: self.documents.iter(),
            file: self,
            ready: Vec::new().into_iter(),
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
pub struct Traces<'a> {
    file: &'a SealedFile,
    blocks: std::slice::Iter<'a, super::DocumentBlock>,
    ready: std::vec::IntoIter<StoredTrace>,
    /// The trace read last, which may go on in the next block.
    last: Option<StoredTrace>,
}

impl Iterator for Traces<'_> {
    type Item = Result<StoredTrace, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(trace) = self.ready.next() {
                match &mut self.last {
                    Some(last) if last.trace_id == trace.trace_id => {
                        last.documents.extend(trace.documents);
                    }
                    last => {
                        if let Some(whole) = last.replace(trace) {
                            return Some(Ok(whole));
                        }
                    }
                }
                continue;
            }
            let Some(block) = self.blocks.next() else {
                return self.last.take().map(Ok);
            };
            let streams = self
                .file
                .block(Kind::DOCUMENTS, (block.offset, block.bytes));
            let traces = streams.and_then(|streams| {
                documents::traces(&streams).ok_or_else(|| self.file.damaged_at(block.offset))
            });
            match traces {
                Ok(traces) => self.ready = traces.into_iter(),
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
