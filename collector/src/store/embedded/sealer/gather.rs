//! What a log has of each trace, read once from its start to its end.
//!
//! Memory: the log's blocks decompressed, and 48 B an entry.

use std::collections::HashSet;

use radiograph_protocol::ids::TraceId;

use super::super::blocks::Partition;
use super::super::format::Kind;
use super::super::index::Place;
use super::super::payload;
use super::super::scan::scan_log_to;
use super::super::shared::Shared;
use crate::store::StoreError;

/// Documents of a trace that are compared with each other instead of hashed.
const COMPARED_MAX: usize = 16;

/// What a log holds.
#[derive(Default)]
pub(super) struct Gathered {
    blocks: Vec<Vec<u8>>,
    /// By trace, its documents before its view, in the order of the log.
    entries: Vec<Entry>,
    /// There are regions that cannot be read.
    pub(super) is_damaged: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    trace_id: TraceId,
    is_view: bool,
    place: Place,
    block: usize,
}

/// What a log has of a trace.
#[derive(Clone, Copy)]
pub(super) struct TraceInLog<'g> {
    /// The trace.
    pub(super) trace_id: TraceId,
    blocks: &'g [Vec<u8>],
    entries: &'g [Entry],
}

impl Gathered {
    /// Reads a log. Views that were replaced since are left out, those of another encoding too.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn from_log(log: &Partition, shared: &Shared) -> Result<Self, StoreError> {
        let mut gathered = Self::default();
        let mut unread = false;
        let scan = scan_log_to(&log.path, log.end, |offset, header, payload| {
            let read = header
                .decompress(payload)
                .and_then(|raw| gathered.add(log, offset, header.kind, raw, shared));
            unread |= read.is_none();
        })?;
        gathered.entries.sort_unstable();
        gathered.is_damaged = unread || !scan.damaged.is_empty() || scan.bad_tail.is_some();
        Ok(gathered)
    }

    /// Adds a block; `None` when its documents cannot be read.
    fn add(
        &mut self,
        log: &Partition,
        offset: u64,
        kind: Kind,
        raw: Vec<u8>,
        shared: &Shared,
    ) -> Option<()> {
        let block = self.blocks.len();
        let entry = |position: usize, trace_id: TraceId| Entry {
            trace_id,
            is_view: kind == Kind::Views,
            place: Place {
                partition: log.id,
                offset,
                // a raw length fits 32 bits, and so does every position in it
                position: u32::try_from(position).unwrap_or(u32::MAX),
            },
            block,
        };
        match kind {
            Kind::Documents => {
                let documents = payload::documents(&raw)?.into_iter();
                let documents = documents.map(|(position, trace_id, _)| entry(position, trace_id));
                self.entries.extend(documents);
            }
            Kind::Views => {
                // of another encoding, or damaged, which opening reports
                let views = payload::encoded_views(&raw).unwrap_or_default().into_iter();
                let views = views.map(|(position, trace_id, _)| entry(position, trace_id));
                let index = shared.index();
                let counts = |view: &Entry| {
                    index.view(view.trace_id).map(|known| known.place) == Some(view.place)
                };
                self.entries.extend(views.filter(counts));
            }
        }
        self.blocks.push(raw);
        Some(())
    }

    /// What there is of each trace, by id.
    pub(super) fn traces(&self) -> impl Iterator<Item = TraceInLog<'_>> {
        let traces = self
            .entries
            .chunk_by(|one, next| one.trace_id == next.trace_id);
        traces.filter_map(|entries| {
            Some(TraceInLog {
                trace_id: entries.first()?.trace_id,
                blocks: &self.blocks,
                entries,
            })
        })
    }

    /// The views, and where they stand.
    pub(super) fn views(&self) -> impl Iterator<Item = (TraceId, Place)> {
        let views = self.entries.iter().filter(|entry| entry.is_view);
        views.map(|view| (view.trace_id, view.place))
    }
}

impl<'g> TraceInLog<'g> {
    /// Its documents, no two alike, with their places.
    pub(super) fn documents(&self) -> Vec<(Place, &'g str)> {
        let documents = self.entries.iter().filter(|entry| !entry.is_view);
        let documents = documents.filter_map(|entry| {
            let ((_, text), _) = payload::document_at(self.raw(entry)?, position(entry))?;
            Some((entry.place, text))
        });
        let mut documents: Vec<_> = documents.collect();
        // after damage a document may have been taken for a new one
        if documents.len() <= COMPARED_MAX {
            let mut kept: Vec<(Place, &str)> = Vec::with_capacity(documents.len());
            for document in documents {
                if kept.iter().all(|(_, text)| *text != document.1) {
                    kept.push(document);
                }
            }
            return kept;
        }
        let mut seen = HashSet::new();
        documents.retain(|(_, text)| seen.insert(*text));
        documents
    }

    /// Where its documents stand, alike or not.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let documents = self.entries.iter().filter(|entry| !entry.is_view);
        documents.map(|entry| entry.place)
    }

    /// Its view, encoded, when it is the one that counts.
    pub(super) fn view(&self) -> Option<&'g [u8]> {
        let view = self.entries.last().filter(|entry| entry.is_view)?;
        payload::encoded_view_at(self.raw(view)?, position(view))
    }

    fn raw(&self, entry: &Entry) -> Option<&'g [u8]> {
        self.blocks.get(entry.block).map(Vec::as_slice)
    }
}

fn position(entry: &Entry) -> usize {
    usize::try_from(entry.place.position).unwrap_or(usize::MAX)
}
