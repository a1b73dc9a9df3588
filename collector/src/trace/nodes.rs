//! The nodes of one trace, each named once. Source: `spec/traces-and-graph.md` section 3.1.

use std::collections::HashMap;

use super::facts::NodeAt;
use super::node::{self, NodeKey};
use super::stitch::{Index, PerEntity, Trace};

/// Most traces have a handful of nodes, and looking through so few is cheaper than hashing a name.
const LOOKED_THROUGH_MAX: usize = 16;

/// The nodes of a trace, and which of them its entities belong to.
#[derive(Debug)]
pub struct Nodes {
    keys: Vec<NodeKey>,
    /// Where each stands, once they are many.
    places: HashMap<NodeKey, NodeAt>,
    /// Of each entity that counts as a segment, its node.
    own: PerEntity<NodeAt>,
    /// Of each call that infers a segment, that segment's node.
    inferred: PerEntity<NodeAt>,
}

impl Nodes {
    /// The nodes of all segments of the trace, sent, inferred and orphaned.
    #[must_use]
    pub fn of(trace: &Trace<'_>) -> Self {
        let mut nodes = Self {
            keys: Vec::new(),
            places: HashMap::new(),
            own: PerEntity::of(trace),
            inferred: PerEntity::of(trace),
        };
        for (at, member) in trace.members() {
            if member.is_segment || member.is_orphan() {
                let node = nodes.place(trace.node_of(at));
                nodes.own.set(at, node);
            }
            if member.infers {
                let node = nodes.place(node::of_inferred(member.entity));
                nodes.inferred.set(at, node);
            }
        }
        nodes
    }

    /// The place of a node, a new one if it has none yet.
    pub fn place(&mut self, key: NodeKey) -> NodeAt {
        if self.keys.len() <= LOOKED_THROUGH_MAX {
            if let Some(known) = self.keys.iter().position(|known| *known == key) {
                return node_at(known);
            }
        } else if let Some(known) = self.places.get(&key) {
            return *known;
        }
        let at = node_at(self.keys.len());
        if self.keys.len() == LOOKED_THROUGH_MAX {
            let known = self.keys.iter().enumerate();
            self.places = known
                .map(|(place, known)| (known.clone(), node_at(place)))
                .collect();
        }
        if self.keys.len() >= LOOKED_THROUGH_MAX {
            self.places.insert(key.clone(), at);
        }
        self.keys.push(key);
        at
    }

    /// The node of a sent segment or topmost orphan; `None` for any other entity.
    #[must_use]
    pub fn own(&self, owner: Index) -> Option<NodeAt> {
        self.own.get(owner)
    }

    /// The node of the segment inferred from a call; `None` when the call infers none.
    #[must_use]
    pub fn inferred(&self, call: Index) -> Option<NodeAt> {
        self.inferred.get(call)
    }

    /// A node by its place; `None` for a place of other nodes.
    #[must_use]
    pub fn key(&self, NodeAt(at): NodeAt) -> Option<&NodeKey> {
        self.keys.get(usize::try_from(at).ok()?)
    }

    /// Sorts places by name, type and account of their nodes, and leaves out repeats.
    pub fn sort(&self, places: &mut Vec<NodeAt>) {
        places.sort_by_key(|at| self.key(*at));
        places.dedup();
    }

    /// The nodes by their places.
    #[must_use]
    pub fn into_keys(self) -> Vec<NodeKey> {
        self.keys
    }
}

fn node_at(place: usize) -> NodeAt {
    NodeAt(u32::try_from(place).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::stitch::{parse_all, stitch};

    #[test]
    fn each_name_keeps_its_one_place_however_many_there_are() {
        let text = r#"{"name":"0","id":"3f1e0c2b9a8d7e6f","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","start_time":1,"end_time":2}"#;
        let parsed = parse_all([text]);
        let mut nodes = Nodes::of(&stitch(&parsed).unwrap());
        let key = |place: usize| NodeKey {
            name: place.to_string(),
            kind: None,
            account_id: None,
        };
        let count = 2 * LOOKED_THROUGH_MAX + 3;
        for known in 1..=count {
            for place in 0..known {
                assert_eq!(nodes.place(key(place)), node_at(place), "of {known}");
            }
        }
        let expected: Vec<NodeKey> = (0..count).map(key).collect();
        assert_eq!(nodes.into_keys(), expected);
    }
}
