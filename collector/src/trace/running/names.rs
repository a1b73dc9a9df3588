//! Every name of a node once, as long as something refers to it.
//!
//! A name that nobody holds any more is gone, so that traffic with ever new names costs memory only
//! for as long as its minutes are kept. Numbers are never given out twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::trace::node::NodeKey;

/// Stands for a node's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u64);

/// The names, and how many hold each.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: BTreeMap<Arc<NodeKey>, NodeId>,
    names: BTreeMap<NodeId, Name>,
    /// Not given out yet.
    next: u64,
}

#[derive(Debug)]
struct Name {
    key: Arc<NodeKey>,
    holders: u64,
}

impl Names {
    /// The number of a name, which the caller holds from now on.
    pub(super) fn hold(&mut self, key: &NodeKey) -> NodeId {
        if let Some(id) = self.ids.get(key).copied() {
            self.hold_again(id);
            return id;
        }
        let (id, key) = (NodeId(self.next), Arc::new(key.clone()));
        self.next += 1;
        self.ids.insert(Arc::clone(&key), id);
        self.names.insert(id, Name { key, holders: 1 });
        id
    }

    /// One holder more for a name that somebody holds.
    pub(super) fn hold_again(&mut self, id: NodeId) {
        if let Some(name) = self.names.get_mut(&id) {
            name.holders += 1;
        }
    }

    /// One holder less; the last one takes the name along.
    pub(super) fn release(&mut self, id: NodeId) {
        let Some(name) = self.names.get_mut(&id) else {
            return;
        };
        name.holders -= 1;
        if name.holders == 0 {
            self.ids.remove(&name.key);
            self.names.remove(&id);
        }
    }

    /// The number of a name that somebody holds.
    pub(super) fn id(&self, key: &NodeKey) -> Option<NodeId> {
        self.ids.get(key).copied()
    }

    /// The name of a number that somebody holds.
    pub(super) fn key(&self, id: NodeId) -> Option<&NodeKey> {
        Some(&self.names.get(&id)?.key)
    }

    /// Whether nobody holds a name.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_until_its_last_holder_lets_go() {
        let mut names = Names::default();
        let (cart, shop) = (NodeKey::client_of("cart"), NodeKey::client_of("shop"));
        let id = names.hold(&cart);
        assert_eq!(names.hold(&cart), id);
        assert_ne!(names.hold(&shop), id);
        names.hold_again(id);
        for _ in 0..2 {
            names.release(id);
            assert_eq!((names.id(&cart), names.key(id)), (Some(id), Some(&cart)));
        }
        names.release(id);
        assert_eq!((names.id(&cart), names.key(id)), (None, None));
        assert!(!names.is_empty());
        assert_ne!(names.hold(&cart), id, "numbers are never given out twice");
    }
}
