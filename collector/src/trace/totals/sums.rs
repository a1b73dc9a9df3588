//! What is summed up per node, edge and link edge. Source: `spec/traces-and-graph.md` section 7.1.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};
use serde::{Deserialize, Serialize};

use crate::trace::histogram::Histogram;
use crate::trace::node::NodeKey;

/// What segments, sent and inferred, say of their own node; histograms in one form or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTotals<H = Histogram> {
    /// Entities that make the node appear, unfinished ones included.
    pub present: i64,
    /// Sent segments and orphans among them: any makes the node `active`.
    pub sent: i64,
    /// Graph roots among them.
    pub roots: i64,
    /// Outcome of the finished ones.
    pub statistics: Statistics,
    /// End − start of the segment.
    pub response_times: H,
    /// Span of the segment and all its subsegments.
    pub durations: H,
    /// Earliest start and latest end.
    pub span: Span,
}

/// What callers say of their calls; histograms and names of nodes in one form or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "H: Deserialize<'de>, N: Deserialize<'de> + Ord"))]
pub struct EdgeTotals<H = Histogram, N = NodeKey> {
    /// Calls that make the edge appear, unfinished ones included.
    pub present: i64,
    /// Calls whose caller belongs to a sent segment.
    pub source_sent: i64,
    /// Calls answered by a sent segment.
    pub target_sent: i64,
    /// Outcome of the finished ones.
    pub statistics: Statistics,
    /// End − start of the caller.
    pub response_times: H,
    /// Uses of each name by which callers knew the callee.
    pub aliases: BTreeMap<N, i64>,
    /// Earliest start and latest end of the callers.
    pub span: Span,
}

/// What consumers say of the messages they took up (`spec/traces-and-graph.md` section 7.4);
/// histograms in one form or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTotals<H = Histogram> {
    /// Links that make the edge appear.
    pub present: i64,
    /// Links whose producer's node belongs to a sent segment.
    pub source_sent: i64,
    /// Start of the linking entity − end of the linked one.
    pub ages: H,
    /// Earliest start and latest end of the linking entities.
    pub span: Span,
}

/// Earliest start and latest end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Earliest start.
    pub start: Timestamp,
    /// Latest end.
    pub end: Timestamp,
}

/// Requests by outcome, each counted once: fault, else throttle, else error, else ok
/// (`spec/traces-and-graph.md` section 2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Neither of the others.
    pub ok: i64,
    /// Throttled.
    pub throttle: i64,
    /// Other client errors.
    pub error: i64,
    /// Faults.
    pub fault: i64,
    /// Sum of end − start in microseconds; wide, since a hostile document may last for ever.
    pub response_time_micros: i128,
}

impl Statistics {
    /// One request.
    #[must_use]
    pub fn of(outcome: Flags, response_time: Elapsed) -> Self {
        let mut one = Self {
            response_time_micros: i128::from(response_time.micros()),
            ..Self::default()
        };
        match outcome {
            Flags { fault: true, .. } => one.fault = 1,
            Flags { throttle: true, .. } => one.throttle = 1,
            Flags { error: true, .. } => one.error = 1,
            _ => one.ok = 1,
        }
        one
    }

    /// All requests.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.ok + self.throttle + self.error + self.fault
    }

    /// Adds `factor` times the other; `-1` takes it away.
    pub fn add(&mut self, other: &Self, factor: i64) {
        self.ok += factor * other.ok;
        self.throttle += factor * other.throttle;
        self.error += factor * other.error;
        self.fault += factor * other.fault;
        self.response_time_micros += i128::from(factor) * other.response_time_micros;
    }
}

impl Span {
    /// Takes the other in.
    pub(in crate::trace) fn widen(&mut self, other: Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
    }
}

/// A sum that is there as long as something is in it: not even counts that cancel out, with another
/// outcome, make it vanish.
pub(in crate::trace) trait Sum {
    /// Nothing, at a place in time.
    fn nothing_at(span: Span) -> Self;

    /// Whether it holds nothing but its place in time.
    fn is_nothing(&self) -> bool;
}

/// Changes the sum under a key, which appears and vanishes as needed.
pub(in crate::trace) fn change<K: Ord + Clone, T: Sum>(
    sums: &mut BTreeMap<K, T>,
    key: &K,
    span: Span,
    change: impl FnOnce(&mut T),
) {
    change_at(sums, key, || key.clone(), span, change);
}

/// The same for a key that is made when it is new only.
pub(in crate::trace) fn change_at<K: Ord + Borrow<Q>, Q: Ord + ?Sized, T: Sum>(
    sums: &mut BTreeMap<K, T>,
    key: &Q,
    new_key: impl FnOnce() -> K,
    span: Span,
    change: impl FnOnce(&mut T),
) {
    let sum = match sums.get_mut(key) {
        Some(sum) => sum,
        None => sums.entry(new_key()).or_insert_with(|| T::nothing_at(span)),
    };
    change(sum);
    if sum.is_nothing() {
        sums.remove(key);
    }
}

impl<H> NodeTotals<H> {
    /// Adds `factor` times the other, histograms apart.
    pub(in crate::trace) fn add_counts<O>(&mut self, other: &NodeTotals<O>, factor: i64) {
        self.present += factor * other.present;
        self.sent += factor * other.sent;
        self.roots += factor * other.roots;
        self.statistics.add(&other.statistics, factor);
        self.span.widen(other.span);
    }
}

impl NodeTotals {
    pub(super) fn add(&mut self, other: &Self, factor: i64) {
        self.add_counts(other, factor);
        self.response_times.add(&other.response_times, factor);
        self.durations.add(&other.durations, factor);
    }
}

impl<H: Default + PartialEq> Sum for NodeTotals<H> {
    fn nothing_at(span: Span) -> Self {
        Self {
            present: 0,
            sent: 0,
            roots: 0,
            statistics: Statistics::default(),
            response_times: H::default(),
            durations: H::default(),
            span,
        }
    }

    fn is_nothing(&self) -> bool {
        self.present == 0 && *self == Self::nothing_at(self.span)
    }
}

impl<H, N> EdgeTotals<H, N> {
    /// Adds `factor` times the other, histograms and aliases apart.
    pub(in crate::trace) fn add_counts<O, M>(&mut self, other: &EdgeTotals<O, M>, factor: i64) {
        self.present += factor * other.present;
        self.source_sent += factor * other.source_sent;
        self.target_sent += factor * other.target_sent;
        self.statistics.add(&other.statistics, factor);
        self.span.widen(other.span);
    }
}

impl EdgeTotals {
    pub(super) fn add(&mut self, other: &Self, factor: i64) {
        self.add_counts(other, factor);
        self.response_times.add(&other.response_times, factor);
        for (alias, uses) in &other.aliases {
            add_uses(&mut self.aliases, alias, factor * uses);
        }
    }
}

/// Adds uses of a name, which appears and vanishes as needed.
pub(in crate::trace) fn add_uses<N: Ord + Clone>(
    names: &mut BTreeMap<N, i64>,
    name: &N,
    uses: i64,
) {
    let sum = match names.get_mut(name) {
        Some(sum) => sum,
        None => names.entry(name.clone()).or_insert(0),
    };
    *sum += uses;
    if *sum == 0 {
        names.remove(name);
    }
}

impl<H: Default + PartialEq, N: Ord> Sum for EdgeTotals<H, N> {
    fn nothing_at(span: Span) -> Self {
        Self {
            present: 0,
            source_sent: 0,
            target_sent: 0,
            statistics: Statistics::default(),
            response_times: H::default(),
            aliases: BTreeMap::new(),
            span,
        }
    }

    fn is_nothing(&self) -> bool {
        self.present == 0 && *self == Self::nothing_at(self.span)
    }
}

impl<H> LinkTotals<H> {
    /// Adds `factor` times the other, the histogram apart.
    pub(in crate::trace) fn add_counts<O>(&mut self, other: &LinkTotals<O>, factor: i64) {
        self.present += factor * other.present;
        self.source_sent += factor * other.source_sent;
        self.span.widen(other.span);
    }
}

impl LinkTotals {
    pub(super) fn add(&mut self, other: &Self, factor: i64) {
        self.add_counts(other, factor);
        self.ages.add(&other.ages, factor);
    }
}

impl<H: Default + PartialEq> Sum for LinkTotals<H> {
    fn nothing_at(span: Span) -> Self {
        Self {
            present: 0,
            source_sent: 0,
            ages: H::default(),
            span,
        }
    }

    fn is_nothing(&self) -> bool {
        self.present == 0 && *self == Self::nothing_at(self.span)
    }
}
