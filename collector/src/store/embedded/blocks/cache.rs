//! Decompressed blocks of logs and of sealed files, within one bound of bytes for all of them. What a
//! merge or a check goes through once does not come here: it would drive out what is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::super::index::PartitionId;
use super::super::sealed::SealedBlock;

/// Raw length of a usual block, to size the cache's table.
const BLOCK_BYTES_USUAL: u64 = 64 << 10;
/// What an entry takes beside its block.
const ENTRY_BYTES: u64 = 128;

/// A file whose blocks are kept. None has the number of another, even of one that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum CachedFile {
    /// A log.
    Log(PartitionId),
    /// A sealed file.
    Sealed(u64),
}

/// A block, ready to be read.
#[derive(Debug, Clone)]
pub(in super::super) enum CachedBlock {
    /// A log's payload.
    Log(Arc<Vec<u8>>),
    /// A sealed file's documents or views.
    Sealed(SealedBlock),
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(CachedFile, u64), CachedBlock> for ByBytes {
    fn weight(&self, _: &(CachedFile, u64), block: &CachedBlock) -> u64 {
        let bytes = match block {
            CachedBlock::Log(raw) => raw.len(),
            CachedBlock::Sealed(block) => block.bytes(),
        };
        u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_add(ENTRY_BYTES)
    }
}

/// The cache.
pub(in super::super) struct BlockCache {
    blocks: Cache<(CachedFile, u64), CachedBlock, ByBytes>,
    sealed_files: AtomicU64,
}

impl BlockCache {
    /// A cache of so many bytes; with 0 it keeps nothing.
    pub(in super::super) fn new(bytes_max: u64) -> Self {
        let blocks = usize::try_from(bytes_max / BLOCK_BYTES_USUAL).unwrap_or(usize::MAX);
        Self {
            blocks: Cache::with_weighter(blocks.max(1), bytes_max, ByBytes),
            sealed_files: AtomicU64::new(0),
        }
    }

    /// A number for a sealed file that no other has.
    pub(in super::super) fn sealed_file(&self) -> CachedFile {
        CachedFile::Sealed(self.sealed_files.fetch_add(1, Ordering::Relaxed))
    }

    /// The block of a file at an offset, if it is kept.
    pub(in super::super) fn get(&self, file: CachedFile, offset: u64) -> Option<CachedBlock> {
        self.blocks.get(&(file, offset))
    }

    /// Whether it is kept; counts as no use of it.
    pub(in super::super) fn has(&self, file: CachedFile, offset: u64) -> bool {
        self.blocks.peek(&(file, offset)).is_some()
    }

    /// Keeps a block, in the place of others that are used less when there is no room.
    pub(in super::super) fn put(&self, file: CachedFile, offset: u64, block: CachedBlock) {
        self.blocks.insert((file, offset), block);
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(in super::super) fn bytes(&self) -> u64 {
        self.blocks.weight()
    }
}
