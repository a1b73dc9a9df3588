//! What a log has of each trace, read once from its start to its end.

use std::collections::{BTreeMap, HashSet};

use radiograph_protocol::ids::TraceId;

use super::super::blocks::Partition;
use super::super::format::Kind;
use super::super::index::Place;
use super::super::payload;
use super::super::scan::scan_log;
use super::super::shared::Shared;
use crate::store::StoreError;

/// What a log holds.
#[derive(Default)]
pub(super) struct Gathered {
    /// By trace.
    pub(super) traces: BTreeMap<TraceId, TraceInLog>,
    /// There are regions that cannot be read.
    pub(super) is_damaged: bool,
}

/// What a log has of a trace.
#[derive(Default)]
pub(super) struct TraceInLog {
    /// Its documents, no two alike, with their places.
    pub(super) documents: Vec<(Place, String)>,
    /// Its view, encoded, when it is the one that counts, and its place.
    pub(super) view: Option<(Place, Vec<u8>)>,
}

impl Gathered {
    /// Reads a log. Views that were replaced since are left out, those of another encoding too.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn from_log(log: &Partition, shared: &Shared) -> Result<Self, StoreError> {
        let mut gathered = Self::default();
        let mut unread = false;
        let scan = scan_log(&log.path, |offset, header, payload| {
            let place = |position: usize| Place {
                partition: log.id,
                offset,
                // a raw length fits 32 bits, and so does every position in it
                position: u32::try_from(position).unwrap_or(u32::MAX),
            };
            let Some(raw) = header.decompress(payload) else {
                unread = true;
                return;
            };
            match header.kind {
                Kind::Documents => match payload::documents(&raw) {
                    Some(documents) => {
                        for (position, trace_id, text) in documents {
                            let trace = gathered.traces.entry(trace_id).or_default();
                            trace.documents.push((place(position), text.to_owned()));
                        }
                    }
                    None => unread = true,
                },
                Kind::Views => {
                    // of another encoding, or damaged, which opening reports
                    let views = payload::encoded_views(&raw).unwrap_or_default();
                    let index = shared.index();
                    for (position, trace_id, encoded) in views {
                        let at = place(position);
                        if index.view(trace_id).map(|view| view.place) == Some(at) {
                            let trace = gathered.traces.entry(trace_id).or_default();
                            trace.view = Some((at, encoded.to_vec()));
                        }
                    }
                }
            }
        })?;
        for trace in gathered.traces.values_mut() {
            // after damage a document may have been taken for a new one
            let mut seen = HashSet::new();
            trace
                .documents
                .retain(|(_, text)| seen.insert(text.clone()));
        }
        gathered.is_damaged = unread || !scan.damaged.is_empty() || scan.bad_tail.is_some();
        Ok(gathered)
    }
}
