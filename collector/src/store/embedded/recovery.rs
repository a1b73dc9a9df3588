//! Opening: from the logs to the index, and the sealed files by their footers. Never fails for what a
//! file holds, only for what cannot be read at all or was written by a later release.
//!
//! A tail without an intact block in the newest log is what a dying process leaves behind: none of it
//! was acknowledged, and it is cut off. Damage anywhere else loses the blocks it touches and nothing
//! more; the bytes stay where they are. Either way the report says so.
//!
//! A process may die between two steps of sealing or merging: half-made files are removed, a log whose
//! sealed file is there is void, and so is a sealed file that a merged one stands for.
//!
//! Logs are read and hashed side by side, as many as there are cores, and entered in their order
//! (`recovery/content.rs`); then the views are added up, side by side as well. Memory beside the index:
//! 48 B a document of the logs that wait to be entered.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use radiograph_protocol::timestamp::Timestamp;

use self::content::LogContent;
use super::failure::Doing;
use super::files::Files;
use super::hour::{LogName, SealedName, files_in};
use super::log::remove_void;
use super::part::Part;
use super::scan::LogScan;
use super::sealed::SealedFile;
use super::shared::Shared;
use super::side_by_side;
use crate::store::StoreError;

mod content;

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
    /// Sealed files.
    pub sealed: u64,
    /// Sealed files in which something is damaged; they serve what is left of them.
    pub sealed_damaged: u64,
    /// Sealed files in which nothing is intact: they are left where they are, and serve nothing.
    pub sealed_lost: u64,
    /// Sealed files with views from a release with another form of views.
    pub sealed_outdated: u64,
}

/// Rebuilds the index from all logs, and takes up all sealed files.
///
/// # Errors
/// When a file cannot be read, removed or cut, or is of another format version.
pub(super) fn recover(shared: &Shared, now: Timestamp) -> Result<RecoveryReport, StoreError> {
    let mut report = RecoveryReport::default();
    let log_dir = &shared.log_dir;
    let mut found = files_in(log_dir).doing("reading", log_dir)?;
    for path in &found.half_made {
        shared.files.remove(path).doing("removing", path)?;
    }
    let mut void = take_up_sealed(&found.sealed, shared, now, &mut report)?;
    let newest = found.logs.last().copied();
    let parts = shared.index().parts.clone();
    let is_void = |name: &mut LogName| {
        let sealed = name.sealed();
        let relative = sealed.relative();
        let replaces = |part: &Part| part.file.meta().notes.replaces.contains(&relative);
        parts.get(sealed).is_some() || parts.iter().any(replaces)
    };
    for name in found.logs.extract_if(.., is_void) {
        shared.blocks.saw(name);
        void.push(name.path(log_dir));
    }
    for path in &void {
        remove_void(&*shared.files, path)?;
    }
    let names = found.logs.iter();
    let logs: Vec<_> = names
        .map(|name| shared.blocks.partition(*name, log_dir))
        .collect();
    side_by_side::in_order(&logs, LogContent::read, |partition, content| {
        let content = content?;
        content.add_to(partition, &mut shared.index_mut(), &mut report);
        report.logs += 1;
        let is_newest = newest == Some(partition.name);
        let (path, scan) = (&partition.path, &content.scan);
        settle_damage(&*shared.files, path, scan, is_newest, &mut report)?;
        if !is_newest {
            shared.blocks.close(partition.id);
        }
        Ok(())
    })?;
    supersede(shared);
    shared.sum_up();
    Ok(report)
}

/// Opens the sealed files; those that others stand for are void.
fn take_up_sealed(
    names: &[SealedName],
    shared: &Shared,
    now: Timestamp,
    report: &mut RecoveryReport,
) -> Result<Vec<PathBuf>, StoreError> {
    let mut parts = Vec::new();
    let mut replaced = HashSet::new();
    for name in names {
        shared.blocks.saw(name.last);
        let path = name.path(&shared.log_dir);
        let file = match SealedFile::open(&path) {
            Ok(file) => file,
            Err(StoreError::Corrupt { reason, .. }) if is_lost(&reason) => {
                tracing::error!(path = %path.display(), "a sealed file is lost");
                report.sealed_lost += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        replaced.extend(file.meta().notes.replaces.iter().cloned());
        parts.push(Part::new(*name, Arc::new(file)));
    }
    let is_void = |part: &mut Part| replaced.contains(&part.name.relative());
    let void = parts.extract_if(.., is_void);
    let void = void.map(|part| part.file.path().to_owned()).collect();
    for part in parts {
        report.sealed += 1;
        if !part.file.damage().is_none() {
            let path = part.file.path().display();
            tracing::warn!(%path, damage = ?part.file.damage(), "a sealed file is damaged");
            report.sealed_damaged += 1;
        }
        report.sealed_outdated += u64::from(!part.file.has_current_views());
        shared.take_up(part, now);
    }
    Ok(void)
}

/// What opening a sealed file says when there is nothing left of it.
fn is_lost(reason: &str) -> bool {
    reason == super::sealed::NOTHING_INTACT
}

/// Views in logs replace those in the sealed files before.
fn supersede(shared: &Shared) {
    let mut index = shared.index_mut();
    let logs = shared.blocks.partitions();
    for log in logs {
        for trace_id in index.touched(log.id) {
            let view = index.view(trace_id);
            if view.is_some_and(|view| view.place.partition == log.id) {
                index
                    .parts
                    .supersede_before(Some(log.name.sealed()), trace_id);
            }
        }
    }
}

/// Cuts a torn tail, and reports all other damage.
fn settle_damage(
    files: &dyn Files,
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
        let log = files.open_log(path).doing("opening", path)?;
        let cut_off = files.cut(&log, cut.start);
        cut_off
            .and_then(|()| files.sync(&log))
            .doing("cutting", path)?;
        report.bytes_cut += bytes;
    }
    Ok(())
}
