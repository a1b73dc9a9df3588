//! Sets of rows that may be too large, and how AND, OR and NOT combine them.

use roaring::RoaringBitmap;

use super::source::SearchError;
use crate::filter::ast::Clause;

/// The rows that may satisfy something; exactly those that do where it is exact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) rows: RoaringBitmap,
    pub(super) is_exact: bool,
}

impl Found {
    pub(super) const fn exact(rows: RoaringBitmap) -> Self {
        Self {
            rows,
            is_exact: true,
        }
    }

    pub(super) const fn inexact(rows: RoaringBitmap) -> Self {
        Self {
            rows,
            is_exact: false,
        }
    }

    pub(super) fn none() -> Self {
        Self::exact(RoaringBitmap::new())
    }

    /// The opposite: what may be too large says nothing of what is not in it.
    pub(super) fn negated(self, all: &RoaringBitmap) -> Self {
        if self.is_exact {
            Self::exact(all - self.rows)
        } else {
            Self::inexact(all.clone())
        }
    }

    /// Adds what satisfies something else.
    pub(super) fn unite(&mut self, other: Self) {
        self.rows |= other.rows;
        self.is_exact &= other.is_exact;
    }

    /// Keeps what satisfies something else as well.
    pub(super) fn keep(&mut self, other: Self) {
        self.rows &= other.rows;
        self.is_exact &= other.is_exact;
    }
}

/// Evaluates a clause. Negations are brought down to the terms, where more of them is exact:
/// `term(term, is_negated)`. `all` are the rows that an empty AND selects. Recursion is bounded by the
/// depth that the parser allows.
pub(super) fn evaluate<T>(
    clause: &Clause<T>,
    is_negated: bool,
    all: &dyn Fn() -> Result<RoaringBitmap, SearchError>,
    term: &mut dyn FnMut(&T, bool) -> Result<Found, SearchError>,
) -> Result<Found, SearchError> {
    let (clauses, is_and) = match clause {
        Clause::Not(clause) => return evaluate(clause, !is_negated, all, term),
        Clause::Term(one) => return term(one, is_negated),
        Clause::And(clauses) => (clauses, !is_negated),
        Clause::Or(clauses) => (clauses, is_negated),
    };
    let mut found: Option<Found> = None;
    for clause in clauses {
        let Some(found) = &mut found else {
            found = Some(evaluate(clause, is_negated, all, term)?);
            continue;
        };
        if !is_and {
            found.unite(evaluate(clause, is_negated, all, term)?);
        } else if found.rows.is_empty() {
            // too many rows are none: nobody can be missing
            found.is_exact = true;
            break;
        } else {
            found.keep(evaluate(clause, is_negated, all, term)?);
        }
    }
    match (found, is_and) {
        (Some(found), _) => Ok(found),
        (None, true) => Ok(Found::exact(all()?)),
        (None, false) => Ok(Found::none()),
    }
}

/// Whether a clause holds of one of several elements exactly where one of its terms does: AND may find
/// its terms on different elements.
pub(super) fn is_union<T>(clause: &Clause<T>, is_negated: bool) -> bool {
    match clause {
        Clause::Term(_) => true,
        Clause::Not(clause) => is_union(clause, !is_negated),
        Clause::And(clauses) => is_negated && clauses.iter().all(|one| is_union(one, true)),
        Clause::Or(clauses) => !is_negated && clauses.iter().all(|one| is_union(one, false)),
    }
}
