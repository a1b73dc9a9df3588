//! What the terms in braces are asked of, one by one: segments, calls, elements of root causes.

use std::fmt::Display;

use super::super::ast::{CallTerm, Comparison, NodePattern};
use super::super::eval::call::{self, Ends};
use super::super::eval::root_cause::{self, Element};
use super::super::eval::segment::{self, SegmentFields};
use super::super::keyword::CauseList;
use super::found;
use crate::trace::view::TraceView;

/// Things with the same verdict of which is told what decided; of the others only how many there are.
pub(super) const TOLD_MAX: usize = 3;

/// One thing that the terms in braces are asked of.
pub(super) trait Subject {
    /// What may be asked.
    type Term: Display;

    /// What several of them are called.
    const NOUNS: (&'static str, &'static str);

    /// Whether a term holds on it, as the evaluator says.
    fn holds(&self, term: &Self::Term) -> bool;

    /// What it has there.
    fn found(&self, term: &Self::Term) -> String;

    /// Which one it is.
    fn title(&self) -> String;
}

/// Visits the segments of the nodes meant.
pub(super) fn segments<'v>(
    view: &'v TraceView,
    node: &NodePattern,
    visit: &mut dyn FnMut(&SegmentFields<'v>),
) {
    segment::any(view, node, |segment| {
        visit(segment);
        false
    });
}

/// Visits the calls between the nodes meant.
pub(super) fn calls<'v>(
    view: &'v TraceView,
    source: &NodePattern,
    target: &NodePattern,
    visit: &mut dyn FnMut(&Ends<'v>),
) {
    call::any(view, source, target, |call| {
        visit(call);
        false
    });
}

/// Visits the elements of a list of root causes.
pub(super) fn elements<'v>(
    view: &'v TraceView,
    list: CauseList,
    visit: &mut dyn FnMut(&Element<'v>),
) {
    root_cause::any(view, list, |element| {
        visit(element);
        false
    });
}

impl Subject for SegmentFields<'_> {
    type Term = Comparison;

    const NOUNS: (&'static str, &'static str) = ("segment", "segments");

    fn holds(&self, term: &Comparison) -> bool {
        term.holds(self)
    }

    fn found(&self, term: &Comparison) -> String {
        found::comparison(self, term)
    }

    fn title(&self) -> String {
        found::node(self.node())
    }
}

impl Subject for Ends<'_> {
    type Term = CallTerm;

    const NOUNS: (&'static str, &'static str) = ("call", "calls");

    fn holds(&self, term: &CallTerm) -> bool {
        self.satisfies(term)
    }

    fn found(&self, term: &CallTerm) -> String {
        self.ask(term.of, |fields| {
            found::comparison(fields, &term.comparison)
        })
        .unwrap_or_else(|| "a client called, which has no segment".to_owned())
    }

    fn title(&self) -> String {
        found::call(self)
    }
}

impl Subject for Element<'_> {
    type Term = Comparison;

    const NOUNS: (&'static str, &'static str) = ("element", "elements");

    fn holds(&self, term: &Comparison) -> bool {
        term.holds(self)
    }

    fn found(&self, term: &Comparison) -> String {
        found::comparison(self, term)
    }

    fn title(&self) -> String {
        format!("element {}: {}", self.index(), found::cut(self.name()))
    }
}
