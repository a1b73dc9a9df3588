//! The queue between receive and batch, bounded by bytes.
//!
//! Per document: 0 locks, 0 allocations beyond its own body. A document's bytes stay charged until
//! it is dropped, that is until it was delivered or given up: the budget bounds all documents in the
//! process, those in flight included, unlike AWS's (`spec/daemon.md` section 3.1). A document that
//! does not fit is handed back for the caller to count; nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;
use tokio::sync::Notify;

/// What a document costs beside its bytes: its place in the queue and the allocator's overhead.
const DOCUMENT_OVERHEAD_BYTES: usize = 64;

/// Documents in order of arrival.
#[derive(Debug)]
pub(crate) struct Queue {
    documents: SegQueue<Document>,
    budget: Arc<Budget>,
    arrived: Notify,
}

#[derive(Debug)]
struct Budget {
    bytes_max: usize,
    bytes: AtomicUsize,
    documents: AtomicUsize,
}

/// A document's body, byte for byte as received; counts against the budget as long as it lives.
#[derive(Debug)]
pub(crate) struct Document {
    body: Box<[u8]>,
    budget: Arc<Budget>,
}

impl Queue {
    /// An empty queue for documents of at most `bytes_max` bytes together.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            documents: SegQueue::new(),
            budget: Arc::new(Budget {
                bytes_max,
                bytes: AtomicUsize::new(0),
                documents: AtomicUsize::new(0),
            }),
            arrived: Notify::new(),
        }
    }

    /// Copies `body` into the queue; false when the budget has no room for it.
    ///
    /// Wakes nobody: [`Queue::announce`] does, once per received batch.
    pub(crate) fn push(&self, body: &[u8]) -> bool {
        let is_charged = self.budget.charge(body.len());
        if is_charged {
            self.documents.push(Document {
                body: body.into(),
                budget: Arc::clone(&self.budget),
            });
        }
        is_charged
    }

    /// Wakes the one who waits in [`Queue::arrival`].
    pub(crate) fn announce(&self) {
        self.arrived.notify_one();
    }

    /// Waits for an announcement; one made while nobody waited is not lost.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// The oldest document.
    pub(crate) fn pop(&self) -> Option<Document> {
        self.documents.pop()
    }

    /// Documents charged to the budget: in the queue, in a batch or in flight.
    pub(crate) fn held(&self) -> u64 {
        let documents = self.budget.documents.load(Ordering::Relaxed);
        u64::try_from(documents).unwrap_or(u64::MAX)
    }
}

impl Budget {
    fn charge(&self, body_bytes: usize) -> bool {
        let charge = charge_of(body_bytes);
        let fits = |bytes: usize| {
            let after = bytes.checked_add(charge)?;
            (after <= self.bytes_max).then_some(after)
        };
        let is_charged = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok();
        if is_charged {
            self.documents.fetch_add(1, Ordering::Relaxed);
        }
        is_charged
    }
}

const fn charge_of(body_bytes: usize) -> usize {
    body_bytes.saturating_add(DOCUMENT_OVERHEAD_BYTES)
}

impl Document {
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.budget
            .bytes
            .fetch_sub(charge_of(self.body.len()), Ordering::Relaxed);
        self.budget.documents.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_out_in_order_byte_for_byte() {
        let queue = Queue::new(1 << 20);
        for body in [b"a".as_slice(), b"\xff\n", b"c"] {
            assert!(queue.push(body));
        }
        let bodies: Vec<Vec<u8>> =
            std::iter::from_fn(|| queue.pop().map(|document| document.body().to_vec())).collect();
        assert_eq!(bodies, [b"a".to_vec(), b"\xff\n".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn a_full_queue_takes_nothing_until_a_document_is_dropped_not_merely_taken_out() {
        let queue = Queue::new(2 * (10 + DOCUMENT_OVERHEAD_BYTES));
        assert!(queue.push(&[b'x'; 10]) && queue.push(&[b'x'; 10]));
        assert!(!queue.push(b"y"), "full");
        let taken = queue.pop().unwrap();
        assert!(!queue.push(b"y"), "a document in flight is still held");
        assert_eq!(queue.held(), 2);
        drop(taken);
        assert!(queue.push(b"y"));
        assert_eq!(queue.held(), 2);
    }

    #[test]
    fn many_threads_never_exceed_the_budget_and_give_all_of_it_back() {
        const ROOM: usize = 100;
        let queue = Queue::new(ROOM * (1 + DOCUMENT_OVERHEAD_BYTES));
        let accepted: usize = std::thread::scope(|scope| {
            let pushers =
                [(); 4].map(|()| scope.spawn(|| (0..ROOM).filter(|_| queue.push(b"x")).count()));
            pushers
                .into_iter()
                .map(|pusher| pusher.join().unwrap())
                .sum()
        });
        assert_eq!(accepted, ROOM);
        while queue.pop().is_some() {}
        assert_eq!(
            (queue.held(), queue.budget.bytes.load(Ordering::Relaxed)),
            (0, 0)
        );
    }
}
