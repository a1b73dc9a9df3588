//! All files of a store as they are at one moment, for a backup that is made while the store works.
//!
//! The log that is being written is synced and closed, so that from then on no file changes: what was
//! acknowledged before stands in files that are whole, and what comes after goes to the next log. The
//! files are held open. Sealing, merging and retention go on and may remove their names meanwhile;
//! what they hold stays readable until the snapshot is gone. Descriptors: one a log, and those that
//! sealed files have anyway.
//!
//! Small records are copied, since redb's file is written in place. A sealed file in which nothing is
//! intact is not part of a snapshot.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::failure::Doing;
use super::queue::Work;
use super::sealed::SealedFile;
use super::{EmbeddedStore, lock_of};
use crate::store::StoreError;

/// Where the small records are copied to, for a moment.
const STATE_COPY: &str = "state.copy.redb";

/// The files of a store at one moment.
pub struct Snapshot {
    files: Vec<SnapshotFile>,
}

impl Snapshot {
    /// The files, oldest first, and the small records last.
    #[must_use]
    pub fn files(&self) -> &[SnapshotFile] {
        &self.files
    }
}

/// A file that does not change any more.
pub struct SnapshotFile {
    name: String,
    bytes: u64,
    source: Source,
}

enum Source {
    Own(File),
    Sealed(Arc<SealedFile>),
}

impl SnapshotFile {
    /// Its path below the data directory, with `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its length.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills the buffer with what stands at an offset. Blocking.
    ///
    /// # Errors
    /// When it cannot be read, or ends before.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), StoreError> {
        let file = match &self.source {
            Source::Own(file) => file,
            Source::Sealed(sealed) => sealed.file(),
        };
        let read = file.read_exact_at(buffer, offset);
        read.doing("reading for a backup", Path::new(&self.name))
    }
}

impl EmbeddedStore {
    /// All files as they are now: what was acknowledged before this was called is in them. Blocking;
    /// waits for the file that is being sealed or merged, if any.
    ///
    /// # Errors
    /// When a file cannot be opened, or the small records cannot be copied;
    /// [`StoreError::Unwritable`] when the store takes no more writes.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        // no log becomes a sealed file, nor several become one, while the list is made
        let (_turn, _merging) = (lock_of(&self.sealer.turn), lock_of(&self.sealer.merging));
        self.queue.tell(Work::CloseLog { at_once: true })?;
        // logs before sealed files, and the newest first: what retention removes meanwhile is the
        // oldest, and must not be missing behind something older
        let mut files = self.closed_logs()?;
        for part in self.shared.index().parts.clone().iter() {
            files.push(SnapshotFile {
                name: part.name.path(Path::new("log")).display().to_string(),
                bytes: part.file.bytes(),
                source: Source::Sealed(Arc::clone(&part.file)),
            });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files.push(self.copied_state()?);
        Ok(Snapshot { files })
    }

    fn closed_logs(&self) -> Result<Vec<SnapshotFile>, StoreError> {
        let mut logs = self.shared.blocks.partitions();
        logs.retain(|log| log.is_closed);
        let mut files = Vec::with_capacity(logs.len());
        for log in logs.into_iter().rev() {
            let opened = File::open(&log.path);
            if opened.is_err() && !self.shared.blocks.has(log.id) {
                // retention took it, and everything older
                break;
            }
            let name = log.name.path(Path::new("log"));
            let opened = opened.doing("opening", &log.path)?;
            let mut file = own(name.display().to_string(), opened)?;
            // behind the end is what a failed write left, which nobody was told is there
            file.bytes = file.bytes.min(log.end.unwrap_or(u64::MAX));
            files.push(file);
        }
        Ok(files)
    }

    fn copied_state(&self) -> Result<SnapshotFile, StoreError> {
        let dir = self
            .shared
            .log_dir
            .parent()
            .unwrap_or_else(|| Path::new(""));
        let path = dir.join(STATE_COPY);
        // one that a dying process left
        self.shared.files.remove(&path).doing("removing", &path)?;
        let copied = self.state.copy_to(&path);
        let opened = copied.and_then(|()| File::open(&path).doing("opening", &path));
        // its name is not needed, whether it is whole or not
        fs::remove_file(&path).doing("removing", &path)?;
        own("state.redb".to_owned(), opened?)
    }
}

fn own(name: String, file: File) -> Result<SnapshotFile, StoreError> {
    let bytes = file.metadata().doing("reading", Path::new(&name))?.len();
    Ok(SnapshotFile {
        name,
        bytes,
        source: Source::Own(file),
    })
}

#[cfg(test)]
mod tests;
