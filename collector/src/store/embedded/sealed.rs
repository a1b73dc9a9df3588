//! Sealed files: what arrived in a part of an hour, for good. Immutable; small in memory.
//!
//! ```text
//! header | blocks of documents, by trace id | blocks of views, newest first
//!        | sections: where these blocks are, totals, Bloom filter, carried, links, search index
//!        | directory of the sections | footer
//! ```
//!
//! The bytes stand in `frame.rs`; what is in a block of documents in `documents.rs`, of views in
//! `rows.rs`, in a search index in `crate::search` and `terms.rs`. A file is made under a temporary name,
//! synced and renamed (`output.rs`), so that one that has its name is whole. [`SealedFile::open`] reads the
//! sections but for the totals and the search indexes; where one is damaged it goes through all blocks
//! instead and puts the section together again, so that a flipped bit loses the block it is in at most.
//!
//! Cost of a look-up by trace id: one cache line of the filter; when the trace may be there, a binary
//! search, one read of a block of about 256 KiB before compression, and putting together the trace's
//! documents alone. Memory of an open file: 20 bits a trace, about 60 B a block, 16 B a carried trace,
//! 36 B a link and 24 B for 128 KiB of search index; it holds a file descriptor. Memory of sealing: its
//! views as rows (three quarters of their postcard), 8 B a trace and about twice its search index;
//! [`merge`] needs a block of each input, 12 B a trace and, for a search index, about 130 B for each of
//! 262,144 views. All of it blocking.
//!
//! Deliberately not here: which files there are, what their names are, when to seal or merge. Look-ups and
//! scans take blocks from a cache once a file was told of one (`keep_blocks_in`).

mod bloom;
mod directory;
mod documents;
mod frame;
mod iterate;
mod merge;
mod numbers;
mod open;
mod output;
mod prune;
mod read;
mod rescan;
mod rows;
mod salvage;
mod scan;
mod seal;
mod signs;
mod terms;
#[cfg(test)]
pub(super) mod tests;
mod text;
mod verify;
mod words;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::{Elapsed, Minute, Timestamp};
use serde::{Deserialize, Serialize};

use self::bloom::Bloom;
use self::directory::{DocumentBlock, Section, ViewBlock};
pub use self::iterate::{Traces, Views};
pub use self::merge::merge;
pub(super) use self::merge::merge_with;
pub use self::open::Damage;
pub(super) use self::open::NOTHING_INTACT;
pub(super) use self::read::SealedBlock;
pub use self::read::SealedPage;
pub(super) use self::salvage::salvage;
pub(super) use self::scan::RowScan;
pub use self::seal::seal;
pub(super) use self::seal::{TraceToSeal, seal_with};
pub use self::verify::{Problem, VerifyReport};
use super::blocks::{BlockCache, CachedFile};
use super::payload::{DOCUMENT_ENTRY_BYTES, VIEW_FORMAT};
use crate::trace::view::TraceView;

/// A trace to be sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedTrace {
    /// The trace.
    pub trace_id: TraceId,
    /// Its documents that arrived in the partition; may be none when only its view was replaced.
    pub documents: Vec<String>,
    /// Its view, if it is the partition's to hold.
    pub view: Option<TraceView>,
    /// Whether that view replaces one in an earlier partition.
    pub is_carried: bool,
}

/// A trace as a sealed file has it, its view aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTrace {
    /// The trace.
    pub trace_id: TraceId,
    /// Its documents, in the order in which they were sealed.
    pub documents: Vec<String>,
    /// Start of its view, which with the id is the view's place; `None` when the file has none.
    pub view_start: Option<Timestamp>,
    /// Whether that view replaces one in an earlier partition.
    pub is_carried: bool,
}

/// A link of one of the file's views to another trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SealedLink {
    /// The trace that links.
    pub consumer: TraceId,
    /// The trace linked to.
    pub producer: TraceId,
    /// Number of the producer's documents when the consumer's view was computed.
    pub producer_revision: u32,
}

/// What a sealed file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedMeta {
    /// The first moment at which its documents arrived. After damage to both places that hold it,
    /// [`Timestamp::MIN`].
    pub arrival_start: Timestamp,
    /// The first moment after their arrival. After damage to both places that hold it,
    /// [`Timestamp::MAX`], so that no retention drops what may be new.
    pub arrival_end: Timestamp,
    /// Version of the views' encoding; views of another one count as absent.
    pub view_format: u8,
    /// Traces that have documents or a view.
    pub traces: u64,
    /// Documents.
    pub documents: u64,
    /// Length of all documents' texts.
    pub document_bytes: u64,
    /// Views.
    pub views: u64,
    /// The earliest start of a view; `None` without any.
    pub start: Option<Timestamp>,
    /// The latest time of a view; `None` without any.
    pub latest: Option<Timestamp>,
    /// The smallest trace id; `None` when the file is empty.
    pub first_trace: Option<TraceId>,
    /// The greatest trace id; `None` when the file is empty.
    pub last_trace: Option<TraceId>,
    /// The longest that anything of a trace began before the trace's start, or more.
    pub lead: Elapsed,
    /// The first and the last minute that its views contribute to; `None` when they contribute nothing,
    /// or when it is not known (`views` is not 0 then).
    pub minutes: Option<(Minute, Minute)>,
    /// What else is to be remembered of it.
    pub notes: Notes,
}

/// What those who make a file want to be remembered with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Names of the files that this one stands for: what is left of them is void.
    pub replaces: Vec<String>,
    /// Traces with documents here that came after the latest view they had, ascending.
    pub late: Vec<TraceId>,
    /// Traces whose view may not have been right when their documents were sealed, or that others
    /// linked to as they were not: to be looked at when the store is opened. Ascending.
    pub suspects: Vec<TraceId>,
}

/// How a file is laid out. The defaults were measured by `bench/sealed`; any others can be read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Documents of so many bytes make a block; a trace of more has blocks of its own.
    pub documents_block_bytes: usize,
    /// Views of so many bytes, as rows, make a block.
    pub views_block_bytes: usize,
    /// Level of zstd for documents.
    pub documents_level: i32,
    /// Level of zstd for views and sections.
    pub views_level: i32,
    /// Views that a search index is about; a file of more has several.
    pub index_rows: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            documents_block_bytes: 256 << 10,
            views_block_bytes: 256 << 10,
            documents_level: 3,
            views_level: 3,
            index_rows: 1 << 18,
        }
    }
}

impl Tuning {
    /// For a file that is going to be merged soon: it is 2 % longer, and compressing it takes a quarter less
    /// (`bench/sealed`).
    pub(super) fn for_now() -> Self {
        Self {
            documents_level: 1,
            views_level: 1,
            ..Self::default()
        }
    }
}

/// An open sealed file.
pub struct SealedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    meta: SealedMeta,
    documents: Vec<DocumentBlock>,
    views: Vec<ViewBlock>,
    /// `None` when it is damaged: then every look-up searches.
    bloom: Option<Bloom>,
    carried: Vec<TraceId>,
    links: Vec<SealedLink>,
    /// Sections that are read when they are asked for.
    sections: Vec<Section>,
    damage: Damage,
    /// Set once it was said that its search index is of no use.
    index_trouble: OnceLock<()>,
    /// Where its blocks are kept, and under which name; nowhere until somebody says so.
    cache: OnceLock<(Arc<BlockCache>, CachedFile)>,
}

impl SealedFile {
    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file itself, which never changes.
    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// What the file says of itself.
    #[must_use]
    pub const fn meta(&self) -> &SealedMeta {
        &self.meta
    }

    /// Whether its views are of this release's encoding. Otherwise it has none, as far as scans and
    /// look-ups go, and they are to be derived again from its documents.
    #[must_use]
    pub const fn has_current_views(&self) -> bool {
        self.meta.view_format == VIEW_FORMAT
    }

    /// The traces whose view replaces one in an earlier partition, ascending.
    #[must_use]
    pub fn carried(&self) -> &[TraceId] {
        &self.carried
    }

    /// All links of its views, ascending.
    #[must_use]
    pub fn links(&self) -> &[SealedLink] {
        &self.links
    }

    /// What opening found damaged.
    #[must_use]
    pub const fn damage(&self) -> &Damage {
        &self.damage
    }
}

/// Bytes of a document in a block, as block sizes count them.
const fn entry_bytes(document: &str) -> usize {
    DOCUMENT_ENTRY_BYTES.saturating_add(document.len())
}
