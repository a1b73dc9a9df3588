//! The numbers that counters are made of.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, count: usize) {
        self.add_wide(wide(count));
    }

    pub(crate) fn add_wide(&self, count: u64) {
        // Relaxed: the numbers guard nothing, they are read for people.
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(wide(count), Ordering::Relaxed);
    }

    /// Takes away what was added before.
    pub(crate) fn subtract(&self, count: usize) {
        self.0.fetch_sub(wide(count), Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The number now. Another thread may take away a moment before this one has added.
    pub(crate) fn value(&self) -> u64 {
        let value = self.0.load(Ordering::Relaxed);
        if i64::try_from(value).is_ok() {
            value
        } else {
            0
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
