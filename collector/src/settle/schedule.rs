//! When a trace is due to be settled: pure, the time is handed in.
//!
//! A trace is due once it has been quiet for `quiet`, or `longest` after its first new document,
//! whichever comes first. Source: `design.md`, "The way of one segment", 7.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use radiograph_protocol::ids::TraceId;

/// Traces with new documents, by when they are due.
#[derive(Debug)]
pub struct Schedule {
    quiet: Duration,
    longest: Duration,
    waiting: HashMap<TraceId, Waiting>,
    by_due: BTreeSet<(Instant, TraceId)>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    first: Instant,
    due: Instant,
}

impl Default for Schedule {
    /// 250 ms of quiet, 600 ms at most: the whole way from datagram to answer stays under a second.
    fn default() -> Self {
        Self::new(Duration::from_millis(250), Duration::from_millis(600))
    }
}

impl Schedule {
    /// An empty schedule.
    #[must_use]
    pub fn new(quiet: Duration, longest: Duration) -> Self {
        Self {
            quiet,
            longest,
            waiting: HashMap::new(),
            by_due: BTreeSet::new(),
        }
    }

    /// The trace has a new document.
    pub fn touch(&mut self, trace: TraceId, now: Instant) {
        let known = self.waiting.get(&trace).copied();
        let first = known.map_or(now, |waiting| waiting.first);
        let due = (now + self.quiet).min(first + self.longest);
        if let Some(known) = known {
            self.by_due.remove(&(known.due, trace));
        }
        self.waiting.insert(trace, Waiting { first, due });
        self.by_due.insert((due, trace));
    }

    /// Takes out at most `traces_max` traces that are due, longest due first.
    pub fn due(&mut self, now: Instant, traces_max: usize) -> Vec<TraceId> {
        let is_due = |entry: &&(Instant, TraceId)| entry.0 <= now;
        let due: Vec<_> = self
            .by_due
            .iter()
            .take_while(is_due)
            .take(traces_max)
            .copied()
            .collect();
        for entry in &due {
            self.by_due.remove(entry);
            self.waiting.remove(&entry.1);
        }
        due.into_iter().map(|(_, trace)| trace).collect()
    }

    /// When the next trace is due; `None` when none waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.by_due.first().map(|(due, _)| *due)
    }

    /// How many traces wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const A: TraceId = TraceId::from_bits(1);
    const B: TraceId = TraceId::from_bits(2);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_trace_is_due_after_a_quiet_moment() {
        let (mut schedule, start) = (Schedule::default(), clock::instant());
        schedule.touch(A, start);
        assert_eq!(schedule.due(start + ms(249), 9), vec![]);
        assert_eq!(schedule.next_due(), Some(start + ms(250)));
        assert_eq!(schedule.due(start + ms(250), 9), vec![A]);
        assert!(schedule.is_empty());
        assert_eq!(schedule.next_due(), None);
    }

    #[test]
    fn a_trace_that_is_never_quiet_is_due_all_the_same() {
        let (mut schedule, start) = (Schedule::default(), clock::instant());
        for at in (0..600).step_by(100) {
            schedule.touch(A, start + ms(at));
            assert_eq!(schedule.due(start + ms(at), 9), vec![]);
        }
        assert_eq!(schedule.due(start + ms(600), 9), vec![A]);
    }

    #[test]
    fn the_longest_waiting_goes_first_and_no_more_than_asked_for() {
        let (mut schedule, start) = (Schedule::default(), clock::instant());
        schedule.touch(B, start);
        schedule.touch(A, start + ms(1));
        assert_eq!(schedule.due(start + ms(999), 1), vec![B]);
        assert_eq!(schedule.len(), 1);
        assert_eq!(schedule.due(start + ms(999), 1), vec![A]);
    }

    #[test]
    fn a_document_that_comes_while_its_trace_is_settled_makes_it_due_again() {
        let (mut schedule, start) = (Schedule::default(), clock::instant());
        schedule.touch(A, start);
        assert_eq!(schedule.due(start + ms(250), 9), vec![A]);
        schedule.touch(A, start + ms(251));
        assert_eq!(schedule.due(start + ms(501), 9), vec![A]);
    }
}
