//! What one destination cannot take now, on disk: ordered, checksummed, bounded by bytes and age.
//!
//! Plain blocking file code without a task or a clock; the pipeline calls it from a blocking thread.
//! Promises (`spec/daemon.md` sections 3 and 4.3):
//!
//! - What was appended survives `kill -9` at once, and a loss of power after [`Spool::sync`].
//! - A record is delivered in order and at least once: after a crash those delivered last may come
//!   again, which the collector takes as duplicates.
//! - The counts add up: appended = done + shed (by reason) + still there. What is damaged on disk is
//!   shed too, or, when its header is gone before the spool is opened, told by [`Opened`].
//! - The bytes of all files never exceed [`Limits::bytes_max`]. The oldest go first, a file at a time.
//!
//! A directory holds `<16 hexadecimal digits>.spool` (layout: [`mod@format`]), `POSITION` (layout:
//! [`position`]) and `LOCK`. A file is removed once all of it is done; after a start a new file is
//! begun, so that nothing is ever written behind what a crash has torn.
//!
//! Memory: about 100 bytes per file (16 MiB each), one record while it is read or written.

mod append;
mod cursor;
mod files;
mod format;
mod index;
pub(crate) mod inspect;
mod position;
mod recovery;
mod replay;
mod scan;
mod shed;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;
use crate::log_limit::LogLimit;
use append::Writer;
use files::{Files, SystemFiles};
use index::{Index, path_of};
use position::{Position, PositionFile};
use replay::Out;

pub(crate) use recovery::Opened;
pub(crate) use replay::Token;
pub(crate) use shed::{Shed, ShedReason, Tally};

/// Name of the file that a running daemon holds locked.
const LOCK_NAME: &str = "LOCK";

/// Bounds of one destination's spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of all files at most. Default 4 GiB.
    pub(crate) bytes_max: u64,
    /// What is older is given up. Default 3 days.
    pub(crate) age_max: Duration,
    /// Bytes to leave free on the disk; 0: as far as it goes. Default 256 MiB.
    pub(crate) free_min: u64,
}

impl Limits {
    /// Default of [`Limits::free_min`].
    pub(crate) const FREE_MIN_DEFAULT: u64 = 256 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 4 << 30,
            age_max: Duration::from_secs(3 * 24 * 60 * 60),
            free_min: Self::FREE_MIN_DEFAULT,
        }
    }
}

/// Why the spool could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// Another process has it open.
    #[error("spool {}: in use by another process", directory.display())]
    InUse {
        /// The spool's directory.
        directory: PathBuf,
    },
    /// The directory cannot be made, locked or read.
    #[error("spool {}: cannot be opened", directory.display())]
    Open {
        /// The spool's directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing was written: the disk is full, read-only or broken.
    #[error("spool {}: cannot be written", directory.display())]
    Write {
        /// The spool's directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("spool file {}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// One destination's spool, open and locked.
pub(crate) struct Spool {
    directory: PathBuf,
    files: Box<dyn Files>,
    limits: Limits,
    /// Held for as long as the spool is open.
    _lock: File,
    position: PositionFile,
    index: Index,
    next_file: u64,
    writer: Option<Writer>,
    /// Full files that were not synced since, by number.
    unsynced: Vec<(u64, File)>,
    has_new_names: bool,
    /// The record that is next to be read.
    cursor: Position,
    /// The file being read, by number.
    reader: Option<(u64, File)>,
    read_failures: u32,
    /// Records that were taken.
    out: BTreeMap<Position, Out>,
    /// What was given up and not told yet.
    shed: Shed,
    losses: LogLimit,
    troubles: LogLimit,
}

impl Spool {
    /// Opens the spool in a directory, making it if it is not there, and cuts off what a crash has
    /// torn.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] when another process has it open, else [`SpoolError::Open`].
    pub(crate) fn open(
        directory: &Path,
        limits: Limits,
        now_ms: u64,
    ) -> Result<(Self, Opened), SpoolError> {
        Self::open_with(Box::new(SystemFiles), directory, limits, now_ms)
    }

    fn open_with(
        files: Box<dyn Files>,
        directory: &Path,
        limits: Limits,
        now_ms: u64,
    ) -> Result<(Self, Opened), SpoolError> {
        let failed = |source| SpoolError::Open {
            directory: directory.to_owned(),
            source,
        };
        files.make_dir(directory).map_err(failed)?;
        let lock = files.open(&directory.join(LOCK_NAME)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(SpoolError::InUse {
                    directory: directory.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let (position, recorded) = PositionFile::open(files.as_ref(), directory).map_err(failed)?;
        let (index, next_file, mut opened) =
            recovery::recover(files.as_ref(), directory, recorded.position).map_err(failed)?;
        opened.is_position_damaged = recorded.damaged_slots > 0;
        let mut spool = Self {
            directory: directory.to_owned(),
            files,
            limits,
            _lock: lock,
            position,
            index,
            next_file,
            writer: None,
            unsynced: Vec::new(),
            has_new_names: true,
            cursor: recorded.position,
            reader: None,
            read_failures: 0,
            out: BTreeMap::new(),
            shed: Shed::default(),
            losses: LogLimit::ten_per_minute(),
            troubles: LogLimit::one_in_ten_seconds(),
        };
        // Told with what the next call tells.
        spool.shed = spool.expire(now_ms);
        Ok((spool, opened))
    }

    /// Documents that are neither done nor given up, those that are taken included.
    pub(crate) fn documents(&self) -> u64 {
        self.index.left().plus(self.orphans()).documents
    }

    /// Bytes of the files on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// Gives up the oldest file; false when there is none.
    fn shed_oldest(&mut self, reason: ShedReason) -> Result<bool, SpoolError> {
        let Some(number) = self.index.0.front().map(|file| file.number) else {
            return Ok(false);
        };
        let removed = self.files.remove(&path_of(&self.directory, number));
        removed.map_err(|source| self.write_error(source))?;
        self.forget(number);
        let held = self.orphan(number, reason);
        if let Some(file) = self.index.remove(number) {
            self.give_up(reason, file.left.minus(held));
        }
        self.settle();
        Ok(true)
    }

    /// Removes the files of which everything is done or given up; one that cannot be removed is tried
    /// again with the next call.
    fn remove_finished(&mut self) {
        let is_finished = |file: &&index::SpoolFile| file.left.documents == 0;
        let finished = self.index.0.iter().filter(is_finished);
        let finished: Vec<u64> = finished.map(|file| file.number).collect();
        for number in finished {
            match self.files.remove(&path_of(&self.directory, number)) {
                Ok(()) => {
                    self.forget(number);
                    self.orphan(number, ShedReason::Damaged);
                    self.index.remove(number);
                }
                Err(error) => {
                    if let Some(suppressed) = self.troubles.admit(clock::now(), 1) {
                        tracing::warn!(%error, suppressed, "Delivered spool file cannot be removed");
                    }
                }
            }
        }
    }

    /// Counts what is lost, and logs it.
    fn give_up(&mut self, reason: ShedReason, tally: Tally) {
        if tally.documents == 0 {
            return;
        }
        self.shed.add(reason, tally);
        if let Some(suppressed) = self.losses.admit(clock::now(), tally.documents) {
            tracing::error!(
                count = tally.documents,
                bytes = tally.bytes,
                %reason,
                spool = %self.directory.display(),
                suppressed,
                "Spool gave up segments"
            );
        }
    }

    fn write_error(&self, source: io::Error) -> SpoolError {
        SpoolError::Write {
            directory: self.directory.clone(),
            source,
        }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool")
            .field("directory", &self.directory)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Reads a spool file's bytes as a start after a crash would, for the fuzz target: whatever they are,
/// it neither panics nor allocates more than a record. Returns how many documents it found.
#[doc(hidden)]
#[must_use]
pub fn fuzz_record_reader(bytes: &[u8]) -> usize {
    scan::read_all(bytes)
        .iter()
        .map(crate::documents::Documents::len)
        .sum()
}

#[cfg(test)]
mod tests;
