//! Which traces have to be settled again. Exact for every trace that is asked about; `unsettled` asks
//! about those with something in the logs, and about those sealed ones that were noted when something
//! was not right with them (`Notes`) or that lost documents since.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use radiograph_protocol::ids::TraceId;

use super::super::part::Part;
use super::Shared;
use crate::store::StoreError;

impl Shared {
    /// Traces whose view does not cover their documents, or whose links are stale.
    ///
    /// # Errors
    /// When what is in sealed files cannot be read.
    pub(in super::super) fn unsettled(&self) -> Result<Vec<TraceId>, StoreError> {
        let mut found = HashSet::new();
        let mut suspects = HashSet::new();
        let mut producers = HashSet::new();
        {
            let index = self.index();
            suspects.extend(index.disturbed.iter().copied());
            for part in index.parts.iter() {
                let notes = &part.file.meta().notes;
                suspects.extend(notes.late.iter().chain(&notes.suspects).copied());
            }
            producers.extend(suspects.iter().copied());
            for trace_id in index.traces() {
                producers.insert(trace_id);
                let links = index.links.of(trace_id);
                producers.extend(links.into_iter().map(|(producer, _)| producer));
                if index.parts.may_have(trace_id) {
                    suspects.insert(trace_id);
                } else if index.is_unsettled(trace_id) {
                    found.insert(trace_id);
                }
            }
            let known = index.links.producers();
            producers.extend(known.filter(|producer| !index.parts.may_have(*producer)));
        }
        let mut settled = Vec::new();
        for trace_id in suspects {
            if self.is_unsettled(trace_id)? {
                found.insert(trace_id);
            } else if self.linking_to(std::iter::once(trace_id))?.is_empty() {
                settled.push(trace_id);
            }
        }
        let mut index = self.index_mut();
        for trace_id in settled {
            index.disturbed.remove(&trace_id);
        }
        drop(index);
        found.extend(self.linking_to(producers.into_iter())?);
        Ok(found.into_iter().collect())
    }

    /// Traces that have no view but one of another encoding, in a sealed file: so many at most. Goes
    /// through such files until all their traces have newer views.
    ///
    /// # Errors
    /// When what is in sealed files cannot be read.
    pub(in super::super) fn outdated(&self, traces_max: usize) -> Result<Vec<TraceId>, StoreError> {
        let parts = self.index().parts.clone();
        let is_outdated = |part: &&Part| {
            !part.file.has_current_views() && !part.is_renewed.load(Ordering::Relaxed)
        };
        let mut found = Vec::new();
        for part in parts.iter().filter(is_outdated) {
            let mut traces = Vec::new();
            part.file.each_trace_id(|trace_id| traces.push(trace_id));
            let found_before = found.len();
            for trace_id in traces {
                if found.len() >= traces_max {
                    return Ok(found);
                }
                if self.is_unsettled(trace_id)? {
                    found.push(trace_id);
                }
            }
            part.is_renewed
                .store(found.len() == found_before, Ordering::Relaxed);
        }
        Ok(found)
    }

    /// Traces with documents whose views link to one of these and take it to have another number of
    /// documents than it has.
    ///
    /// # Errors
    /// When documents in sealed files cannot be counted.
    pub(in super::super) fn linking_to(
        &self,
        traces: impl Iterator<Item = TraceId>,
    ) -> Result<HashSet<TraceId>, StoreError> {
        let mut stale = HashSet::new();
        for producer in traces {
            if !self.index().links.has_producer(producer) {
                continue;
            }
            let documents = self.document_count(producer)?;
            stale.extend(self.index().links.stale(producer, documents));
        }
        // what has no documents left has nothing to compute a view from
        let mut found = HashSet::new();
        for consumer in stale {
            if self.document_count(consumer)? > 0 {
                found.insert(consumer);
            }
        }
        Ok(found)
    }

    /// Whether a trace's view does not cover all its documents: it counts another number of them, or,
    /// since documents may have been dropped, some came after it.
    ///
    /// # Errors
    /// When what is in sealed files cannot be read.
    pub(in super::super) fn is_unsettled(&self, trace_id: TraceId) -> Result<bool, StoreError> {
        let (digests, view, parts) = {
            let index = self.index();
            if !index.parts.may_have(trace_id) {
                return Ok(index.is_unsettled(trace_id));
            }
            let digests = index.digests(trace_id);
            (digests, index.view(trace_id), index.parts.clone())
        };
        let sealed = self.sealed_digests(&parts, trace_id)?;
        // a document that was sealed and came again is no other one
        let fresh = digests
            .iter()
            .filter(|(digest, _)| !sealed.contains(digest));
        let count = sealed.len() + fresh.clone().count();
        let is_covered = |revision: u32| usize::try_from(revision) == Ok(count);
        if count == 0 {
            return Ok(false);
        }
        if let Some(view) = view {
            let mut fresh = fresh;
            return Ok(!is_covered(view.revision) || fresh.any(|(_, at)| *at > view.place));
        }
        let Some((name, view)) = parts.view(trace_id)? else {
            return Ok(true);
        };
        let has_fresh = fresh.count() > 0;
        Ok(has_fresh || !is_covered(view.revision) || parts.is_late(trace_id, name))
    }
}
