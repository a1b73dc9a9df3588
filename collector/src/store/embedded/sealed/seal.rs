//! Making a sealed file: documents first, as they come by trace id, then views, then sections.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::super::failure::{Doing, corrupt};
use super::super::files::{Files, SystemFiles};
use super::super::payload::{DOCUMENT_ENTRY_BYTES, VIEW_FORMAT};
use super::bloom::{self, Bloom};
use super::directory::{DocumentBlock, ViewBlock, links_of, tidy};
use super::documents::{self, Piece};
use super::frame::Kind;
use super::output::Output;
use super::rows::{self, Row};
use super::terms;
use super::text;
use super::{Notes, SealedLink, SealedMeta, SealedTrace, Tuning, entry_bytes};
use crate::search::{IndexBuilder, LEFT_OUT};
use crate::store::StoreError;
use crate::trace::contributions;
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;

/// Seals traces, which come sorted by id, each once, into a file of this path; what had that name is
/// replaced once the new file is whole. Their documents arrived in `[arrival.0, arrival.1)`. Blocking.
///
/// # Errors
/// That of the input; [`StoreError::Corrupt`] when traces are not in order; [`StoreError::Io`] when an
/// entry is too large for a block (64 MiB) or the file cannot be written. Unless syncing the directory
/// was what failed, what had that name before is untouched.
pub fn seal(
    path: &Path,
    arrival: (Timestamp, Timestamp),
    tuning: Tuning,
    input: impl IntoIterator<Item = Result<SealedTrace, StoreError>>,
) -> Result<SealedMeta, StoreError> {
    seal_with(&SystemFiles, path, arrival, tuning, Notes::default(), input)
}

/// A trace to be sealed, its documents wherever they are.
pub(in super::super) struct TraceToSeal<'t> {
    /// The trace.
    pub(in super::super) trace_id: TraceId,
    /// As of [`SealedTrace`].
    pub(in super::super) documents: Vec<Cow<'t, str>>,
    /// As of [`SealedTrace`].
    pub(in super::super) view: Option<TraceView>,
    /// As of [`SealedTrace`].
    pub(in super::super) is_carried: bool,
}

impl From<SealedTrace> for TraceToSeal<'_> {
    fn from(trace: SealedTrace) -> Self {
        Self {
            trace_id: trace.trace_id,
            documents: trace.documents.into_iter().map(Cow::Owned).collect(),
            view: trace.view,
            is_carried: trace.is_carried,
        }
    }
}

/// The same by these files.
pub(in super::super) fn seal_with<'t, T: Into<TraceToSeal<'t>>>(
    files: &dyn Files,
    path: &Path,
    arrival: (Timestamp, Timestamp),
    tuning: Tuning,
    notes: Notes,
    input: impl IntoIterator<Item = Result<T, StoreError>>,
) -> Result<SealedMeta, StoreError> {
    let mut writer = Writer::new(files, path, arrival, tuning, notes)?;
    let mut sums = Sums::default();
    let mut rows = Vec::new();
    let mut index = IndexBuilder::default();
    for trace in input {
        let trace: TraceToSeal<'_> = trace?.into();
        let view_start = trace.view.as_ref().map(|view| view.summary.start);
        let marks = (view_start, trace.is_carried);
        writer.trace(trace.trace_id, marks, &trace.documents)?;
        if let Some(view) = trace.view {
            if view.trace_id != trace.trace_id {
                return Err(corrupt(path, "a view of another trace is to be sealed"));
            }
            sums.add(&view);
            index.add(&view);
            let row = Row::of(view).doing("encoding a view for", path)?;
            rows.push((rows.len(), row));
        }
    }
    rows.sort_unstable_by_key(|(_, row)| Reverse(row.cursor));
    let mut places = vec![LEFT_OUT; rows.len()];
    for (row_number, (arrival, row)) in (0..).zip(&rows) {
        writer.row(row)?;
        if let Some(place) = places.get_mut(*arrival) {
            *place = row_number;
        }
    }
    drop(rows);
    terms::write_in_order(&mut writer, index, &places)?;
    writer.finish(sums)
}

/// What is summed up over views.
#[derive(Default)]
pub(super) struct Sums {
    /// Their contributions.
    pub(super) totals: Totals,
    /// Their links, in any order.
    pub(super) links: Vec<SealedLink>,
    /// The longest lead.
    pub(super) lead: Elapsed,
}

impl Sums {
    /// Adds a view.
    pub(super) fn add(&mut self, view: &TraceView) {
        contributions::add(view, &mut self.totals, 1);
        self.links.extend(links_of(view));
        self.lead = self.lead.max(view.summary.start.since(view.earliest()));
    }
}

/// Writes documents, then views, then sections.
pub(super) struct Writer<'f> {
    out: Output<'f>,
    path: PathBuf,
    tuning: Tuning,
    meta: SealedMeta,
    bloom_key: u128,
    hashes: Vec<u64>,
    carried: Vec<TraceId>,
    documents: documents::Builder,
    document_blocks: Vec<DocumentBlock>,
    rows: rows::Builder,
    view_blocks: Vec<ViewBlock>,
    indexes: Vec<terms::Extent>,
}

impl<'f> Writer<'f> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(
        files: &'f dyn Files,
        path: &Path,
        (arrival_start, arrival_end): (Timestamp, Timestamp),
        tuning: Tuning,
        notes: Notes,
    ) -> Result<Self, StoreError> {
        let meta = SealedMeta {
            arrival_start,
            arrival_end,
            view_format: VIEW_FORMAT,
            traces: 0,
            documents: 0,
            document_bytes: 0,
            views: 0,
            start: None,
            latest: None,
            first_trace: None,
            last_trace: None,
            lead: Elapsed::default(),
            minutes: None,
            notes,
        };
        let mut out = Output::new(files, path)?;
        out.header(&meta)?;
        Ok(Self {
            out,
            path: path.to_owned(),
            tuning,
            meta,
            bloom_key: uuid::Uuid::new_v4().as_u128(),
            hashes: Vec::new(),
            carried: Vec::new(),
            documents: documents::Builder::default(),
            document_blocks: Vec::new(),
            rows: rows::Builder::default(),
            view_blocks: Vec::new(),
            indexes: Vec::new(),
        })
    }

    /// Adds a trace, which comes behind the one before; `marks` are the start of its view and
    /// whether it is carried.
    ///
    /// # Errors
    /// When it does not come behind, or cannot be written.
    pub(super) fn trace(
        &mut self,
        trace_id: TraceId,
        marks: (Option<Timestamp>, bool),
        documents: &[impl AsRef<str>],
    ) -> Result<(), StoreError> {
        self.begin(trace_id, marks.1, documents.len(), text_bytes(documents))?;
        let block_bytes = self.tuning.documents_block_bytes;
        let bytes: usize = documents
            .iter()
            .map(|text| entry_bytes(text.as_ref()))
            .sum();
        if self.documents.bytes.saturating_add(bytes) > block_bytes {
            self.close_documents()?;
        }
        let mut rest = documents;
        loop {
            // one at least, so that there is an end
            let count = fitting(rest, block_bytes).max(1).min(rest.len());
            let (here, later) = rest.split_at(count);
            self.documents.push(trace_id, marks, here);
            rest = later;
            if rest.is_empty() {
                break;
            }
            self.close_documents()?;
        }
        if bytes > block_bytes {
            self.close_documents()?;
        }
        Ok(())
    }

    /// Adds a trace as it stands in another file, with the same marks as there; see [`Self::trace`]. Tells
    /// the length of its documents where it put them together, and counted it therefore; what is taken
    /// over as it is, is left to [`Self::count_taken_over`].
    ///
    /// # Errors
    /// As of [`Self::trace`]; [`StoreError::Corrupt`] when the piece is none of a trace.
    pub(super) fn piece(
        &mut self,
        trace_id: TraceId,
        marks: (Option<Timestamp>, bool),
        piece: &Piece,
    ) -> Result<u64, StoreError> {
        let damaged = || corrupt(&self.path, format!("no documents of trace {trace_id}"));
        if text::document_count(&piece.parts()) != piece.documents {
            return Err(damaged());
        }
        // measuring what they are put together takes as long as compressing them
        let heads = DOCUMENT_ENTRY_BYTES.saturating_mul(piece.documents);
        let bytes = text::usual_bytes_of(&piece.parts()).saturating_add(heads);
        let block_bytes = self.tuning.documents_block_bytes;
        if bytes > block_bytes {
            let documents = piece.documents().ok_or_else(damaged)?;
            self.trace(trace_id, marks, &documents)?;
            return Ok(text_bytes(&documents));
        }
        self.begin(trace_id, marks.1, piece.documents, 0)?;
        if self.documents.bytes.saturating_add(bytes) > block_bytes {
            self.close_documents()?;
        }
        self.documents.push_piece(trace_id, marks, piece, bytes);
        Ok(0)
    }

    /// Counts the length of the documents that were taken over by [`Self::piece`].
    pub(super) const fn count_taken_over(&mut self, bytes: u64) {
        self.meta.document_bytes = self.meta.document_bytes.saturating_add(bytes);
    }

    fn begin(
        &mut self,
        trace_id: TraceId,
        is_carried: bool,
        documents: usize,
        bytes: u64,
    ) -> Result<(), StoreError> {
        if self.meta.last_trace.is_some_and(|last| last >= trace_id) {
            return Err(corrupt(
                &self.path,
                format!("trace {trace_id} is out of order"),
            ));
        }
        self.meta.first_trace.get_or_insert(trace_id);
        self.meta.last_trace = Some(trace_id);
        self.meta.traces += 1;
        self.meta.documents += documents as u64;
        self.meta.document_bytes += bytes;
        self.hashes
            .push(bloom::hash(self.bloom_key, trace_id.bits()));
        if is_carried {
            self.carried.push(trace_id);
        }
        Ok(())
    }

    /// Adds a view, which is older than the one before. No trace may follow.
    ///
    /// # Errors
    /// When it is not older, or cannot be written.
    pub(super) fn row(&mut self, row: &Row) -> Result<(), StoreError> {
        self.close_documents()?;
        let last = self.rows.ends.map(|(_, last)| last);
        let last = last.or_else(|| self.view_blocks.last().map(ViewBlock::last));
        if last.is_some_and(|last| last <= row.cursor) {
            let trace_id = row.cursor.trace_id;
            return Err(corrupt(
                &self.path,
                format!("the view of trace {trace_id} is out of order"),
            ));
        }
        let bytes = self.rows.bytes.saturating_add(row.bytes());
        if bytes > self.tuning.views_block_bytes {
            self.close_views()?;
        }
        self.rows.push(row);
        self.meta.views += 1;
        self.meta.start = Some(row.cursor.start);
        self.meta.latest = self.meta.latest.max(Some(row.latest));
        Ok(())
    }

    /// Views so far.
    pub(super) const fn views(&self) -> u64 {
        self.meta.views
    }

    /// Rows of a search index.
    pub(super) const fn index_rows(&self) -> u32 {
        if self.tuning.index_rows == 0 {
            1
        } else {
            self.tuning.index_rows
        }
    }

    /// Adds the search index of the next so many rows. No view may follow.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn index(&mut self, rows: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.close_documents()?;
        self.close_views()?;
        let level = self.tuning.views_level;
        self.out
            .frames(Kind::SEARCH, level, bytes, terms::FRAME_BYTES)?;
        let frames = bytes.len().div_ceil(terms::FRAME_BYTES);
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        self.indexes.push((rows, frames));
        Ok(())
    }

    /// Writes the sections and ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self, mut sums: Sums) -> Result<SealedMeta, StoreError> {
        self.close_documents()?;
        self.close_views()?;
        tidy(&mut sums.links);
        let minutes = &sums.totals.minutes;
        let ends = (minutes.first_key_value(), minutes.last_key_value());
        if let (Some((first, _)), Some((last, _))) = ends {
            self.meta.minutes = Some((*first, *last));
        }
        self.meta.lead = sums.lead;
        let bloom = Bloom::of(self.bloom_key, &self.hashes).to_bytes();
        let (out, level) = (&mut self.out, self.tuning.views_level);
        out.encoded(Kind::DOCUMENT_BLOCKS, level, &self.document_blocks)?;
        out.encoded(Kind::VIEW_BLOCKS, level, &self.view_blocks)?;
        out.encoded(Kind::TOTALS, level, &sums.totals)?;
        out.section(Kind::BLOOM, level, &bloom)?;
        out.encoded(Kind::CARRIED, level, &self.carried)?;
        out.encoded(Kind::LINKS, level, &sums.links)?;
        if !self.indexes.is_empty() {
            out.encoded(Kind::INDEX_EXTENTS, level, &self.indexes)?;
        }
        self.out.finish(self.meta)
    }

    fn close_documents(&mut self) -> Result<(), StoreError> {
        let block = std::mem::take(&mut self.documents);
        let Some(first) = block.first else {
            return Ok(());
        };
        let level = self.tuning.documents_level;
        let (offset, bytes) = self.out.frame(Kind::DOCUMENTS, level, &block.streams())?;
        self.document_blocks.push(DocumentBlock {
            first,
            offset,
            bytes,
            traces: block.traces,
            documents: block.documents,
        });
        Ok(())
    }

    fn close_views(&mut self) -> Result<(), StoreError> {
        let block = std::mem::take(&mut self.rows);
        let (Some(ends), Some(latest)) = (block.ends, block.latest) else {
            return Ok(());
        };
        let level = self.tuning.views_level;
        let place = self.out.frame(Kind::VIEWS, level, &block.streams())?;
        let before = self.view_blocks.last();
        let first_row = before.map_or(0, |before| before.first_row + u64::from(before.rows));
        let rows = (block.rows, first_row);
        self.view_blocks
            .push(ViewBlock::new(ends, latest, rows, place));
        Ok(())
    }
}

/// How many of these documents, from the first on, a block has room for.
fn fitting(documents: &[impl AsRef<str>], block_bytes: usize) -> usize {
    let mut bytes = 0_usize;
    let mut fits = |document: &str| {
        bytes = bytes.saturating_add(entry_bytes(document));
        bytes <= block_bytes
    };
    let fitting = documents
        .iter()
        .take_while(|document| fits(document.as_ref()));
    fitting.count()
}

/// Length of these documents.
pub(super) fn text_bytes(documents: &[impl AsRef<str>]) -> u64 {
    let lengths = documents.iter().map(|text| text.as_ref().len() as u64);
    lengths.sum()
}
