//! Reading blocks of logs: a table of the logs, the cache of decompressed blocks (`blocks/cache.rs`),
//! which sealed files share, and a bounded number of open files.
//!
//! Blocking; tasks come here through `spawn_blocking`. A log that was dropped meanwhile is no error:
//! it reads as "not there any more".

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use quick_cache::sync::Cache;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

pub(super) use self::cache::{BlockCache, CachedBlock, CachedFile};
use super::failure::{Doing, corrupt};
use super::format::{BLOCK_HEADER_BYTES, BlockHeader};
use super::hour::{Hour, LogName};
use super::index::{PartitionId, Place};
use super::payload;
use crate::store::StoreError;
use crate::trace::view::TraceView;

mod cache;

/// Logs open for reading at once. An hour each, so most queries need few; far below the 1,024
/// descriptors that a process may have by default.
const OPEN_FILES_MAX: usize = 64;

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
    /// What stands behind here was never acknowledged: a write or sync did not work, and nobody knows
    /// what it left.
    pub(super) end: Option<u64>,
}

/// The logs in use.
#[derive(Debug, Default)]
struct Table {
    partitions: BTreeMap<PartitionId, Partition>,
    last_id: u32,
    /// By hour, the greatest number that a log or a sealed file of it ever had: none is used again.
    sequences: BTreeMap<Hour, u32>,
    /// Decompressed blocks that the disk may not have.
    kept: BTreeMap<(PartitionId, u64), Arc<Vec<u8>>>,
}

/// Reads blocks.
pub(super) struct BlockReader {
    table: RwLock<Table>,
    cache: Arc<BlockCache>,
    files: Cache<PartitionId, Arc<File>>,
}

impl BlockReader {
    /// A reader that keeps so many bytes of decompressed blocks.
    pub(super) fn new(cache_bytes_max: u64) -> Self {
        Self {
            table: RwLock::default(),
            cache: Arc::new(BlockCache::new(cache_bytes_max)),
            files: Cache::new(OPEN_FILES_MAX),
        }
    }

    /// The decompressed blocks that are kept, of sealed files too.
    pub(super) const fn cache(&self) -> &Arc<BlockCache> {
        &self.cache
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
            end: None,
        };
        table.partitions.insert(id, partition.clone());
        partition
    }

    /// The log of an hour that can be appended to: the last one, while it is not closed.
    pub(super) fn open_log(&self, hour: Hour) -> Option<Partition> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let last = table.sequences.get(&hour).copied();
        let is_open = |log: &&Partition| {
            log.name.hour == hour
                && Some(log.name.sequence) == last
                && !log.is_closed
                && log.end.is_none()
        };
        table.partitions.values().find(is_open).cloned()
    }

    /// The name of the next log of an hour.
    pub(super) fn next_name(&self, hour: Hour) -> LogName {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let last = table.sequences.get(&hour).copied();
        LogName {
            hour,
            sequence: last.map_or(0, |last| last.saturating_add(1)),
        }
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

    /// Nothing of this log counts that stands behind `end`, but for these blocks there, which are known
    /// and served from memory from now on.
    pub(super) fn end_at(&self, id: PartitionId, end: u64, mut blocks: &[u8]) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = table.partitions.get_mut(&id) {
            log.end = Some(end);
        }
        let mut offset = end;
        while let Some((raw, bytes)) = first_block(blocks) {
            table.kept.insert((id, offset), Arc::new(raw));
            offset = offset.saturating_add(bytes as u64);
            blocks = blocks.get(bytes..).unwrap_or_default();
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
        table.kept.retain(|(partition, _), _| *partition != id);
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
        let log = CachedFile::Log(at.partition);
        let Some(path) = self.path(at.partition) else {
            return Ok(None);
        };
        if let Some(block) = self.kept((at.partition, at.offset)) {
            return Ok(Some(block));
        }
        if let Some(CachedBlock::Log(block)) = self.cache.get(log, at.offset) {
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
        self.cache
            .put(log, at.offset, CachedBlock::Log(Arc::clone(&block)));
        Ok(Some(block))
    }

    fn kept(&self, key: (PartitionId, u64)) -> Option<Arc<Vec<u8>>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.kept.get(&key).cloned()
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

/// The block that these bytes begin with, decompressed, and its length there; `None` at their end.
fn first_block(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (header, rest) = bytes.split_first_chunk::<BLOCK_HEADER_BYTES>()?;
    let header = BlockHeader::read(header)?;
    let payload_bytes = usize::try_from(header.compressed_bytes).ok()?;
    let raw = header.decompress(rest.get(..payload_bytes)?)?;
    Some((raw, BLOCK_HEADER_BYTES + payload_bytes))
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
