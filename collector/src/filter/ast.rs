//! What a filter expression consists of once it was read.
//!
//! Each place in which terms may stand has its own kind of term, so that nothing can be said where it
//! means nothing. Spellings of one meaning are one value here: `ok != true` is `ok = false`,
//! `group.name != "x"` is the negation of `group.name = "x"`.
//! Source: `spec/filter-expressions.md` sections 1 to 6.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::keyword::{CauseList, FlagKeyword, NumberKeyword, TextKeyword};
use crate::trace::node::{CLIENT, NodeKey};

/// A filter expression that was read; the empty one, which is the default, selects every trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expression {
    /// What it asks; `None` asks nothing.
    pub(crate) clause: Option<Clause<TraceTerm>>,
}

/// Terms joined by `AND`, `OR` and `!`. Parentheses of the text are in the nesting alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clause<T> {
    /// All of them, at least two.
    And(Vec<Self>),
    /// At least one of them; at least two are listed.
    Or(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// A single term.
    Term(T),
}

/// A term about a whole trace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TraceTerm {
    /// A simple keyword.
    Field(Comparison),
    /// `annotation.key`.
    Annotation {
        /// The key, not empty, without blanks around it.
        key: String,
        /// What is asked of its values.
        test: AnnotationTest,
    },
    /// `service(node) { filter }`.
    Service {
        /// The nodes.
        node: NodePattern,
        /// What must hold of one segment of such a node.
        filter: Option<Clause<Comparison>>,
    },
    /// `edge(source, target) { filter }`; `edge()` has [`NodePattern::Any`] twice.
    Edge {
        /// The callers.
        source: NodePattern,
        /// The callees.
        target: NodePattern,
        /// What must hold of one such call.
        filter: Option<Clause<CallTerm>>,
    },
    /// `rootcause.fault.service { filter }` and its siblings.
    RootCause {
        /// The root causes.
        list: CauseList,
        /// What must hold of one element.
        filter: Clause<Comparison>,
    },
    /// `rootcause.json = #[...]`: the objects, of which one must match.
    RootCauseJson(Vec<Map<String, Value>>),
    /// `group.name = "x"`.
    Group(GroupTerm),
}

/// A group by its name or ARN, with the expression that stood for it when the text was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupTerm {
    /// Which of its names is given.
    pub(crate) by: GroupBy,
    /// The name or ARN.
    pub(crate) value: String,
    /// What the group selects.
    pub(crate) expression: Arc<Expression>,
}

/// What a group is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupBy {
    /// `group.name`.
    Name,
    /// `group.arn`.
    Arn,
}

/// A simple keyword with what is asked of it; without an operator a number or string must exist.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comparison {
    /// A flag and the value it must have.
    Flag(FlagKeyword, bool),
    /// A number.
    Number(NumberKeyword, Option<(NumberOp, f64)>),
    /// A string.
    Text(TextKeyword, Option<(TextOp, String)>),
}

/// What is asked of the values of an annotation; a value of another type never answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AnnotationTest {
    /// There is a value other than `false`.
    Exists,
    /// Boolean.
    Flag(bool),
    /// Number.
    Number(NumberOp, f64),
    /// String.
    Text(TextOp, String),
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// How strings compare, by code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `CONTAINS`
    Contains,
    /// `BEGINSWITH`
    BeginsWith,
    /// `ENDSWITH`
    EndsWith,
}

/// A term about a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallTerm {
    /// Whom it asks.
    pub(crate) of: CallSide,
    /// What it asks.
    pub(crate) comparison: Comparison,
}

/// What a term about a call looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallSide {
    /// What the caller recorded.
    Call,
    /// The caller's segment.
    Source,
    /// The callee's segment.
    Destination,
}

/// Which nodes are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodePattern {
    /// All of them.
    Any,
    /// Those of this name.
    Name(String),
    /// Those with all the parts given, of which there is at least one; an empty type or account
    /// means nodes without one.
    Id {
        /// `name`.
        name: Option<String>,
        /// `type`.
        kind: Option<String>,
        /// `account.id`.
        account_id: Option<String>,
    },
}

impl NodePattern {
    /// Whether the node is meant. Clients only are when their type is asked for.
    #[must_use]
    pub fn selects(&self, node: &NodeKey) -> bool {
        if node.is_client() {
            self.selects_client_of(&node.name)
        } else {
            self.selects_segment_of(node)
        }
    }

    /// Whether segments of the node are meant, whatever it is called.
    pub(crate) fn selects_segment_of(&self, node: &NodeKey) -> bool {
        self.fits(
            &node.name,
            node.kind.as_deref().unwrap_or_default(),
            node.account_id.as_deref().unwrap_or_default(),
        )
    }

    /// Whether the client of a root of this name is meant.
    pub(crate) fn selects_client_of(&self, name: &str) -> bool {
        match self {
            Self::Id {
                kind: Some(kind), ..
            } => kind == CLIENT && self.fits(name, CLIENT, ""),
            Self::Any | Self::Name(_) | Self::Id { .. } => false,
        }
    }

    /// Whether the client of a root of this name may be the caller that is meant: a plain name
    /// stands for the client as well, and so does no name at all.
    pub(crate) fn selects_calling_client_of(&self, name: &str) -> bool {
        match self {
            Self::Any | Self::Name(_) => self.fits(name, CLIENT, ""),
            Self::Id { .. } => self.selects_client_of(name),
        }
    }

    /// Whether all parts that are given are these; `""` is a part that a node does not have.
    fn fits(&self, its_name: &str, its_kind: &str, its_account_id: &str) -> bool {
        let is = |asked: Option<&String>, value: &str| asked.is_none_or(|asked| asked == value);
        match self {
            Self::Any => true,
            Self::Name(name) => name == its_name,
            Self::Id {
                name,
                kind,
                account_id,
            } => {
                is(name.as_ref(), its_name)
                    && is(kind.as_ref(), its_kind)
                    && is(account_id.as_ref(), its_account_id)
            }
        }
    }
}
