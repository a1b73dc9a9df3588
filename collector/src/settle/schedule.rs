//! When a trace is due to be settled: pure, the time is handed in.
//!
//! A trace is due once it has been quiet for `quiet`, or `longest` after its first new document,
//! whichever comes first; one that only links to a trace with new documents, as soon as there is time.
//! Nothing is due while it is being settled: what comes meanwhile waits until that is done.
//! Source: `design.md`, "The way of one segment", 7.
//!
//! Memory: about 100 bytes for each trace that waits. How many wait for new documents is for the
//! callers to bound ([`Schedule::len`]); those that wait for a link are at most as many as are stored.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use radiograph_protocol::ids::TraceId;

/// Traces with new documents, by when they are due.
#[derive(Debug)]
pub struct Schedule {
    quiet: Duration,
    longest: Duration,
    waiting: HashMap<TraceId, Waiting>,
    by_due: BTreeSet<(Instant, TraceId)>,
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
            by_due: BTreeSet::new(),
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
        let known = self.waiting.get(&trace).copied();
        let waiting = later(known);
        if let Some(known) = known {
            self.by_due.remove(&(known.due, trace));
        }
        self.wait(trace, waiting);
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
        let is_due = |entry: &&(Instant, TraceId)| entry.0 <= now;
        let entries = self.by_due.iter().take_while(is_due);
        let entries: Vec<_> = entries.take(traces_max - for_links).copied().collect();
        let mut due = Vec::with_capacity(entries.len());
        for entry in entries {
            self.by_due.remove(&entry);
            self.waiting.remove(&entry.1);
            due.push(self.start(entry.1, true));
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
        self.by_due.insert((waiting.due, trace));
    }

    /// When the next trace is due, `now` or before if one is; `None` when none waits.
    #[must_use]
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.linking.is_empty() {
            self.by_due.first().map(|(due, _)| *due)
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
