//! The search index of a sealed file: one of `crate::search` for each 262,144 of its rows, so that the
//! memory of making one is bounded, in frames of 128 KiB, so that a search reads and checks no more than it
//! needs. A section of its own says how many rows and frames each has.
//!
//! The section is optional: a file without it, or with one that this release does not know or that is
//! damaged, answers searches from its views. An open file keeps 24 B a frame of it; frames that were read
//! stay in the cache of blocks.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::SealedFile;
use super::directory::Section;
use super::frame::Kind;
use super::open::read_streams;
use super::seal::Writer;
use crate::search::{Index, IndexBuilder, LEFT_OUT, SearchError, Source, merge};
use crate::store::StoreError;
use crate::trace::view::TraceView;

/// Bytes of the index in a frame; another size is another [`Kind`].
pub(super) const FRAME_BYTES: usize = 128 << 10;

/// Rows and frames of an index; one follows the other.
pub(super) type Extent = (u32, u32);

/// An open index of some of the rows, wherever its bytes are.
pub(super) type OpenIndex<'a> = Index<Box<dyn Source + 'a>>;

/// The frames of a file's index. Not shared between threads.
struct Frames<'a> {
    file: &'a SealedFile,
    sections: Vec<Section>,
    /// The frame read last, and its number.
    last: RefCell<Option<(usize, Arc<Vec<u8>>)>>,
    reads: Rc<Cell<u64>>,
}

impl Frames<'_> {
    fn frame(&self, number: usize) -> io::Result<Arc<Vec<u8>>> {
        let mut last = self.last.borrow_mut();
        if let Some((at, frame)) = &*last
            && *at == number
        {
            return Ok(Arc::clone(frame));
        }
        let section = self.sections.get(number);
        let section = section.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.reads.set(self.reads.get().saturating_add(1));
        let frame = self.file.frame_at_hand(section)?;
        *last = Some((number, Arc::clone(&frame)));
        Ok(frame)
    }
}

impl Source for Frames<'_> {
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let place = |at: u64| usize::try_from(at).map_err(|_| io::ErrorKind::UnexpectedEof);
        let (mut at, end) = (place(range.start)?, place(range.end)?);
        let mut bytes = Vec::new();
        while at < end {
            let frame = self.frame(at / FRAME_BYTES)?;
            let from = at % FRAME_BYTES;
            let until = frame.len().min(from.saturating_add(end - at));
            let piece = frame.get(from..until).unwrap_or_default();
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend(piece);
            at += piece.len();
        }
        Ok(bytes)
    }
}

/// An index that was just built.
struct Built(Vec<u8>);

impl Source for Built {
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.0.as_slice().read(range)
    }
}

impl SealedFile {
    /// Whether the file was written with a search index.
    pub(super) fn has_search_index(&self) -> bool {
        self.sections
            .iter()
            .any(|one| one.kind == Kind::INDEX_EXTENTS)
    }

    /// Rows and frames of each search index, in the order of the rows; `None` when there are none, or not
    /// for these views.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(super) fn index_extents(&self) -> Result<Option<Vec<Extent>>, SearchError> {
        let mut sections = self.sections.iter();
        let Some(section) = sections.find(|one| one.kind == Kind::INDEX_EXTENTS) else {
            return Ok(None);
        };
        let frame = self.frame_at_hand(section).map_err(SearchError::Io)?;
        let extents: Vec<Extent> = postcard::from_bytes(&frame).map_err(|_| DAMAGED)?;
        let rows: u64 = extents.iter().map(|(rows, _)| u64::from(*rows)).sum();
        // what is lost of the views shifts the numbers of the others
        let there = self.views.last();
        let there = there.map_or(0, |last| last.first_row + u64::from(last.rows));
        let is_of_these = self.damage.regions == 0
            && self.has_current_views()
            && rows == there
            && rows == self.meta.views;
        Ok(is_of_these.then_some(extents))
    }

    /// Opens the search index at a place among [`Self::index_extents`], counting in `reads` the frames that
    /// it asks for.
    ///
    /// # Errors
    /// When it cannot be read, is damaged or of another format.
    pub(super) fn search_index(
        &self,
        extents: &[Extent],
        place: usize,
        reads: &Rc<Cell<u64>>,
    ) -> Result<OpenIndex<'_>, SearchError> {
        let (before, rest) = extents.split_at_checked(place).ok_or(DAMAGED)?;
        let (rows, count) = *rest.first().ok_or(DAMAGED)?;
        let first = before.iter().map(|(_, frames)| *frames as usize).sum();
        let all = self.sections.iter().filter(|one| one.kind == Kind::SEARCH);
        let sections: Vec<_> = all.skip(first).take(count as usize).copied().collect();
        let last = sections.len().checked_sub(1).ok_or(DAMAGED)?;
        let frames = Frames {
            file: self,
            sections,
            last: RefCell::new(None),
            reads: Rc::clone(reads),
        };
        let last_bytes = frames.frame(last).map_err(SearchError::Io)?.len();
        let length = (last * FRAME_BYTES).saturating_add(last_bytes) as u64;
        let index = Index::open(Box::new(frames) as Box<dyn Source + '_>, length)?;
        if index.rows() == rows {
            Ok(index)
        } else {
            Err(DAMAGED)
        }
    }

    /// All search indexes, built from the views where they cannot be read, each with its first row.
    ///
    /// # Errors
    /// When the views cannot be read either, or an index not be built.
    fn sound_indexes(&self) -> Result<Vec<(usize, OpenIndex<'_>)>, StoreError> {
        let reads = Rc::default();
        let stored = self.index_extents().and_then(|extents| {
            let Some(extents) = extents else {
                return Ok(None);
            };
            let mut first = 0;
            let mut indexes = Vec::new();
            for place in 0..extents.len() {
                let index = self.search_index(&extents, place, &reads)?;
                let rows = index.rows() as usize;
                indexes.push((first, index));
                first += rows;
            }
            Ok(Some(indexes))
        });
        match stored {
            Ok(Some(indexes)) => return Ok(indexes),
            Ok(None) => {}
            Err(error) => self.tell_of_index(&error),
        }
        self.derived_indexes()
    }

    /// The search indexes that the views make, each with its first row.
    fn derived_indexes(&self) -> Result<Vec<(usize, OpenIndex<'_>)>, StoreError> {
        let mut built = InOrder::new(super::Tuning::default().index_rows);
        for view in self.views() {
            built.add(&view?);
        }
        let mut first = 0;
        let mut indexes = Vec::new();
        for bytes in built.finish().map_err(|error| self.index_error(error))? {
            let index = opened(bytes).map_err(|error| self.index_error(error))?;
            let rows = index.rows() as usize;
            indexes.push((first, index));
            first += rows;
        }
        Ok(indexes)
    }

    /// Says once of each open file that its index is of no use.
    pub(super) fn tell_of_index(&self, error: &SearchError) {
        if self.index_trouble.set(()).is_ok() {
            let path = self.path.display();
            tracing::warn!(%error, %path, "a search index cannot be used: its views are read instead");
        }
    }

    /// An index cannot be made.
    pub(super) fn index_error(&self, error: SearchError) -> StoreError {
        StoreError::Io {
            doing: format!("indexing the views of {}", self.path.display()),
            source: io::Error::other(error),
        }
    }

    fn frame_at_hand(&self, section: &Section) -> io::Result<Arc<Vec<u8>>> {
        if let Some(frame) = self.kept_frame(section.offset) {
            return Ok(frame);
        }
        let place = (section.offset, section.bytes);
        let streams = read_streams(&self.file, self.bytes, section.kind, place)?;
        let streams = streams.and_then(|streams| <[Vec<u8>; 1]>::try_from(streams).ok());
        let [frame] = streams.ok_or(io::ErrorKind::InvalidData)?;
        let frame = Arc::new(frame);
        self.keep_frame(section.offset, &frame);
        Ok(frame)
    }
}

/// What is damaged when extents and indexes do not fit.
pub(super) const DAMAGED: SearchError = SearchError::Damaged {
    part: "its number of rows",
};

/// An index that was built.
///
/// # Errors
/// When it cannot be read, which would be an error of the builder.
pub(super) fn opened<'a>(bytes: Vec<u8>) -> Result<OpenIndex<'a>, SearchError> {
    let length = bytes.len() as u64;
    Index::open(Box::new(Built(bytes)) as Box<dyn Source + 'a>, length)
}

/// Indexes of views that come in the order of their rows.
pub(super) struct InOrder {
    rows_max: u32,
    builder: IndexBuilder,
    finished: Result<Vec<Vec<u8>>, SearchError>,
}

impl InOrder {
    /// None so far, of so many rows each.
    pub(super) fn new(rows_max: u32) -> Self {
        Self {
            rows_max,
            builder: IndexBuilder::default(),
            finished: Ok(Vec::new()),
        }
    }

    /// Adds the view of the next row.
    pub(super) fn add(&mut self, view: &TraceView) {
        self.builder.add(view);
        if self.builder.rows() >= self.rows_max {
            self.close();
        }
    }

    /// The indexes.
    ///
    /// # Errors
    /// When one cannot be encoded.
    pub(super) fn finish(mut self) -> Result<Vec<Vec<u8>>, SearchError> {
        if self.builder.rows() > 0 {
            self.close();
        }
        self.finished
    }

    fn close(&mut self) {
        let built = std::mem::take(&mut self.builder).finish();
        if let Ok(finished) = &mut self.finished {
            match built {
                Ok(bytes) => finished.push(bytes),
                Err(error) => self.finished = Err(error),
            }
        }
    }
}

/// Writes the indexes of rows that were added in another order; `places` has the row of each. A file for
/// which one cannot be made does without, with a word in the log.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write_in_order(
    writer: &mut Writer<'_>,
    builder: IndexBuilder,
    places: &[u32],
) -> Result<(), StoreError> {
    let rows = builder.rows();
    if (1..=writer.index_rows()).contains(&rows) {
        return match builder.finish_in_order(places) {
            Ok(bytes) => writer.index(rows, &bytes),
            Err(error) => {
                tell(&error);
                Ok(())
            }
        };
    }
    match builder.finish().and_then(opened) {
        Ok(index) => write_from(writer, &[(index, places)], places.len()),
        Err(error) => {
            tell(&error);
            Ok(())
        }
    }
}

/// Writes these indexes.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write_all(writer: &mut Writer<'_>, indexes: InOrder) -> Result<(), StoreError> {
    match indexes.finish() {
        Ok(indexes) => {
            for bytes in indexes {
                let rows = opened(bytes.clone()).map_or(0, |index| index.rows());
                writer.index(rows, &bytes)?;
            }
        }
        Err(error) => tell(&error),
    }
    Ok(())
}

/// Writes the indexes of `rows` rows that those of these files make, whose rows have these numbers, or
/// [`LEFT_OUT`].
///
/// # Errors
/// When they cannot be written.
pub(super) fn write_merged(
    writer: &mut Writer<'_>,
    inputs: &[&SealedFile],
    places: &[Vec<u32>],
    rows: usize,
) -> Result<(), StoreError> {
    let mut indexes = Vec::new();
    for (input, places) in inputs.iter().zip(places) {
        let of_input = match input.sound_indexes() {
            Ok(of_input) => of_input,
            Err(error) => {
                tell(&error);
                return Ok(());
            }
        };
        for (first, index) in of_input {
            let until = first.saturating_add(index.rows() as usize);
            indexes.push((index, places.get(first..until).unwrap_or_default()));
        }
    }
    write_from(writer, &indexes, rows)
}

/// Writes indexes of so many rows, merged of these, one for each part of them. A part of one that opening
/// did not look at may be damaged: then the file does without, and is slower to search.
fn write_from(
    writer: &mut Writer<'_>,
    inputs: &[(OpenIndex<'_>, &[u32])],
    rows: usize,
) -> Result<(), StoreError> {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    let step = writer.index_rows();
    let mut first = 0;
    while first < rows {
        let count = step.min(rows - first);
        let inside = |row: u32| {
            let row = row.checked_sub(first).filter(|_| row != LEFT_OUT);
            row.filter(|row| *row < count)
        };
        let mut here = Vec::new();
        for (index, places) in inputs {
            let numbers: Vec<u32> = places
                .iter()
                .map(|row| inside(*row).unwrap_or(LEFT_OUT))
                .collect();
            if numbers.iter().any(|row| *row != LEFT_OUT) {
                here.push((index, numbers));
            }
        }
        let pairs: Vec<_> = here
            .iter()
            .map(|(index, numbers)| (*index, numbers.as_slice()))
            .collect();
        match merge(&pairs, count) {
            Ok(bytes) => writer.index(count, &bytes)?,
            Err(error) => {
                tell(&error);
                return Ok(());
            }
        }
        first += count;
    }
    Ok(())
}

fn tell(error: &dyn std::error::Error) {
    tracing::warn!(%error, "a sealed file is written without a search index");
}

/// Numbers of the rows of an input that are not taken over, as many as there are.
pub(super) fn places_of(input: &SealedFile) -> Vec<u32> {
    vec![LEFT_OUT; usize::try_from(input.meta.views).unwrap_or(0)]
}
