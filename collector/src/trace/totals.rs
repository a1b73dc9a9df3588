//! Contributions to the service graph, per minute: a sum that can be added to and taken from.
//!
//! The same type holds what one trace contributes, what a batch of traces changes, and what a window
//! of the graph adds up to. Additions and subtractions may come in any order; only the start and end
//! times cannot be taken back: they may be wider than exact afterwards, never narrower. A store that
//! answers for long windows keeps its sums as [`super::running::RunningTotals`].
//! Source: `spec/traces-and-graph.md` section 7.1.

use std::collections::{BTreeMap, BTreeSet};

use radiograph_protocol::timestamp::{Minute, Timestamp};
use serde::{Deserialize, Serialize};

use super::node::{EdgeKey, NodeKey};

mod sums;

pub use sums::{EdgeTotals, LinkTotals, NodeTotals, Span, Statistics};
pub(super) use sums::{Sum, add_uses, change, change_at};

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
    /// By link edge, from producer to consumer.
    pub links: BTreeMap<EdgeKey, LinkTotals>,
}

/// The nodes and edges that a time series is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Nodes.
    pub nodes: BTreeSet<NodeKey>,
    /// Edges, link edges excepted: they count nothing.
    pub edges: BTreeSet<EdgeKey>,
}

impl MinuteTotals {
    /// Adds `factor` times everything of `other`.
    pub fn add(&mut self, other: &Self, factor: i64) {
        for (key, totals) in &other.nodes {
            change(&mut self.nodes, key, totals.span, |node| {
                node.add(totals, factor);
            });
        }
        for (key, totals) in &other.edges {
            change(&mut self.edges, key, totals.span, |edge| {
                edge.add(totals, factor);
            });
        }
        for (key, totals) in &other.links {
            change(&mut self.links, key, totals.span, |link| {
                link.add(totals, factor);
            });
        }
    }

    /// What it says of these nodes and edges.
    fn only(&self, wanted: &Wanted) -> Self {
        let node = |key: &NodeKey| Some((key.clone(), self.nodes.get(key)?.clone()));
        let edge = |key: &EdgeKey| Some((key.clone(), self.edges.get(key)?.clone()));
        Self {
            nodes: wanted.nodes.iter().filter_map(node).collect(),
            edges: wanted.edges.iter().filter_map(edge).collect(),
            links: BTreeMap::new(),
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty() && self.links.is_empty()
    }
}

impl Totals {
    /// Adds `factor` times everything of `other`; `-1` takes it away again.
    pub fn add(&mut self, other: &Self, factor: i64) {
        for (minute, totals) in &other.minutes {
            self.change(*minute, |sum| sum.add(totals, factor));
        }
    }

    /// Changes what lies in a minute, which appears and vanishes as needed.
    pub(super) fn change(&mut self, minute: Minute, how: impl FnOnce(&mut MinuteTotals)) {
        let sum = self.minutes.entry(minute).or_default();
        how(sum);
        if sum.is_empty() {
            self.minutes.remove(&minute);
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

    /// What the minutes of a window say of these nodes and edges alone, minute by minute.
    #[must_use]
    pub fn minutes(&self, start: Timestamp, end: Timestamp, wanted: &Wanted) -> Self {
        let from = self.minutes.range(start.minute()..);
        let in_window = from.take_while(|(minute, _)| minute.is_in(start, end));
        let picked = in_window.map(|(minute, totals)| (*minute, totals.only(wanted)));
        Self {
            minutes: picked.filter(|(_, totals)| !totals.is_empty()).collect(),
        }
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
