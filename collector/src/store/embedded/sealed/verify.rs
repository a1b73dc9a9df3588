//! Checking a sealed file against itself: every checksum, every order, every count, and everything
//! that is derived from something else in it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::failure::Doing;
use super::frame::Kind;
use super::rescan::{Rescan, rescan};
use super::seal::Sums;
use super::{Damage, SealedFile, SealedMeta};
use crate::store::{Cursor, StoreError};
use crate::trace::totals::Totals;

mod asked;

/// Problems that are told one by one; the others are counted.
const PROBLEMS_MAX: usize = 100;

/// What is wrong with a sealed file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Parts of the file that opening could not read.
    #[error("{} of header, footer and sections are damaged", .0.parts)]
    Parts(Damage),
    /// Bytes that are no intact frame.
    #[error("{bytes} bytes at {offset} are no intact frame")]
    Region {
        /// Where they begin.
        offset: u64,
        /// How many they are.
        bytes: u64,
    },
    /// Blocks that the directory knows of and that are not there any more.
    #[error("{documents} documents of {traces} traces were in blocks that are not intact")]
    Lost {
        /// Documents in these blocks.
        documents: u64,
        /// Traces in these blocks.
        traces: u64,
    },
    /// A document that a trace has twice.
    #[error("trace {0} has a document twice")]
    Twice(TraceId),
    /// A block that cannot be read.
    #[error("{0}")]
    Block(String),
    /// The sections that say where blocks are do not fit the blocks.
    #[error("the blocks are not where the directory has them")]
    Places,
    /// A count or a bound in the directory is not what the blocks say.
    #[error("the directory's counts are not those of the blocks")]
    Counts,
    /// A trace that does not come behind the one before, or a view that does not.
    #[error("trace {0} is out of order")]
    Order(TraceId),
    /// A trace that the Bloom filter does not have, so that look-ups miss it.
    #[error("trace {0} is not in the filter")]
    NotInFilter(TraceId),
    /// A view that its trace does not know, or a trace whose view is not there.
    #[error("trace {0} and its view do not fit")]
    View(TraceId),
    /// Totals that are not the sum of the views.
    #[error("the totals are not the sum of the views")]
    Totals,
    /// The list of carried traces is not what the traces say.
    #[error("the carried traces are not those of the blocks")]
    Carried,
    /// The list of links is not what the views say.
    #[error("the links are not those of the views")]
    Links,
    /// The search index is damaged, or does not answer as the views do.
    #[error("the search index is not that of the views")]
    SearchIndex,
}

/// What checking a sealed file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// What the file says of itself.
    pub meta: SealedMeta,
    /// The first problems.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problem_count: u64,
}

impl VerifyReport {
    fn add(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn check(&mut self, is_right: bool, otherwise: Problem) {
        if !is_right {
            self.add(otherwise);
        }
    }
}

impl SealedFile {
    /// Checks the file at this path. Reads all of it five times; memory as of an open file, 40 B for each
    /// view and twice its search index. Views of another encoding are not looked into. Blocking.
    ///
    /// # Errors
    /// When it cannot be read, is of another format version, or nothing in it is intact.
    pub fn verify(path: &Path) -> Result<VerifyReport, StoreError> {
        let file = Self::open(path)?;
        let mut report = VerifyReport {
            meta: file.meta.clone(),
            problems: Vec::new(),
            problem_count: 0,
        };
        report.check(file.damage.parts == 0, Problem::Parts(file.damage));
        file.verify_sections(&mut report)?;
        let starts = file.verify_traces(&mut report);
        file.verify_views(starts, &mut report)?;
        // views that cannot be read were told of
        let is_sound = file.has_sound_index().unwrap_or(true);
        report.check(is_sound, Problem::SearchIndex);
        Ok(report)
    }

    /// The sections against the blocks.
    fn verify_sections(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        let found = rescan(&self.file, self.bytes).doing("reading", &self.path)?;
        for place in &found.places {
            let bytes = place.end.saturating_sub(place.start);
            report.add(Problem::Region {
                offset: place.start,
                bytes,
            });
        }
        report.problem_count += found.regions.saturating_sub(found.places.len() as u64);
        self.verify_places(&found, report);
        report.check(found.carried == self.carried, Problem::Carried);
        let mut counted = SealedMeta {
            arrival_start: self.meta.arrival_start,
            arrival_end: self.meta.arrival_end,
            // the views' totals are looked at below; a merge takes over the greatest lead it finds
            minutes: self.meta.minutes,
            lead: found.counted.lead.max(self.meta.lead),
            notes: self.meta.notes.clone(),
            ..found.counted
        };
        if self.has_current_views() {
            report.check(found.views == self.views, Problem::Places);
            report.check(found.links == self.links, Problem::Links);
        } else {
            counted.views = self.meta.views;
            counted.start = self.meta.start;
            counted.latest = self.meta.latest;
        }
        report.check(counted == self.meta, Problem::Counts);
        Ok(())
    }

    /// Where blocks of documents are, and which of them are lost.
    fn verify_places(&self, found: &Rescan, report: &mut VerifyReport) {
        if found.documents == self.documents {
            return;
        }
        let intact: HashSet<u64> = found.documents.iter().map(|block| block.offset).collect();
        let lost = self.documents.iter();
        let lost = lost.filter(|block| !intact.contains(&block.offset));
        let (mut documents, mut traces) = (0, 0);
        for block in lost {
            documents += u64::from(block.documents);
            traces += u64::from(block.traces);
        }
        if traces > 0 {
            report.add(Problem::Lost { documents, traces });
        } else {
            report.add(Problem::Places);
        }
    }

    /// Order and filter; the starts of the views that the traces know.
    fn verify_traces(&self, report: &mut VerifyReport) -> HashMap<TraceId, Timestamp> {
        let mut starts = HashMap::new();
        let mut last = None;
        for trace in self.traces() {
            let trace = match trace {
                Ok(trace) => trace,
                Err(error) => {
                    report.add(Problem::Block(error.to_string()));
                    continue;
                }
            };
            let trace_id = trace.trace_id;
            report.check(last < Some(trace_id), Problem::Order(trace_id));
            report.check(self.may_have(trace_id), Problem::NotInFilter(trace_id));
            let mut seen = HashSet::new();
            let is_once = trace.documents.iter().all(|text| seen.insert(text));
            report.check(is_once, Problem::Twice(trace_id));
            last = Some(trace_id);
            starts.extend(trace.view_start.map(|start| (trace_id, start)));
        }
        starts
    }

    /// Order and totals of the views, and whether each trace has the one it knows.
    fn verify_views(
        &self,
        mut starts: HashMap<TraceId, Timestamp>,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        if !self.has_current_views() {
            return Ok(());
        }
        let mut sums = Sums::default();
        let mut last: Option<Cursor> = None;
        for view in self.views() {
            let view = match view {
                Ok(view) => view,
                Err(error) => {
                    report.add(Problem::Block(error.to_string()));
                    continue;
                }
            };
            let (trace_id, start) = (view.trace_id, view.summary.start);
            let cursor = Cursor { start, trace_id };
            let is_behind = last.is_none_or(|last| cursor < last);
            report.check(is_behind, Problem::Order(trace_id));
            let is_known = starts.remove(&trace_id) == Some(start);
            report.check(is_known, Problem::View(trace_id));
            last = Some(cursor);
            sums.add(&view);
        }
        for trace_id in starts.into_keys() {
            report.add(Problem::View(trace_id));
        }
        let minutes = &sums.totals.minutes;
        let ends = minutes.keys().next().zip(minutes.keys().next_back());
        let ends = ends.map(|(first, last)| (*first, *last));
        report.check(ends == self.meta.minutes, Problem::Counts);
        let totals: Option<Totals> = self.section(Kind::TOTALS)?;
        report.check(totals == Some(sums.totals), Problem::Totals);
        Ok(())
    }
}
