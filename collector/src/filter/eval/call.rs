//! `edge(source, target) { filter }`, and what simple keywords mean of one call.
//! Source: `spec/filter-expressions.md` section 4, section 2, column E.

use super::super::ast::{CallSide, CallTerm, NodePattern};
use super::super::keyword::{FlagKeyword, NumberKeyword, TextKeyword};
use super::Fields;
use super::segment::{SegmentFields, entity_flag, entity_number, http_text};
use crate::trace::facts::{CallFacts, EntityFacts, SegmentFacts};
use crate::trace::node::NodeKey;
use crate::trace::view::TraceView;

/// Whether one call between nodes that are meant passes.
pub(in super::super) fn any<'v>(
    view: &'v TraceView,
    source: &NodePattern,
    target: &NodePattern,
    mut passes: impl FnMut(&Ends<'v>) -> bool,
) -> bool {
    view.facts.calls.iter().any(|call| {
        Ends::of(view, call).is_some_and(|ends| ends.are_between(source, target) && passes(&ends))
    })
}

/// A call with what is at its ends.
pub(in super::super) struct Ends<'v> {
    view: &'v TraceView,
    /// `None` where the client of a root called.
    source: Option<&'v SegmentFacts>,
    target: &'v SegmentFacts,
    call: CallFields<'v>,
}

impl<'v> Ends<'v> {
    /// `None` only in a damaged view.
    fn of(view: &'v TraceView, call: &CallFacts) -> Option<Self> {
        let source = match call.source {
            Some(source) => Some(view.segment(source)?),
            None => None,
        };
        Some(Self {
            view,
            source,
            target: view.segment(call.target)?,
            call: CallFields(view.entity(call.entity)?),
        })
    }

    fn are_between(&self, source: &NodePattern, target: &NodePattern) -> bool {
        let callee = self.view.node(self.target.node);
        target.selects_segment_of(callee)
            && match self.source {
                Some(caller) => source.selects_segment_of(self.view.node(caller.node)),
                None => source.selects_calling_client_of(&callee.name),
            }
    }

    pub(in super::super) fn satisfies(&self, term: &CallTerm) -> bool {
        self.ask(term.of, |fields| term.comparison.holds(fields))
            .unwrap_or(false)
    }

    /// Asks the call or the segment at one of its ends; `None` where a client, which has none, called.
    pub(in super::super) fn ask<R>(
        &self,
        side: CallSide,
        question: impl FnOnce(&dyn Fields) -> R,
    ) -> Option<R> {
        let segment = match side {
            CallSide::Call => return Some(question(&self.call)),
            CallSide::Source => self.source?,
            CallSide::Destination => self.target,
        };
        SegmentFields::of(self.view, segment).map(|fields| question(&fields))
    }

    /// The caller's node, `None` for the client of a root, and the callee's.
    pub(in super::super) fn nodes(&self) -> (Option<&'v NodeKey>, &'v NodeKey) {
        let source = self.source.map(|source| self.view.node(source.node));
        (source, self.view.node(self.target.node))
    }
}

/// The values of one call, as its caller saw it.
struct CallFields<'v>(&'v EntityFacts);

impl Fields for CallFields<'_> {
    fn flag(&self, keyword: FlagKeyword) -> Option<bool> {
        entity_flag(self.0, keyword)
    }

    fn number(&self, keyword: NumberKeyword) -> Option<f64> {
        entity_number(self.0, keyword)
    }

    fn any_text(&self, keyword: TextKeyword, passes: &dyn Fn(&str) -> bool) -> bool {
        http_text(self.0.http.as_deref(), keyword).is_some_and(passes)
    }
}
