//! What a log holds, read without the index and entered there later, so that logs can be read side by side.

use radiograph_protocol::ids::TraceId;

use super::super::blocks::Partition;
use super::super::digest::DocumentDigest;
use super::super::format::{BlockHeader, Kind};
use super::super::index::{Index, Place, ViewEntry};
use super::super::links::Producers;
use super::super::payload::{self, Views};
use super::super::scan::{LogScan, scan_log};
use super::RecoveryReport;
use crate::store::StoreError;
use crate::trace::link::producers_of;

/// A log that was read.
pub(super) struct LogContent {
    /// Where there was damage.
    pub(super) scan: LogScan,
    blocks: Vec<Block>,
}

/// An intact block.
struct Block {
    offset: u64,
    payload_bytes: u64,
    content: BlockContent,
}

enum BlockContent {
    Documents(Vec<(Place, TraceId, DocumentDigest)>),
    Views(Vec<(TraceId, ViewEntry, Producers)>),
    /// Views of another version.
    Outdated,
    /// Nothing that makes sense.
    Nothing,
}

impl LogContent {
    /// Reads a log.
    ///
    /// # Errors
    /// When it cannot be read, or is of another format version.
    pub(super) fn read(partition: &Partition) -> Result<Self, StoreError> {
        let mut blocks = Vec::new();
        let scan = scan_log(&partition.path, |offset, header, payload| {
            let place = |position: usize| Place {
                partition: partition.id,
                offset,
                // a raw length fits 32 bits, and so does every position in it
                position: u32::try_from(position).unwrap_or(u32::MAX),
            };
            blocks.push(Block {
                offset,
                payload_bytes: payload.len() as u64,
                content: BlockContent::read(header, payload, place),
            });
        })?;
        Ok(Self { scan, blocks })
    }

    /// Enters what it holds; the logs before it were entered already.
    pub(super) fn add_to(
        &self,
        partition: &Partition,
        index: &mut Index,
        report: &mut RecoveryReport,
    ) {
        for block in &self.blocks {
            match &block.content {
                BlockContent::Documents(documents) => {
                    report.blocks += 1;
                    add_documents(documents, index);
                }
                BlockContent::Views(views) => {
                    report.blocks += 1;
                    // only views that outranked the earlier ones were written, so the last one counts
                    for (trace_id, view, producers) in views {
                        index.put_view(*trace_id, *view, producers.clone());
                    }
                }
                BlockContent::Outdated => report.view_blocks_outdated += 1,
                BlockContent::Nothing => {
                    let (path, offset) = (partition.path.display(), block.offset);
                    tracing::warn!(%path, offset, "an intact block makes no sense");
                    report.regions_damaged += 1;
                    report.bytes_damaged += block.payload_bytes;
                }
            }
        }
    }
}

impl BlockContent {
    fn read(header: &BlockHeader, payload: &[u8], place: impl Fn(usize) -> Place) -> Self {
        let Some(raw) = header.decompress(payload) else {
            return Self::Nothing;
        };
        match header.kind {
            Kind::Documents => {
                let Some(documents) = payload::documents(&raw) else {
                    return Self::Nothing;
                };
                let entry = |(position, trace_id, document): (usize, TraceId, &str)| {
                    (place(position), trace_id, DocumentDigest::of(document))
                };
                Self::Documents(documents.into_iter().map(entry).collect())
            }
            Kind::Views => match payload::views(&raw) {
                Views::Current(views) => {
                    let entry = |(position, view): &(usize, crate::trace::view::TraceView)| {
                        let entry = ViewEntry::of(view, place(*position));
                        (view.trace_id, entry, producers_of(view))
                    };
                    Self::Views(views.iter().map(entry).collect())
                }
                Views::OtherVersion => Self::Outdated,
                Views::Damaged => Self::Nothing,
            },
        }
    }
}

fn add_documents(documents: &[(Place, TraceId, DocumentDigest)], index: &mut Index) {
    for (place, trace_id, digest) in documents {
        match index.place_of(*trace_id, *digest) {
            None => index.add_document(*trace_id, *digest, *place),
            // one that was kept: the older log may go any time
            Some(_) => index.move_document(*trace_id, *digest, *place),
        }
    }
}
