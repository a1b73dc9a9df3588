//! Each file by itself: every checksum of a log, and of a sealed file everything that it can be checked
//! for against itself (`sealed/verify.rs`).
//!
//! Memory: a block, 32 B for each document of a log, 40 B for each view of a sealed file.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use super::super::blocks::read_exact;
use super::super::digest::DocumentDigest;
use super::super::failure::Doing;
use super::super::format::{
    BLOCK_HEADER_BYTES, BlockHeader, FILE_HEADER_BYTES, FileHeader, Kind, read_file_header,
};
use super::super::payload::{self, Views};
use super::super::scan::{LogScan, scan_log};
use super::super::sealed::{NOTHING_INTACT, Problem, SealedFile};
use super::report::{Finding, Report};
use crate::store::StoreError;

const REPAIR: &str = "radiograph store repair goes on without it and keeps the bytes beside";
const DERIVED: &str = "nothing for good: it can be derived again";
const DERIVE: &str = "radiograph store repair derives it again";
const LOST_DOCUMENTS: &str = "the documents and views in it";

/// Checks a log. A tail that was torn off in the middle of a block of the newest log is a note.
///
/// # Errors
/// When it cannot be read, or is of another format version.
pub(super) fn check_log(
    path: &Path,
    name: &str,
    is_newest: bool,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut senseless = Vec::new();
    let mut seen = HashSet::new();
    let (mut repeats, mut outdated) = (0_u64, 0_u64);
    let scan = scan_log(path, |offset, header, payload| {
        let Some(raw) = header.decompress(payload) else {
            senseless.push(offset);
            return;
        };
        match header.kind {
            Kind::Documents => match payload::documents(&raw) {
                Some(documents) => {
                    for (_, trace_id, text) in documents {
                        let is_new = seen.insert((trace_id, DocumentDigest::of(text)));
                        repeats += u64::from(!is_new);
                    }
                }
                None => senseless.push(offset),
            },
            Kind::Views => match payload::views(&raw) {
                Views::Current(_) => {}
                Views::OtherVersion => outdated += 1,
                Views::Damaged => senseless.push(offset),
            },
        }
    })?;
    for offset in senseless {
        let what = "a block with the right checksum holds no documents and no views";
        report.add(
            Finding::problem(name, what)
                .at(offset)
                .with(LOST_DOCUMENTS, REPAIR),
        );
    }
    for region in &scan.damaged {
        let what = format!("{} bytes are no intact block", region.end - region.start);
        let finding = Finding::problem(name, what).at(region.start);
        report.add(finding.with(LOST_DOCUMENTS, REPAIR));
    }
    check_header(path, name, &scan, report)?;
    check_tail(path, name, &scan, is_newest, report)?;
    if outdated > 0 {
        let what = format!("{outdated} blocks of views are of another release's form");
        let cost = "nothing: they are derived again";
        report.add(Finding::note(name, what).with(cost, "start the collector"));
    }
    if repeats > 0 {
        let what = format!("{repeats} documents are there twice");
        report.add(Finding::note(name, what).with("their space: each is shown once", ""));
    }
    Ok(())
}

/// A damaged header in front of an intact block is no region.
fn check_header(
    path: &Path,
    name: &str,
    scan: &LogScan,
    report: &mut Report,
) -> Result<(), StoreError> {
    let file = File::open(path).doing("opening", path)?;
    let mut header = [0; FILE_HEADER_BYTES];
    let is_there = read_exact(&file, &mut header, 0).doing("reading", path)?;
    let is_right = is_there && read_file_header(&header) == FileHeader::Current;
    let is_told = scan.damaged.iter().any(|region| region.start == 0) || scan.bad_tail == Some(0);
    if !is_right && !is_told {
        let what = "the file's header is not there";
        report.add(Finding::problem(name, what).at(0).with(DERIVED, DERIVE));
    }
    Ok(())
}

fn check_tail(
    path: &Path,
    name: &str,
    scan: &LogScan,
    is_newest: bool,
    report: &mut Report,
) -> Result<(), StoreError> {
    let Some(from) = scan.bad_tail else {
        return Ok(());
    };
    let bytes = scan.bytes - from;
    if is_newest && is_torn(path, from, scan.bytes)? {
        let what = format!("a tail of {bytes} bytes is torn, as a process that dies leaves it");
        let cost = "nothing that was acknowledged";
        let finding = Finding::note(name, what).at(from);
        report.add(finding.with(cost, "opening cuts it off"));
    } else {
        let what = format!("{bytes} bytes up to the end are no intact block");
        let cost = "the documents and views in it, unless the process died as it wrote them";
        report.add(Finding::problem(name, what).at(from).with(cost, REPAIR));
    }
    Ok(())
}

/// Whether the file ends in the middle of what begins at an offset, by its own account: no flipped bit
/// makes a file shorter.
pub(super) fn is_torn(path: &Path, from: u64, bytes: u64) -> Result<bool, StoreError> {
    let left = bytes.saturating_sub(from);
    if from == 0 {
        return Ok(left < FILE_HEADER_BYTES as u64);
    }
    if left < BLOCK_HEADER_BYTES as u64 {
        return Ok(true);
    }
    let file = File::open(path).doing("opening", path)?;
    let mut header = [0; BLOCK_HEADER_BYTES];
    let is_there = read_exact(&file, &mut header, from).doing("reading", path)?;
    let header = BlockHeader::read(&header).filter(|_| is_there);
    Ok(header.is_some_and(|header| {
        u64::from(header.compressed_bytes) > left - BLOCK_HEADER_BYTES as u64
    }))
}

/// Checks a sealed file; the names of the files that it stands for.
///
/// # Errors
/// When it cannot be read, or is of another format version.
pub(super) fn check_sealed(
    path: &Path,
    name: &str,
    report: &mut Report,
) -> Result<Vec<String>, StoreError> {
    let verified = match SealedFile::verify(path) {
        Ok(verified) => verified,
        Err(StoreError::Corrupt { reason, .. }) if reason == NOTHING_INTACT => {
            let finding = Finding::problem(name, "nothing in the file is intact");
            report.add(finding.with("all its documents and views", REPAIR));
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let told = verified.problems.len() as u64;
    for problem in verified.problems {
        report.add(of_sealed(name, &problem));
    }
    if verified.problem_count > told {
        let more = verified.problem_count - told;
        report.add(Finding::problem(name, format!("{more} more problems")));
    }
    Ok(verified.meta.notes.replaces)
}

fn of_sealed(name: &str, problem: &Problem) -> Finding {
    let finding = Finding::problem(name, problem);
    match problem {
        Problem::Region { offset, .. } => finding.at(*offset).with(
            "what stood there: documents, views or what is derived",
            REPAIR,
        ),
        Problem::Block(_) => finding.with(LOST_DOCUMENTS, REPAIR),
        Problem::Lost { .. } => finding.with("these documents", REPAIR),
        Problem::NotInFilter(_) | Problem::Places | Problem::Order(_) => {
            finding.with("look-ups may miss traces", DERIVE)
        }
        Problem::View(_) => finding.with("a trace without its view", DERIVE),
        Problem::Twice(_) => finding.with("its space: it is shown once", DERIVE),
        Problem::Totals => finding.with("a wrong service graph", DERIVE),
        Problem::SearchIndex => finding.with("searches may miss traces", DERIVE),
        Problem::Parts(_) | Problem::Counts | Problem::Carried | Problem::Links => {
            finding.with(DERIVED, DERIVE)
        }
    }
}
