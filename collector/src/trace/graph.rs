//! Totals of a window to the nodes and edges of a service graph.
//! Source: `spec/traces-and-graph.md` sections 3.2, 7.2 and 7.3.

use std::collections::{BTreeMap, BTreeSet};

use radiograph_protocol::api::graph::{
    Alias, Edge, ErrorStatistics, FaultStatistics, HistogramEntry, Service, SummaryStatistics,
};
use radiograph_protocol::timestamp::millis_as_seconds;

use super::histogram::Histogram;
use super::node::{NodeKey, REMOTE};
use super::totals::{EdgeTotals, LinkTotals, MinuteTotals, NodeTotals, Span, Statistics};

/// The nodes, each with its outgoing edges, ordered by name, type and account; a node's
/// `ReferenceId` is its place. A node that only an edge names is listed as well.
#[must_use]
pub fn services(totals: &MinuteTotals) -> Vec<Service> {
    let mut nodes: BTreeMap<&NodeKey, Seen<'_>> = BTreeMap::new();
    for (key, node) in &totals.nodes {
        let seen = nodes.entry(key).or_default();
        seen.totals = Some(node);
        seen.is_active |= node.sent > 0;
    }
    for (key, edge) in &totals.edges {
        let source = nodes.entry(&key.source).or_default();
        source.is_active |= edge.source_sent > 0;
        source.see(edge.span);
        let target = nodes.entry(&key.target).or_default();
        target.is_active |= edge.target_sent > 0;
        target.see(edge.span);
    }
    for (key, link) in &totals.links {
        let source = nodes.entry(&key.source).or_default();
        source.is_active |= link.source_sent > 0;
        source.see(link.span);
        // a message is consumed by a segment that was sent
        let target = nodes.entry(&key.target).or_default();
        target.is_active = true;
        target.see(link.span);
    }
    let references: BTreeMap<&NodeKey, usize> = nodes
        .keys()
        .enumerate()
        .map(|(place, key)| (*key, place))
        .collect();
    let mut services: Vec<Service> = nodes
        .iter()
        .enumerate()
        .map(|(place, (key, seen))| service(place, key, seen))
        .collect();
    // edges are ordered by source, then target, and so are the references
    for (key, totals) in &totals.edges {
        let (source, target) = (references.get(&key.source), references.get(&key.target));
        if let (Some(source), Some(target)) = (source, target)
            && let Some(service) = services.get_mut(*source)
        {
            service.edges.push(edge(*target, totals));
        }
    }
    for (key, totals) in &totals.links {
        let (source, target) = (references.get(&key.source), references.get(&key.target));
        if let (Some(source), Some(target)) = (source, target)
            && let Some(service) = services.get_mut(*source)
        {
            service.edges.push(link_edge(*target, totals));
        }
    }
    for service in &mut services {
        service
            .edges
            .sort_by_key(|edge| (edge.reference_id, edge.edge_type));
    }
    services
}

/// What the window tells of one node.
#[derive(Default)]
struct Seen<'t> {
    totals: Option<&'t NodeTotals>,
    is_active: bool,
    /// Of the edges that name it.
    edges: Option<Span>,
}

impl Seen<'_> {
    fn see(&mut self, span: Span) {
        let known = self.edges.get_or_insert(span);
        known.start = known.start.min(span.start);
        known.end = known.end.max(span.end);
    }
}

fn service(place: usize, key: &NodeKey, seen: &Seen<'_>) -> Service {
    let state = match key.kind.as_deref() {
        _ if seen.is_active => "active",
        Some(REMOTE) => "passive",
        _ => "unknown",
    };
    let span = seen.totals.map(|totals| totals.span).or(seen.edges);
    let (start_time, end_time) = span.map_or((0.0, 0.0), whole_seconds);
    let has_statistics = !key.is_client();
    let histogram =
        |of: fn(&NodeTotals) -> &Histogram| seen.totals.map(of).map(entries).unwrap_or_default();
    Service {
        reference_id: place,
        name: key.name.clone(),
        names: vec![key.name.clone()],
        root: seen
            .totals
            .is_some_and(|totals| totals.roots > 0)
            .then_some(true),
        account_id: key.account_id.clone(),
        kind: key.kind.clone(),
        state,
        start_time,
        end_time,
        edges: Vec::new(),
        summary_statistics: has_statistics.then(|| {
            statistics(
                &seen
                    .totals
                    .map(|totals| totals.statistics)
                    .unwrap_or_default(),
            )
        }),
        duration_histogram: has_statistics.then(|| histogram(|totals| &totals.durations)),
        response_time_histogram: has_statistics.then(|| histogram(|totals| &totals.response_times)),
    }
}

fn edge(target: usize, totals: &EdgeTotals) -> Edge {
    let (start_time, end_time) = whole_seconds(totals.span);
    // accounts are not shown, so aliases that differ in them alone are one
    let different: BTreeSet<_> = totals
        .aliases
        .keys()
        .map(|alias| (&alias.name, &alias.kind))
        .collect();
    let aliases = different.into_iter().map(|(name, kind)| Alias {
        name: name.clone(),
        names: vec![name.clone()],
        kind: kind.clone(),
    });
    Edge {
        reference_id: target,
        start_time,
        end_time,
        summary_statistics: Some(statistics(&totals.statistics)),
        response_time_histogram: entries(&totals.response_times),
        aliases: aliases.collect(),
        edge_type: None,
        received_event_age_histogram: None,
    }
}

fn link_edge(target: usize, totals: &LinkTotals) -> Edge {
    let (start_time, end_time) = whole_seconds(totals.span);
    Edge {
        reference_id: target,
        start_time,
        end_time,
        summary_statistics: None,
        response_time_histogram: Vec::new(),
        aliases: Vec::new(),
        edge_type: Some("link"),
        received_event_age_histogram: Some(entries(&totals.ages)),
    }
}

/// Requests by outcome, as the API shows them.
#[must_use]
pub fn statistics(of: &Statistics) -> SummaryStatistics {
    let millis = (of.response_time_micros + 500).div_euclid(1000);
    SummaryStatistics {
        ok_count: of.ok,
        error_statistics: ErrorStatistics {
            throttle_count: of.throttle,
            other_count: of.error,
            total_count: of.throttle + of.error,
        },
        fault_statistics: FaultStatistics {
            other_count: of.fault,
            total_count: of.fault,
        },
        total_count: of.total(),
        total_response_time: millis_as_seconds(i64::try_from(millis).unwrap_or(i64::MAX)),
    }
}

/// A histogram, as the API shows it.
#[must_use]
pub fn entries(histogram: &Histogram) -> Vec<HistogramEntry> {
    histogram
        .entries()
        .map(|(value, count)| HistogramEntry { value, count })
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "epoch seconds stay far below 2^53"
)]
fn whole_seconds(span: Span) -> (f64, f64) {
    (
        span.start.seconds_floor() as f64,
        span.end.seconds_ceil() as f64,
    )
}
