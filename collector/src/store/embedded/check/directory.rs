//! The files of a data directory, and opening it without changing a byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use radiograph_protocol::timestamp::Timestamp;

use super::super::blocks::BlockReader;
use super::super::failure::Doing;
use super::super::files::Files;
use super::super::hour::{Found, Hour, LogName, SealedName, files_in};
use super::super::recent::RecentTexts;
use super::super::recovery::recover;
use super::super::shared::Shared;
use super::report::{Finding, Report};
use crate::store::StoreError;

/// Memory for decompressed blocks.
const CACHE_BYTES: u64 = 32 << 20;

/// A greater number in a file's name was not made by counting: nothing is said to be missing below it.
const SEQUENCE_MAX: u32 = 100_000;

/// What merged files stand for.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    names: BTreeSet<String>,
    /// Hours of which that is not known.
    unknown: BTreeSet<Hour>,
}

impl Replaced {
    /// Adds what a file stands for.
    pub(super) fn add(&mut self, name: SealedName, replaces: &[String]) {
        let tells = name.generation == 0 || (name.generation == 1 && !replaces.is_empty());
        if !tells {
            self.unknown.insert(name.last.hour);
        }
        self.names.extend(replaces.iter().cloned());
    }
}

/// A data directory that no collector has.
pub(super) struct Directory {
    /// The directory.
    pub(super) path: PathBuf,
    /// Where logs and sealed files are.
    pub(super) log_dir: PathBuf,
    /// What is there.
    pub(super) found: Found,
    /// Held, not read; `None` where no collector has ever been.
    _lock: Option<File>,
}

impl Directory {
    /// Takes the directory for this process, and looks what is in it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when a collector has it; [`StoreError::Io`] when it cannot be read or is none.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let log_dir = path.join("log");
        let found = files_in(&log_dir).doing("reading", &log_dir)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock(path)?,
            log_dir,
            found,
        })
    }

    /// A file's name in what is told.
    pub(super) fn name_of(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        below.display().to_string()
    }

    /// The bytes of a file; 0 when it is gone.
    pub(super) fn bytes_of(path: &Path) -> u64 {
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    }

    /// Opens the logs and sealed files to be read, as the store does, and changes nothing.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn open(&self, now: Timestamp) -> Result<Shared, StoreError> {
        let files = Arc::new(NoChange);
        let (blocks, recent) = (BlockReader::new(CACHE_BYTES), RecentTexts::new(0));
        let shared = Shared::new(self.log_dir.clone(), files, blocks, recent);
        recover(&shared, now)?;
        Ok(shared)
    }

    /// Tells of files that are not the store's, and of what a dying process left.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn check_others(&self, report: &mut Report) -> Result<(), StoreError> {
        let logs = self.found.logs.iter().map(|name| name.path(&self.log_dir));
        let sealed = self.found.sealed.iter();
        let sealed = sealed.map(|name| name.path(&self.log_dir));
        let known: BTreeSet<PathBuf> = logs.chain(sealed).collect();
        for path in self.all_files().doing("reading", &self.log_dir)? {
            let name = self.name_of(&path);
            let ending = path.extension().and_then(|ending| ending.to_str());
            if known.contains(&path) {
                continue;
            }
            let half_made = self.found.half_made.contains(&path) || is_half_log(&path);
            let finding = if half_made {
                let what = "is a file that a process died over";
                let cost = "nothing: what it was made from is there";
                Finding::note(&name, what).with(cost, "opening or repairing removes it")
            } else if ending == Some("damaged") {
                let what = "was set aside because of damage";
                let remedy = "remove it when nobody wants to look at it";
                Finding::note(&name, what).with("its space", remedy)
            } else {
                let what = "is no file of the store";
                Finding::note(&name, what).with("its space", "the store leaves it alone")
            };
            report.add(finding);
        }
        Ok(())
    }

    /// Logs that must have been there, since later ones of the hour are, and of which nothing is left.
    /// Not to be known of hours that were merged more than once.
    pub(super) fn missing(&self, replaced: &Replaced) -> Vec<LogName> {
        let mut hours: BTreeMap<Hour, BTreeSet<u32>> = BTreeMap::new();
        let logs = self.found.logs.iter().copied();
        for name in logs.chain(self.found.sealed.iter().map(|sealed| sealed.last)) {
            hours.entry(name.hour).or_default().insert(name.sequence);
        }
        let mut missing = Vec::new();
        for (hour, sequences) in hours {
            let last = sequences.last().copied().unwrap_or(0);
            if replaced.unknown.contains(&hour) || last > SEQUENCE_MAX {
                continue;
            }
            let gone = (0..last).filter(|sequence| !sequences.contains(sequence));
            let names = gone.map(|sequence| LogName { hour, sequence });
            let is_replaced = |name: &LogName| replaced.names.contains(&name.sealed().relative());
            missing.extend(names.filter(|name| !is_replaced(name)));
        }
        missing
    }

    /// The sealed files with their paths.
    pub(super) fn sealed(&self) -> Vec<(SealedName, PathBuf)> {
        let sealed = self.found.sealed.iter();
        sealed
            .map(|name| (*name, name.path(&self.log_dir)))
            .collect()
    }

    fn all_files(&self) -> io::Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for day in fs::read_dir(&self.log_dir)? {
            let day = day?;
            if !day.file_type()?.is_dir() {
                all.push(day.path());
                continue;
            }
            for file in fs::read_dir(day.path())? {
                all.push(file?.path());
            }
        }
        all.sort();
        Ok(all)
    }
}

/// A log that a repair died over.
pub(super) fn is_half_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.ends_with(".log.part"))
}

/// Locks the directory as a collector does, but makes no file.
fn lock(dir: &Path) -> Result<Option<File>, StoreError> {
    let path = dir.join("LOCK");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).doing("opening", &path),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: dir.display().to_string(),
        }),
        Err(TryLockError::Error(source)) => Err(source).doing("locking", &path),
    }
}

/// Files to which nothing is done: opening with them reads, and leaves all as it is.
struct NoChange;

impl Files for NoChange {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn write_at(&self, _: &File, _: &[u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open_log(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn cut(&self, _: &File, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}
