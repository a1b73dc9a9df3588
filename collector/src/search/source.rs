//! Where an index's bytes come from, and how its parts are written and read. Every part is found by its
//! [`Span`]; damaged bytes are a named error.

use std::io;
use std::ops::Range;

use roaring::RoaringBitmap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of an index, read in parts. Reads come in runs of neighbours: an implementation that checks
/// larger frames does well to keep the last one.
pub(crate) trait Source {
    /// The bytes of a range, all of them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>>;
}

impl Source for [u8] {
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        let end = usize::try_from(range.end).unwrap_or(usize::MAX);
        let part = self.get(start..end);
        part.map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Why an index cannot be searched or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    /// Its bytes cannot be read.
    #[error("reading the search index")]
    Io(#[source] io::Error),
    /// A part of it is not what it should be: every row is a candidate.
    #[error("the search index is damaged: {part}")]
    Damaged {
        /// The part.
        part: &'static str,
    },
    /// A part cannot be encoded.
    #[error("encoding the search index")]
    Encode(#[source] postcard::Error),
}

impl SearchError {
    pub(super) const fn damaged(part: &'static str) -> Self {
        Self::Damaged { part }
    }
}

/// Where a part of the index stands; without bytes it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Span {
    at: u64,
    bytes: u64,
}

impl Span {
    pub(super) const fn new(at: u64, bytes: u64) -> Self {
        Self { at, bytes }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.bytes == 0
    }

    /// A part of it: `bytes` from `from` on; `None` when it does not reach that far.
    pub(super) fn part(self, from: u64, bytes: u64) -> Option<Self> {
        let end = from.checked_add(bytes)?;
        let at = self.at.checked_add(from)?;
        (end <= self.bytes).then_some(Self { at, bytes })
    }
}

/// An index that is being written.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Appends bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Span {
        let span = Span::new(self.bytes.len() as u64, bytes.len() as u64);
        self.bytes.extend(bytes);
        span
    }

    /// Appends a set of rows.
    pub(super) fn set(&mut self, rows: &RoaringBitmap) -> Result<Span, SearchError> {
        if rows.is_empty() {
            return Ok(Span::default());
        }
        let mut rows = rows.clone();
        rows.optimize();
        let mut bytes = Vec::with_capacity(rows.serialized_size());
        rows.serialize_into(&mut bytes).map_err(SearchError::Io)?;
        Ok(self.bytes(&bytes))
    }

    /// Appends a value.
    pub(super) fn value<T: Serialize>(&mut self, value: &T) -> Result<Span, SearchError> {
        let bytes = postcard::to_stdvec(value).map_err(SearchError::Encode)?;
        Ok(self.bytes(&bytes))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A source with its length, beyond which nothing is asked of it.
#[derive(Debug)]
pub(super) struct Reader<S> {
    pub(super) source: S,
    pub(super) length: u64,
}

impl<S: std::ops::Deref<Target: Source>> Reader<S> {
    pub(super) fn bytes(&self, span: Span) -> Result<Vec<u8>, SearchError> {
        let end = span.at.checked_add(span.bytes);
        let end = end
            .filter(|end| *end <= self.length)
            .ok_or(SearchError::damaged("a part beyond its end"))?;
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = self.source.read(span.at..end).map_err(SearchError::Io)?;
        if bytes.len() as u64 != span.bytes {
            return Err(SearchError::damaged("a part that is shorter than it says"));
        }
        Ok(bytes)
    }

    pub(super) fn set(&self, span: Span) -> Result<RoaringBitmap, SearchError> {
        if span.is_empty() {
            return Ok(RoaringBitmap::new());
        }
        let bytes = self.bytes(span)?;
        RoaringBitmap::deserialize_from(bytes.as_slice())
            .map_err(|_| SearchError::damaged("a set of rows"))
    }

    /// A value; the default one where nothing was written.
    pub(super) fn value<T: DeserializeOwned + Default>(
        &self,
        span: Span,
        part: &'static str,
    ) -> Result<T, SearchError> {
        if span.is_empty() {
            return Ok(T::default());
        }
        let bytes = self.bytes(span)?;
        postcard::from_bytes(&bytes).map_err(|_| SearchError::Damaged { part })
    }
}
