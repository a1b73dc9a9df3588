//! A sealed file made anew from what is intact of it: every document and every view in a block that can
//! be read, wherever the sections say it is, and all that is derived from them.
//!
//! A view goes when none of its trace's documents can be read any more. One that tells of documents that
//! are lost stays: to find such views takes the other files.
//!
//! Memory: a block, 40 B for each view, and what a file in the making takes. Blocking.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::failure::Doing;
use super::super::files::Files;
use super::rescan::rescan;
use super::seal::{Sums, Writer};
use super::terms::{self, InOrder};
use super::{Notes, SealedFile, Tuning};
use crate::store::StoreError;

/// What a file made anew has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Salvaged {
    /// Documents.
    pub(in super::super) documents: u64,
    /// Views.
    pub(in super::super) views: u64,
    /// Documents that the old file said it had beyond these; `None` when it does not say.
    pub(in super::super) documents_lost: Option<u64>,
}

/// Makes the file at `path` anew, in place of the old one once it is whole. `arrival` is taken when the
/// file does not tell when its documents arrived. With `None` for the old file, which is for one that has
/// nothing left, the new one is empty.
///
/// # Errors
/// When the old one cannot be read, the new one not be written, or traces are out of order in it.
pub(in super::super) fn salvage(
    files: &dyn Files,
    path: &Path,
    old: Option<SealedFile>,
    arrival: (Timestamp, Timestamp),
) -> Result<Salvaged, StoreError> {
    let Some(mut old) = old else {
        let writer = Writer::new(files, path, arrival, Tuning::default(), Notes::default())?;
        writer.finish(Sums::default())?;
        return Ok(Salvaged::default());
    };
    let stated = (!old.sections.is_empty()).then_some(old.meta.documents);
    old.believe_blocks()?;
    let mut salvaged = Salvaged::default();
    let is_known = old.meta.arrival_start != Timestamp::MIN;
    let arrival = if is_known {
        (old.meta.arrival_start, old.meta.arrival_end)
    } else {
        arrival
    };
    let notes = old.meta.notes.clone();
    let mut writer = Writer::new(files, path, arrival, Tuning::default(), notes)?;
    let kept = salvage_traces(&old, &mut writer, &mut salvaged)?;
    let (sums, index) = salvage_views(&old, &kept, &mut writer, &mut salvaged)?;
    terms::write_all(&mut writer, index)?;
    writer.finish(sums)?;
    salvaged.documents_lost = stated.map(|stated| stated.saturating_sub(salvaged.documents));
    Ok(salvaged)
}

impl SealedFile {
    /// From now on the blocks are where they are found, whatever the sections say.
    fn believe_blocks(&mut self) -> Result<(), StoreError> {
        let found = rescan(&self.file, self.bytes).doing("reading", &self.path)?;
        self.documents = found.documents;
        self.views = found.views;
        self.meta.view_format = found.counted.view_format;
        Ok(())
    }
}

/// Takes over the traces, and returns those whose views go along.
fn salvage_traces(
    old: &SealedFile,
    writer: &mut Writer<'_>,
    salvaged: &mut Salvaged,
) -> Result<HashMap<TraceId, Timestamp>, StoreError> {
    let mut starts = HashMap::new();
    // the first is the newest
    for view in old.views().flatten() {
        starts.entry(view.trace_id).or_insert(view.summary.start);
    }
    let mut kept = HashMap::new();
    for mut trace in old.traces().flatten() {
        let trace_id = trace.trace_id;
        let mut seen = HashSet::new();
        trace.documents.retain(|text| seen.insert(text.clone()));
        let start = starts.get(&trace_id).copied();
        if trace.documents.is_empty() && start.is_none() {
            continue;
        }
        kept.extend(start.map(|start| (trace_id, start)));
        let is_carried = trace.is_carried && start.is_some();
        writer.trace(trace_id, (start, is_carried), &trace.documents)?;
        salvaged.documents += trace.documents.len() as u64;
    }
    Ok(kept)
}

fn salvage_views(
    old: &SealedFile,
    kept: &HashMap<TraceId, Timestamp>,
    writer: &mut Writer<'_>,
    salvaged: &mut Salvaged,
) -> Result<(Sums, InOrder), StoreError> {
    let mut sums = Sums::default();
    let mut index = InOrder::new(Tuning::default().index_rows);
    let mut last = None;
    for row in old.all_rows().flatten() {
        let is_kept = kept.get(&row.cursor.trace_id) == Some(&row.cursor.start);
        // what came from two places of a damaged file may be there twice
        let is_behind = last.is_none_or(|last| row.cursor < last);
        let view = row.view().filter(|_| is_kept && is_behind);
        if let Some(view) = view {
            writer.row(&row)?;
            sums.add(&view);
            index.add(&view);
            salvaged.views += 1;
            last = Some(row.cursor);
        }
    }
    Ok((sums, index))
}
