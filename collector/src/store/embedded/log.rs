//! The log that is being written: which file, up to where, and what of it is durable already; and what
//! becomes of it when it cannot be written.

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

/// Bytes of blocks that may be written and not be synced: they are kept until they are.
const UNSYNCED_BYTES_MAX: usize = 1 << 20;

/// Bytes that must fit on a disk before it is taken to have room again, beside the header, which fits into
/// what any file leaves unused: more than a usual commit has.
const TRIAL_BYTES: usize = 2 << 20;

/// Documents at which a log is closed, however short they are: each takes memory until it is sealed, up to
/// 470 B where it is a trace of its own.
const DOCUMENTS_MAX: u64 = 65_536;

/// Appends to the log of the hour.
pub(super) struct LogWriter {
    log_dir: PathBuf,
    files: Arc<dyn Files>,
    /// Bytes of documents at which a log is closed.
    document_bytes_max: u64,
    open: Option<OpenLog>,
    /// The log that a write or sync of was not carried out, until another one takes its place.
    lost: Option<OpenLog>,
}

struct OpenLog {
    partition: Partition,
    file: File,
    /// Up to here it is durable.
    durable_end: u64,
    /// What was written behind it.
    unsynced: Vec<u8>,
    content: Documents,
}

/// How many documents, and their length.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Documents {
    /// How many.
    pub(super) count: u64,
    /// Their length in all.
    pub(super) bytes: u64,
}

impl Documents {
    /// One more.
    pub(super) const fn add(&mut self, document: &str) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(document.len() as u64);
    }
}

impl OpenLog {
    fn end(&self) -> u64 {
        self.durable_end.saturating_add(self.unsynced.len() as u64)
    }
}

/// Blocks of a log whose state is unknown that stand in a new one now.
pub(super) struct Carried {
    /// The log whose state is unknown, and from where on.
    pub(super) from: (PartitionId, u64),
    /// Where they stand now.
    pub(super) to: (PartitionId, u64),
}

impl LogWriter {
    /// A writer of logs in this directory, each of which takes documents of so many bytes.
    pub(super) fn new(log_dir: &Path, files: Arc<dyn Files>, document_bytes_max: u64) -> Self {
        Self {
            log_dir: log_dir.to_owned(),
            files,
            document_bytes_max,
            open: None,
            lost: None,
        }
    }

    /// Turns to the log of an hour that has room, and returns its id and end. The log before it is
    /// synced and closed first, so that only the newest log can have a torn tail.
    ///
    /// # Errors
    /// When the log cannot be made; the caller is to [`Self::abandon`] what there is.
    pub(super) fn turn_to(
        &mut self,
        hour: Hour,
        blocks: &BlockReader,
    ) -> Result<(PartitionId, u64), StoreError> {
        if let Some(open) = &self.open
            && open.partition.name.hour == hour
            && open.content.bytes < self.document_bytes_max
            && open.content.count < DOCUMENTS_MAX
        {
            return Ok((open.partition.id, open.end()));
        }
        self.close(blocks)?;
        let open = match blocks.open_log(hour) {
            Some(partition) => self.open_again(partition, blocks)?,
            None => None,
        };
        let open = match open {
            Some(open) => open,
            None => self.make(hour, &[], 0, blocks)?,
        };
        let (id, end) = (open.partition.id, open.end());
        self.open = Some(open);
        Ok((id, end))
    }

    /// Closes all logs but that of this hour, or all with `None`.
    ///
    /// # Errors
    /// When the one that is being written cannot be synced; the caller is to [`Self::abandon`] it.
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

    /// Opens a log that an earlier process began; `None` when it got no further than to begin.
    fn open_again(
        &self,
        partition: Partition,
        blocks: &BlockReader,
    ) -> Result<Option<OpenLog>, StoreError> {
        let path = &partition.path;
        let file = self.files.open_log(path).doing("opening", path)?;
        let end = file.metadata().doing("reading", path)?.len();
        let header_end = FILE_HEADER_BYTES as u64;
        if end < header_end {
            blocks.forget(partition.id);
            remove_void(&*self.files, path)?;
            return Ok(None);
        }
        self.sync_names(path)?;
        // as much as is likely
        let bytes = end
            .saturating_sub(header_end)
            .saturating_mul(USUAL_COMPRESSION);
        Ok(Some(OpenLog {
            partition,
            file,
            durable_end: end,
            unsynced: Vec::new(),
            content: Documents {
                count: bytes / USUAL_DOCUMENT_BYTES,
                bytes,
            },
        }))
    }

    /// Makes the next log of an hour, beginning with these blocks; durable when it returns. So many bytes
    /// more are tried to be written, and cut off again.
    fn make(
        &self,
        hour: Hour,
        blocks: &[u8],
        trial_bytes: usize,
        reader: &BlockReader,
    ) -> Result<OpenLog, StoreError> {
        let day_dir = hour.day_dir(&self.log_dir);
        self.files.make_dir(&day_dir).doing("making", &day_dir)?;
        let name = reader.next_name(hour);
        let path = name.path(&self.log_dir);
        let bytes = [file_header().as_slice(), blocks].concat();
        match self.write_new(&path, &bytes, trial_bytes) {
            Ok(file) => Ok(OpenLog {
                partition: reader.partition(name, &self.log_dir),
                file,
                durable_end: bytes.len() as u64,
                unsynced: Vec::new(),
                content: Documents::default(),
            }),
            Err(error) => {
                // what the disk has of it is unknown: neither file nor name are used again
                if self.files.remove(&path).is_err() {
                    reader.saw(name);
                }
                Err(error)
            }
        }
    }

    fn write_new(&self, path: &Path, bytes: &[u8], trial_bytes: usize) -> Result<File, StoreError> {
        let file = self.files.open_log(path).doing("opening", path)?;
        let end = bytes.len() as u64;
        if trial_bytes > 0 {
            let trial = vec![0; trial_bytes];
            self.files
                .write_at(&file, &trial, end)
                .doing("writing", path)?;
            self.files.sync(&file).doing("syncing", path)?;
            self.files.cut(&file, end).doing("cutting", path)?;
        }
        self.files
            .write_at(&file, bytes, 0)
            .doing("writing", path)?;
        self.files.sync(&file).doing("syncing", path)?;
        self.sync_names(path)?;
        Ok(file)
    }

    /// Makes durable that there is a file of this path.
    fn sync_names(&self, path: &Path) -> Result<(), StoreError> {
        let day_dir = path.parent().unwrap_or(&self.log_dir);
        self.files.sync_dir(day_dir).doing("syncing", day_dir)?;
        self.files
            .sync_dir(&self.log_dir)
            .doing("syncing", &self.log_dir)
    }

    /// Appends blocks, with so many documents in them, to the log that was turned to; if there are any, all
    /// of it is durable when it returns.
    ///
    /// # Errors
    /// When that did not work; the caller is to [`Self::abandon`] the log.
    pub(super) fn append(&mut self, bytes: &[u8], documents: Documents) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else {
            return Err(StoreError::Closed);
        };
        let path = &open.partition.path;
        let end = open.end();
        self.files
            .write_at(&open.file, bytes, end)
            .doing("writing", path)?;
        let unsynced = open.unsynced.len().saturating_add(bytes.len());
        if documents.count == 0 && unsynced <= UNSYNCED_BYTES_MAX {
            open.unsynced.extend_from_slice(bytes);
            return Ok(());
        }
        self.files.sync(&open.file).doing("syncing", path)?;
        open.durable_end = end.saturating_add(bytes.len() as u64);
        open.unsynced.clear();
        open.content.count = open.content.count.saturating_add(documents.count);
        open.content.bytes = open.content.bytes.saturating_add(documents.bytes);
        Ok(())
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// When it could not be synced; the caller is to [`Self::abandon`] the log.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if !open.unsynced.is_empty() {
            self.files
                .sync(&open.file)
                .doing("syncing", &open.partition.path)?;
            open.durable_end = open.end();
            open.unsynced.clear();
        }
        Ok(())
    }

    /// Turns away from a log after a failure: nobody knows what the disk has of it behind its durable
    /// end, and a sync that is tried again may report success for pages that are lost. So nothing is
    /// written to it any more, and what was appended and is not durable is served from memory.
    pub(super) fn abandon(&mut self, blocks: &BlockReader) {
        if let Some(open) = self.open.take() {
            blocks.end_at(open.partition.id, open.durable_end, &open.unsynced);
            self.lost = Some(open);
        }
    }

    /// Tries a new log, which takes up what an abandoned one had and was not durable; that one is closed.
    ///
    /// # Errors
    /// When it cannot be made; nothing has changed then.
    pub(super) fn begin_again(
        &mut self,
        hour: Hour,
        blocks: &BlockReader,
    ) -> Result<Option<Carried>, StoreError> {
        let unsynced = match &self.lost {
            Some(lost) => {
                // so that nobody reads it at the next opening; if it stays, that does no harm either
                if let Err(error) = self.files.cut(&lost.file, lost.durable_end) {
                    let path = lost.partition.path.display();
                    tracing::debug!(%error, %path, "what was not acknowledged stays in a log");
                }
                lost.unsynced.as_slice()
            }
            None => &[],
        };
        let open = self.make(hour, unsynced, TRIAL_BYTES, blocks)?;
        let to = (open.partition.id, FILE_HEADER_BYTES as u64);
        self.open = Some(open);
        Ok(self.lost.as_ref().map(|lost| Carried {
            from: (lost.partition.id, lost.durable_end),
            to,
        }))
    }

    /// Closes the abandoned log once what it had and was not durable is known to stand elsewhere. One that
    /// had nothing else is removed: its id is returned.
    pub(super) fn close_abandoned(&mut self, blocks: &BlockReader) -> Option<PartitionId> {
        let lost = self.lost.take()?;
        if lost.durable_end > FILE_HEADER_BYTES as u64 {
            blocks.close(lost.partition.id);
            return None;
        }
        blocks.forget(lost.partition.id);
        if let Err(error) = remove_void(&*self.files, &lost.partition.path) {
            tracing::debug!(%error, "a log without anything in it stays behind");
        }
        Some(lost.partition.id)
    }

    /// Turns away from a log that is going to be removed.
    pub(super) fn leave(&mut self, id: PartitionId) {
        self.open.take_if(|open| open.partition.id == id);
        self.lost.take_if(|lost| lost.partition.id == id);
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
/// Bytes of a document.
const USUAL_DOCUMENT_BYTES: u64 = 1000;
