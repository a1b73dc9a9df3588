//! What was acknowledged and when, what was read, and what should not have happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kept of what should not have happened.
const VIOLATIONS_MAX: usize = 1000;
pub(crate) const HOUR_SECONDS: u64 = 3600;

/// A trace that was sent; its number is its place in the books.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Seconds since 1970 that its documents and its id tell.
    pub(crate) at: u64,
    /// Seconds since 1970 when it was acknowledged; 0 when it was not, as far as anybody knows.
    pub(crate) acknowledged: u64,
}

/// The books of a run.
#[derive(Debug, Default)]
pub(crate) struct Books {
    traces: Mutex<Vec<Sent>>,
    violations: Mutex<Vec<String>>,
    documents: AtomicU64,
    reads: AtomicU64,
    throttled: AtomicU64,
    unreachable: AtomicU64,
    is_down: AtomicU64,
}

impl Books {
    pub(crate) fn traces(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters traces that are about to be sent, and tells the number of the first.
    pub(crate) fn enter(&self, count: usize, at: u64) -> usize {
        let mut traces = self.traces();
        let first = traces.len();
        let sent = Sent {
            at,
            acknowledged: 0,
        };
        traces.resize(first + count, sent);
        first
    }

    /// These traces, of so many documents in all, were acknowledged.
    pub(crate) fn acknowledge(&self, first: usize, count: usize, documents: u64, now: u64) {
        for sent in self.traces().iter_mut().skip(first).take(count) {
            sent.acknowledged = now;
        }
        self.documents.fetch_add(documents, Ordering::Relaxed);
    }

    /// A trace that was acknowledged in the hour of `now`, picked by this number.
    pub(crate) fn pick(&self, number: usize, now: u64) -> Option<(usize, Sent)> {
        let traces = self.traces();
        let at = number.checked_rem(traces.len())?;
        let sent = *traces.get(at)?;
        let is_young = sent.acknowledged / HOUR_SECONDS == now / HOUR_SECONDS;
        is_young.then_some((at, sent))
    }

    pub(crate) fn acknowledged(&self) -> usize {
        let traces = self.traces();
        traces.iter().filter(|sent| sent.acknowledged != 0).count()
    }

    pub(crate) fn violation(&self, what: String) {
        let mut violations = self.lock_violations();
        if violations.len() < VIOLATIONS_MAX {
            violations.push(what);
        }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.lock_violations().clone()
    }

    fn lock_violations(&self) -> MutexGuard<'_, Vec<String>> {
        let locked = self.violations.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn throttle(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Between a kill and the first answer after it, calls may fail.
    pub(crate) fn set_down(&self, is_down: bool) {
        // a count of changes: odd while it is down
        let is_known = self.is_down() == is_down;
        self.is_down
            .fetch_add(u64::from(!is_known), Ordering::SeqCst);
    }

    fn is_down(&self) -> bool {
        self.is_down.load(Ordering::SeqCst) % 2 == 1
    }

    /// A mark to compare with when a call fails.
    pub(crate) fn mark(&self) -> u64 {
        self.is_down.load(Ordering::SeqCst)
    }

    /// A call failed that began at this mark: counted when the collector was down meanwhile, else a
    /// violation.
    pub(crate) fn failed(&self, mark: u64, what: impl FnOnce() -> String) {
        if mark % 2 == 1 || mark != self.mark() {
            self.unreachable.fetch_add(1, Ordering::Relaxed);
        } else {
            self.violation(what());
        }
    }

    pub(crate) fn unreachable(&self) -> u64 {
        self.unreachable.load(Ordering::Relaxed)
    }
}
