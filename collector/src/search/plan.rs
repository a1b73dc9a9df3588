//! From an expression to the rows of a file that may satisfy it.
//!
//! A plan is made once for a search and asked of each file. It tells of every clause what it kept, for
//! `--explain`.

use std::ops::{Deref, Range};

use roaring::RoaringBitmap;

use super::algebra::evaluate;
use super::index::Index;
use super::leaf::Search;
use super::source::{SearchError, Source};
use crate::filter::Expression;
use crate::filter::ast::{Clause, Comparison, TraceTerm};
use crate::filter::keyword::TextKeyword;

/// How the index answers an expression.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `None` selects every row.
    clause: Option<Clause<Leaf>>,
    clauses: Vec<String>,
}

/// A term, and its place among the clauses.
#[derive(Debug, Clone)]
struct Leaf {
    term: TraceTerm,
    place: usize,
}

/// The rows of a file that may satisfy an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidates {
    /// The rows.
    pub(crate) rows: RoaringBitmap,
    /// Whether each of them does satisfy it; else views decide.
    pub(crate) is_exact: bool,
    /// What each of [`Plan::clauses`] did.
    pub(crate) clauses: Vec<ClauseUse>,
}

/// What a clause did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClauseUse {
    /// How precise its answer is.
    pub(crate) precision: Precision,
    /// The rows that it kept by itself, of those that were asked for.
    pub(crate) rows: u64,
}

/// How precise a clause's answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// It keeps those rows that satisfy it, and no others.
    Exact,
    /// It keeps others as well.
    Inexact,
    /// It keeps every row: the index does not know.
    NotIndexed,
    /// It was not asked: what stands before it left nothing.
    Skipped,
}

impl Plan {
    /// The plan of an expression.
    pub(crate) fn of(expression: &Expression) -> Self {
        let mut clauses = Vec::new();
        let clause = expression.clause.as_ref();
        let clause = clause.map(|clause| leaves(clause, false, &mut clauses));
        Self { clause, clauses }
    }

    /// Its clauses, as they were understood: the terms of the expression from left to right, those of
    /// groups in place of the group, and what follows from them.
    pub(crate) fn clauses(&self) -> &[String] {
        &self.clauses
    }

    /// The rows of a range that may satisfy the expression. Columns are read for the range alone, so
    /// that a search may take a large file in parts.
    ///
    /// # Errors
    /// When a part of the index cannot be read or is damaged; the views alone can answer then.
    pub(crate) fn candidates<S: Deref<Target: Source>>(
        &self,
        index: &Index<S>,
        range: Range<u32>,
    ) -> Result<Candidates, SearchError> {
        let search = Search::new(index, range);
        let skipped = ClauseUse {
            precision: Precision::Skipped,
            rows: 0,
        };
        let mut uses = vec![skipped; self.clauses.len()];
        let Some(clause) = &self.clause else {
            return Ok(Candidates {
                rows: search.all,
                is_exact: true,
                clauses: uses,
            });
        };
        let all = || Ok(search.all.clone());
        let found = evaluate(clause, false, &all, &mut |leaf, is_negated| {
            let found = search.term(&leaf.term, is_negated)?;
            let precision = match found.is_exact {
                true => Precision::Exact,
                false if found.rows == search.all => Precision::NotIndexed,
                false => Precision::Inexact,
            };
            if let Some(used) = uses.get_mut(leaf.place) {
                *used = ClauseUse {
                    precision,
                    rows: found.rows.len(),
                };
            }
            Ok(found)
        })?;
        Ok(Candidates {
            is_exact: found.is_exact || found.rows.is_empty(),
            rows: found.rows,
            clauses: uses,
        })
    }
}

/// The clause with groups replaced by their expressions, and with what follows from its terms.
fn leaves(clause: &Clause<TraceTerm>, is_negated: bool, clauses: &mut Vec<String>) -> Clause<Leaf> {
    let mut all = |list: &[Clause<TraceTerm>]| {
        let list = list.iter();
        list.map(|clause| leaves(clause, is_negated, clauses))
            .collect()
    };
    match clause {
        Clause::And(list) => Clause::And(all(list)),
        Clause::Or(list) => Clause::Or(all(list)),
        Clause::Not(clause) => Clause::Not(Box::new(leaves(clause, !is_negated, clauses))),
        Clause::Term(TraceTerm::Group(group)) => match &group.expression.clause {
            Some(clause) => leaves(clause, is_negated, clauses),
            None => Clause::And(Vec::new()),
        },
        Clause::Term(term) => {
            let mut terms = vec![leaf(term.clone(), is_negated, clauses)];
            if let TraceTerm::Service {
                filter: Some(filter),
                ..
            } = term
                && !is_negated
            {
                let implied = implied_by(filter).into_iter();
                terms.extend(implied.map(|term| leaf(term, false, clauses)));
            }
            match terms.len() {
                1 => terms.remove(0),
                _ => Clause::And(terms),
            }
        }
    }
}

fn leaf(term: TraceTerm, is_negated: bool, clauses: &mut Vec<String>) -> Clause<Leaf> {
    let place = clauses.len();
    let text = term.to_string();
    // what it keeps are the rows that satisfy what stands before it as well
    clauses.push(match (is_negated, text.contains(' ')) {
        (false, _) => text,
        (true, false) => format!("!{text}"),
        (true, true) => format!("!({text})"),
    });
    Clause::Term(Leaf { term, place })
}

/// What of the whole trace follows from what is asked of one of its segments: a trace's users, zones,
/// instances and resources are those of its segments.
fn implied_by(filter: &Clause<Comparison>) -> Vec<TraceTerm> {
    let terms = match filter {
        Clause::And(clauses) => clauses.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_of_host = |comparison: &Comparison| {
        let Comparison::Text(keyword, _) = comparison else {
            return false;
        };
        matches!(
            keyword,
            TextKeyword::User
                | TextKeyword::AvailabilityZone
                | TextKeyword::InstanceId
                | TextKeyword::ResourceArn
        )
    };
    let terms = terms.iter().filter_map(|clause| match clause {
        Clause::Term(comparison) if is_of_host(comparison) => {
            Some(TraceTerm::Field(comparison.clone()))
        }
        _ => None,
    });
    terms.collect()
}
