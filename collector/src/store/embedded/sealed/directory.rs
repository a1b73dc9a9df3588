//! What the sections of a sealed file hold: where blocks are, and where sections are. Pure.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::frame::Kind;
use super::{SealedLink, SealedMeta};
use crate::store::Cursor;
use crate::trace::view::TraceView;

/// Where a block of documents is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DocumentBlock {
    /// Its first trace.
    pub(super) first: TraceId,
    /// Offset of the frame.
    pub(super) offset: u64,
    /// Length of the frame.
    pub(super) bytes: u32,
    /// Traces in it.
    pub(super) traces: u32,
    /// Documents in it.
    pub(super) documents: u32,
}

/// Where a block of views is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ViewBlock {
    first: (Timestamp, TraceId),
    last: (Timestamp, TraceId),
    /// The greatest latest time in it.
    pub(super) latest: Timestamp,
    /// Offset of the frame.
    pub(super) offset: u64,
    /// Length of the frame.
    pub(super) bytes: u32,
    /// Views in it.
    pub(super) rows: u32,
    /// Number of its first view among all of the file, newest first.
    pub(super) first_row: u64,
}

impl ViewBlock {
    /// A block of views from `first` down to `last`, of these counts, at a place.
    pub(super) fn new(
        (first, last): (Cursor, Cursor),
        latest: Timestamp,
        (rows, first_row): (u32, u64),
        (offset, bytes): (u64, u32),
    ) -> Self {
        Self {
            first: (first.start, first.trace_id),
            last: (last.start, last.trace_id),
            latest,
            offset,
            bytes,
            rows,
            first_row,
        }
    }

    /// Its newest view.
    pub(super) const fn first(&self) -> Cursor {
        let (start, trace_id) = self.first;
        Cursor { start, trace_id }
    }

    /// Its oldest view.
    pub(super) const fn last(&self) -> Cursor {
        let (start, trace_id) = self.last;
        Cursor { start, trace_id }
    }
}

/// Where a piece of a section is; the pieces of one kind follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    /// Which section.
    pub(super) kind: Kind,
    /// Offset of the frame.
    pub(super) offset: u64,
    /// Length of the frame.
    pub(super) bytes: u32,
}

/// The last frame of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Directory {
    /// What the file says of itself.
    pub(super) meta: SealedMeta,
    /// Where everything but documents and views is.
    pub(super) sections: Vec<Section>,
}

/// The links of a view.
pub(super) fn links_of(view: &TraceView) -> impl Iterator<Item = SealedLink> {
    view.facts.links.iter().map(|link| SealedLink {
        consumer: view.trace_id,
        producer: link.trace_id,
        producer_revision: link.producer_revision,
    })
}

/// Sorts links and leaves out repeats: several entities of a trace may link to one other trace.
pub(super) fn tidy(links: &mut Vec<SealedLink>) {
    links.sort_unstable();
    links.dedup();
}
