//! What traces add to the service graph, per minute: a sum that can be added to and taken from.
//!
//! The same type holds what one trace contributes and what a store has summed up, so a store keeps
//! its totals right by adding `new - old` whenever a view is replaced. Only the start and end times
//! cannot be taken back: they may be wider than exact afterwards, never narrower.
//! Source: `spec/traces-and-graph.md` section 7.1.

use std::collections::BTreeMap;

use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::{Elapsed, Minute, Timestamp};
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::node::{EdgeKey, NodeKey};

/// Contributions by minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// What lies in each minute; no minute is empty.
    pub minutes: BTreeMap<Minute, MinuteTotals>,
}

/// Contributions of one minute, or of a window of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MinuteTotals {
    /// By node.
    pub nodes: BTreeMap<NodeKey, NodeTotals>,
    /// By edge.
    pub edges: BTreeMap<EdgeKey, EdgeTotals>,
}

/// What segments, sent and inferred, say of their own node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTotals {
    /// Entities that make the node appear, unfinished ones included.
    pub present: i64,
    /// Sent segments and orphans among them: any makes the node `active`.
    pub sent: i64,
    /// Graph roots among them.
    pub roots: i64,
    /// Outcome of the finished ones.
    pub statistics: Statistics,
    /// End − start of the segment.
    pub response_times: Histogram,
    /// Span of the segment and all its subsegments.
    pub durations: Histogram,
    /// Earliest start and latest end.
    pub span: Span,
}

/// What callers say of their calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeTotals {
    /// Calls that make the edge appear, unfinished ones included.
    pub present: i64,
    /// Calls whose caller belongs to a sent segment.
    pub source_sent: i64,
    /// Calls answered by a sent segment.
    pub target_sent: i64,
    /// Outcome of the finished ones.
    pub statistics: Statistics,
    /// End − start of the caller.
    pub response_times: Histogram,
    /// Uses of each name by which callers knew the callee.
    pub aliases: BTreeMap<NodeKey, i64>,
    /// Earliest start and latest end of the callers.
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

    fn add(&mut self, other: &Self, factor: i64) {
        self.ok += factor * other.ok;
        self.throttle += factor * other.throttle;
        self.error += factor * other.error;
        self.fault += factor * other.fault;
        self.response_time_micros += i128::from(factor) * other.response_time_micros;
    }
}

impl Span {
    fn widen(&mut self, other: Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
    }
}

impl NodeTotals {
    /// Adds `factor` times the other; `-1` takes it away.
    fn add(&mut self, other: &Self, factor: i64) {
        self.present += factor * other.present;
        self.sent += factor * other.sent;
        self.roots += factor * other.roots;
        self.statistics.add(&other.statistics, factor);
        self.response_times.add(&other.response_times, factor);
        self.durations.add(&other.durations, factor);
        self.span.widen(other.span);
    }

    /// Nothing, at the place in time of `other`.
    fn nothing_at(other: &Self) -> Self {
        Self {
            present: 0,
            sent: 0,
            roots: 0,
            statistics: Statistics::default(),
            response_times: Histogram::default(),
            durations: Histogram::default(),
            span: other.span,
        }
    }
}

impl EdgeTotals {
    fn add(&mut self, other: &Self, factor: i64) {
        self.present += factor * other.present;
        self.source_sent += factor * other.source_sent;
        self.target_sent += factor * other.target_sent;
        self.statistics.add(&other.statistics, factor);
        self.response_times.add(&other.response_times, factor);
        for (alias, uses) in &other.aliases {
            let sum = self.aliases.entry(alias.clone()).or_insert(0);
            *sum += factor * uses;
            if *sum == 0 {
                self.aliases.remove(alias);
            }
        }
        self.span.widen(other.span);
    }

    fn nothing_at(other: &Self) -> Self {
        Self {
            present: 0,
            source_sent: 0,
            target_sent: 0,
            statistics: Statistics::default(),
            response_times: Histogram::default(),
            aliases: BTreeMap::new(),
            span: other.span,
        }
    }
}

impl MinuteTotals {
    /// Adds what one segment says of its node.
    pub fn add_node(&mut self, key: &NodeKey, totals: &NodeTotals, factor: i64) {
        let sum = match self.nodes.get_mut(key) {
            Some(sum) => sum,
            None => self
                .nodes
                .entry(key.clone())
                .or_insert_with(|| NodeTotals::nothing_at(totals)),
        };
        sum.add(totals, factor);
        if sum.present == 0 {
            self.nodes.remove(key);
        }
    }

    /// Adds what one caller says of its call.
    pub fn add_edge(&mut self, key: &EdgeKey, totals: &EdgeTotals, factor: i64) {
        let sum = match self.edges.get_mut(key) {
            Some(sum) => sum,
            None => self
                .edges
                .entry(key.clone())
                .or_insert_with(|| EdgeTotals::nothing_at(totals)),
        };
        sum.add(totals, factor);
        if sum.present == 0 {
            self.edges.remove(key);
        }
    }

    /// Adds `factor` times everything of `other`.
    pub fn add(&mut self, other: &Self, factor: i64) {
        for (key, totals) in &other.nodes {
            self.add_node(key, totals, factor);
        }
        for (key, totals) in &other.edges {
            self.add_edge(key, totals, factor);
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty()
    }
}

impl Totals {
    /// Adds `factor` times everything of `other`; `-1` takes it away again.
    pub fn add(&mut self, other: &Self, factor: i64) {
        for (minute, totals) in &other.minutes {
            let sum = self.minutes.entry(*minute).or_default();
            sum.add(totals, factor);
            if sum.is_empty() {
                self.minutes.remove(minute);
            }
        }
    }

    /// The sum over the minutes of `[start, end)`, cut as [`Minute::is_in`] says.
    #[must_use]
    pub fn window(&self, start: Timestamp, end: Timestamp) -> MinuteTotals {
        let mut sum = MinuteTotals::default();
        // `start.minute()` is the first minute that can reach into the window
        let from = self.minutes.range(start.minute()..);
        for (_, totals) in from.take_while(|(minute, _)| minute.is_in(start, end)) {
            sum.add(totals, 1);
        }
        sum
    }

    /// The sum over all minutes.
    #[must_use]
    pub fn all(&self) -> MinuteTotals {
        let mut sum = MinuteTotals::default();
        for totals in self.minutes.values() {
            sum.add(totals, 1);
        }
        sum
    }
}
