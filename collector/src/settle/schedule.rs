//! When a trace is due to be settled: pure, the time is handed in.
//!
//! A trace is due once it has been quiet for `quiet`, or `longest` after its first new document,
//! whichever comes first; one that only links to a trace with new documents, as soon as there is time.
//! Nothing is due while it is being settled: what comes meanwhile waits until that is done.
//! Source: `design.md`, "The way of one segment", 7.
//!
//! Memory: about 100 bytes for each trace that waits. How many wait for new documents is for the
//! callers to bound ([`Schedule::len`]); those that wait for a link are at most as many as are stored.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use radiograph_protocol::ids::TraceId;

/// Traces with new documents, by when they are due.
#[derive(Debug)]
pub struct Schedule {
    quiet: Duration,
    longest: Duration,
    waiting: HashMap<TraceId, Waiting>,
    /// Each waiting trace once, by when it was due when it came here: later documents only put that off,
    /// which is looked at when its turn comes.
    by_due: BinaryHeap<Reverse<(Instant, TraceId)>>,
    linking: VecDeque<TraceId>,
    /// What stands in `linking`.
    is_linking: HashSet<TraceId>,
    /// What is being settled, and what has come of it meanwhile.
    running: HashMap<TraceId, Meanwhile>,
}

/// A trace to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The trace.
    pub trace_id: TraceId,
    /// It has new documents, so that those that link to it come next; otherwise it is due for its own
    /// links alone.
    pub has_new_documents: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Meanwhile {
    documents: Option<Waiting>,
    has_stale_link: bool,
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
            by_due: BinaryHeap::new(),
            linking: VecDeque::new(),
            is_linking: HashSet::new(),
            running: HashMap::new(),
        }
    }

    /// The trace has a new document.
    pub fn touch(&mut self, trace: TraceId, now: Instant) {
        let quiet = now + self.quiet;
        let later = |known: Option<Waiting>| {
            let first = known.map_or(now, |waiting| waiting.first);
            let due = quiet.min(first + self.longest);
            Waiting { first, due }
        };
        if let Some(meanwhile) = self.running.get_mut(&trace) {
            meanwhile.documents = Some(later(meanwhile.documents));
            return;
        }
        match self.waiting.get_mut(&trace) {
            Some(known) => *known = later(Some(*known)),
            None => self.wait(trace, later(None)),
        }
    }

    /// A trace that this one links to has new documents.
    pub fn touch_linking(&mut self, trace: TraceId) {
        if let Some(meanwhile) = self.running.get_mut(&trace) {
            meanwhile.has_stale_link = true;
        } else if self.is_linking.insert(trace) {
            self.linking.push_back(trace);
        }
    }

    /// Takes out at most `traces_max` traces that are due, longest due first, a quarter of them at
    /// least for their links alone, if there are such. Each is to be given back to
    /// [`Self::finished`].
    pub fn due(&mut self, now: Instant, traces_max: usize) -> Vec<Due> {
        let for_links = self.linking.len().min(traces_max / 4);
        let mut due = Vec::new();
        while due.len() < traces_max - for_links
            && let Some(trace) = self.next_waiting(now)
        {
            self.waiting.remove(&trace);
            due.push(self.start(trace, true));
        }
        while due.len() < traces_max
            && let Some(trace) = self.linking.pop_front()
        {
            self.is_linking.remove(&trace);
            // settled with its new documents it looks at its links as well
            let is_settled_anyway =
                self.running.contains_key(&trace) || self.waiting.contains_key(&trace);
            if !is_settled_anyway {
                due.push(self.start(trace, false));
            }
        }
        due
    }

    /// Takes the trace that has been due longest out of the order of waiting.
    fn next_waiting(&mut self, now: Instant) -> Option<TraceId> {
        loop {
            let Reverse((known, trace)) = *self.by_due.peek()?;
            if known > now {
                return None;
            }
            self.by_due.pop();
            match self.waiting.get(&trace) {
                Some(waiting) if waiting.due > known => {
                    self.by_due.push(Reverse((waiting.due, trace)));
                }
                _ => return Some(trace),
            }
        }
    }

    fn start(&mut self, trace_id: TraceId, has_new_documents: bool) -> Due {
        self.running.insert(trace_id, Meanwhile::default());
        Due {
            trace_id,
            has_new_documents,
        }
    }

    /// The trace is not being settled any more.
    pub fn finished(&mut self, trace: TraceId) {
        let Some(meanwhile) = self.running.remove(&trace) else {
            return;
        };
        if let Some(waiting) = meanwhile.documents {
            self.wait(trace, waiting);
        } else if meanwhile.has_stale_link {
            self.touch_linking(trace);
        }
    }

    fn wait(&mut self, trace: TraceId, waiting: Waiting) {
        self.waiting.insert(trace, waiting);
        self.by_due.push(Reverse((waiting.due, trace)));
    }

    /// When to look again for what is due, at the latest: `now` or before if something is; `None` when
    /// nothing waits.
    #[must_use]
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.linking.is_empty() {
            self.by_due.peek().map(|Reverse((due, _))| *due)
        } else {
            Some(now)
        }
    }

    /// How many traces have new documents and no view of them yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.running.len()
    }

    /// Whether nothing waits and nothing is being settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty() && self.linking.is_empty()
    }
}

#[cfg(test)]
mod tests;
