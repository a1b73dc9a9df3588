//! Opening: from the logs to the index. Never fails for what a log holds, only for what cannot be
//! read at all or was written by a later release.
//!
//! A tail without an intact block in the newest log is what a dying process leaves behind: none of it
//! was acknowledged, and it is cut off. Damage anywhere else loses the blocks it touches and nothing
//! more; the bytes stay where they are. Either way the report says so.

use std::fs::OpenOptions;
use std::path::Path;

use super::blocks::Partition;
use super::failure::Doing;
use super::format::{BlockHeader, Kind};
use super::hour::hours_in;
use super::index::{Index, Place, ViewEntry};
use super::payload::{self, DocumentDigest, Views};
use super::scan::{LogScan, scan_log};
use super::shared::Shared;
use crate::store::StoreError;
use crate::trace::link::producers_of;

/// What opening the store found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// Log files.
    pub logs: u64,
    /// Intact blocks.
    pub blocks: u64,
    /// Damaged regions, each of one or more blocks, that were skipped.
    pub regions_damaged: u64,
    /// Bytes of these regions.
    pub bytes_damaged: u64,
    /// Bytes of a torn tail that were cut off the newest log.
    pub bytes_cut: u64,
    /// Blocks of views from a release with another form of views: derived again from their documents.
    pub view_blocks_outdated: u64,
}

/// Rebuilds the index from all logs in the directory.
///
/// # Errors
/// When a log cannot be read or cut, or is of another format version.
pub(super) fn recover(log_dir: &Path, shared: &Shared) -> Result<RecoveryReport, StoreError> {
    let mut report = RecoveryReport::default();
    let hours = hours_in(log_dir).doing("reading", log_dir)?;
    let newest = hours.last().copied();
    for hour in hours {
        let partition = shared.blocks.partition(hour, log_dir);
        let scan = recover_log(&partition, &mut shared.index_mut(), &mut report)?;
        report.logs += 1;
        settle_damage(&partition.path, &scan, newest == Some(hour), &mut report)?;
    }
    let places = shared.index().view_places(None);
    let totals = shared.running_totals(&places);
    shared.index_mut().totals = totals;
    Ok(report)
}

fn recover_log(
    partition: &Partition,
    index: &mut Index,
    report: &mut RecoveryReport,
) -> Result<LogScan, StoreError> {
    scan_log(&partition.path, |offset, header, payload| {
        let place = |position| Place {
            partition: partition.id,
            offset,
            position,
        };
        match recover_block(header, payload, index, place) {
            Recovered::Whole => report.blocks += 1,
            Recovered::Outdated => report.view_blocks_outdated += 1,
            Recovered::Nothing => {
                tracing::warn!(path = %partition.path.display(), offset, "an intact block makes no sense");
                report.regions_damaged += 1;
                report.bytes_damaged += payload.len() as u64;
            }
        }
    })
}

enum Recovered {
    Whole,
    Outdated,
    Nothing,
}

fn recover_block(
    header: &BlockHeader,
    payload: &[u8],
    index: &mut Index,
    place: impl Fn(u32) -> Place,
) -> Recovered {
    let Some(raw) = header.decompress(payload) else {
        return Recovered::Nothing;
    };
    // a raw length fits 32 bits, and so does every position in it
    let place = |position: usize| place(u32::try_from(position).unwrap_or(u32::MAX));
    match header.kind {
        Kind::Documents => {
            let Some(documents) = payload::documents(&raw) else {
                return Recovered::Nothing;
            };
            for (position, trace_id, document) in documents {
                let digest = DocumentDigest::of(document);
                if !index.has_document(trace_id, digest) {
                    index.add_document(trace_id, digest, place(position));
                }
            }
        }
        Kind::Views => match payload::views(&raw) {
            // only views that outranked the earlier ones were written, so the last one counts
            Views::Current(views) => {
                for (position, view) in views {
                    let entry = ViewEntry::of(&view, place(position));
                    index.put_view(view.trace_id, entry, producers_of(&view));
                }
            }
            Views::OtherVersion => return Recovered::Outdated,
            Views::Damaged => return Recovered::Nothing,
        },
    }
    Recovered::Whole
}

/// Cuts a torn tail, and reports all other damage.
fn settle_damage(
    path: &Path,
    scan: &LogScan,
    is_newest: bool,
    report: &mut RecoveryReport,
) -> Result<(), StoreError> {
    let tail = scan.bad_tail.map(|from| from..scan.bytes);
    let cut = tail.clone().filter(|_| is_newest);
    for region in scan
        .damaged
        .iter()
        .chain(tail.iter().filter(|_| !is_newest))
    {
        let bytes = region.end - region.start;
        tracing::warn!(path = %path.display(), offset = region.start, bytes, "damage in a log is skipped");
        report.regions_damaged += 1;
        report.bytes_damaged += bytes;
    }
    if let Some(cut) = cut {
        let bytes = cut.end - cut.start;
        tracing::warn!(path = %path.display(), offset = cut.start, bytes, "a torn tail is cut off");
        let log = OpenOptions::new()
            .write(true)
            .open(path)
            .doing("opening", path)?;
        log.set_len(cut.start)
            .and_then(|()| log.sync_data())
            .doing("cutting", path)?;
        report.bytes_cut += bytes;
    }
    Ok(())
}
