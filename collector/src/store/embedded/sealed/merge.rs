//! Several sealed files to one. Documents are united by trace and views by time, both streaming: a
//! block of each input is in memory, and the traces that several inputs have a view of.

use std::collections::HashSet;
use std::iter::Peekable;
use std::path::Path;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use self::sums::MergedSums;
use super::super::failure::corrupt;
use super::super::files::{Files, SystemFiles};
use super::documents::Piece;
use super::iterate::{AllPieces, AllRows, PartedTrace};
use super::seal::{Sums, Writer, text_bytes};
use super::terms;
use super::{Notes, SealedFile, SealedMeta, StoredTrace, Tuning};
use crate::store::{Cursor, StoreError};

mod sums;

/// Documents of a trace that are compared with each other instead of hashed.
const COMPARED_MAX: usize = 16;

/// A view of the trace in the input of this number that is not taken over.
type Left = HashSet<(usize, TraceId)>;

/// Merges sealed files, oldest first, into a file of this path. A trace's documents are united, without
/// repeats; of several views the last input's is kept, unless `is_superseded(input, trace)` says that
/// a partition that is not merged has a newer one. The result is what sealing all of it at once gives.
/// Blocking.
///
/// # Errors
/// [`StoreError::Corrupt`] when an input is damaged or has views of another encoding: what can be read
/// of it is to be sealed anew first. Others as of [`super::seal`].
pub fn merge(
    path: &Path,
    tuning: Tuning,
    inputs: &[&SealedFile],
    is_superseded: impl Fn(usize, TraceId) -> bool,
) -> Result<SealedMeta, StoreError> {
    let notes = Notes::default();
    merge_with(&SystemFiles, path, tuning, notes, inputs, is_superseded)
}

/// The same by these files.
pub(in super::super) fn merge_with(
    files: &dyn Files,
    path: &Path,
    tuning: Tuning,
    notes: Notes,
    inputs: &[&SealedFile],
    is_superseded: impl Fn(usize, TraceId) -> bool,
) -> Result<SealedMeta, StoreError> {
    for input in inputs {
        if input.damage.regions > 0 || !input.has_current_views() {
            let reason = "a damaged file, or one of another view format, cannot be merged";
            return Err(corrupt(&input.path, reason));
        }
    }
    let starts = inputs.iter().map(|input| input.meta.arrival_start);
    let ends = inputs.iter().map(|input| input.meta.arrival_end);
    let (Some(start), Some(end)) = (starts.min(), ends.max()) else {
        return Err(corrupt(path, "nothing is to be merged"));
    };
    let mut writer = Writer::new(files, path, (start, end), tuning, notes)?;
    let left = merge_traces(&mut writer, inputs, &is_superseded)?;
    let (mut sums, places) = merge_views(&mut writer, inputs, &left)?;
    drop(left);
    let leads = inputs.iter().map(|input| input.meta.lead);
    sums.lead = leads.max().unwrap_or_default();
    let rows = usize::try_from(writer.views()).unwrap_or(usize::MAX);
    terms::write_merged(&mut writer, inputs, &places, rows)?;
    writer.finish(sums)
}

fn merge_traces(
    writer: &mut Writer<'_>,
    inputs: &[&SealedFile],
    is_superseded: &dyn Fn(usize, TraceId) -> bool,
) -> Result<Left, StoreError> {
    let mut left = Left::new();
    // length of the documents that are not taken over as they are
    let mut anew = 0_u64;
    let mut sources: Vec<_> = inputs
        .iter()
        .map(|input| input.all_pieces().peekable())
        .collect();
    while let Some(trace_id) = least(&mut sources)? {
        let mut same = Vec::new();
        for (input, source) in sources.iter_mut().enumerate() {
            let next = source.next_if(|next| {
                next.as_ref()
                    .is_ok_and(|next| next.head.trace_id == trace_id)
            });
            if let Some(trace) = next.transpose()? {
                same.push((input, trace));
            }
        }
        if let [(input, trace)] = same.as_slice()
            && let Some((marks, piece)) = unchanged(trace)
            && !is_superseded(*input, trace_id)
        {
            anew += writer.piece(trace_id, marks, piece)?;
            continue;
        }
        let same = same.into_iter().map(|(input, trace)| {
            let file = inputs.get(input).ok_or(StoreError::Closed)?;
            Ok((input, trace.stored(file)?))
        });
        let same = same.collect::<Result<Vec<_>, StoreError>>()?;
        let lengths = same.iter().map(|(_, trace)| text_bytes(&trace.documents));
        anew += lengths.sum::<u64>();
        let united = unite(same, is_superseded, &mut left);
        if !united.documents.is_empty() || united.view_start.is_some() {
            let marks = (united.view_start, united.is_carried);
            writer.trace(trace_id, marks, &united.documents)?;
        }
    }
    let all = inputs.iter().map(|input| input.meta.document_bytes);
    writer.count_taken_over(all.fold(0, u64::saturating_add).saturating_sub(anew));
    Ok(left)
}

/// The marks of a trace and the one piece of it that can be taken over as it is, unless its view is
/// superseded: its times are told from the start of its view, as they will be.
fn unchanged(trace: &PartedTrace) -> Option<((Option<Timestamp>, bool), &Piece)> {
    let [piece] = trace.pieces.as_slice() else {
        return None;
    };
    trace.head.view_start?;
    Some(((trace.head.view_start, trace.head.is_carried), piece))
}

/// The least trace id that comes next.
fn least(sources: &mut [Peekable<AllPieces<'_>>]) -> Result<Option<TraceId>, StoreError> {
    let mut least = None;
    for source in sources {
        if let Some(failed) = source.next_if(Result::is_err) {
            failed?;
        }
        if let Some(Ok(trace)) = source.peek() {
            least = Some(
                least
                    .unwrap_or(trace.head.trace_id)
                    .min(trace.head.trace_id),
            );
        }
    }
    Ok(least)
}

/// One trace of what several inputs have of it, in their order.
fn unite(
    same: Vec<(usize, StoredTrace)>,
    is_superseded: &dyn Fn(usize, TraceId) -> bool,
    left: &mut Left,
) -> StoredTrace {
    let mut united = StoredTrace {
        trace_id: TraceId::from_bits(0),
        documents: Vec::new(),
        view_start: None,
        is_carried: false,
    };
    let mut kept = None;
    // whether what the first of the views replaced lies outside; the others replace that one
    let mut is_carried = None;
    let is_shared = same.len() > 1;
    // a few are compared sooner than hashed
    let documents = same.iter().map(|(_, trace)| trace.documents.len());
    let are_few = documents.sum::<usize>() <= COMPARED_MAX;
    let mut seen = HashSet::new();
    for (input, trace) in same {
        united.trace_id = trace.trace_id;
        if let Some(start) = trace.view_start {
            is_carried.get_or_insert(trace.is_carried);
            if is_superseded(input, trace.trace_id) {
                left.insert((input, trace.trace_id));
            } else {
                united.view_start = Some(start);
                left.extend(kept.replace(input).map(|older| (older, trace.trace_id)));
            }
        }
        if is_shared && are_few {
            for document in trace.documents {
                if !united.documents.contains(&document) {
                    united.documents.push(document);
                }
            }
        } else if is_shared {
            let fresh = trace.documents.into_iter();
            let fresh = fresh.filter(|document| seen.insert(document.clone()));
            united.documents.extend(fresh);
        } else {
            united.documents = trace.documents;
        }
    }
    united.is_carried = united.view_start.is_some() && is_carried == Some(true);
    united
}

/// Writes the views; their sums, and for each input the new row of each of its rows.
fn merge_views(
    writer: &mut Writer<'_>,
    inputs: &[&SealedFile],
    left: &Left,
) -> Result<(Sums, Vec<Vec<u32>>), StoreError> {
    let mut sums = MergedSums::new(inputs, left)?;
    let mut places: Vec<_> = inputs.iter().map(|input| terms::places_of(input)).collect();
    let mut rows_read = vec![0_usize; inputs.len()];
    let mut rows_written = 0;
    let mut sources: Vec<_> = inputs
        .iter()
        .map(|input| input.all_rows().peekable())
        .collect();
    while let Some((input, cursor)) = newest(&mut sources)? {
        let Some(row) = sources
            .get_mut(input)
            .and_then(Iterator::next)
            .transpose()?
        else {
            break;
        };
        let place = places.get_mut(input).zip(rows_read.get_mut(input));
        let place = place.and_then(|(places, number)| {
            *number += 1;
            places.get_mut(*number - 1)
        });
        let is_left = left.contains(&(input, cursor.trace_id));
        sums.pass(&row, is_left)
            .ok_or_else(|| corrupt(&sources_path(inputs, input), "a view cannot be read"))?;
        if is_left {
            continue;
        }
        writer.row(&row)?;
        if let Some(place) = place {
            *place = rows_written;
        }
        rows_written += 1;
    }
    Ok((sums.finish(inputs, left)?, places))
}

fn sources_path(inputs: &[&SealedFile], input: usize) -> std::path::PathBuf {
    inputs
        .get(input)
        .map(|input| input.path.clone())
        .unwrap_or_default()
}

/// The input whose next view is the newest, and its place.
fn newest(sources: &mut [Peekable<AllRows<'_>>]) -> Result<Option<(usize, Cursor)>, StoreError> {
    let mut newest: Option<(usize, Cursor)> = None;
    for (input, source) in sources.iter_mut().enumerate() {
        if let Some(failed) = source.next_if(Result::is_err) {
            failed?;
        }
        if let Some(Ok(row)) = source.peek()
            && newest.is_none_or(|(_, cursor)| row.cursor > cursor)
        {
            newest = Some((input, row.cursor));
        }
    }
    Ok(newest)
}
