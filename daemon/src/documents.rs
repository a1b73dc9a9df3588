//! Documents one after another in one allocation: what a wake-up of the receiver collects, what a
//! batch is cut from, what a record of the spool holds.
//!
//! Each stands behind its length as in a framed body (`docs/framed-segments.md`), so that such a body
//! is a stretch of it.

use std::ops::Range;

use radiograph_protocol::framing;

/// Bodies of segments, byte for byte as they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Documents {
    framed: Vec<u8>,
    /// Where each document ends in `framed`.
    ends: Vec<u32>,
}

/// Bytes in front of each document.
const LENGTH_BYTES: usize = framing::framed_bytes(0);

impl Documents {
    /// Room for so many documents of so many bytes together.
    pub(crate) fn with_capacity(documents: usize, bytes: usize) -> Self {
        let framed = bytes.saturating_add(documents.saturating_mul(LENGTH_BYTES));
        Self {
            framed: Vec::with_capacity(framed),
            ends: Vec::with_capacity(documents),
        }
    }

    /// None yet, with an empty buffer to put them into.
    pub(crate) const fn in_buffer(buffer: Vec<u8>) -> Self {
        Self {
            framed: buffer,
            ends: Vec::new(),
        }
    }

    /// Copies of so many documents of so many bytes together, in no more memory than they need.
    pub(crate) fn copied<'a>(
        documents: usize,
        bytes: usize,
        all: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let mut copy = Self::with_capacity(documents, bytes);
        copy.extend(all);
        copy
    }

    /// Takes a framed body of so many documents over as it is; `None` when it is not that.
    pub(crate) fn from_framed(framed: Vec<u8>, documents: usize) -> Option<Self> {
        let limits = framing::Offer {
            documents_max: documents,
            bytes_max: framed.len(),
        };
        let mut end = 0_usize;
        let ends = framing::split(&framed, limits)
            .ok()?
            .into_iter()
            .map(|document| {
                end = end.checked_add(framing::framed_bytes(document.len()))?;
                u32::try_from(end).ok()
            });
        let ends: Vec<u32> = ends.collect::<Option<_>>()?;
        (ends.len() == documents).then_some(Self { framed, ends })
    }

    /// The buffer, for other documents.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.framed
    }

    /// Appends a document; false, and nothing done, when all together would pass 4 GiB.
    pub(crate) fn push(&mut self, document: &[u8]) -> bool {
        let framed = framing::framed_bytes(document.len());
        let end = self.framed.len().checked_add(framed);
        let Some(end) = end.and_then(|end| u32::try_from(end).ok()) else {
            return false;
        };
        let is_pushed = framing::push(&mut self.framed, document);
        if is_pushed {
            self.ends.push(end);
        }
        is_pushed
    }

    /// How many documents.
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all documents together, without their lengths.
    pub(crate) const fn byte_len(&self) -> usize {
        self.framed
            .len()
            .saturating_sub(self.ends.len().saturating_mul(LENGTH_BYTES))
    }

    /// Bytes that are allocated for them.
    pub(crate) const fn capacity_bytes(&self) -> usize {
        let ends = self.ends.capacity().saturating_mul(size_of::<u32>());
        self.framed.capacity().saturating_add(ends)
    }

    /// Whether much of what is allocated is unused.
    pub(crate) const fn is_loose(&self) -> bool {
        self.framed.capacity() / 2 > self.framed.len()
    }

    /// The document at this place.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        let start = self.start(index)?.checked_add(LENGTH_BYTES)?;
        self.framed.get(start..self.end(index)?)
    }

    /// The documents of these places, each behind its length.
    pub(crate) fn framed(&self, places: Range<usize>) -> Option<&[u8]> {
        let Some(last) = places.end.checked_sub(1).filter(|_| !places.is_empty()) else {
            return Some(&[]);
        };
        self.framed.get(self.start(places.start)?..self.end(last)?)
    }

    /// The documents in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    fn start(&self, index: usize) -> Option<usize> {
        index
            .checked_sub(1)
            .map_or(Some(0), |before| self.end(before))
    }

    fn end(&self, index: usize) -> Option<usize> {
        let end = self.ends.get(index)?;
        usize::try_from(*end).ok()
    }
}

impl<'a> FromIterator<&'a [u8]> for Documents {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(documents: T) -> Self {
        let mut all = Self::default();
        all.extend(documents);
        all
    }
}

impl<'a> Extend<&'a [u8]> for Documents {
    fn extend<T: IntoIterator<Item = &'a [u8]>>(&mut self, documents: T) {
        for document in documents {
            // Whoever collects has bounded what it collects.
            let fits = self.push(document);
            debug_assert!(fits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_in_order_byte_for_byte() {
        let bodies: [&[u8]; 4] = [b"a", b"", b"\xff\n", b"c"];
        let documents: Documents = bodies.into_iter().collect();
        assert_eq!((documents.len(), documents.byte_len()), (4, 4));
        assert_eq!(documents.iter().collect::<Vec<_>>(), bodies);
        assert_eq!(documents.get(2), Some(b"\xff\n".as_slice()));
        assert_eq!(documents.get(4), None);
        assert!(!documents.is_empty() && Documents::default().is_empty());
    }

    #[test]
    fn a_stretch_of_them_is_a_framed_body() {
        let bodies: [&[u8]; 4] = [b"a", b"", b"\xff\n", b"c"];
        let documents: Documents = bodies.into_iter().collect();
        for (places, inside) in [(0..4, &bodies[..]), (1..3, &bodies[1..3]), (2..2, &[])] {
            let body = documents.framed(places.clone()).unwrap();
            let split = framing::split(body, framing::Offer::LARGEST).unwrap();
            assert_eq!(split, inside, "{places:?}");
        }
        assert_eq!(documents.framed(3..5), None);
    }

    #[test]
    fn a_framed_body_is_taken_over_only_when_it_holds_what_it_is_said_to() {
        let bodies: [&[u8]; 3] = [b"a", b"", b"\xff\n"];
        let documents: Documents = bodies.into_iter().collect();
        let body = documents.framed(0..3).unwrap();
        assert_eq!(
            Documents::from_framed(body.to_vec(), 3).as_ref(),
            Some(&documents)
        );
        for count in [0, 2, 4, usize::MAX] {
            assert_eq!(
                Documents::from_framed(body.to_vec(), count),
                None,
                "{count}"
            );
        }
        for cut in 1..body.len() {
            assert_eq!(
                Documents::from_framed(body[..cut].to_vec(), 3),
                None,
                "{cut}"
            );
        }
    }

    #[test]
    fn a_used_buffer_is_loose_until_it_is_half_full() {
        let mut documents = Documents::in_buffer(Vec::with_capacity(100));
        assert!(documents.push(&[b'x'; 40]) && documents.is_loose());
        assert!(documents.push(b"12345678") && !documents.is_loose());
        assert!(documents.into_buffer().capacity() >= 100);
    }
}
