//! Checking a data directory, and making it whole again, while no collector has it.
//!
//! [`verify`] changes nothing. It checks every checksum, each file against itself, the small records, and
//! every stored view against the one that the documents of all files make, totals included. What a dying
//! process leaves behind, and traces that wait to be settled, are no problems.
//!
//! [`repair`] makes damaged files anew from what is intact of them and derives again what is derived. It
//! keeps each file that it replaces, as it was, under a name that ends in `.damaged`. Every step writes a
//! new file, syncs it and gives it its name: it may be killed at any moment, and started again.
//!
//! Memory: that of the parts, which say theirs; beside them what opening takes (`index.rs`, `sealed.rs`).
//! Deliberately not here: what to do about documents that are lost. They are in a backup or nowhere.

use std::path::Path;

use radiograph_protocol::timestamp::Timestamp;

use crate::store::StoreError;

mod derive;
mod directory;
mod files;
mod mend;
mod repair;
mod report;
mod state;
#[cfg(test)]
mod tests;
mod traces;
mod views;

use self::directory::{Directory, Replaced};
pub use self::repair::repair;
use self::report::Finding;
pub use self::report::{Action, Finding as CheckFinding, Level, Repaired, Report};
use self::views::Comparison;

/// How far a check or a repair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub what: &'static str,
    /// How much of it is done: bytes of files, or traces.
    pub done: u64,
    /// How much there is, as far as is known.
    pub total: u64,
}

/// Who is told how far it is, often.
pub type Tell<'a> = &'a dyn Fn(Step);

/// Checks the data directory at `path`. `now` decides, as when it is opened, which files are old. Changes
/// nothing. Blocking; reads every file about five times.
///
/// # Errors
/// [`StoreError::InUse`] when a collector has the directory; [`StoreError::Corrupt`] when a file is of
/// another format version; [`StoreError::Io`] when something cannot be read, or it is no data directory.
pub fn verify(path: &Path, now: Timestamp, tell: Tell<'_>) -> Result<Report, StoreError> {
    let directory = Directory::take(path)?;
    let mut report = Report::default();
    check_files(&directory, &mut report, tell)?;
    state::check_state(path, &mut report)?;
    let is_whole = report.is_clean();
    let shared = directory.open(now)?;
    Comparison::new(&shared).run(is_whole, &mut report, tell)?;
    Ok(report)
}

/// Checks every file by itself. Returns what merged ones stand for.
fn check_files(
    directory: &Directory,
    report: &mut Report,
    tell: Tell<'_>,
) -> Result<Replaced, StoreError> {
    let logs = directory.found.logs.iter();
    let logs: Vec<_> = logs.map(|name| name.path(&directory.log_dir)).collect();
    let sealed = directory.sealed();
    let all = logs.iter().chain(sealed.iter().map(|(_, path)| path));
    let total = all.map(|path| Directory::bytes_of(path)).sum();
    let mut done = 0;
    let mut add = |path: &Path| {
        done += Directory::bytes_of(path);
        tell(Step {
            what: "checking files",
            done,
            total,
        });
    };
    let mut replaced = Replaced::default();
    for (name, path) in &sealed {
        let replaces = files::check_sealed(path, &directory.name_of(path), report)?;
        replaced.add(*name, &replaces);
        add(path);
    }
    for path in &logs {
        let is_newest = logs.last() == Some(path);
        files::check_log(path, &directory.name_of(path), is_newest, report)?;
        add(path);
    }
    (report.logs, report.sealed) = (logs.len() as u64, sealed.len() as u64);
    report.bytes = total;
    for name in directory.missing(&replaced) {
        let path = name.sealed().path(&directory.log_dir);
        let finding = Finding::problem(&directory.name_of(&path), "is not there");
        let cost = "what arrived in that part of the hour";
        let remedy = "bring it back from a backup, or let radiograph store repair go on without it";
        report.add(finding.with(cost, remedy));
    }
    directory.check_others(report)?;
    Ok(replaced)
}
