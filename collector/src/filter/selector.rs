//! Which node's, edge's or traces' statistics a time series is about.
//! Source: `spec/filter-expressions.md` section 7.

use super::ast::{Clause, Expression, NodePattern, TraceTerm};
use super::error::FilterError;
use super::parse::selector_node;
use super::{GroupRef, parse};
use crate::trace::node::{EdgeKey, NodeKey};

/// What an EntitySelectorExpression means.
#[derive(Debug, Clone, PartialEq)]
pub enum Selector {
    /// `service(node)` or `id(...)`: the nodes' own statistics.
    Nodes(NodePattern),
    /// `edge(source, target)`: the edges' statistics.
    Edges(NodePattern, NodePattern),
    /// Any other filter expression: the client edges of the traces it selects.
    Traces(Expression),
}

/// Reads an EntitySelectorExpression; groups are known as they are to [`parse`]. How long it may be
/// is checked elsewhere.
///
/// # Errors
/// When it is neither `id(...)` alone nor a filter expression.
pub fn parse_selector(
    text: &str,
    groups: impl Fn(GroupRef<'_>) -> Option<Expression>,
) -> Result<Selector, FilterError> {
    if let Some(node) = selector_node(text)? {
        return Ok(Selector::Nodes(node));
    }
    let expression = parse(text, groups)?;
    Ok(match expression.clause {
        Some(Clause::Term(TraceTerm::Service { node, filter: None })) => Selector::Nodes(node),
        Some(Clause::Term(TraceTerm::Edge {
            source,
            target,
            filter: None,
        })) => Selector::Edges(source, target),
        clause => Selector::Traces(Expression { clause }),
    })
}

impl Selector {
    /// Whether the node's own statistics are meant.
    #[must_use]
    pub fn selects_node(&self, node: &NodeKey) -> bool {
        match self {
            Self::Nodes(pattern) => pattern.selects(node),
            Self::Edges(..) | Self::Traces(_) => false,
        }
    }

    /// Whether the edge's statistics are meant. A plain name as source stands for the client of that
    /// name as well.
    #[must_use]
    pub fn selects_edge(&self, edge: &EdgeKey) -> bool {
        match self {
            Self::Edges(source, target) => {
                let is_source = if edge.source.is_client() {
                    source.selects_calling_client_of(&edge.source.name)
                } else {
                    source.selects(&edge.source)
                };
                is_source && target.selects(&edge.target)
            }
            Self::Nodes(_) | Self::Traces(_) => false,
        }
    }
}
