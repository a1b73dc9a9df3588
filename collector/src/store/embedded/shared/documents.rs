//! Documents by trace, from logs and sealed files.

use std::collections::HashSet;

use radiograph_protocol::ids::TraceId;

use super::super::digest::DocumentDigest;
use super::super::index::Place;
use super::super::part::Parts;
use super::Shared;
use crate::store::{StoreError, TraceDocuments};

/// Traces whose blocks are read ahead: those of a request of X-Ray, and some more.
const READ_AHEAD_MAX: usize = 32;

impl Shared {
    /// All documents of these traces.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(in super::super) fn documents(
        &self,
        traces: &[TraceId],
    ) -> Result<Vec<TraceDocuments>, StoreError> {
        if traces.len() > 1 {
            self.read_ahead(traces);
        }
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let traces = traces.iter().copied();
        for trace_id in traces.filter(|trace_id| seen.insert(*trace_id)) {
            let documents = self.documents_of(trace_id)?;
            if !documents.is_empty() {
                found.push(TraceDocuments {
                    trace_id,
                    documents,
                });
            }
        }
        Ok(found)
    }

    /// Has the system read the blocks of sealed files for the first of these traces side by side.
    fn read_ahead(&self, traces: &[TraceId]) {
        let parts = self.index().parts.clone();
        for trace_id in traces.iter().take(READ_AHEAD_MAX) {
            for part in parts.iter().filter(|part| part.may_have(*trace_id)) {
                part.file.will_need(*trace_id);
            }
        }
    }

    fn documents_of(&self, trace_id: TraceId) -> Result<Vec<String>, StoreError> {
        loop {
            let (places, parts) = {
                let index = self.index();
                (index.documents(trace_id), index.parts.clone())
            };
            let mut documents = parts.documents(trace_id)?;
            if let Some(texts) = self.documents_at(trace_id, &places)? {
                if documents.is_empty() {
                    return Ok(texts);
                }
                let known: HashSet<_> = documents.iter().cloned().collect();
                documents.extend(texts.into_iter().filter(|text| !known.contains(text)));
                return Ok(documents);
            }
        }
    }

    /// The documents at these places; `None` when a log is not there any more, which the index does not
    /// mention by then.
    pub(super) fn documents_at(
        &self,
        trace_id: TraceId,
        places: &[Place],
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut documents = Vec::with_capacity(places.len());
        let texts: Vec<_> = {
            let mut recent = self.recent();
            places.iter().map(|place| recent.take(*place)).collect()
        };
        for (place, text) in places.iter().zip(texts) {
            let text = match text {
                Some(text) => Some(text),
                None => self.blocks.document(trace_id, *place)?,
            };
            match text {
                Some(text) => documents.push(text),
                None => return Ok(None),
            }
        }
        Ok(Some(documents))
    }

    /// How many different documents the trace has.
    ///
    /// # Errors
    /// When those in sealed files cannot be read.
    pub(in super::super) fn document_count(&self, trace_id: TraceId) -> Result<u32, StoreError> {
        let (digests, parts) = {
            let index = self.index();
            let parts = index.parts.clone();
            if !parts.may_have(trace_id) {
                return Ok(count(index.document_count(trace_id)));
            }
            (index.digests(trace_id), parts)
        };
        let mut different = self.sealed_digests(&parts, trace_id)?;
        different.extend(digests.into_iter().map(|(digest, _)| digest));
        Ok(count(different.len()))
    }

    /// The digests of the trace's documents in these sealed files.
    ///
    /// # Errors
    /// When a block that would have some cannot be read.
    pub(in super::super) fn sealed_digests(
        &self,
        parts: &Parts,
        trace_id: TraceId,
    ) -> Result<HashSet<DocumentDigest>, StoreError> {
        let mut digests = HashSet::new();
        for part in parts.iter().filter(|part| part.may_have(trace_id)) {
            let known = self.lately().of(part.name, trace_id);
            if let Some(known) = known {
                digests.extend(known);
            } else {
                let texts = part.file.documents(trace_id)?;
                digests.extend(texts.iter().map(|text| DocumentDigest::of(text)));
            }
        }
        Ok(digests)
    }

    /// How many different documents each of these traces has.
    ///
    /// # Errors
    /// When those in sealed files cannot be read.
    pub(in super::super) fn document_counts(
        &self,
        traces: &[TraceId],
    ) -> Result<Vec<u32>, StoreError> {
        let counts = traces.iter().map(|trace_id| self.document_count(*trace_id));
        counts.collect()
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
