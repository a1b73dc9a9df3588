//! What detection knows of a minute: requests by outcome, per service and per call. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::trace::node::{EdgeKey, NodeKey};
use crate::trace::totals::{MinuteTotals, Statistics};

/// Requests by outcome, none below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Faults.
    pub(crate) faults: i64,
    /// Neither faults nor errors.
    pub(crate) ok: i64,
    /// All, errors included.
    pub(crate) total: i64,
}

impl Counts {
    fn of(statistics: &Statistics) -> Self {
        Self {
            faults: statistics.fault.max(0),
            ok: statistics.ok.max(0),
            total: statistics.total().max(0),
        }
    }

    /// Adds the other.
    pub(crate) const fn add(&mut self, other: Self) {
        self.faults = self.faults.saturating_add(other.faults);
        self.ok = self.ok.saturating_add(other.ok);
        self.total = self.total.saturating_add(other.total);
    }
}

/// A minute of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MinuteCounts {
    /// By service, clients excepted: they handle nothing. Those without requests are left out.
    pub(crate) nodes: BTreeMap<NodeKey, Counts>,
    /// By call, as the callers see it; link edges count nothing.
    pub(crate) edges: BTreeMap<EdgeKey, Counts>,
}

impl MinuteCounts {
    /// The counts of a minute's totals.
    pub(crate) fn of(totals: &MinuteTotals) -> Self {
        let node = |(key, node): (&NodeKey, &_)| (key.clone(), node_counts(node));
        let edge = |(key, edge): (&EdgeKey, &_)| (key.clone(), edge_counts(edge));
        let nodes = totals.nodes.iter().filter(|(key, _)| !key.is_client());
        let has_requests = |(_, counts): &(NodeKey, Counts)| counts.total > 0;
        Self {
            nodes: nodes.map(node).filter(has_requests).collect(),
            edges: totals.edges.iter().map(edge).collect(),
        }
    }

    /// Requests from outside that may have needed `service`: those to services whose calls, theirs or
    /// those of their callees, reach it.
    pub(crate) fn client_impact(&self, service: &NodeKey) -> Counts {
        let reaching = callers_of(self.edges.keys(), [service]);
        let mut sum = Counts::default();
        for (edge, counts) in &self.edges {
            if edge.source.is_client() && reaching.contains(&edge.target) {
                sum.add(*counts);
            }
        }
        sum
    }
}

fn node_counts(node: &crate::trace::totals::NodeTotals) -> Counts {
    Counts::of(&node.statistics)
}

fn edge_counts(edge: &crate::trace::totals::EdgeTotals) -> Counts {
    Counts::of(&edge.statistics)
}

/// These services and all whose calls reach any of them, clients included.
pub(crate) fn callers_of<'k>(
    edges: impl Iterator<Item = &'k EdgeKey>,
    services: impl IntoIterator<Item = &'k NodeKey>,
) -> BTreeSet<&'k NodeKey> {
    let mut callers: BTreeMap<&NodeKey, Vec<&NodeKey>> = BTreeMap::new();
    for edge in edges {
        callers.entry(&edge.target).or_default().push(&edge.source);
    }
    let mut reaching: BTreeSet<&NodeKey> = services.into_iter().collect();
    let mut to_visit: Vec<&NodeKey> = reaching.iter().copied().collect();
    while let Some(node) = to_visit.pop() {
        for caller in callers.get(node).into_iter().flatten() {
            if reaching.insert(caller) {
                to_visit.push(caller);
            }
        }
    }
    reaching
}
