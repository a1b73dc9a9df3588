//! What lies in a stretch of time, a minute or more: sums by number of node, with packed histograms.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::names::{Names, NodeId};
use super::packed::Packed;
use crate::trace::node::EdgeKey;
use crate::trace::totals::{EdgeTotals, LinkTotals, MinuteTotals, NodeTotals, add_uses, change};

/// What segments say of a node.
pub(super) type NodeSum = NodeTotals<Packed>;
/// What callers say of an edge.
pub(super) type EdgeSum = EdgeTotals<Packed, NodeId>;
/// What consumers say of a link edge.
pub(super) type LinkSum = LinkTotals<Packed>;

/// Identity of an edge: its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EdgeId {
    /// The caller's node.
    pub(super) source: NodeId,
    /// The callee's node.
    pub(super) target: NodeId,
}

/// Sums of a stretch of time. Each key and alias holds its names.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// By node.
    pub(super) nodes: BTreeMap<NodeId, NodeSum>,
    /// By edge.
    pub(super) edges: BTreeMap<EdgeId, EdgeSum>,
    /// By link edge.
    pub(super) links: BTreeMap<EdgeId, LinkSum>,
}

impl Block {
    /// Adds `factor` times everything of `other`. The buffer is for packing.
    pub(super) fn add(
        &mut self,
        other: &MinuteTotals,
        factor: i64,
        names: &mut Names,
        buffer: &mut Vec<u8>,
    ) {
        for (key, totals) in &other.nodes {
            let id = names.hold(key);
            let before = self.nodes.len();
            change(&mut self.nodes, &id, totals.span, |sum| {
                sum.add_counts(totals, factor);
                sum.response_times
                    .add(&totals.response_times, factor, buffer);
                sum.durations.add(&totals.durations, factor, buffer);
            });
            keep_held(names, &[id], self.nodes.len().cmp(&before));
        }
        for (key, totals) in &other.edges {
            let id = hold_ends(names, key);
            let before = self.edges.len();
            change(&mut self.edges, &id, totals.span, |sum| {
                sum.add_counts(totals, factor);
                sum.response_times
                    .add(&totals.response_times, factor, buffer);
                add_aliases(sum, totals, factor, names);
            });
            keep_held(names, &id.ends(), self.edges.len().cmp(&before));
        }
        for (key, totals) in &other.links {
            let id = hold_ends(names, key);
            let before = self.links.len();
            change(&mut self.links, &id, totals.span, |sum| {
                sum.add_counts(totals, factor);
                sum.ages.add(&totals.ages, factor, buffer);
            });
            keep_held(names, &id.ends(), self.links.len().cmp(&before));
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty() && self.links.is_empty()
    }
}

impl EdgeId {
    const fn ends(self) -> [NodeId; 2] {
        [self.source, self.target]
    }
}

fn hold_ends(names: &mut Names, key: &EdgeKey) -> EdgeId {
    EdgeId {
        source: names.hold(&key.source),
        target: names.hold(&key.target),
    }
}

fn add_aliases(sum: &mut EdgeSum, totals: &EdgeTotals, factor: i64, names: &mut Names) {
    for (alias, uses) in &totals.aliases {
        let id = names.hold(alias);
        let before = sum.aliases.len();
        add_uses(&mut sum.aliases, &id, factor * uses);
        keep_held(names, &[id], sum.aliases.len().cmp(&before));
    }
}

/// Names were held for a change of what stands under them. If it is new, it keeps them; if it is as
/// old as before, they are let go; if it is gone, what it held is let go as well.
fn keep_held(names: &mut Names, ids: &[NodeId], growth: Ordering) {
    let releases = match growth {
        Ordering::Greater => 0,
        Ordering::Equal => 1,
        Ordering::Less => 2,
    };
    for id in ids {
        for _ in 0..releases {
            names.release(*id);
        }
    }
}
