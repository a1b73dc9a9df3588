//! An expression beside the text it was read from: where each of its terms stands, for messages that
//! point, and how the whole was understood.
//!
//! Places stand beside the expression and not in it, so that two spellings of one meaning stay equal.
//! Source: `spec/filter-expressions.md` section 1.

use std::fmt::Display;
use std::ops::Range;

use super::ast::{Clause, Expression, TraceTerm};
use super::error::{FilterError, location};
use super::parse::{Groups, Parser};
use super::{GroupRef, why};
use crate::trace::view::TraceView;

/// Where a term stands. Terms are listed in the order in which they begin: one with braces is followed
/// by those between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TermPlace {
    /// Its bytes, braces included.
    pub(super) span: Range<usize>,
    /// Terms in its braces, which come next in the list.
    pub(super) inner: usize,
}

/// An expression with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Spelled {
    text: String,
    expression: Expression,
    places: Vec<TermPlace>,
}

/// A line of how an expression was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How far in it stands, from 0.
    pub depth: usize,
    /// Line and column, in characters from 1, of a term; `None` for what joins terms, and for terms of
    /// a group, which stand elsewhere.
    pub place: Option<(usize, usize)>,
    /// The term in its one spelling, without its braces, or how the lines below are joined.
    pub text: String,
}

impl Spelled {
    /// Reads a filter expression as [`super::parse`] does.
    ///
    /// # Errors
    /// As there.
    pub fn read(
        text: &str,
        groups: impl Fn(GroupRef<'_>) -> Option<Expression>,
    ) -> Result<Self, FilterError> {
        let (expression, places) =
            Parser::new(text, Groups::Known(&groups))?.expression_in_place()?;
        Ok(Self {
            text: text.to_owned(),
            expression,
            places,
        })
    }

    /// What was read; displays in its one spelling.
    #[must_use]
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Why the trace satisfies the expression or does not.
    #[must_use]
    pub fn why(&self, view: &TraceView) -> why::Why {
        why::explain(&self.expression, self.places(), view)
    }

    /// How it was understood, a line for each term and for whatever joins several.
    #[must_use]
    pub fn outline(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(clause) = &self.expression.clause {
            outline(clause, 0, &mut self.places(), &mut lines, &mut trace_term);
        }
        lines
    }

    fn places(&self) -> Places<'_> {
        Places {
            text: &self.text,
            rest: &self.places,
        }
    }
}

/// The places of the terms that a walk is still to meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'s> {
    text: &'s str,
    rest: &'s [TermPlace],
}

/// A term's own place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'s> {
    text: &'s str,
    span: Option<&'s Range<usize>>,
    /// Those of the terms in its braces.
    pub(super) inner: Places<'s>,
}

impl<'s> Places<'s> {
    /// For an expression whose text is not at hand.
    pub(super) const NONE: Self = Self {
        text: "",
        rest: &[],
    };

    /// The place of the term that begins next; those in its braces are passed over.
    pub(super) fn next(&mut self) -> Place<'s> {
        let text = self.text;
        let Some((first, rest)) = self.rest.split_first() else {
            let inner = *self;
            let span = None;
            return Place { text, span, inner };
        };
        let (inner, rest) = rest.split_at_checked(first.inner).unwrap_or((&[], rest));
        self.rest = rest;
        Place {
            text,
            span: Some(&first.span),
            inner: Self { text, rest: inner },
        }
    }
}

impl<'s> Place<'s> {
    /// Line and column, both from 1.
    pub(super) fn location(&self) -> Option<(usize, usize)> {
        self.span.map(|span| location(self.text, span.start))
    }

    /// What is written there.
    pub(super) fn written(&self) -> Option<&'s str> {
        self.text.get(self.span?.clone())
    }
}

type Lines = Vec<Line>;

/// A line for a term, then those of its braces.
type TermLines<'f, T> = &'f mut dyn FnMut(&T, usize, Place<'_>, &mut Lines);

fn outline<T>(
    clause: &Clause<T>,
    depth: usize,
    places: &mut Places<'_>,
    lines: &mut Lines,
    term_lines: TermLines<'_, T>,
) {
    let (joint, clauses) = match clause {
        Clause::Term(term) => return term_lines(term, depth, places.next(), lines),
        Clause::And(clauses) => ("all of", clauses.as_slice()),
        Clause::Or(clauses) => ("one of", clauses.as_slice()),
        Clause::Not(clause) => ("not", std::slice::from_ref(&**clause)),
    };
    lines.push(Line {
        depth,
        place: None,
        text: joint.to_owned(),
    });
    for clause in clauses {
        outline(clause, depth + 1, places, lines, term_lines);
    }
}

fn line(text: String, depth: usize, place: Place<'_>, lines: &mut Lines) {
    let place = place.location();
    lines.push(Line { depth, place, text });
}

fn trace_term(term: &TraceTerm, depth: usize, place: Place<'_>, lines: &mut Lines) {
    line(term.without_braces(), depth, place, lines);
    let mut inner = place.inner;
    match term {
        TraceTerm::Service { filter, .. } => {
            braces(filter.as_ref(), depth + 1, &mut inner, lines);
        }
        TraceTerm::Edge { filter, .. } => braces(filter.as_ref(), depth + 1, &mut inner, lines),
        TraceTerm::RootCause { filter, .. } => {
            braces(Some(filter), depth + 1, &mut inner, lines);
        }
        TraceTerm::Group(group) => {
            if let Some(clause) = &group.expression.clause {
                let places = &mut Places::NONE.clone();
                outline(clause, depth + 1, places, lines, &mut trace_term);
            }
        }
        TraceTerm::Field(_) | TraceTerm::Annotation { .. } | TraceTerm::RootCauseJson(_) => {}
    }
}

fn braces<T: Display>(
    filter: Option<&Clause<T>>,
    depth: usize,
    places: &mut Places<'_>,
    lines: &mut Lines,
) {
    if let Some(clause) = filter {
        let mut term_line = |term: &T, depth, place: Place<'_>, lines: &mut Lines| {
            line(term.to_string(), depth, place, lines);
        };
        outline(clause, depth, places, lines, &mut term_line);
    }
}
