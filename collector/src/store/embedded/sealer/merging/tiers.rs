//! Which sealed files are merged next: a busy hour's, 64 at a time; an hour's once it is over; and a
//! day's once that is over, so that a month is about thirty files. Pure.
//!
//! What is stored is written three times at most by merging, unless it is some gigabytes an hour: with 63
//! others, with its hour and with its day. A file is what retention drops at once. So days are merged only
//! when they hold an eighth of the store or less: a short retention goes on by hours, and one by bytes
//! never loses more than that at once.

use std::ops::Range;

use radiograph_protocol::timestamp::Timestamp;

use super::super::super::hour::{Hour, LogName, SealedName};

/// Files that are merged at once, and the number from which on those of an hour that is not over are.
const INPUTS_MAX: usize = 64;
/// Length of what is merged into one file: what a merge needs on the disk, and a bound of its memory,
/// which is 8 B a trace.
const BYTES_MAX: u64 = 4 << 30;
/// A day's files are merged when they are this part of the store, or less.
const DAY_SHARE: u64 = 8;
const DAY_SECONDS: i64 = 24 * 3600;

/// How far merging goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super::super) enum Reach {
    /// To files of an hour.
    Hours,
    /// To files of a day.
    Days,
}

/// What is to be known of a sealed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its name.
    pub(super) name: SealedName,
    /// Its length.
    pub(super) bytes: u64,
    /// Whether its totals are its own affair.
    pub(super) is_cold: bool,
    /// Whether it can be merged at all.
    pub(super) is_mergeable: bool,
}

/// The files to be merged next, of all there are, oldest first; `None` when there are none. They follow
/// each other, and no log lies between them.
pub(super) fn next(
    parts: &[Candidate],
    logs: &[LogName],
    now: Timestamp,
    reach: Reach,
) -> Option<Range<usize>> {
    let tiers = Tiers { parts, logs, now };
    tiers
        .busy_hour()
        .or_else(|| tiers.whole_hour())
        .or_else(|| tiers.day().filter(|_| reach == Reach::Days))
}

struct Tiers<'a> {
    parts: &'a [Candidate],
    logs: &'a [LogName],
    now: Timestamp,
}

impl Tiers<'_> {
    fn busy_hour(&self) -> Option<Range<usize>> {
        // of one generation, so that what is merged already waits for the end of the hour
        let is_alike = |one: &Candidate, next: &Candidate| {
            one.name.generation == next.name.generation && hour(one) == hour(next)
        };
        let mut runs = self.runs(0..self.parts.len(), is_alike).into_iter();
        runs.find_map(|run| self.fitting(run).filter(|run| run.len() == INPUTS_MAX))
    }

    fn whole_hour(&self) -> Option<Range<usize>> {
        let is_alike = |one: &Candidate, next: &Candidate| hour(one) == hour(next);
        let runs = self.runs(0..self.parts.len(), is_alike).into_iter();
        let is_over = |run: &Range<usize>| {
            let hour = self.parts.get(run.start).map(hour);
            hour.is_some_and(|hour| {
                hour.end() <= self.now && !self.logs.iter().any(|log| log.hour == hour)
            })
        };
        runs.filter(is_over).find_map(|run| self.fitting(run))
    }

    fn day(&self) -> Option<Range<usize>> {
        let share = self.bytes(0..self.parts.len()) / DAY_SHARE;
        let mut start = 0;
        for of_day in self.parts.chunk_by(|one, next| day(one) == day(next)) {
            let range = start..start + of_day.len();
            start = range.end;
            let Some(first) = of_day.first() else {
                continue;
            };
            let end = Timestamp::from_seconds((day(first) + 1).saturating_mul(DAY_SECONDS));
            let has_log = self.logs.iter().any(|log| day_of(log.hour) == day(first));
            // those that are still hot become cold within hours: then it is one merge, not two
            let is_mixed = of_day.iter().any(|part| part.is_cold != first.is_cold);
            if end > self.now || has_log || is_mixed || self.bytes(range.clone()) > share {
                continue;
            }
            let mut runs = self.runs(range, |_, _| true).into_iter();
            if let Some(run) = runs.find_map(|run| self.fitting(run)) {
                return Some(run);
            }
        }
        None
    }

    /// The runs of files in a range that may become one.
    fn runs(
        &self,
        range: Range<usize>,
        is_alike: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Vec<Range<usize>> {
        let mut start = range.start;
        let parts = self.parts.get(range).unwrap_or_default();
        let runs = parts.chunk_by(|one, next| {
            let is_between = |log: &LogName| one.name.last < *log && *log < next.name.last;
            is_alike(one, next)
                && one.is_cold == next.is_cold
                && one.is_mergeable
                && next.is_mergeable
                && !self.logs.iter().any(is_between)
        });
        let ranges = runs.map(|run| {
            let range = start..start + run.len();
            start = range.end;
            range
        });
        ranges.collect()
    }

    /// The first files of a run, two at least, that are neither too many nor too large for one.
    fn fitting(&self, run: Range<usize>) -> Option<Range<usize>> {
        let mut start = run.start;
        while start + 1 < run.end {
            let end_max = run.end.min(start + INPUTS_MAX);
            let fits = |end: &usize| self.bytes(start..*end) <= BYTES_MAX;
            let end = (start + 2..=end_max).take_while(fits).last();
            if let Some(end) = end {
                return Some(start..end);
            }
            start += 1;
        }
        None
    }

    fn bytes(&self, range: Range<usize>) -> u64 {
        let parts = self.parts.get(range).unwrap_or_default();
        let bytes = parts.iter().map(|part| part.bytes);
        bytes.fold(0, u64::saturating_add)
    }
}

const fn hour(part: &Candidate) -> Hour {
    part.name.last.hour
}

fn day(part: &Candidate) -> i64 {
    day_of(hour(part))
}

fn day_of(hour: Hour) -> i64 {
    hour.start().seconds_floor().div_euclid(DAY_SECONDS)
}

#[cfg(test)]
mod tests;
