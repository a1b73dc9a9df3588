//! Which nodes or edges the points of a series count. Pure.
//! Source: `spec/traces-and-graph.md` section 9.

use crate::filter::Selector;
use crate::trace::node::{EdgeKey, NodeKey};
use crate::trace::totals::{MinuteTotals, Wanted};

/// What is counted.
#[derive(Debug)]
pub(super) enum Selection {
    /// The edges from clients: the requests from outside.
    Clients,
    /// Selected nodes, clients excepted: they have no segments.
    Nodes(Selector),
    /// Selected edges.
    Edges(Selector),
}

impl Selection {
    /// Whether services are counted, and not calls.
    pub(super) const fn is_of_services(&self) -> bool {
        matches!(self, Self::Nodes(_))
    }

    pub(super) fn selects_node(&self, key: &NodeKey) -> bool {
        match self {
            Self::Nodes(selector) => !key.is_client() && selector.selects_node(key),
            Self::Clients | Self::Edges(_) => false,
        }
    }

    pub(super) fn selects_edge(&self, key: &EdgeKey) -> bool {
        match self {
            Self::Clients => key.source.is_client(),
            Self::Edges(selector) => selector.selects_edge(key),
            Self::Nodes(_) => false,
        }
    }

    /// The selected ones among those of a window.
    pub(super) fn wanted(&self, window: &MinuteTotals) -> Wanted {
        let nodes = window.nodes.keys().filter(|key| self.selects_node(key));
        let edges = window.edges.keys().filter(|key| self.selects_edge(key));
        Wanted {
            nodes: nodes.cloned().collect(),
            edges: edges.cloned().collect(),
        }
    }
}
