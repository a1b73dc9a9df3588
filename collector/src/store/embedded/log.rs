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
    /// Bytes of documents at which a log is closed.
    document_bytes_max: u64,
    open: Option<OpenLog>,
}

struct OpenLog {
    partition: Partition,
    file: File,
    end: u64,
    document_bytes: u64,
    has_unsynced: bool,
}

impl LogWriter {
    /// A writer of logs in this directory, each of which takes documents of so many bytes.
    pub(super) fn new(log_dir: &Path, files: Arc<dyn Files>, document_bytes_max: u64) -> Self {
        Self {
            log_dir: log_dir.to_owned(),
            files,
            document_bytes_max,
            open: None,
        }
    }

    /// Turns to the log of an hour that has room, and returns its id and end. The log before it is
    /// synced and closed first, so that only the newest log can have a torn tail.
    ///
    /// # Errors
    /// When the log cannot be made; what the disk holds of it is unknown then.
    pub(super) fn turn_to(
        &mut self,
        hour: Hour,
        blocks: &BlockReader,
    ) -> Result<(PartitionId, u64), StoreError> {
        if let Some(open) = &self.open
            && open.partition.name.hour == hour
            && open.document_bytes < self.document_bytes_max
        {
            return Ok((open.partition.id, open.end));
        }
        self.close(blocks)?;
        let partition = blocks.open_log(hour, &self.log_dir);
        let (file, end) = self.open_or_make(hour, &partition.path)?;
        let id = partition.id;
        self.open = Some(OpenLog {
            partition,
            file,
            end,
            // a log that an earlier process began: as much as is likely
            document_bytes: end
                .saturating_sub(FILE_HEADER_BYTES as u64)
                .saturating_mul(USUAL_COMPRESSION),
            has_unsynced: false,
        });
        Ok((id, end))
    }

    /// Closes all logs but that of this hour, or all with `None`.
    ///
    /// # Errors
    /// When the one that is being written cannot be synced; what the disk holds is unknown then.
    pub(super) fn close_all_but(
        &mut self,
        hour: Option<Hour>,
        blocks: &BlockReader,
    ) -> Result<(), StoreError> {
        let name = self.open.as_ref().map(|open| open.partition.name);
        if name.is_some_and(|name| Some(name.hour) != hour) {
            self.close(blocks)?;
        }
        // those that an earlier process left
        blocks.close_all_but(hour);
        Ok(())
    }

    fn close(&mut self, blocks: &BlockReader) -> Result<(), StoreError> {
        self.sync()?;
        if let Some(open) = self.open.take() {
            blocks.close(open.partition.id);
        }
        Ok(())
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

    /// Appends blocks, with so many bytes of documents in them, to the log that was turned to.
    ///
    /// # Errors
    /// When it could not be written; what the disk holds is unknown then.
    pub(super) fn append(&mut self, bytes: &[u8], document_bytes: u64) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else {
            return Err(StoreError::Closed);
        };
        let path = &open.partition.path;
        self.files
            .write_at(&open.file, bytes, open.end)
            .doing("writing", path)?;
        open.end = open.end.saturating_add(bytes.len() as u64);
        open.document_bytes = open.document_bytes.saturating_add(document_bytes);
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

    /// Removes a file of a partition, and its day's directory after the last one.
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

/// Removes a file whose content stands elsewhere. Its day's directory stays, where the one thread that
/// writes logs may be making one.
///
/// # Errors
/// When it could not be removed, or the removal not be made durable.
pub(super) fn remove_void(files: &dyn Files, path: &Path) -> Result<(), StoreError> {
    files.remove(path).doing("removing", path)?;
    match path.parent() {
        Some(day_dir) => files.sync_dir(day_dir).doing("syncing", day_dir),
        None => Ok(()),
    }
}

/// Bytes of documents to a byte of log.
const USUAL_COMPRESSION: u64 = 8;
