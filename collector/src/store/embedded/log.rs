//! The log that is being written: which file, up to where, and what of it is durable already.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Doing;
use super::files::Files;
use super::format::{FILE_HEADER_BYTES, file_header};
use super::hour::Hour;
use super::index::PartitionId;
use crate::store::StoreError;
use crate::store::embedded::blocks::{BlockReader, Partition};

/// Appends to the log of the hour.
pub(super) struct LogWriter {
    log_dir: PathBuf,
    files: Arc<dyn Files>,
    open: Option<OpenLog>,
}

struct OpenLog {
    partition: Partition,
    file: File,
    end: u64,
    has_unsynced: bool,
}

impl LogWriter {
    /// A writer of logs in this directory.
    pub(super) fn new(log_dir: &Path, files: Arc<dyn Files>) -> Self {
        Self {
            log_dir: log_dir.to_owned(),
            files,
            open: None,
        }
    }

    /// Turns to the log of an hour and returns its id and end. The log before it is synced first,
    /// so that only the newest log can have a torn tail.
    ///
    /// # Errors
    /// When the log cannot be made; what the disk holds of it is unknown then.
    pub(super) fn turn_to(
        &mut self,
        hour: Hour,
        blocks: &BlockReader,
    ) -> Result<(PartitionId, u64), StoreError> {
        if let Some(open) = &self.open
            && open.partition.hour == hour
        {
            return Ok((open.partition.id, open.end));
        }
        self.sync()?;
        let path = hour.path(&self.log_dir);
        let (file, end) = self.open_or_make(hour, &path)?;
        let partition = blocks.partition(hour, &self.log_dir);
        let id = partition.id;
        self.open = Some(OpenLog {
            partition,
            file,
            end,
            has_unsynced: false,
        });
        Ok((id, end))
    }

    fn open_or_make(&self, hour: Hour, path: &Path) -> Result<(File, u64), StoreError> {
        let day_dir = hour.day_dir(&self.log_dir);
        self.files.make_dir(&day_dir).doing("making", &day_dir)?;
        let file = self.files.open_log(path).doing("opening", path)?;
        let found = file.metadata().doing("reading", path)?.len();
        let header = file_header();
        let header_end = header.len() as u64;
        if found < header_end {
            // new, or the process died while it was made
            self.files
                .write_at(&file, &header, 0)
                .doing("writing", path)?;
            self.files.sync(&file).doing("syncing", path)?;
        }
        self.files.sync_dir(&day_dir).doing("syncing", &day_dir)?;
        self.files
            .sync_dir(&self.log_dir)
            .doing("syncing", &self.log_dir)?;
        Ok((file, found.max(FILE_HEADER_BYTES as u64)))
    }

    /// Appends to the log that was turned to.
    ///
    /// # Errors
    /// When it could not be written; what the disk holds is unknown then.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else {
            return Err(StoreError::Closed);
        };
        let path = &open.partition.path;
        self.files
            .write_at(&open.file, bytes, open.end)
            .doing("writing", path)?;
        open.end = open.end.saturating_add(bytes.len() as u64);
        open.has_unsynced = true;
        Ok(())
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// When it could not be synced; what the disk holds is unknown then.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if open.has_unsynced {
            self.files
                .sync(&open.file)
                .doing("syncing", &open.partition.path)?;
            open.has_unsynced = false;
        }
        Ok(())
    }

    /// Turns away from a log that is going to be removed.
    pub(super) fn leave(&mut self, id: PartitionId) {
        self.open.take_if(|open| open.partition.id == id);
    }

    /// Removes a log's file, and its day's directory after the last one.
    ///
    /// # Errors
    /// When it could not be removed, or the removal not be made durable.
    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.files.remove(path).doing("removing", path)?;
        let Some(day_dir) = path.parent() else {
            return Ok(());
        };
        // refuses to remove a directory that is not empty, and then the names in it are to be synced
        if std::fs::remove_dir(day_dir).is_err() && day_dir.exists() {
            self.files.sync_dir(day_dir).doing("syncing", day_dir)?;
        }
        self.files
            .sync_dir(&self.log_dir)
            .doing("syncing", &self.log_dir)
    }
}
