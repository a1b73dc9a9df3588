//! The rows that may satisfy one term about a whole trace.

use std::ops::{Deref, Range};

use roaring::RoaringBitmap;

use super::algebra::{Found, evaluate, is_union};
use super::field::{TextField, TraceFlag};
use super::index::Index;
use super::source::{SearchError, Source};
use crate::filter::ast::{AnnotationTest, Clause, Comparison, NumberOp, TextOp, TraceTerm};
use crate::filter::keyword::{CauseList, FlagKeyword, NumberKeyword};

/// A search of the rows of a range.
pub(super) struct Search<'i, S> {
    pub(super) index: &'i Index<S>,
    range: Range<u32>,
    /// The rows of the range.
    pub(super) all: RoaringBitmap,
}

impl<'i, S: Deref<Target: Source>> Search<'i, S> {
    pub(super) fn new(index: &'i Index<S>, range: Range<u32>) -> Self {
        let range = range.start..range.end.min(index.rows());
        let mut all = RoaringBitmap::new();
        all.insert_range(range.clone());
        Self { index, range, all }
    }

    /// The rows that satisfy a term, or do not.
    pub(super) fn term(&self, term: &TraceTerm, is_negated: bool) -> Result<Found, SearchError> {
        let mut found = match term {
            TraceTerm::Field(Comparison::Flag(keyword, is)) => self.flag(*keyword, *is)?,
            TraceTerm::Field(Comparison::Number(keyword, test)) => self.number(*keyword, *test)?,
            TraceTerm::Field(Comparison::Text(keyword, test)) => match TextField::of(*keyword) {
                Some(field) => self.text(field, test.as_ref())?,
                None => Found::none(),
            },
            TraceTerm::Annotation { key, test } => self.annotation(key, test)?,
            TraceTerm::Service { node, filter } => self.service(node, filter.as_ref())?,
            TraceTerm::Edge {
                source,
                target,
                filter,
            } => self.edge(source, target, filter.as_ref())?,
            TraceTerm::RootCause { list, filter } => self.root_cause(*list, filter)?,
            TraceTerm::RootCauseJson(_) => self.any_cause()?,
            // plans have the expression in its place
            TraceTerm::Group(_) => Found::inexact(self.all.clone()),
        };
        found.rows &= &self.all;
        Ok(match is_negated {
            true => found.negated(&self.all),
            false => found,
        })
    }

    fn flagged(&self, flag: TraceFlag) -> Result<RoaringBitmap, SearchError> {
        self.index.reader.set(self.index.flag(flag))
    }

    fn flag(&self, keyword: FlagKeyword, is: bool) -> Result<Found, SearchError> {
        let Some(flag) = TraceFlag::of(keyword) else {
            return Ok(Found::none());
        };
        let rows = self.flagged(flag)?;
        Ok(Found::exact(match (is, flag) {
            (true, _) => rows,
            // without a root it is neither
            (false, TraceFlag::Ok) => self.flagged(TraceFlag::HasRoot)? - rows,
            (false, _) => &self.all - rows,
        }))
    }

    fn number(
        &self,
        keyword: NumberKeyword,
        test: Option<(NumberOp, f64)>,
    ) -> Result<Found, SearchError> {
        let (index, range) = (self.index, self.range.clone());
        match keyword {
            NumberKeyword::HttpStatus => index.status()?.find(&index.reader, test),
            NumberKeyword::ResponseTime => {
                let times = index.response_times()?;
                times.find(&index.reader, None, range, test)
            }
            NumberKeyword::Duration => {
                let times = index.response_times()?;
                let durations = index.durations()?;
                durations.find(&index.reader, Some(&times), range, test)
            }
            NumberKeyword::Index | NumberKeyword::Coverage => Ok(Found::none()),
        }
    }

    fn text(
        &self,
        field: TextField,
        test: Option<&(TextOp, String)>,
    ) -> Result<Found, SearchError> {
        let test = test.map(|(operator, than)| (*operator, than.as_str()));
        self.index.text(field)?.find(&self.index.reader, test)
    }

    fn annotation(&self, key: &str, test: &AnnotationTest) -> Result<Found, SearchError> {
        let reader = &self.index.reader;
        let list = self.index.keys()?;
        let place = list.keys.binary_search_by(|(one, _)| one.as_str().cmp(key));
        let Some((_, span)) = place.ok().and_then(|place| list.keys.get(place)) else {
            let other = reader.set(list.other)?;
            return Ok(match other.is_empty() {
                true => Found::none(),
                false => Found::inexact(other),
            });
        };
        let entry = self.index.annotation(*span)?;
        match test {
            AnnotationTest::Exists => Ok(Found::exact(reader.set(entry.exists)?)),
            AnnotationTest::Flag(true) => Ok(Found::exact(reader.set(entry.is_true)?)),
            AnnotationTest::Flag(false) => Ok(Found::exact(reader.set(entry.is_false)?)),
            AnnotationTest::Number(operator, than) => {
                entry.number.find(reader, Some((*operator, *than)))
            }
            AnnotationTest::Text(operator, than) => {
                entry.text.find(reader, Some((*operator, than)))
            }
        }
    }

    fn root_cause(
        &self,
        list: CauseList,
        filter: &Clause<Comparison>,
    ) -> Result<Found, SearchError> {
        let flag = match list {
            CauseList::FaultService | CauseList::FaultEntity | CauseList::FaultException => {
                TraceFlag::FaultCause
            }
            CauseList::ErrorService | CauseList::ErrorEntity | CauseList::ErrorException => {
                TraceFlag::ErrorCause
            }
            CauseList::ResponseTimeService | CauseList::ResponseTimeEntity => TraceFlag::TimeCause,
        };
        let with_causes = self.flagged(flag)?;
        let mut found = evaluate(
            filter,
            false,
            &|| Ok(with_causes.clone()),
            &mut |comparison, is_negated| match comparison {
                Comparison::Text(keyword, test) if !is_negated => {
                    match TextField::of_list(list, *keyword) {
                        Some(field) => self.text(field, test.as_ref()),
                        None => Ok(Found::inexact(with_causes.clone())),
                    }
                }
                _ => Ok(Found::inexact(with_causes.clone())),
            },
        )?;
        found.is_exact &= is_union(filter, false);
        Ok(found)
    }

    /// Every trace with a root cause of any category.
    fn any_cause(&self) -> Result<Found, SearchError> {
        let mut rows = self.flagged(TraceFlag::FaultCause)?;
        rows |= self.flagged(TraceFlag::ErrorCause)?;
        rows |= self.flagged(TraceFlag::TimeCause)?;
        Ok(Found::inexact(rows))
    }
}
