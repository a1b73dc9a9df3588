//! When a batch of documents closes. Pure: `now` is an argument.
//!
//! A batch closes with its 50th document, before the request could grow beyond 4 MiB, or when its
//! first document has waited [`AGE_MAX`]. AWS's timer runs for a second (`spec/daemon.md` section
//! 4.1); fifty milliseconds keep an idle sender's document fresh and still let a burst come together.

use std::time::{Duration, Instant};

use radiograph_protocol::limits::DOCUMENTS_PER_CALL_MAX;

use crate::queue::Document;

/// How long the first document of a batch waits for others.
pub(crate) const AGE_MAX: Duration = Duration::from_millis(50);

/// Bytes of the bodies in one batch. Escaping makes six bytes of one at most (`\u0000`), so that no
/// request exceeds 4 MiB; 50 documents of 13 KB fit.
pub(crate) const BODY_BYTES_MAX: usize = 640 << 10;

/// A batch that is being filled.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    documents: Vec<Document>,
    body_bytes: usize,
    opened: Option<Instant>,
}

impl Batch {
    /// Adds a document, or hands it back when it would make the batch too big. An empty batch takes
    /// any document: a datagram is far below the bound.
    pub(crate) fn offer(&mut self, document: Document, now: Instant) -> Result<(), Document> {
        let body_bytes = self.body_bytes.saturating_add(document.body().len());
        if self.is_full() || (!self.documents.is_empty() && body_bytes > BODY_BYTES_MAX) {
            return Err(document);
        }
        self.documents.push(document);
        self.body_bytes = body_bytes;
        self.opened.get_or_insert(now);
        Ok(())
    }

    /// Whether it holds as many documents as a call may.
    pub(crate) fn is_full(&self) -> bool {
        self.documents.len() >= DOCUMENTS_PER_CALL_MAX
    }

    /// When it closes by age; `None` while it is empty.
    pub(crate) fn closes_at(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + AGE_MAX)
    }

    /// Its documents in order of arrival.
    pub(crate) fn into_documents(self) -> Vec<Document> {
        self.documents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::queue::Queue;

    fn document(bytes: usize) -> Document {
        let queue = Queue::new(usize::MAX);
        assert!(queue.push(&vec![b'x'; bytes]));
        queue.pop().unwrap()
    }

    #[test]
    fn a_batch_is_full_with_its_fiftieth_document() {
        let now = clock::now();
        let mut batch = Batch::default();
        for _ in 0..50 {
            assert!(!batch.is_full());
            batch.offer(document(1), now).unwrap();
        }
        assert!(batch.is_full());
        batch.offer(document(1), now).unwrap_err();
        assert_eq!(batch.into_documents().len(), 50);
    }

    #[test]
    fn a_document_that_would_make_the_request_too_big_is_handed_back() {
        let now = clock::now();
        let mut batch = Batch::default();
        for _ in 0..10 {
            batch.offer(document(64 << 10), now).unwrap();
        }
        let back = batch.offer(document(1), now).unwrap_err();
        assert_eq!(back.body().len(), 1);
        assert_eq!(batch.into_documents().len(), 10);
    }

    #[test]
    fn an_empty_batch_takes_a_document_of_any_size() {
        let mut batch = Batch::default();
        batch
            .offer(document(BODY_BYTES_MAX + 1), clock::now())
            .unwrap();
        assert_eq!(batch.into_documents().len(), 1);
    }

    #[test]
    fn age_counts_from_the_first_document() {
        let first = clock::now();
        let mut batch = Batch::default();
        assert_eq!(batch.closes_at(), None);
        batch.offer(document(1), first).unwrap();
        batch.offer(document(1), first + AGE_MAX / 2).unwrap();
        assert_eq!(batch.closes_at(), Some(first + AGE_MAX));
    }
}
