//! Which anomalous services belong together, and which of them the others fault because of. Pure.
//!
//! A service blames the callee that most of its faults come from, that one may blame another, and the
//! one that blames nobody is the root cause. Services of one root cause are one insight. An insight
//! keeps its services and its id; its root cause becomes another one when that is found to be anomalous
//! later.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::bounds::{Beyond, Bound};
use super::insight::{Insight, OfGroup};
use super::watch::GroupWatch;
use crate::trace::node::NodeKey;

/// Insights of a group that may be active at once; further anomalies belong to none until one ends.
pub(crate) const OPEN_MAX: usize = 10;

impl GroupWatch {
    /// Brings the active insights in line with what is anomalous; those that were merged into others,
    /// closed. Anomalous services that belong to none are counted in `beyond`.
    pub(super) fn root(
        &mut self,
        group: &OfGroup,
        until: i64,
        beyond: &mut Beyond,
    ) -> Vec<Insight> {
        let roots = self.root_causes();
        let merged = self.follow_root_causes(&roots, until, beyond);
        for (key, root) in &roots {
            if self.open.iter().any(|open| open.services.contains_key(key)) {
                continue;
            }
            let of_root = |open: &&mut Insight| open.services.contains_key(root);
            if let Some(insight) = self.open.iter_mut().find(of_root) {
                insight.services.insert(key.clone(), 0);
            } else if self.open.len() < OPEN_MAX {
                let first = |key| self.anomalies.get(key).map(|anomaly| anomaly.first);
                let start = first(key).into_iter().chain(first(root)).min();
                let start = start.unwrap_or(until - 60);
                let mut insight = Insight::new(group.clone(), root.clone(), start);
                insight.services.insert(key.clone(), 0);
                insight.services.insert(root.clone(), 0);
                self.open.push(insight);
            } else {
                beyond.one(Bound::InsightsActive);
            }
        }
        merged
    }

    /// Lets each insight have the root cause that its own has by now; one that leads to another's
    /// service becomes part of it, the older one staying.
    fn follow_root_causes(
        &mut self,
        roots: &BTreeMap<NodeKey, NodeKey>,
        until: i64,
        beyond: &mut Beyond,
    ) -> Vec<Insight> {
        let mut merged = Vec::new();
        let mut kept: Vec<Insight> = Vec::new();
        for mut insight in std::mem::take(&mut self.open) {
            let root = roots.get(&insight.root_cause).cloned();
            let root = root.unwrap_or_else(|| insight.root_cause.clone());
            let of_root = |other: &&mut Insight| {
                other.services.contains_key(&root) || roots.get(&other.root_cause) == Some(&root)
            };
            if let Some(older) = kept.iter_mut().find(of_root) {
                older.services.append(&mut insight.services.clone());
                older.services.entry(root.clone()).or_insert(0);
                older.root_cause = root;
                insight.close(until);
                insight.note(until, beyond);
                merged.push(insight);
                continue;
            }
            insight.services.entry(root.clone()).or_insert(0);
            insight.root_cause = root;
            kept.push(insight);
        }
        self.open = kept;
        merged
    }

    /// The root cause of each anomalous service.
    fn root_causes(&self) -> BTreeMap<NodeKey, NodeKey> {
        let anomalous = self.anomalies.iter();
        let anomalous = anomalous.filter(|(_, anomaly)| anomaly.is_anomalous());
        anomalous
            .map(|(key, _)| (key.clone(), self.root_cause(key)))
            .collect()
    }

    /// The end of the chain of blame that begins at a service. Of services that blame each other, the
    /// one with most faults above what is expected.
    fn root_cause(&self, of: &NodeKey) -> NodeKey {
        let is_anomalous = |key: &NodeKey| {
            let anomaly = self.anomalies.get(key);
            anomaly.is_some_and(super::anomaly::Anomaly::is_anomalous)
        };
        let mut chain = vec![of];
        loop {
            let Some(last) = chain.last() else {
                return of.clone();
            };
            let anomaly = self.anomalies.get(last);
            let Some(next) = anomaly.and_then(|anomaly| anomaly.blames(is_anomalous)) else {
                return (*last).clone();
            };
            if let Some(place) = chain.iter().position(|key| *key == next) {
                let round = chain.into_iter().skip(place);
                let excess = |key: &NodeKey| self.anomalies.get(key).map(|anomaly| anomaly.excess);
                let worst = round.max_by_key(|key| (excess(key), Reverse(*key)));
                return worst.unwrap_or(of).clone();
            }
            chain.push(next);
        }
    }
}

impl Insight {
    /// Ends it, with the last minute that had too many faults.
    pub(super) fn close(&mut self, at: i64) {
        self.is_closed = true;
        self.end = self.exceeded_until;
        self.updated = at;
    }
}
