//! Sums of several blocks, with names and plain histograms again.

use std::collections::{BTreeMap, HashMap};

use super::block::{Block, EdgeId, EdgeSum, LinkSum, NodeSum};
use super::names::{Names, NodeId};
use super::tally::Tally;
use crate::trace::node::EdgeKey;
use crate::trace::totals::{EdgeTotals, LinkTotals, MinuteTotals, NodeTotals, Sum};

/// What several blocks hold, by what it belongs to.
#[derive(Default)]
pub(super) struct Gathered<'b> {
    nodes: HashMap<NodeId, Vec<&'b NodeSum>>,
    edges: HashMap<EdgeId, Vec<&'b EdgeSum>>,
    links: HashMap<EdgeId, Vec<&'b LinkSum>>,
}

impl<'b> Gathered<'b> {
    /// Takes a block in.
    pub(super) fn add(&mut self, block: &'b Block) {
        for (id, sum) in &block.nodes {
            self.nodes.entry(*id).or_default().push(sum);
        }
        for (id, sum) in &block.edges {
            self.edges.entry(*id).or_default().push(sum);
        }
        for (id, sum) in &block.links {
            self.links.entry(*id).or_default().push(sum);
        }
    }

    /// The sum of all blocks, one node and one edge after the other.
    pub(super) fn sum(&self, names: &Names) -> MinuteTotals {
        let tally = &mut Tally::new();
        let mut totals = MinuteTotals::default();
        for (id, sums) in &self.nodes {
            let sum = node(sums, tally);
            totals.nodes.extend(names.key(*id).cloned().zip(sum));
        }
        for (id, sums) in &self.edges {
            let sum = edge(sums, names, tally);
            totals.edges.extend(edge_key(*id, names).zip(sum));
        }
        for (id, sums) in &self.links {
            let sum = link(sums, tally);
            totals.links.extend(edge_key(*id, names).zip(sum));
        }
        totals
    }
}

fn edge_key(id: EdgeId, names: &Names) -> Option<EdgeKey> {
    Some(EdgeKey {
        source: names.key(id.source)?.clone(),
        target: names.key(id.target)?.clone(),
    })
}

/// The sum of what blocks say of a node; `None` when they cancel out.
pub(super) fn node(sums: &[&NodeSum], tally: &mut Tally) -> Option<NodeTotals> {
    let mut total = NodeTotals::nothing_at(sums.first()?.span);
    for sum in sums {
        total.add_counts(sum, 1);
    }
    total.response_times = tally.sum(sums.iter().map(|sum| &sum.response_times));
    total.durations = tally.sum(sums.iter().map(|sum| &sum.durations));
    (!total.is_nothing()).then_some(total)
}

/// The sum of what blocks say of an edge; `None` when they cancel out.
pub(super) fn edge(sums: &[&EdgeSum], names: &Names, tally: &mut Tally) -> Option<EdgeTotals> {
    let mut total = EdgeTotals::nothing_at(sums.first()?.span);
    let mut aliases: BTreeMap<NodeId, i64> = BTreeMap::new();
    for sum in sums {
        total.add_counts(sum, 1);
        for (alias, uses) in &sum.aliases {
            *aliases.entry(*alias).or_default() += uses;
        }
    }
    let used = aliases.into_iter().filter(|(_, uses)| *uses != 0);
    total.aliases = used
        .filter_map(|(alias, uses)| Some((names.key(alias)?.clone(), uses)))
        .collect();
    total.response_times = tally.sum(sums.iter().map(|sum| &sum.response_times));
    (!total.is_nothing()).then_some(total)
}

fn link(sums: &[&LinkSum], tally: &mut Tally) -> Option<LinkTotals> {
    let mut total = LinkTotals::nothing_at(sums.first()?.span);
    for sum in sums {
        total.add_counts(sum, 1);
    }
    total.ages = tally.sum(sums.iter().map(|sum| &sum.ages));
    (!total.is_nothing()).then_some(total)
}
