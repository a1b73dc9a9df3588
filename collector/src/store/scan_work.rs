//! What finding a page of views took: for those who ask how a search went, and for bounding it.

/// What was read and passed over for a page of views. Counts of this page alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanWork {
    /// Files that reach into the window, as far as the page came.
    pub files: u64,
    /// Those of them of which no view was read, since none can match.
    pub files_pruned: u64,
    /// Those of them without a search index that can be used: their views were read one by one.
    pub files_unindexed: u64,
    /// Blocks of views that were read.
    pub blocks_read: u64,
    /// Blocks of views that were passed over, since no view in them can match.
    pub blocks_pruned: u64,
    /// Frames of search indexes that were asked for; most are in memory.
    pub frames_read: u64,
    /// Views in the window that were passed over unread, since they cannot match. About as many: at the
    /// window's ends they are estimated.
    pub views_pruned: u64,
    /// What each term of the filter did, from left to right. Empty when no index was asked.
    pub clauses: Vec<ClauseWork>,
}

/// What a term of a filter did to the rows of search indexes that it was asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClauseWork {
    /// The term, as it was understood.
    pub clause: String,
    /// Rows that it was asked about.
    pub rows_asked: u64,
    /// Rows that it kept by itself.
    pub rows_kept: u64,
    /// Times that it kept those that satisfy it, and no others.
    pub exact: u64,
    /// Times that it kept others as well.
    pub inexact: u64,
    /// Times that it kept all, since the index does not know.
    pub not_indexed: u64,
    /// Times that it was not asked, since the terms before it had left nothing.
    pub skipped: u64,
}

impl ScanWork {
    /// Adds what another page of the same search took.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.files_pruned += other.files_pruned;
        self.files_unindexed += other.files_unindexed;
        self.blocks_read += other.blocks_read;
        self.blocks_pruned += other.blocks_pruned;
        self.frames_read += other.frames_read;
        self.views_pruned += other.views_pruned;
        if self.clauses.is_empty() {
            self.clauses.clone_from(&other.clauses);
            return;
        }
        for (ours, theirs) in self.clauses.iter_mut().zip(&other.clauses) {
            ours.rows_asked += theirs.rows_asked;
            ours.rows_kept += theirs.rows_kept;
            ours.exact += theirs.exact;
            ours.inexact += theirs.inexact;
            ours.not_indexed += theirs.not_indexed;
            ours.skipped += theirs.skipped;
        }
    }

    /// Reads of about a quarter of a megabyte at most.
    #[must_use]
    pub const fn reads(&self) -> u64 {
        self.blocks_read.saturating_add(self.frames_read)
    }
}
