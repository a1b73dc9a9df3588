//! One destination's documents in memory, and the batches that are cut from them. Pure.
//!
//! Nothing is copied: a batch is a list of ranges of blocks, which it keeps alive. Its limits are
//! the request's: 50 documents of together 640 KiB for a plain endpoint, since escaping may make six
//! bytes of one (`\u0000`) and no request may exceed 4 MiB; more for a Radiograph collector.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use radiograph_protocol::framing;
use radiograph_protocol::limits::DOCUMENTS_PER_CALL_MAX;

use crate::documents::Documents;
use crate::intake::Block;

/// What one request may hold. A document that alone exceeds the bytes goes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) documents: usize,
    pub(crate) bytes: usize,
    /// Whether a block is not begun that does not fit whole behind another: requests then have the
    /// size of blocks, and need not be put together.
    pub(crate) whole_blocks: bool,
}

/// For a plain endpoint.
pub(crate) const PLAIN: Limits = Limits {
    documents: DOCUMENTS_PER_CALL_MAX,
    bytes: 640 << 10,
    whole_blocks: false,
};

/// Documents in order, as ranges of blocks.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pieces: VecDeque<Piece>,
    documents: usize,
    bytes: usize,
}

/// Some documents of a block; never empty.
#[derive(Debug)]
struct Piece {
    block: Arc<Block>,
    range: Range<usize>,
}

impl Batch {
    /// A whole block.
    pub(crate) fn of(block: Arc<Block>) -> Self {
        let mut batch = Self::default();
        batch.push(block);
        batch
    }

    /// Appends a block.
    pub(crate) fn push(&mut self, block: Arc<Block>) {
        let range = 0..block.documents().len();
        self.push_piece(Piece { block, range });
    }

    /// Puts another batch behind this one.
    pub(crate) fn append(&mut self, other: Self) {
        other
            .pieces
            .into_iter()
            .for_each(|piece| self.push_piece(piece));
    }

    /// Takes the first documents off, as many as fit; everything when all fit, and nothing only when
    /// there is nothing.
    pub(crate) fn cut(&mut self, limits: Limits) -> Self {
        let mut cut = Self::default();
        while let Some(mut piece) = self.pieces.pop_front() {
            let fitting = piece.fitting(limits, cut.documents, cut.bytes);
            if limits.whole_blocks && !cut.is_empty() && fitting < piece.range.len() {
                self.pieces.push_front(piece);
                break;
            }
            let first = piece.take_first(fitting);
            self.documents -= first.range.len();
            self.bytes -= first.bytes();
            cut.push_piece(first);
            if !piece.range.is_empty() {
                self.pieces.push_front(piece);
                break;
            }
        }
        cut
    }

    /// How many documents.
    pub(crate) const fn len(&self) -> usize {
        self.documents
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.documents == 0
    }

    /// Bytes of all documents together.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The documents in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().flat_map(Piece::iter)
    }

    /// The documents each behind its length, as stretches that follow one another.
    pub(crate) fn framed(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.pieces.iter().map(Piece::framed)
    }

    /// A copy of the documents.
    pub(crate) fn to_documents(&self) -> Documents {
        Documents::copied(self.documents, self.bytes, self.iter())
    }

    fn push_piece(&mut self, piece: Piece) {
        if !piece.range.is_empty() {
            self.documents += piece.range.len();
            self.bytes += piece.bytes();
            self.pieces.push_back(piece);
        }
    }
}

impl Piece {
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let documents = self.block.documents();
        self.range.clone().filter_map(|index| documents.get(index))
    }

    fn framed(&self) -> &[u8] {
        let framed = self.block.documents().framed(self.range.clone());
        framed.unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        let lengths = self.range.len() * framing::framed_bytes(0);
        self.framed().len().saturating_sub(lengths)
    }

    /// How many of its documents fit behind so many of so many bytes.
    fn fitting(&self, limits: Limits, documents: usize, bytes: usize) -> usize {
        let mut bytes = bytes;
        let places = limits.documents.saturating_sub(documents);
        let fits = |(place, document): &(usize, &[u8])| {
            let is_first = documents == 0 && *place == 0;
            bytes = bytes.saturating_add(document.len());
            is_first || bytes <= limits.bytes
        };
        let all = self.iter().take(places).enumerate();
        all.take_while(fits).count()
    }

    fn take_first(&mut self, count: usize) -> Self {
        let middle = self.range.start + count.min(self.range.len());
        let first = self.range.start..middle;
        self.range.start = middle;
        Self {
            block: Arc::clone(&self.block),
            range: first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(sizes: &[usize]) -> Arc<Block> {
        let bodies: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
        let documents = bodies.iter().map(Vec::as_slice).collect();
        Arc::new(Block::uncharged(documents))
    }

    fn sizes(batch: &Batch) -> Vec<usize> {
        batch.iter().map(<[u8]>::len).collect()
    }

    #[test]
    fn a_plain_batch_holds_fifty_documents() {
        let mut waiting = Batch::of(block(&[1; 30]));
        waiting.push(block(&[2; 30]));
        let first = waiting.cut(PLAIN);
        assert_eq!((first.len(), first.bytes()), (50, 30 + 40));
        let second = waiting.cut(PLAIN);
        assert_eq!(sizes(&second), [2; 10]);
        assert!(waiting.cut(PLAIN).is_empty());
    }

    #[test]
    fn a_document_that_would_make_the_request_too_big_waits_for_the_next() {
        let mut waiting = Batch::of(block(&[64 << 10; 12]));
        assert_eq!(waiting.cut(PLAIN).len(), 10);
        assert_eq!(waiting.len(), 2);
    }

    #[test]
    fn a_document_that_alone_is_too_big_goes_alone() {
        let mut waiting = Batch::of(block(&[1, 5, 1]));
        let limits = Limits {
            documents: 10,
            bytes: 3,
            whole_blocks: false,
        };
        assert_eq!(sizes(&waiting.cut(limits)), [1]);
        assert_eq!(sizes(&waiting.cut(limits)), [5]);
        assert_eq!(sizes(&waiting.cut(limits)), [1]);
    }

    #[test]
    fn a_block_that_does_not_fit_whole_behind_another_waits_where_that_is_wanted() {
        let mut waiting = Batch::of(block(&[1; 6]));
        waiting.push(block(&[1; 3]));
        waiting.push(block(&[1; 30]));
        let limits = Limits {
            documents: 10,
            bytes: 100,
            whole_blocks: true,
        };
        let cuts: Vec<usize> = std::iter::repeat_with(|| waiting.cut(limits).len())
            .take_while(|cut| *cut > 0)
            .collect();
        assert_eq!(
            cuts,
            [9, 10, 10, 10],
            "a block too big for any goes in parts"
        );
    }

    proptest! {
        #[test]
        fn property_cutting_keeps_every_document_in_order_within_the_limits(
            blocks in proptest::collection::vec(proptest::collection::vec(0usize..20, 0..8), 0..6),
            documents in 1usize..6,
            bytes in 0usize..30,
            whole_blocks: bool,
        ) {
            let mut waiting = Batch::default();
            blocks.iter().for_each(|sizes| waiting.push(block(sizes)));
            let all = sizes(&waiting);
            prop_assert_eq!(waiting.bytes(), all.iter().sum::<usize>());
            let mut seen = Vec::new();
            while !waiting.is_empty() {
                let cut = waiting.cut(Limits {
                    documents,
                    bytes,
                    whole_blocks,
                });
                prop_assert!(!cut.is_empty() && cut.len() <= documents);
                prop_assert!(cut.bytes() <= bytes || cut.len() == 1);
                prop_assert_eq!(cut.to_documents().iter().map(<[u8]>::len).collect::<Vec<_>>(), sizes(&cut));
                seen.extend(sizes(&cut));
            }
            prop_assert_eq!(seen, all);
        }
    }
}
