//! What one trace adds to the service graph. Source: `spec/traces-and-graph.md` section 7.1.
//!
//! Link edges (section 7.4) take two traces and are not made here.

use std::collections::BTreeMap;

use radiograph_protocol::segment::Entity;
use radiograph_protocol::timestamp::Timestamp;

use super::histogram::Histogram;
use super::node::{self, EdgeKey, NodeKey};
use super::stitch::{Index, Member, Trace};
use super::totals::{EdgeTotals, NodeTotals, Span, Statistics, Totals};

/// Everything the trace adds, per minute.
#[must_use]
pub fn contributions(trace: &Trace<'_>) -> Totals {
    let mut totals = Totals::default();
    let spans = spans_with_subsegments(trace);
    for (at, owner) in trace.owners() {
        let key = trace.node_of(at);
        if let Some(edge) = client_edge(owner, &key) {
            add_edge(&mut totals, owner.entity, &edge.0, &edge.1);
        }
        let span = spans
            .get(&at)
            .copied()
            .unwrap_or_else(|| span_of(owner.entity));
        let node = node_totals(owner.entity, span, true, owner.is_graph_root());
        add_node(&mut totals, owner.entity, &key, &node);
    }
    for (at, caller) in trace.members() {
        if caller.infers {
            let node = node_totals(caller.entity, span_of(caller.entity), false, false);
            add_node(
                &mut totals,
                caller.entity,
                &node::of_inferred(caller.entity),
                &node,
            );
        }
        for (edge, calls) in calls_of(trace, at, caller) {
            add_edge(&mut totals, caller.entity, &edge, &calls);
        }
    }
    totals
}

fn add_node(totals: &mut Totals, entity: &Entity<'_>, key: &NodeKey, node: &NodeTotals) {
    let minute = entity.end_or_start().minute();
    totals
        .minutes
        .entry(minute)
        .or_default()
        .add_node(key, node, 1);
}

fn add_edge(totals: &mut Totals, caller: &Entity<'_>, key: &EdgeKey, edge: &EdgeTotals) {
    let minute = caller.end_or_start().minute();
    totals
        .minutes
        .entry(minute)
        .or_default()
        .add_edge(key, edge, 1);
}

fn span_of(entity: &Entity<'_>) -> Span {
    Span {
        start: entity.start,
        end: entity.end_or_start(),
    }
}

/// Earliest start and latest end over each owner and all subsegments it owns.
fn spans_with_subsegments(trace: &Trace<'_>) -> BTreeMap<Index, Span> {
    let mut spans: BTreeMap<Index, Span> = BTreeMap::new();
    for (_, member) in trace.members() {
        let span = span_of(member.entity);
        let known = spans.entry(member.owner).or_insert(span);
        known.start = known.start.min(span.start);
        known.end = known.end.max(span.end);
    }
    spans
}

fn node_totals(entity: &Entity<'_>, duration: Span, sent: bool, root: bool) -> NodeTotals {
    let mut node = NodeTotals {
        present: 1,
        sent: i64::from(sent),
        roots: i64::from(root),
        statistics: Statistics::default(),
        response_times: Histogram::default(),
        durations: Histogram::default(),
        span: span_of(entity),
    };
    // unfinished entities make their node appear but are not counted
    if let Some(end) = entity.end {
        let response_time = end.since(entity.start);
        node.statistics = Statistics::of(entity.outcome(), response_time);
        node.response_times = Histogram::of(response_time);
        node.durations = Histogram::of(duration.end.since(duration.start));
    }
    node
}

fn edge_totals(caller: &Entity<'_>, source_sent: bool, target_sent: bool) -> EdgeTotals {
    let mut edge = EdgeTotals {
        present: 1,
        source_sent: i64::from(source_sent),
        target_sent: i64::from(target_sent),
        statistics: Statistics::default(),
        response_times: Histogram::default(),
        aliases: BTreeMap::new(),
        span: span_of(caller),
    };
    if let Some(end) = caller.end {
        let response_time = end.since(caller.start);
        edge.statistics = Statistics::of(caller.outcome(), response_time);
        edge.response_times = Histogram::of(response_time);
    }
    edge
}

/// The edge from a graph root's client; synthetic clients have none (section 3.3).
fn client_edge(owner: &Member<'_>, root: &NodeKey) -> Option<(EdgeKey, EdgeTotals)> {
    has_client(owner).then(|| {
        let source = NodeKey::client_of(&root.name);
        let totals = edge_totals(owner.entity, false, true);
        (
            EdgeKey {
                source,
                target: root.clone(),
            },
            totals,
        )
    })
}

/// Whether a client node stands before this segment.
#[must_use]
pub fn has_client(owner: &Member<'_>) -> bool {
    let is_synthetic = owner
        .entity
        .origin
        .as_deref()
        .is_some_and(|origin| origin.starts_with("client"));
    owner.is_graph_root() && !is_synthetic
}

/// The edges from one caller: several child segments at one node are one request.
fn calls_of(trace: &Trace<'_>, at: Index, caller: &Member<'_>) -> BTreeMap<EdgeKey, EdgeTotals> {
    let mut edges = BTreeMap::new();
    if !caller.infers && caller.callees.is_empty() {
        return edges;
    }
    let source = trace.node_of(caller.owner);
    if caller.infers {
        let target = node::of_inferred(caller.entity);
        let key = EdgeKey {
            source: source.clone(),
            target,
        };
        edges.insert(key, edge_totals(caller.entity, true, false));
    }
    for callee in &caller.callees {
        let target = trace.node_of(*callee);
        let alias = (at != caller.owner && caller.is_call())
            .then(|| node::of_inferred(caller.entity))
            .filter(|alias| alias.name != target.name);
        let key = EdgeKey {
            source: source.clone(),
            target,
        };
        let edge = edges
            .entry(key)
            .or_insert_with(|| edge_totals(caller.entity, true, true));
        edge.aliases.extend(alias.map(|alias| (alias, 1)));
    }
    edges
}

/// The latest end of any entity, an unfinished one counting with its start, and whether any ended.
#[must_use]
pub fn latest(trace: &Trace<'_>) -> (Timestamp, bool) {
    trace
        .members()
        .fold((Timestamp::MIN, false), |(latest, ended), (_, member)| {
            (
                latest.max(member.entity.end_or_start()),
                ended || member.entity.end.is_some(),
            )
        })
}
