//! The queue between those who receive (UDP, `/TraceSegments` on TCP) and the router: blocks of
//! documents in order of arrival, bounded by bytes.
//!
//! Per block: 0 locks, 1 allocation. A block's bytes stay charged until its last
//! holder drops it, that is until every destination has delivered, spooled or given it up: the budget
//! bounds all documents in memory, those in flight included, unlike AWS's (`spec/daemon.md` section
//! 3.1). What does not fit is handed back for the caller to count; nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;
use tokio::sync::Notify;

use crate::buffers::Buffers;
use crate::documents::Documents;

/// What a block costs beside its bytes: the shared header, its places in queues, the allocator.
const BLOCK_OVERHEAD_BYTES: usize = 256;

/// Buffers kept for later blocks: as many as are on their way at a high rate, of half a megabyte.
const BUFFERS_MAX: usize = 8;

/// Blocks that nobody has routed yet, and the budget of all blocks that are alive.
#[derive(Debug)]
pub(crate) struct Intake {
    blocks: SegQueue<Block>,
    budget: Arc<Budget>,
    arrived: Notify,
}

/// Documents that count against the budget as long as anybody holds them.
#[derive(Debug)]
pub(crate) struct Block {
    documents: Documents,
    /// What it costs, and whom; none for what came from the spool, which is bounded by its readers.
    charge: Option<(usize, Arc<Budget>)>,
}

#[derive(Debug)]
struct Budget {
    bytes_max: usize,
    bytes: AtomicUsize,
    /// Those of blocks that are gone.
    buffers: Buffers,
}

impl Intake {
    /// An empty queue for blocks of at most `bytes_max` bytes together.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            blocks: SegQueue::new(),
            budget: Arc::new(Budget {
                bytes_max,
                bytes: AtomicUsize::new(0),
                buffers: Buffers::new(BUFFERS_MAX),
            }),
            arrived: Notify::new(),
        }
    }

    /// An empty buffer for the next block, a used one if there is one.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.budget.buffers.take()
    }

    /// Takes the buffer of documents that are nobody's any more.
    pub(crate) fn recycle(&self, documents: Documents) {
        self.budget.buffers.give(documents.into_buffer());
    }

    /// Takes the documents over and wakes the router, or hands them back when the budget has no room.
    pub(crate) fn offer(&self, documents: Documents) -> Result<(), Documents> {
        let charge = charge_of(&documents);
        if !self.budget.charge(charge) {
            return Err(documents);
        }
        self.blocks.push(Block {
            documents,
            charge: Some((charge, Arc::clone(&self.budget))),
        });
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for an offer that was taken; one made while nobody waited is not lost.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// The oldest block.
    pub(crate) fn pop(&self) -> Option<Block> {
        self.blocks.pop()
    }

    /// Bytes charged now, overheads included.
    pub(crate) fn bytes(&self) -> usize {
        self.budget.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that may be charged.
    pub(crate) fn bytes_max(&self) -> usize {
        self.budget.bytes_max
    }
}

impl Budget {
    fn charge(&self, charge: usize) -> bool {
        let fits = |bytes: usize| {
            let after = bytes.checked_add(charge)?;
            (after <= self.bytes_max).then_some(after)
        };
        let charged = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        charged.is_ok()
    }
}

const fn charge_of(documents: &Documents) -> usize {
    documents
        .capacity_bytes()
        .saturating_add(BLOCK_OVERHEAD_BYTES)
}

impl Block {
    /// Documents that are in no budget.
    pub(crate) const fn uncharged(documents: Documents) -> Self {
        Self {
            documents,
            charge: None,
        }
    }

    /// The same place in the budget for fewer documents: those that the sampler left.
    pub(crate) fn keep(mut self, documents: Documents) -> Self {
        self.documents = documents;
        self
    }

    pub(crate) const fn documents(&self) -> &Documents {
        &self.documents
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some((charge, budget)) = &self.charge {
            budget.bytes.fetch_sub(*charge, Ordering::Relaxed);
            let documents = std::mem::take(&mut self.documents);
            budget.buffers.give(documents.into_buffer());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(bytes: usize) -> Documents {
        let mut documents = Documents::with_capacity(1, bytes);
        assert!(documents.push(&vec![b'x'; bytes]));
        documents
    }

    /// Of a block with one document: its length in front, its end beside.
    const OVERHEAD: usize = BLOCK_OVERHEAD_BYTES + 4 + size_of::<u32>();

    #[test]
    fn blocks_come_out_in_order() {
        let intake = Intake::new(1 << 20);
        for bytes in [1, 2, 3] {
            intake.offer(documents(bytes)).unwrap();
        }
        let sizes: Vec<usize> =
            std::iter::from_fn(|| intake.pop().map(|block| block.documents().byte_len())).collect();
        assert_eq!(sizes, [1, 2, 3]);
    }

    #[test]
    fn a_full_intake_takes_nothing_until_a_block_is_dropped_not_merely_taken_out() {
        let intake = Intake::new(2 * (10 + OVERHEAD));
        intake.offer(documents(10)).unwrap();
        intake.offer(documents(10)).unwrap();
        let back = intake.offer(documents(1)).unwrap_err();
        assert_eq!(back, documents(1), "handed back whole");
        let taken = Arc::new(intake.pop().unwrap());
        let shared = Arc::clone(&taken);
        drop(taken);
        assert!(
            intake.offer(documents(1)).is_err(),
            "somebody still holds it"
        );
        drop(shared);
        intake.offer(documents(1)).unwrap();
    }

    #[test]
    fn many_threads_never_exceed_the_budget_and_give_all_of_it_back() {
        const ROOM: usize = 100;
        let intake = Intake::new(ROOM * (1 + OVERHEAD));
        let offer = || {
            (0..ROOM)
                .filter(|_| intake.offer(documents(1)).is_ok())
                .count()
        };
        let accepted: usize = std::thread::scope(|scope| {
            let offering = [(); 4].map(|()| scope.spawn(offer));
            offering.into_iter().map(|each| each.join().unwrap()).sum()
        });
        assert_eq!(accepted, ROOM);
        while intake.pop().is_some() {}
        assert_eq!(intake.bytes(), 0);
    }
}
