//! Byte buffers that are used again. A fresh buffer of half a megabyte costs more than what is done
//! with it: the allocator gives such memory back at once, and the kernel zeroes it page by page.
//!
//! Bounded: so many buffers are kept, and none that is bigger than [`KEPT_BYTES_MAX`].

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;

/// Bigger ones go back to the allocator: a rare document must not stay as memory for ever.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Smaller ones are cheap to get.
const KEPT_BYTES_MIN: usize = 32 << 10;

/// Buffers that nobody uses at the moment.
#[derive(Debug)]
pub(crate) struct Buffers(ArrayQueue<Vec<u8>>);

/// A buffer that comes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    home: Arc<Buffers>,
}

impl Buffers {
    /// Keeps at most so many.
    pub(crate) fn new(kept_max: usize) -> Self {
        Self(ArrayQueue::new(kept_max.max(1)))
    }

    /// An empty buffer, a used one if there is one.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn give(&self, mut bytes: Vec<u8>) {
        if (KEPT_BYTES_MIN..=KEPT_BYTES_MAX).contains(&bytes.capacity()) {
            bytes.clear();
            // One too many goes back to the allocator.
            drop(self.0.push(bytes));
        }
    }
}

impl Buffer {
    /// An empty buffer from there.
    pub(crate) fn from(home: &Arc<Buffers>) -> Self {
        Self {
            bytes: home.take(),
            home: Arc::clone(home),
        }
    }

    /// Its content for sharing; it comes back when the last share is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.give(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_once_its_last_share_is_dropped() {
        let home = Arc::new(Buffers::new(2));
        let mut buffer = Buffer::from(&home);
        buffer.extend_from_slice(&[7; KEPT_BYTES_MIN]);
        let bytes = buffer.into_bytes();
        let share = bytes.clone();
        drop(bytes);
        assert_eq!(home.take().capacity(), 0, "still in use");
        assert_eq!(share.len(), KEPT_BYTES_MIN);
        drop(share);
        let again = home.take();
        assert!(again.is_empty() && again.capacity() >= KEPT_BYTES_MIN);
    }

    #[test]
    fn neither_many_nor_huge_nor_tiny_buffers_are_kept() {
        let home = Buffers::new(1);
        home.give(Vec::with_capacity(KEPT_BYTES_MAX + 1));
        home.give(Vec::with_capacity(KEPT_BYTES_MIN - 1));
        assert_eq!(home.take().capacity(), 0);
        home.give(Vec::with_capacity(KEPT_BYTES_MIN));
        home.give(Vec::with_capacity(KEPT_BYTES_MAX));
        assert_eq!(home.take().capacity(), KEPT_BYTES_MIN);
        assert_eq!(home.take().capacity(), 0);
    }
}
