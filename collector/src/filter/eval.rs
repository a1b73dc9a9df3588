//! Whether a trace satisfies an expression, from its stored view alone.
//!
//! Recursion is bounded by the depth that the parser allows. Source: `spec/filter-expressions.md`
//! sections 2 to 6.

use std::cmp::Ordering;

use super::ast::{AnnotationTest, Clause, Comparison, Expression, NumberOp, TextOp, TraceTerm};
use super::keyword::{FlagKeyword, NumberKeyword, TextKeyword};
use super::root_cause_json;
use crate::trace::summary::AnnotationValue;
use crate::trace::view::TraceView;

pub(super) mod call;
pub(super) mod root_cause;
pub(super) mod segment;
pub(super) mod trace;

use trace::TraceFields;

impl Expression {
    /// Whether the trace satisfies it.
    #[must_use]
    pub fn matches(&self, view: &TraceView) -> bool {
        self.clause
            .as_ref()
            .is_none_or(|clause| clause.holds(&|term| term.holds(view)))
    }
}

/// Where simple keywords find their values. Keywords that have none there are missing.
pub(super) trait Fields {
    /// A flag; `None` when it is missing.
    fn flag(&self, keyword: FlagKeyword) -> Option<bool>;

    /// A number; `None` when it is missing.
    fn number(&self, keyword: NumberKeyword) -> Option<f64>;

    /// Whether one of the field's values, of which there may be none or many, passes.
    fn any_text(&self, keyword: TextKeyword, passes: &dyn Fn(&str) -> bool) -> bool;
}

impl<T> Clause<T> {
    /// Whether it holds, given which terms do.
    pub(super) fn holds(&self, term_holds: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::And(clauses) => clauses.iter().all(|clause| clause.holds(term_holds)),
            Self::Or(clauses) => clauses.iter().any(|clause| clause.holds(term_holds)),
            Self::Not(clause) => !clause.holds(term_holds),
            Self::Term(term) => term_holds(term),
        }
    }
}

impl Clause<Comparison> {
    /// Whether it holds on these values.
    fn holds_on(&self, fields: &impl Fields) -> bool {
        self.holds(&|comparison| comparison.holds(fields))
    }
}

impl Comparison {
    pub(super) fn holds(&self, fields: &(impl Fields + ?Sized)) -> bool {
        match self {
            Self::Flag(keyword, is) => fields.flag(*keyword) == Some(*is),
            Self::Number(keyword, test) => fields.number(*keyword).is_some_and(|value| {
                test.is_none_or(|(operator, than)| operator.holds(value, than))
            }),
            Self::Text(keyword, None) => fields.any_text(*keyword, &|_| true),
            Self::Text(keyword, Some((operator, than))) => {
                fields.any_text(*keyword, &|value| operator.holds(value, than))
            }
        }
    }
}

impl TraceTerm {
    pub(super) fn holds(&self, view: &TraceView) -> bool {
        match self {
            Self::Field(comparison) => comparison.holds(&TraceFields(view)),
            Self::Annotation { key, test } => {
                let annotations = view.summary.annotations.iter();
                let mut values = annotations.filter(|annotation| annotation.key == *key);
                values.any(|annotation| test.holds(&annotation.value))
            }
            Self::Service { node, filter } => segment::any(view, node, |segment| {
                filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds_on(segment))
            }),
            Self::Edge {
                source,
                target,
                filter,
            } => call::any(view, source, target, |call| {
                let filter = filter.as_ref();
                filter.is_none_or(|filter| filter.holds(&|term| call.satisfies(term)))
            }),
            Self::RootCause { list, filter } => {
                root_cause::any(view, *list, |element| filter.holds_on(element))
            }
            Self::RootCauseJson(objects) => root_cause_json::any(view, objects),
            Self::Group(group) => group.expression.matches(view),
        }
    }
}

impl AnnotationTest {
    fn holds(&self, value: &AnnotationValue) -> bool {
        match (self, value) {
            (Self::Exists, AnnotationValue::Bool(value)) => *value,
            (Self::Exists, _) => true,
            (Self::Flag(is), AnnotationValue::Bool(value)) => is == value,
            (Self::Number(operator, than), AnnotationValue::Number(value)) => {
                operator.holds(*value, *than)
            }
            (Self::Text(operator, than), AnnotationValue::Text(value)) => {
                operator.holds(value, than)
            }
            (Self::Flag(_) | Self::Number(..) | Self::Text(..), _) => false,
        }
    }
}

impl NumberOp {
    /// Whether it holds; of what is not a number nothing does.
    pub(crate) fn holds(self, value: f64, than: f64) -> bool {
        let order = value.partial_cmp(&than);
        order.is_some_and(|order| match self {
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        })
    }
}

impl TextOp {
    /// Whether it holds. UTF-8 compares byte by byte as code points do.
    pub(crate) fn holds(self, value: &str, than: &str) -> bool {
        match self {
            Self::Equal => value == than,
            Self::NotEqual => value != than,
            Self::Contains => value.contains(than),
            Self::BeginsWith => value.starts_with(than),
            Self::EndsWith => value.ends_with(than),
        }
    }
}
