//! What the router hands to a destination. Bounded by the destination, which empties it at every turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::SegQueue;
use tokio::sync::Notify;

use crate::intake::Block;

/// Blocks that the destination has not taken over yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    blocks: SegQueue<Arc<Block>>,
    arrived: Notify,
    is_closed: AtomicBool,
}

impl Inbox {
    /// Hands a block over.
    pub(crate) fn push(&self, block: Arc<Block>) {
        self.blocks.push(block);
        self.arrived.notify_one();
    }

    /// Says that nothing will come any more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.arrived.notify_one();
    }

    /// The oldest block.
    pub(super) fn pop(&self) -> Option<Arc<Block>> {
        self.blocks.pop()
    }

    /// Waits for a block or the end; one that came while nobody waited is not lost.
    pub(super) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Whether nothing is there and nothing will come.
    pub(super) fn is_finished(&self) -> bool {
        // In this order: what was pushed before the closing is then seen.
        self.is_closed.load(Ordering::Acquire) && self.blocks.is_empty()
    }
}
