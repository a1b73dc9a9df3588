//! An index that is open: its root, and the parts read when they are asked for.

use std::ops::Deref;

use super::column::Column;
use super::content::{
    AnnotationEntry, EdgePlaces, FOOTER_BYTES, INDEX_FORMAT, KeyList, MARK, Root,
};
use super::family::FamilyEntry;
use super::field::{TextField, TraceFlag};
use super::number::NumberEntry;
use super::source::{Reader, SearchError, Source, Span};
use super::text::TextEntry;
use crate::trace::node::NodeKey;

/// An open index: about 700 bytes.
#[derive(Debug)]
pub(crate) struct Index<S> {
    pub(super) reader: Reader<S>,
    pub(super) root: Root,
}

impl<S: Deref<Target: Source>> Index<S> {
    /// Opens an index of so many bytes.
    ///
    /// # Errors
    /// When its root cannot be read, is damaged or of another format.
    pub(crate) fn open(source: S, length: u64) -> Result<Self, SearchError> {
        let reader = Reader { source, length };
        let damaged = || SearchError::damaged("its root");
        let footer_at = length.checked_sub(FOOTER_BYTES).ok_or_else(damaged)?;
        let footer = reader.bytes(Span::new(footer_at, FOOTER_BYTES))?;
        let (size, mark) = footer.split_first_chunk::<4>().ok_or_else(damaged)?;
        let size = u64::from(u32::from_le_bytes(*size));
        let at = footer_at.checked_sub(size).ok_or_else(damaged)?;
        if mark != MARK || size == 0 {
            return Err(damaged());
        }
        let root: Root = reader.value(Span::new(at, size), "its root")?;
        let is_known = root.format == INDEX_FORMAT
            && root.flags.len() == TraceFlag::ALL.len()
            && root.texts.len() == TextField::COUNT;
        if !is_known {
            return Err(damaged());
        }
        Ok(Self { reader, root })
    }

    /// Rows of the file.
    pub(crate) const fn rows(&self) -> u32 {
        self.root.rows
    }

    pub(super) fn flag(&self, flag: TraceFlag) -> Span {
        let spans = TraceFlag::ALL.into_iter().zip(&self.root.flags);
        let mut spans = spans.filter(|(one, _)| *one == flag);
        spans.next().map(|(_, span)| *span).unwrap_or_default()
    }

    pub(super) fn text(&self, field: TextField) -> Result<TextEntry, SearchError> {
        self.text_at(field.place())
    }

    pub(super) fn text_at(&self, place: usize) -> Result<TextEntry, SearchError> {
        let span = self.root.texts.get(place).copied();
        self.reader.value(span.unwrap_or_default(), "a field")
    }

    pub(super) fn status(&self) -> Result<NumberEntry, SearchError> {
        self.reader.value(self.root.status, "the status")
    }

    pub(super) fn response_times(&self) -> Result<Column, SearchError> {
        self.reader.value(self.root.response_times, "a column")
    }

    pub(super) fn durations(&self) -> Result<Column, SearchError> {
        self.reader.value(self.root.durations, "a column")
    }

    pub(super) fn nodes(&self) -> Result<FamilyEntry<NodeKey>, SearchError> {
        self.reader.value(self.root.nodes, "the nodes")
    }

    pub(super) fn clients(&self) -> Result<FamilyEntry<String>, SearchError> {
        self.reader.value(self.root.clients, "the clients")
    }

    pub(super) fn edges(&self) -> Result<FamilyEntry<EdgePlaces>, SearchError> {
        self.reader.value(self.root.edges, "the edges")
    }

    pub(super) fn keys(&self) -> Result<KeyList, SearchError> {
        self.reader.value(self.root.annotations, "the annotations")
    }

    pub(super) fn annotation(&self, span: Span) -> Result<AnnotationEntry, SearchError> {
        self.reader.value(span, "an annotation")
    }
}
