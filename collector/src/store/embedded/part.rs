//! The sealed files of a store, oldest first, and which of their views are replaced by later ones.
//!
//! A list is cheap to take along: whoever looks up or scans works on the one of that moment, whatever is
//! sealed, merged or dropped meanwhile. A trace has one view that counts: the last one in the logs, or
//! else the one that no part has as superseded.
//!
//! Cost of a look-up: for each part two comparisons, and one cache line of its filter when the trace's
//! id lies between the least and the greatest of the part, as an id that begins with a time seldom does
//! where all do. A month is about thirty parts (`sealer/merging/tiers.rs`), one in 3,000 of which is read
//! in vain; then one block for each part that has the trace, unless it is kept (`blocks/cache.rs`).
//! Memory beside the open files (`sealed.rs`): 16 B and the slack of a table for each superseded trace.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use radiograph_protocol::ids::TraceId;

use super::hour::SealedName;
use super::sealed::{SealedFile, SealedLink};
use crate::store::StoreError;
use crate::trace::contributions;
use crate::trace::totals::Totals;
use crate::trace::view::TraceView;

/// From so many superseded views on, a file's views are gone through instead of looked up.
const LOOK_UPS_MAX: usize = 64;

/// A sealed file.
#[derive(Clone)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: SealedName,
    /// The file.
    pub(super) file: Arc<SealedFile>,
    /// Traces whose view here counts no more; some may have none here.
    pub(super) superseded: Arc<HashSet<TraceId>>,
    /// Whether its own totals are asked, instead of being part of the running ones.
    pub(super) is_cold: bool,
    /// Whether all its traces have newer views, although its own are of another encoding.
    pub(super) is_renewed: Arc<AtomicBool>,
}

/// All of them, oldest first.
#[derive(Clone, Default)]
pub(super) struct Parts(Arc<Vec<Part>>);

impl Part {
    /// A file none of whose views is superseded.
    pub(super) fn new(name: SealedName, file: Arc<SealedFile>) -> Self {
        Self {
            name,
            file,
            superseded: Arc::default(),
            is_cold: false,
            is_renewed: Arc::default(),
        }
    }

    /// Whether, when this was sealed, it had documents of the trace that came after its view.
    pub(super) fn has_late(&self, trace_id: TraceId) -> bool {
        let late = &self.file.meta().notes.late;
        late.binary_search(&trace_id).is_ok()
    }

    /// Whether the file may have something of the trace; `false` is certain.
    pub(super) fn may_have(&self, trace_id: TraceId) -> bool {
        let meta = self.file.meta();
        // an empty file that was damaged knows neither
        let is_between = meta.first_trace.is_none_or(|first| first <= trace_id)
            && meta.last_trace.is_none_or(|last| trace_id <= last);
        is_between && self.file.may_have(trace_id)
    }

    /// What all its views contribute, superseded ones too; nothing when they are of another encoding.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(super) fn totals(&self) -> Result<Totals, StoreError> {
        if !self.file.has_current_views() {
            return Ok(Totals::default());
        }
        self.file.totals()
    }

    /// The links of its views, ascending; none when they are of another encoding.
    pub(super) fn links(&self) -> &[SealedLink] {
        if self.file.has_current_views() {
            self.file.links()
        } else {
            &[]
        }
    }

    /// What the superseded views among the file's contribute. What cannot be read is left out, with
    /// a warning.
    pub(super) fn superseded_totals(&self) -> Totals {
        let mut sum = Totals::default();
        let mut add = |view: Result<Option<TraceView>, StoreError>| match view {
            Ok(Some(view)) => contributions::add(&view, &mut sum, 1),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a replaced view cannot be read and stays in the totals");
            }
        };
        if self.superseded.len() > LOOK_UPS_MAX {
            let is_superseded = |view: &TraceView| self.superseded.contains(&view.trace_id);
            for view in self.file.views() {
                add(view.map(|view| Some(view).filter(is_superseded)));
            }
        } else {
            for trace_id in &*self.superseded {
                add(self.file.view(*trace_id));
            }
        }
        sum
    }
}

impl Parts {
    /// The parts, oldest first.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Part> {
        self.0.iter()
    }

    /// How many were sealed in the last hours and are not merged with any other.
    pub(super) fn unmerged(&self) -> usize {
        let is_unmerged = |part: &&Part| part.name.generation == 0 && !part.is_cold;
        self.iter().filter(is_unmerged).count()
    }

    /// Adds one at its place.
    pub(super) fn insert(&mut self, part: Part) {
        let parts = Arc::make_mut(&mut self.0);
        let at = parts.partition_point(|other| other.name < part.name);
        parts.insert(at, part);
    }

    /// Takes one away.
    pub(super) fn remove(&mut self, name: SealedName) -> Option<Part> {
        let parts = Arc::make_mut(&mut self.0);
        let at = parts.iter().position(|part| part.name == name)?;
        Some(parts.remove(at))
    }

    /// The one of this name.
    pub(super) fn get(&self, name: SealedName) -> Option<&Part> {
        self.0.iter().find(|part| part.name == name)
    }

    /// The view of the trace in this part counts no more.
    pub(super) fn supersede(&mut self, name: SealedName, trace_id: TraceId) {
        let parts = Arc::make_mut(&mut self.0);
        if let Some(part) = parts.iter_mut().find(|part| part.name == name) {
            Arc::make_mut(&mut part.superseded).insert(trace_id);
        }
    }

    /// No view of the trace counts that is in a part before `name`, or in any with `None`.
    pub(super) fn supersede_before(&mut self, name: Option<SealedName>, trace_id: TraceId) {
        for part in Arc::make_mut(&mut self.0) {
            if name.is_some_and(|name| part.name >= name) {
                break;
            }
            if part.may_have(trace_id) {
                Arc::make_mut(&mut part.superseded).insert(trace_id);
            }
        }
    }

    /// The part has become cold.
    pub(super) fn cool(&mut self, name: SealedName) {
        let parts = Arc::make_mut(&mut self.0);
        if let Some(part) = parts.iter_mut().find(|part| part.name == name) {
            part.is_cold = true;
        }
    }

    /// Whether any may have something of the trace; `false` is certain.
    pub(super) fn may_have(&self, trace_id: TraceId) -> bool {
        self.iter().any(|part| part.may_have(trace_id))
    }

    /// The trace's documents, no two alike, in the order of their coming.
    ///
    /// # Errors
    /// When a block that would have some cannot be read.
    pub(super) fn documents(&self, trace_id: TraceId) -> Result<Vec<String>, StoreError> {
        let mut documents: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for part in self.iter().filter(|part| part.may_have(trace_id)) {
            for text in part.file.documents(trace_id)? {
                if seen.insert(text.clone()) {
                    documents.push(text);
                }
            }
        }
        Ok(documents)
    }

    /// The view of the trace that counts among those here, and the part that has it.
    ///
    /// # Errors
    /// When a block that would have it cannot be read.
    pub(super) fn view(
        &self,
        trace_id: TraceId,
    ) -> Result<Option<(SealedName, TraceView)>, StoreError> {
        let may_count =
            |part: &&Part| part.may_have(trace_id) && !part.superseded.contains(&trace_id);
        for part in self.iter().rev().filter(may_count) {
            if let Some(view) = part.file.view(trace_id)? {
                return Ok(Some((part.name, view)));
            }
        }
        Ok(None)
    }

    /// Whether, when a part from `since` on was sealed, it had documents of the trace that came after
    /// its view.
    pub(super) fn is_late(&self, trace_id: TraceId, since: SealedName) -> bool {
        let mut later = self.iter().filter(|part| part.name >= since);
        later.any(|part| part.has_late(trace_id))
    }
}
