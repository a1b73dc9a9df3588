//! Why a trace satisfies an expression or does not: the terms that decide it, each with what the
//! trace has there.
//!
//! Terms are judged by the evaluator itself; here is only the choice of those that matter and what is
//! told of them. The work is that of evaluating, and once more for the terms told; at most
//! [`REASONS_MAX`] are. Recursion is bounded by the depth that the parser allows.
//! Source: `spec/filter-expressions.md` sections 2 to 6.

use super::ast::{Clause, Expression, TraceTerm};
use super::spelled::{Place, Places};
use crate::trace::view::TraceView;
use inside::{Subject, TOLD_MAX};

mod found;
mod inside;
mod print;

/// Terms that are told; how many more there are is a number.
const REASONS_MAX: usize = 100;

/// The verdict on a trace, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Whether the trace satisfies the expression.
    pub is_match: bool,
    /// The terms that decide it. Of terms joined by AND the ones that hold no matter where one fails,
    /// of terms joined by OR the ones that fail no matter where one holds.
    pub reasons: Vec<Reason>,
    /// Terms that would have had to be told beyond those.
    pub left_out: usize,
}

/// What became of one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Line and column at which it stands, in characters from 1; `None` for a term of a group, which
    /// stands elsewhere.
    pub place: Option<(usize, usize)>,
    /// The term as it is written.
    pub clause: String,
    /// An odd number of `!` stands in front of it: it must not hold.
    pub is_negated: bool,
    /// Whether it holds.
    pub holds: bool,
    /// What the trace has there.
    pub found: String,
    /// What decided inside the term's braces, or in the group it names.
    pub inside: Vec<Inside>,
}

/// What decided on one thing that the terms in braces were asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The segment, call, element or group.
    pub of: String,
    /// The terms that decided.
    pub reasons: Vec<Reason>,
}

/// Why the trace satisfies the expression or does not.
pub(super) fn explain(expression: &Expression, places: Places<'_>, view: &TraceView) -> Why {
    let mut teller = Teller {
        view,
        told: 0,
        left_out: 0,
    };
    let (is_match, reasons) = teller.expression(expression, places);
    Why {
        is_match,
        reasons,
        left_out: teller.left_out,
    }
}

/// A term with the evaluator's verdict on it.
struct Judged<'e, T> {
    term: &'e T,
    place: Place<'e>,
    holds: bool,
}

/// The same clause with its terms judged, in the order in which they are written.
fn judged<'e, T>(
    clause: &'e Clause<T>,
    places: &mut Places<'e>,
    holds: &impl Fn(&T) -> bool,
) -> Clause<Judged<'e, T>> {
    let mut all = |clauses: &'e [Clause<T>]| {
        let clauses = clauses.iter();
        clauses.map(|each| judged(each, places, holds)).collect()
    };
    match clause {
        Clause::And(clauses) => Clause::And(all(clauses)),
        Clause::Or(clauses) => Clause::Or(all(clauses)),
        Clause::Not(clause) => Clause::Not(Box::new(judged(clause, places, holds))),
        Clause::Term(term) => Clause::Term(Judged {
            term,
            place: places.next(),
            holds: holds(term),
        }),
    }
}

impl<T> Clause<Judged<'_, T>> {
    fn is_so(&self) -> bool {
        self.holds(&|judged| judged.holds)
    }

    /// The terms that make it what it is: of a list, those of the members that came out as the whole.
    fn deciding<'c>(&'c self, is_negated: bool, found: &mut Vec<(bool, &'c Judged<'c, T>)>) {
        match self {
            Self::And(clauses) | Self::Or(clauses) => {
                let is_so = self.is_so();
                for clause in clauses.iter().filter(|clause| clause.is_so() == is_so) {
                    clause.deciding(is_negated, found);
                }
            }
            Self::Not(clause) => clause.deciding(!is_negated, found),
            Self::Term(judged) => found.push((is_negated, judged)),
        }
    }
}

/// Tells reasons, up to the bound.
struct Teller<'v> {
    view: &'v TraceView,
    told: usize,
    left_out: usize,
}

impl Teller<'_> {
    /// The verdict and its reasons.
    fn expression<'e>(
        &mut self,
        expression: &'e Expression,
        mut places: Places<'e>,
    ) -> (bool, Vec<Reason>) {
        let view = self.view;
        let Some(clause) = &expression.clause else {
            return (true, Vec::new());
        };
        let clause = judged(clause, &mut places, &|term: &TraceTerm| term.holds(view));
        let tell = |teller: &mut Self, judged: &Judged<'_, TraceTerm>, is_negated| {
            teller.trace_reason(judged, is_negated)
        };
        (clause.is_so(), self.clause(&clause, tell))
    }

    fn clause<T>(
        &mut self,
        clause: &Clause<Judged<'_, T>>,
        tell: impl Fn(&mut Self, &Judged<'_, T>, bool) -> Reason,
    ) -> Vec<Reason> {
        let mut deciding = Vec::new();
        clause.deciding(false, &mut deciding);
        let mut reasons = Vec::new();
        for (is_negated, judged) in deciding {
            if self.told >= REASONS_MAX {
                self.left_out += 1;
                continue;
            }
            self.told += 1;
            reasons.push(tell(self, judged, is_negated));
        }
        reasons
    }

    fn trace_reason(&mut self, judged: &Judged<'_, TraceTerm>, is_negated: bool) -> Reason {
        let (term, view) = (judged.term, self.view);
        let inner = judged.place.inner;
        let (found, inside) = match term {
            TraceTerm::Field(comparison) => (found::field(view, comparison), Vec::new()),
            TraceTerm::Annotation { key, .. } => (found::annotation(view, key), Vec::new()),
            TraceTerm::RootCauseJson(_) => (found::causes(view), Vec::new()),
            TraceTerm::Service { node, filter } => {
                let each = |visit: &mut dyn FnMut(&_)| inside::segments(view, node, visit);
                self.braces(filter.as_ref(), inner, judged.holds, each)
                    .unwrap_or_else(|| (found::no_service(view), Vec::new()))
            }
            TraceTerm::Edge {
                source,
                target,
                filter,
            } => {
                let each = |visit: &mut dyn FnMut(&_)| inside::calls(view, source, target, visit);
                self.braces(filter.as_ref(), inner, judged.holds, each)
                    .unwrap_or_else(|| (found::no_call(view), Vec::new()))
            }
            TraceTerm::RootCause { list, filter } => {
                let each = |visit: &mut dyn FnMut(&_)| inside::elements(view, *list, visit);
                self.braces(Some(filter), inner, judged.holds, each)
                    .unwrap_or_else(|| ("there is no such root cause".to_owned(), Vec::new()))
            }
            TraceTerm::Group(group) => {
                let (_, reasons) = self.expression(&group.expression, Places::NONE);
                let of = format!("the group selects {}", found::group(&group.expression));
                (found::verdict(judged.holds), vec![Inside { of, reasons }])
            }
        };
        Reason {
            place: judged.place.location(),
            clause: written(term, &judged.place),
            is_negated,
            holds: judged.holds,
            found,
            inside,
        }
    }

    /// What is told of a term with braces; `None` when there is nothing that they could be asked of.
    fn braces<S: Subject>(
        &mut self,
        filter: Option<&Clause<S::Term>>,
        places: Places<'_>,
        holds: bool,
        each: impl FnOnce(&mut dyn FnMut(&S)),
    ) -> Option<(String, Vec<Inside>)> {
        let (mut all, mut alike) = (0_usize, 0_usize);
        let mut told = Vec::new();
        each(&mut |subject| {
            all += 1;
            let Some(filter) = filter else { return };
            let clause = judged(filter, &mut places.clone(), &|term| subject.holds(term));
            if clause.is_so() != holds {
                return;
            }
            alike += 1;
            if told.len() < TOLD_MAX {
                let reasons = self.clause(&clause, |_, judged, is_negated| Reason {
                    place: judged.place.location(),
                    clause: written(judged.term, &judged.place),
                    is_negated,
                    holds: judged.holds,
                    found: subject.found(judged.term),
                    inside: Vec::new(),
                });
                let of = subject.title();
                told.push(Inside { of, reasons });
            }
        });
        let (one, many) = S::NOUNS;
        let noun = if all == 1 { one } else { many };
        let text = match (filter, holds) {
            (None, _) => format!("{all} {noun}"),
            (Some(_), true) => format!("{alike} of {all} {noun} satisfy what is in the braces"),
            (Some(_), false) => format!("{all} {noun}, none satisfies what is in the braces"),
        };
        (all > 0).then_some((text, told))
    }
}

/// The term as it stands in the text. One that has a spelling with `!=` is told as what it negates.
fn written<T: std::fmt::Display>(term: &T, place: &Place<'_>) -> String {
    let printed = || term.to_string();
    place.written().map_or_else(printed, |written| {
        let is_negation = written.contains("!=") && !printed().contains("!=");
        if is_negation {
            printed()
        } else {
            written.to_owned()
        }
    })
}
