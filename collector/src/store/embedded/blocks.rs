//! Reading blocks: a table of the logs, a cache of decompressed blocks bounded by bytes, and a
//! bounded number of open files.
//!
//! Blocking; tasks come here through `spawn_blocking`. A log that was dropped meanwhile is no error:
//! it reads as "not there any more".

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::failure::{Doing, corrupt};
use super::format::{BLOCK_HEADER_BYTES, BlockHeader};
use super::hour::{Hour, LogName};
use super::index::{PartitionId, Place};
use super::payload;
use crate::store::StoreError;
use crate::trace::view::TraceView;

/// Logs open for reading at once. An hour each, so most queries need few; far below the 1,024
/// descriptors that a process may have by default.
const OPEN_FILES_MAX: usize = 64;
/// Raw length of a usual block, to size the cache's table.
const BLOCK_BYTES_USUAL: u64 = 64 << 10;

/// A log.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// Its id.
    pub(super) id: PartitionId,
    /// Its name.
    pub(super) name: LogName,
    /// The file.
    pub(super) path: PathBuf,
    /// Nothing is appended to it any more.
    pub(super) is_closed: bool,
}

/// The logs in use.
#[derive(Debug, Default)]
struct Table {
    partitions: BTreeMap<PartitionId, Partition>,
    last_id: u32,
    /// By hour, the greatest number that a log or a sealed file of it ever had: none is used again.
    sequences: BTreeMap<Hour, u32>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(PartitionId, u64), Arc<Vec<u8>>> for ByBytes {
    fn weight(&self, _: &(PartitionId, u64), block: &Arc<Vec<u8>>) -> u64 {
        u64::try_from(block.len())
            .unwrap_or(u64::MAX)
            .saturating_add(64)
    }
}

/// Reads blocks.
pub(super) struct BlockReader {
    table: RwLock<Table>,
    blocks: Cache<(PartitionId, u64), Arc<Vec<u8>>, ByBytes>,
    files: Cache<PartitionId, Arc<File>>,
}

impl BlockReader {
    /// A reader that keeps so many bytes of decompressed blocks.
    pub(super) fn new(cache_bytes_max: u64) -> Self {
        let blocks = usize::try_from(cache_bytes_max / BLOCK_BYTES_USUAL).unwrap_or(usize::MAX);
        Self {
            table: RwLock::default(),
            blocks: Cache::with_weighter(blocks.max(1), cache_bytes_max, ByBytes),
            files: Cache::new(OPEN_FILES_MAX),
        }
    }

    /// The log of this name, entered in the table if it is not there.
    pub(super) fn partition(&self, name: LogName, log_dir: &Path) -> Partition {
        self.saw(name);
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let mut known = table.partitions.values();
        if let Some(known) = known.find(|partition| partition.name == name) {
            return known.clone();
        }
        table.last_id += 1;
        let id = PartitionId(table.last_id);
        let partition = Partition {
            id,
            name,
            path: name.path(log_dir),
            is_closed: false,
        };
        table.partitions.insert(id, partition.clone());
        partition
    }

    /// The log of an hour that can be appended to: the last one while it is not closed, or a new one.
    pub(super) fn open_log(&self, hour: Hour, log_dir: &Path) -> Partition {
        let next = {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            let last = table.sequences.get(&hour).copied();
            let is_open = |log: &&Partition| {
                log.name.hour == hour && Some(log.name.sequence) == last && !log.is_closed
            };
            if let Some(open) = table.partitions.values().find(is_open) {
                return open.clone();
            }
            last.map_or(0, |last| last.saturating_add(1))
        };
        let name = LogName {
            hour,
            sequence: next,
        };
        self.partition(name, log_dir)
    }

    /// Notes that a file of this name, or one sealed from it, is there.
    pub(super) fn saw(&self, name: LogName) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let last = table.sequences.entry(name.hour).or_default();
        *last = name.sequence.max(*last);
    }

    /// Nothing is appended to this log any more.
    pub(super) fn close(&self, id: PartitionId) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = table.partitions.get_mut(&id) {
            log.is_closed = true;
        }
    }

    /// Nothing is appended any more to any log but those of this hour.
    pub(super) fn close_all_but(&self, hour: Option<Hour>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        for log in table.partitions.values_mut() {
            log.is_closed |= Some(log.name.hour) != hour;
        }
    }

    /// The logs, oldest first.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let mut logs: Vec<_> = table.partitions.values().cloned().collect();
        logs.sort_by_key(|log| log.name);
        logs
    }

    /// The logs all of which is older than `time`, oldest first.
    pub(super) fn partitions_before(&self, time: Timestamp) -> Vec<Partition> {
        let mut older = self.partitions();
        older.retain(|log| log.name.hour.end() <= time);
        older
    }

    /// Whether a log is on the table.
    pub(super) fn has(&self, id: PartitionId) -> bool {
        self.path(id).is_some()
    }

    /// Takes a log off the table; only then its file may be removed.
    pub(super) fn forget(&self, id: PartitionId) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.partitions.remove(&id);
        self.files.remove(&id);
    }

    /// The document at a place, which must be one of this trace; `None` when it was dropped.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn document(
        &self,
        trace_id: TraceId,
        at: Place,
    ) -> Result<Option<String>, StoreError> {
        self.entry(at, "no document of the trace", |raw, position| {
            let ((found, text), _) = payload::document_at(raw, position)?;
            (found == trace_id).then(|| text.to_owned())
        })
    }

    /// The view at a place; `None` when it was dropped.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn view(&self, at: Place) -> Result<Option<TraceView>, StoreError> {
        self.entry(at, "no view", |raw, position| {
            Some(payload::view_at(raw, position)?.0)
        })
    }

    fn entry<T>(
        &self,
        at: Place,
        otherwise: &str,
        read: impl Fn(&[u8], usize) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(raw) = self.block(at)? else {
            return Ok(None);
        };
        let entry = usize::try_from(at.position)
            .ok()
            .and_then(|position| read(&raw, position));
        match (entry, self.path(at.partition)) {
            (Some(entry), _) => Ok(Some(entry)),
            (None, Some(path)) => {
                let (offset, position) = (at.offset, at.position);
                Err(corrupt(
                    &path,
                    format!("{otherwise} at {position} in the block at {offset}"),
                ))
            }
            (None, None) => Ok(None),
        }
    }

    fn path(&self, id: PartitionId) -> Option<PathBuf> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table
            .partitions
            .get(&id)
            .map(|partition| partition.path.clone())
    }

    /// The decompressed block at a place; `None` when it was dropped.
    fn block(&self, at: Place) -> Result<Option<Arc<Vec<u8>>>, StoreError> {
        let key = (at.partition, at.offset);
        let Some(path) = self.path(at.partition) else {
            return Ok(None);
        };
        if let Some(block) = self.blocks.get(&key) {
            return Ok(Some(block));
        }
        let Some(file) = self.file(at.partition, &path)? else {
            return Ok(None);
        };
        let found = read_block(&file, at.offset).doing("reading", &path)?;
        let Some(raw) = found else {
            return Err(corrupt(&path, format!("no intact block at {}", at.offset)));
        };
        let block = Arc::new(raw);
        self.blocks.insert(key, Arc::clone(&block));
        Ok(Some(block))
    }

    fn file(&self, id: PartitionId, path: &Path) -> Result<Option<Arc<File>>, StoreError> {
        if let Some(file) = self.files.get(&id) {
            return Ok(Some(file));
        }
        let opened = File::open(path);
        // a log is off the table before its file goes, so one that is on it still is the right one
        if self.path(id).is_none() {
            return Ok(None);
        }
        let file = Arc::new(opened.doing("opening", path)?);
        self.files.insert(id, Arc::clone(&file));
        Ok(Some(file))
    }
}

/// Reads and decompresses the block at an offset; `None` when no intact one is there.
fn read_block(file: &File, offset: u64) -> io::Result<Option<Vec<u8>>> {
    Ok(read_intact(file, offset)?.and_then(|(header, payload)| header.decompress(&payload)))
}

/// Reads the block at an offset; `None` when no intact one is there.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read_intact(file: &File, offset: u64) -> io::Result<Option<(BlockHeader, Vec<u8>)>> {
    let mut header = [0; BLOCK_HEADER_BYTES];
    if !read_exact(file, &mut header, offset)? {
        return Ok(None);
    }
    let Some(header) = BlockHeader::read(&header) else {
        return Ok(None);
    };
    let payload_offset = offset.saturating_add(BLOCK_HEADER_BYTES as u64);
    let left = file.metadata()?.len().saturating_sub(payload_offset);
    if u64::from(header.compressed_bytes) > left {
        return Ok(None);
    }
    let mut payload = vec![0; usize::try_from(header.compressed_bytes).unwrap_or(0)];
    let is_intact = read_exact(file, &mut payload, payload_offset)? && header.fits(&payload);
    Ok(is_intact.then_some((header, payload)))
}

/// Fills the buffer; `false` when the file ends before.
pub(super) fn read_exact(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
