//! What was decided for which trace, so that a trace's later documents follow its first.
//!
//! Bounds: [`TRACES_MAX`] traces, the oldest forgotten first, and [`AGE_MAX_SECONDS`]. Per trace about
//! 40 bytes, so 10 MB when full and nothing while the sampler is idle. Source: `design.md`, sampling.

use std::collections::{HashMap, VecDeque};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::sampling::Decision;

/// Traces remembered at once.
pub(super) const TRACES_MAX: usize = 200_000;

/// How long a decision holds, from when it was made; a step of the clock beyond it forgets, too.
pub(super) const AGE_MAX_SECONDS: i64 = 600;

/// The bits of a trace id as bytes, which align to one and so cost half of what a number would.
type Key = [u8; 16];

/// Decisions by trace.
#[derive(Debug, Default)]
pub(super) struct Memory {
    is_kept: HashMap<Key, bool>,
    /// In the order of the decisions, with their second.
    order: VecDeque<(Key, i64)>,
    drops: usize,
}

impl Memory {
    /// What was decided for the trace.
    pub(super) fn recall(&mut self, trace_id: TraceId, now_seconds: i64) -> Option<Decision> {
        self.forget_older(now_seconds);
        let is_kept = self.is_kept.get(&trace_id.bits().to_ne_bytes())?;
        Some(if *is_kept {
            Decision::Record
        } else {
            Decision::Drop
        })
    }

    /// Notes a decision for a trace that has none.
    pub(super) fn remember(&mut self, trace_id: TraceId, decision: Decision, now_seconds: i64) {
        if self.order.len() >= TRACES_MAX {
            self.forget_oldest();
        }
        let key = trace_id.bits().to_ne_bytes();
        let is_kept = decision == Decision::Record;
        if self.is_kept.insert(key, is_kept).is_none() {
            self.order.push_back((key, now_seconds));
            self.drops += usize::from(!is_kept);
        }
    }

    /// Forgets what is too old.
    pub(super) fn forget_older(&mut self, now_seconds: i64) {
        while let Some((_, decided)) = self.order.front() {
            if now_seconds.abs_diff(*decided) < AGE_MAX_SECONDS.unsigned_abs() {
                break;
            }
            self.forget_oldest();
        }
    }

    /// Whether documents of some trace are still to be dropped.
    pub(super) const fn has_drops(&self) -> bool {
        self.drops > 0
    }

    fn forget_oldest(&mut self) {
        let Some((key, _)) = self.order.pop_front() else {
            return;
        };
        if self.is_kept.remove(&key) == Some(false) {
            self.drops = self.drops.saturating_sub(1);
        }
        if self.order.is_empty() {
            // Gives the memory of a burst back.
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn trace(number: u128) -> TraceId {
        TraceId::from_bits(number)
    }

    #[test]
    fn a_decision_holds_for_ten_minutes() {
        let mut memory = Memory::default();
        memory.remember(trace(1), Decision::Drop, 1000);
        memory.remember(trace(2), Decision::Record, 1001);
        assert_eq!(memory.recall(trace(1), 1599), Some(Decision::Drop));
        assert_eq!(memory.recall(trace(1), 1600), None);
        assert!(!memory.has_drops());
        assert_eq!(memory.recall(trace(2), 1600), Some(Decision::Record));
        assert_eq!(memory.recall(trace(2), 1601), None);
    }

    #[test]
    fn a_clock_that_was_set_back_by_more_forgets_too() {
        let mut memory = Memory::default();
        memory.remember(trace(1), Decision::Drop, 1000);
        assert_eq!(memory.recall(trace(1), 401), Some(Decision::Drop));
        assert_eq!(memory.recall(trace(1), 400), None);
    }

    #[test]
    fn beyond_the_bound_the_oldest_trace_is_forgotten() {
        let mut memory = Memory::default();
        for number in 0..=TRACES_MAX {
            let number = u128::try_from(number).unwrap();
            memory.remember(trace(number), Decision::Drop, 1000);
        }
        assert_eq!(memory.recall(trace(0), 1000), None);
        assert_eq!(memory.recall(trace(1), 1000), Some(Decision::Drop));
        assert_eq!(
            (memory.order.len(), memory.is_kept.len()),
            (TRACES_MAX, TRACES_MAX)
        );
        assert_eq!(memory.drops, TRACES_MAX);
    }

    #[test]
    fn whoever_has_forgotten_all_holds_no_memory() {
        let mut memory = Memory::default();
        memory.remember(trace(1), Decision::Drop, 1000);
        memory.forget_older(2000);
        assert_eq!((memory.is_kept.capacity(), memory.order.capacity()), (0, 0));
    }
}
