//! What must come of a generated trace, counted from its entities, without documents or stitching.
//! Source: `spec/traces-and-graph.md` sections 2.3 to 2.5, 3.3 and 7.1.

use std::collections::{BTreeMap, BTreeSet};

use super::{Generated, Outcome, Planned, Role, build};
use crate::trace::node::{EdgeKey, NodeKey};

/// What must be counted for one node or edge in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    /// Unfinished ones included.
    pub(crate) present: i64,
    pub(crate) ok: i64,
    pub(crate) error: i64,
    pub(crate) throttle: i64,
    pub(crate) fault: i64,
    pub(crate) micros: i128,
}

/// Counts by minute (epoch seconds) and key.
pub(crate) type Counts<K> = BTreeMap<(i64, K), Count>;

/// The entities of one trace, related to each other.
pub(crate) struct Truth<'g> {
    pub(crate) trace: &'g Generated,
    by_id: BTreeMap<u64, &'g Planned>,
    /// The segments that answered each entity.
    callees: BTreeMap<u64, Vec<&'g Planned>>,
}

impl<'g> Truth<'g> {
    pub(crate) fn of(trace: &'g Generated) -> Self {
        let mut callees: BTreeMap<u64, Vec<&Planned>> = BTreeMap::new();
        for segment in trace.entities.iter().filter(|one| one.is_segment) {
            if let Some(parent) = segment.parent {
                callees.entry(parent).or_default().push(segment);
            }
        }
        Self {
            trace,
            by_id: trace.entities.iter().map(|one| (one.id, one)).collect(),
            callees,
        }
    }

    /// The parent, if it was sent.
    pub(crate) fn parent(&self, entity: &Planned) -> Option<&'g Planned> {
        self.by_id.get(&entity.parent?).copied()
    }

    pub(crate) fn is_orphan(&self, entity: &Planned) -> bool {
        !entity.is_segment && self.parent(entity).is_none()
    }

    /// Segments and topmost orphans.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &'g Planned> {
        let owners = self.trace.entities.iter();
        owners.filter(|one| one.is_segment || self.is_orphan(one))
    }

    /// Calls that no segment answered.
    pub(crate) fn inferring(&self) -> impl Iterator<Item = &'g Planned> {
        let calls = self.trace.entities.iter();
        calls.filter(|one| matches!(one.role, Role::Call(_)) && !self.callees.contains_key(&one.id))
    }

    pub(crate) fn is_graph_root(&self, entity: &Planned) -> bool {
        entity.is_segment && self.parent(entity).is_none() && parent_links(entity).is_empty()
    }

    fn owner_of(&self, mut entity: &'g Planned) -> &'g Planned {
        while !entity.is_segment
            && let Some(parent) = self.parent(entity)
        {
            entity = parent;
        }
        entity
    }

    /// The node of the segment or orphan that an entity belongs to.
    pub(crate) fn node_of(&self, entity: &'g Planned) -> NodeKey {
        let owner = self.owner_of(entity);
        match &owner.role {
            Role::Service(node) => node.clone(),
            _ if owner.members["name"] == "handler" => build::key(
                "resize",
                Some("AWS::Lambda::Function"),
                Some("111122223333"),
            ),
            _ => build::key(owner.members["name"].as_str().unwrap(), None, None),
        }
    }

    /// The node that a link to this entity comes from.
    pub(crate) fn producer(&self, id: u64) -> Option<NodeKey> {
        let entity = self.by_id.get(&id).copied()?;
        match &entity.role {
            Role::Call(node) if !self.callees.contains_key(&id) => Some(node.clone()),
            _ => Some(self.node_of(entity)),
        }
    }

    pub(crate) fn nodes(&self) -> Counts<NodeKey> {
        let mut counts = Counts::new();
        for owner in self.owners() {
            add(&mut counts, self.node_of(owner), owner);
        }
        for call in self.inferring() {
            if let Role::Call(node) = &call.role {
                add(&mut counts, node.clone(), call);
            }
        }
        counts
    }

    pub(crate) fn edges(&self) -> Counts<EdgeKey> {
        let mut counts = Counts::new();
        let edge = |source, target| EdgeKey { source, target };
        for root in self.owners().filter(|one| self.is_graph_root(one)) {
            let node = self.node_of(root);
            let is_synthetic = |kind: &str| kind.starts_with("client");
            if !node.kind.as_deref().is_some_and(is_synthetic) {
                add(
                    &mut counts,
                    edge(NodeKey::client_of(&node.name), node),
                    root,
                );
            }
        }
        for caller in &self.trace.entities {
            let callees = self.callees.get(&caller.id).into_iter().flatten();
            let called: BTreeSet<NodeKey> = callees.map(|callee| self.node_of(callee)).collect();
            for node in called {
                add(&mut counts, edge(self.node_of(caller), node), caller);
            }
        }
        for call in self.inferring() {
            if let Role::Call(node) = &call.role {
                add(&mut counts, edge(self.node_of(call), node.clone()), call);
            }
        }
        counts
    }

    /// Uses of each name by which callers knew who answered, by edge.
    pub(crate) fn aliases(&self) -> BTreeMap<(EdgeKey, NodeKey), i64> {
        let mut uses = BTreeMap::new();
        for caller in &self.trace.entities {
            let Role::Call(alias) = &caller.role else {
                continue;
            };
            let callees = self.callees.get(&caller.id).into_iter().flatten();
            let answered: BTreeSet<NodeKey> = callees.map(|callee| self.node_of(callee)).collect();
            for target in answered.into_iter().filter(|node| node.name != alias.name) {
                let source = self.node_of(caller);
                let key = (EdgeKey { source, target }, alias.clone());
                *uses.entry(key).or_default() += 1;
            }
        }
        uses
    }

    pub(crate) fn is_partial(&self) -> bool {
        self.trace.entities.iter().any(|one| {
            let is_traced = one.members.get("traced").is_some()
                || one
                    .members
                    .get("http")
                    .is_some_and(|http| http["request"]["traced"] == true);
            let is_broken = is_traced && !self.callees.contains_key(&one.id);
            one.end.is_none() || self.is_orphan(one) || is_broken
        })
    }
}

/// Trace and entity of each parent link that an entity carries, as written.
pub(crate) fn parent_links(entity: &Planned) -> Vec<(String, u64)> {
    let links = entity
        .members
        .get("links")
        .and_then(|links| links.as_array());
    let links = links.into_iter().flatten().filter(|link| {
        let kind = &link["attributes"]["aws.xray.reserved.reference_type"];
        kind.is_null() || kind == "parent"
    });
    let text = |link: &serde_json::Value, name: &str| link[name].as_str().unwrap().to_owned();
    links
        .map(|link| {
            let id = u64::from_str_radix(&text(link, "id"), 16).unwrap();
            (text(link, "trace_id"), id)
        })
        .collect()
}

fn add<K: Ord>(counts: &mut Counts<K>, key: K, entity: &Planned) {
    let minute = entity.end_or_start().div_euclid(60_000_000) * 60;
    let count = counts.entry((minute, key)).or_default();
    count.present += 1;
    let Some(end) = entity.end else { return };
    match entity.outcome {
        Outcome::Ok => count.ok += 1,
        Outcome::Error => count.error += 1,
        Outcome::Throttle => count.throttle += 1,
        Outcome::Fault => count.fault += 1,
    }
    count.micros += i128::from(end - entity.start);
}
