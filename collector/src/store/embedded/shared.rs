//! What the committer, the sealer and the readers share: the index with the list of sealed files,
//! changed by the committer alone, and the reader of blocks.
//!
//! Whoever reads takes what it needs of the index at one moment and then goes to the disk without
//! holding it. A log that was sealed or dropped in between reads as "not there any more"; then the
//! reader begins again, with an index that does not mention that log.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::blocks::BlockReader;
use super::failure::repeat;
use super::files::Files;
use super::index::Index;
use super::lately::SealedLately;
use super::recent::RecentTexts;
use super::shared::totals::ColdTotals;
use crate::store::StoreError;

mod documents;
mod doomed;
mod parts;
mod totals;
mod unsettled;
mod views;

pub(super) use self::parts::is_past;

/// Index and blocks. All of it blocking.
pub(super) struct Shared {
    index: RwLock<Index>,
    recent: Mutex<RecentTexts>,
    lately: Mutex<SealedLately>,
    /// Why nothing is written at the moment.
    trouble: Mutex<Option<StoreError>>,
    cold: ColdTotals,
    /// Where the logs and sealed files are.
    pub(super) log_dir: PathBuf,
    /// What is done to files.
    pub(super) files: Arc<dyn Files>,
    /// Reads blocks.
    pub(super) blocks: BlockReader,
}

impl Shared {
    /// An empty index over this reader, with these texts before it.
    pub(super) fn new(
        log_dir: PathBuf,
        files: Arc<dyn Files>,
        blocks: BlockReader,
        recent: RecentTexts,
    ) -> Self {
        Self {
            index: RwLock::default(),
            recent: Mutex::new(recent),
            lately: Mutex::default(),
            trouble: Mutex::default(),
            cold: ColdTotals::new(),
            log_dir,
            files,
            blocks,
        }
    }

    /// The index, to read; not to be held over I/O.
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index, to change; not to be held over I/O.
    pub(super) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Texts that need not be read.
    pub(super) fn recent(&self) -> MutexGuard<'_, RecentTexts> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Digests of what need not be read.
    pub(super) fn lately(&self) -> MutexGuard<'_, SealedLately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps the committer from writing, if anything does.
    pub(super) fn health(&self) -> Result<(), StoreError> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map_or(Ok(()), |error| Err(repeat(error)))
    }

    /// Notes what keeps the committer from writing; `None` when nothing does any more.
    pub(super) fn set_trouble(&self, error: Option<&StoreError>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = error.map(repeat);
    }
}
