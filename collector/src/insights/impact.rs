//! GetInsightImpactGraph: who is affected by the services of an insight. Pure.
//!
//! Those services, and all whose calls reach them; structure alone.

use std::collections::BTreeMap;

use radiograph_protocol::api::insights::{InsightImpactGraphEdge, InsightImpactGraphService};

use super::counts::callers_of;
use super::insight::Insight;
use crate::trace::node::NodeKey;
use crate::trace::totals::MinuteTotals;

/// The graph, ordered as service graphs are.
pub(super) fn graph(totals: &MinuteTotals, insight: &Insight) -> Vec<InsightImpactGraphService> {
    let seen = |key: &&NodeKey| totals.nodes.contains_key(*key);
    let affected = callers_of(totals.edges.keys(), insight.services.keys().filter(seen));
    let references: BTreeMap<&NodeKey, usize> = affected
        .iter()
        .enumerate()
        .map(|(place, key)| (*key, place))
        .collect();
    let mut services: Vec<_> = references
        .iter()
        .map(|(key, at)| service(key, *at))
        .collect();
    // edges are ordered by source, then target, and so are the references
    for edge in totals.edges.keys() {
        let (source, target) = (references.get(&edge.source), references.get(&edge.target));
        if let Some((source, target)) = source.zip(target)
            && let Some(service) = services.get_mut(*source)
        {
            let reference_id = *target;
            service.edges.push(InsightImpactGraphEdge { reference_id });
        }
    }
    services
}

fn service(key: &NodeKey, reference_id: usize) -> InsightImpactGraphService {
    InsightImpactGraphService {
        reference_id,
        kind: key.kind.clone(),
        name: key.name.clone(),
        names: vec![key.name.clone()],
        account_id: key.account_id.clone(),
        edges: Vec::new(),
    }
}
