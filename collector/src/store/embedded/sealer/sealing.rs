//! From a closed log to a sealed file.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;

use super::super::blocks::Partition;
use super::super::digest::DocumentDigest;
use super::super::failure::{Doing, corrupt};
use super::super::index::Place;
use super::super::lately::SealedDigests;
use super::super::part::{Part, Parts};
use super::super::queue::Work;
use super::super::sealed::{Notes, SealedFile, TraceToSeal, Tuning, seal_with};
use super::super::swap::{Source, Swap};
use super::Sealer;
use super::gather::{Gathered, TraceInLog};
use crate::store::StoreError;

impl Sealer {
    /// Seals a closed log; what is left to be removed.
    ///
    /// # Errors
    /// When it cannot be read or the sealed file not be made; the log stays in use then.
    pub(super) fn seal(&self, log: &Partition) -> Result<Option<PathBuf>, StoreError> {
        if !self.shared.blocks.has(log.id) {
            return Ok(None);
        }
        let gathered = match Gathered::from_log(log, &self.shared) {
            Ok(gathered) => gathered,
            // dropped meanwhile
            Err(_) if !self.shared.blocks.has(log.id) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_damaged = gathered.is_damaged;
        let notes = self.notes(log, &gathered)?;
        let parts = self.shared.index().parts.clone();
        let views: Vec<_> = gathered.views().collect();
        let digests = self.digests(&gathered);
        let name = log.name.sealed();
        let path = name.path(&self.shared.log_dir);
        let arrival = (log.name.hour.start(), log.name.hour.end());
        let traces = gathered.traces().map(|trace| {
            self.go_on()?;
            trace_to_seal(&trace, &parts, log)
        });
        let tuning = Tuning::for_now();
        seal_with(&self.files(), &path, arrival, tuning, notes, traces)?;
        drop(gathered);
        self.swap(log, name, &path, views)?;
        self.shared.lately().put(name, digests);
        if is_damaged {
            return self.set_aside(log).map(|()| None);
        }
        Ok(Some(log.path.clone()))
    }

    fn swap(
        &self,
        log: &Partition,
        name: super::super::hour::SealedName,
        path: &std::path::Path,
        views: Vec<(TraceId, Place)>,
    ) -> Result<(), StoreError> {
        let file = Arc::new(SealedFile::open(path)?);
        let swap = Swap {
            part: Part::new(name, file),
            source: Source::Log {
                partition: log.id,
                views,
            },
        };
        let swapped = self.queue.tell(Work::Swap(Box::new(swap)));
        if swapped.is_err() && !self.shared.blocks.has(log.id) {
            // dropped meanwhile: it must not come back at the next opening
            super::remove_void(&*self.shared.files, path)?;
        }
        swapped
    }

    /// Gives a damaged log a name under which nothing here looks for it: a person may.
    fn set_aside(&self, log: &Partition) -> Result<(), StoreError> {
        let mut aside = log.path.clone().into_os_string();
        aside.push(super::super::hour::DAMAGED);
        let aside = PathBuf::from(aside);
        tracing::warn!(path = %aside.display(), "what could not be read of a log is set aside");
        self.shared
            .files
            .rename(&log.path, &aside)
            .doing("renaming", &log.path)
    }

    /// What is not right with the traces of a log by now.
    fn notes(&self, log: &Partition, gathered: &Gathered) -> Result<Notes, StoreError> {
        let mut notes = Notes::default();
        for trace in gathered.traces() {
            self.go_on()?;
            let trace_id = trace.trace_id;
            let mut is_suspect = false;
            if self.shared.is_unsettled(trace_id)? {
                is_suspect = true;
                if self.is_late(&trace)? {
                    notes.late.push(trace_id);
                }
            }
            let links = self.shared.index().links.of(trace_id);
            for (producer, documents) in links {
                if self.shared.document_count(producer)? != documents {
                    notes.suspects.push(producer);
                }
            }
            if is_suspect || self.has_stale_links_to(trace_id)? {
                notes.suspects.push(trace_id);
            }
        }
        // a view in this log may link to what stands in a log that is sealed already
        notes.suspects.sort_unstable();
        notes.suspects.dedup();
        if !notes.suspects.is_empty() {
            let count = notes.suspects.len();
            tracing::debug!(path = %log.path.display(), count, "unsettled traces are sealed");
        }
        Ok(notes)
    }

    /// Digests of the documents here. Of a trace that stands here alone the next log may have more.
    fn digests(&self, gathered: &Gathered) -> SealedDigests {
        let mut digests = SealedDigests::new();
        for trace in gathered.traces() {
            let trace_id = trace.trace_id;
            let mut known = self.shared.index().digests(trace_id);
            known.sort_unstable_by_key(|(_, place)| *place);
            let known_at = |place| {
                let at = known.binary_search_by_key(&place, |(_, place)| *place);
                known.get(at.ok()?).map(|(digest, _)| *digest)
            };
            if let Some(here) = trace.places().map(known_at).collect::<Option<Vec<_>>>() {
                digests.extend(here.into_iter().map(|digest| (trace_id, digest)));
                continue;
            }
            // what is kept elsewhere too stands here all the same
            let texts = trace.documents().into_iter();
            digests.extend(texts.map(|(_, text)| (trace_id, DocumentDigest::of(text))));
        }
        digests
    }

    fn has_stale_links_to(&self, producer: TraceId) -> Result<bool, StoreError> {
        if !self.shared.index().links.has_producer(producer) {
            return Ok(false);
        }
        let documents = self.shared.document_count(producer)?;
        let index = self.shared.index();
        Ok(index.links.stale(producer, documents).next().is_some())
    }

    /// Whether a log has documents of the trace that came after its view.
    fn is_late(&self, trace: &TraceInLog<'_>) -> Result<bool, StoreError> {
        let (view, parts) = {
            let index = self.shared.index();
            (index.view(trace.trace_id), index.parts.clone())
        };
        let sealed = self.shared.sealed_digests(&parts, trace.trace_id)?;
        let is_fresh = |text: &str| !sealed.contains(&DocumentDigest::of(text));
        let documents = trace.documents();
        let mut fresh = documents.iter().filter(|(_, text)| is_fresh(text));
        Ok(match view {
            Some(view) => fresh.any(|(place, _)| *place > view.place),
            None => fresh.next().is_some(),
        })
    }
}

fn trace_to_seal<'g>(
    trace: &TraceInLog<'g>,
    parts: &Parts,
    log: &Partition,
) -> Result<TraceToSeal<'g>, StoreError> {
    let trace_id = trace.trace_id;
    let view = trace.view().map(postcard::from_bytes).transpose();
    let view = view.map_err(|_| corrupt(&log.path, format!("no view of trace {trace_id}")))?;
    let documents = trace.documents().into_iter();
    Ok(TraceToSeal {
        trace_id,
        documents: documents.map(|(_, text)| Cow::Borrowed(text)).collect(),
        // more than those that are: no harm in that
        is_carried: view.is_some() && parts.may_have(trace_id),
        view,
    })
}
