//! What the oldest files hold that are to be dropped, trace by trace, and which documents of a trace
//! stand there alone.
//!
//! A walk goes file by file in the order of arrival. A log that is sealed between two pages keeps its
//! place, since the sealed file has its name and both are walked by trace id. Files that are merged
//! meanwhile are walked again from their start: what was kept already is not kept twice.

use std::collections::{HashMap, HashSet};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::digest::DocumentDigest;
use super::super::index::{PartitionId, Place};
use super::super::part::Part;
use super::super::queue::NewDocument;
use super::Shared;
use crate::store::{Doomed, DoomedPage, DoomedPlace, StoreError};

/// A file that is to be dropped.
enum Source {
    Log(PartitionId),
    Sealed(Part),
}

impl Shared {
    /// Some traces with documents in files all of which is older than `time`: so many, behind this place.
    pub(in super::super) fn doomed(
        &self,
        time: Timestamp,
        after: Option<DoomedPlace>,
        traces_max: usize,
    ) -> DoomedPage {
        let mut page = DoomedPage::default();
        for ((until, sequence), source) in self.sources_before(time) {
            let file = (until, sequence);
            let behind = match after.map(|after| ((after.until, after.sequence), after)) {
                Some((last, _)) if last > file => continue,
                Some((last, after)) if last == file => Some(after.trace_id),
                _ => None,
            };
            let mut visit = |doomed: Doomed| {
                let last = page.traces.last().map(|last| last.trace_id);
                // in several blocks of the file
                let is_repeat = last == Some(doomed.trace_id);
                if page.traces.len() >= traces_max.max(1) && !is_repeat {
                    return false;
                }
                if !is_repeat {
                    page.traces.push(doomed);
                }
                page.next = Some(DoomedPlace {
                    until,
                    sequence,
                    trace_id: doomed.trace_id,
                });
                true
            };
            let is_through = match source {
                Source::Log(log) => self.walk_log(log, behind, &mut visit),
                Source::Sealed(part) => self.walk_part(&part, behind, &mut visit),
            };
            if !is_through {
                return page;
            }
        }
        page.next = None;
        page
    }

    /// The files all of which is older than `time`, oldest first.
    fn sources_before(&self, time: Timestamp) -> Vec<((Timestamp, u32), Source)> {
        // the logs first: one that is sealed meanwhile is met as a sealed file too
        let logs = self.blocks.partitions_before(time).into_iter();
        let logs = logs.map(|log| (log.name, Source::Log(log.id)));
        let mut sources: Vec<_> = logs.collect();
        let parts = self.parts_before(time).into_iter();
        sources.extend(parts.map(|part| (part.name.last, Source::Sealed(part))));
        sources.sort_by_key(|(name, _)| *name);
        let placed = sources.into_iter();
        placed
            .map(|(name, source)| ((name.hour.end(), name.sequence), source))
            .collect()
    }

    /// Whether all of a log was visited.
    fn walk_log(
        &self,
        log: PartitionId,
        behind: Option<TraceId>,
        visit: &mut impl FnMut(Doomed) -> bool,
    ) -> bool {
        let (traces, parts) = {
            let index = self.index();
            (index.traces_in(log), index.parts.clone())
        };
        let first = traces.partition_point(|(trace_id, _)| Some(*trace_id) <= behind);
        traces.into_iter().skip(first).all(|(trace_id, start)| {
            visit(Doomed {
                trace_id,
                start: start.filter(|_| !parts.may_have(trace_id)),
            })
        })
    }

    /// Whether all of a sealed file was visited.
    fn walk_part(
        &self,
        part: &Part,
        behind: Option<TraceId>,
        visit: &mut impl FnMut(Doomed) -> bool,
    ) -> bool {
        let parts = self.index().parts.clone();
        let notes = &part.file.meta().notes;
        // a view is certain when nothing else has anything of its trace
        let is_certain = |trace_id: TraceId| {
            let mut others = parts.iter().filter(|other| other.name != part.name);
            !others.any(|other| other.may_have(trace_id))
                && self.index().document_count(trace_id) == 0
                && self.index().view(trace_id).is_none()
                && notes.late.binary_search(&trace_id).is_err()
                && notes.suspects.binary_search(&trace_id).is_err()
        };
        let mut is_through = true;
        part.file.each_trace_after(behind, |trace_id, start| {
            let start = start.filter(|_| part.file.has_current_views() && is_certain(trace_id));
            is_through = visit(Doomed { trace_id, start });
            is_through
        });
        is_through
    }

    /// The documents of a trace that stand in nothing but files all of which is older than `time`.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(in super::super) fn doomed_documents(
        &self,
        trace_id: TraceId,
        time: Timestamp,
    ) -> Result<Vec<NewDocument>, StoreError> {
        loop {
            let logs = self.blocks.partitions_before(time).into_iter();
            let logs: HashSet<PartitionId> = logs.map(|log| log.id).collect();
            let (indexed, parts) = {
                let index = self.index();
                (index.digests(trace_id), index.parts.clone())
            };
            let (doomed, staying): (Vec<_>, Vec<_>) = indexed
                .into_iter()
                .partition(|(_, place)| logs.contains(&place.partition));
            let mut known: HashSet<_> = staying.into_iter().map(|(digest, _)| digest).collect();
            let has_it = parts.iter().filter(|part| part.may_have(trace_id));
            let (old, young): (Vec<_>, Vec<_>) =
                has_it.partition(|part| part.file.meta().arrival_end <= time);
            for part in young {
                let texts = part.file.documents(trace_id)?;
                known.extend(texts.iter().map(|text| DocumentDigest::of(text)));
            }
            let mut texts = Vec::new();
            for part in old {
                texts.extend(part.file.documents(trace_id)?);
            }
            let places: Vec<Place> = doomed.iter().map(|(_, place)| *place).collect();
            let Some(in_logs) = self.documents_at(trace_id, &places)? else {
                // a log was sealed or dropped in between
                continue;
            };
            texts.extend(in_logs);
            let replaced: HashMap<_, _> = doomed.into_iter().collect();
            let alone = texts.into_iter().filter_map(|document| {
                let digest = DocumentDigest::of(&document);
                known.insert(digest).then(|| NewDocument {
                    trace_id,
                    digest,
                    document,
                    replaces: replaced.get(&digest).copied(),
                })
            });
            return Ok(alone.collect());
        }
    }
}
