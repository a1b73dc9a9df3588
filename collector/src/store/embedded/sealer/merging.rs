//! From several sealed files to one (`merging/tiers.rs` says which), so that the number of open files and
//! of filters to ask stays small. Put off while the disk has no room for both; given up within a
//! megabyte of output when the store is closed.

use std::path::PathBuf;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use self::tiers::Candidate;
pub(in super::super) use self::tiers::Reach;
use super::super::hour::SealedName;
use super::super::part::Part;
use super::super::queue::Work;
use super::super::sealed::{Notes, SealedFile, Tuning, merge_with};
use super::super::swap::{Source, Swap};
use super::Sealer;
use crate::store::StoreError;
use crate::trace::totals::Totals;

mod tiers;

/// What is left free on the disk by a merge, for what arrives meanwhile.
const FREE_BYTES_MIN: u64 = 256 << 20;

impl Sealer {
    /// Sealed files that are to be merged, oldest first; `None` when there are none, or no room on the
    /// disk for what they are merged into. They follow each other, and no log lies between them.
    pub(super) fn group(&self, now: Timestamp, reach: Reach) -> Option<Vec<Part>> {
        let logs = self.shared.blocks.partitions();
        let logs: Vec<_> = logs.iter().map(|log| log.name).collect();
        let parts = self.shared.index().parts.clone();
        let candidates = parts.iter().map(|part| Candidate {
            name: part.name,
            bytes: part.file.bytes(),
            is_cold: part.is_cold,
            is_mergeable: is_mergeable(part),
        });
        let candidates: Vec<_> = candidates.collect();
        let range = tiers::next(&candidates, &logs, now, reach)?;
        let inputs = parts.iter().skip(range.start).take(range.len());
        let inputs: Vec<_> = inputs.cloned().collect();
        self.has_room(&inputs).then_some(inputs)
    }

    /// Whether the disk has room for another copy of these. Where it does not tell, it has.
    fn has_room(&self, inputs: &[Part]) -> bool {
        let Ok(free) = self.shared.files.free_bytes(&self.shared.log_dir) else {
            return true;
        };
        let bytes = inputs.iter().map(|part| part.file.bytes());
        let needed = bytes.fold(FREE_BYTES_MIN, u64::saturating_add);
        if free < needed {
            tracing::debug!(bytes = needed, "the disk has no room for a merge");
        }
        free >= needed
    }

    /// Merges all that is to be merged by now.
    ///
    /// # Errors
    /// When something cannot be read or written, or is given up.
    #[cfg(test)]
    pub(in super::super) fn merge_all(&self, reach: Reach) -> Result<(), StoreError> {
        while let Some(inputs) = self.group((self.clock)(), reach) {
            let mut void = self.merge(&inputs)?;
            self.remove_void(&mut void)?;
        }
        Ok(())
    }

    /// Merges all files if they can be, as those of a day are.
    #[cfg(test)]
    pub(in super::super) fn merge_day_whole(&self) -> Result<(), StoreError> {
        let parts = self.shared.index().parts.clone();
        let parts: Vec<_> = parts.iter().cloned().collect();
        let is_cold = parts.first().is_some_and(|part| part.is_cold);
        let is_one = |part: &Part| is_mergeable(part) && part.is_cold == is_cold;
        if parts.len() > 1 && parts.iter().all(is_one) {
            let mut void = self.merge(&parts)?;
            self.remove_void(&mut void)?;
        }
        Ok(())
    }

    /// Merges sealed files that follow each other; what is left to be removed.
    ///
    /// # Errors
    /// When one cannot be read or the new one not be made; they stay in use then.
    pub(super) fn merge(&self, inputs: &[Part]) -> Result<Vec<PathBuf>, StoreError> {
        let generations = inputs.iter().map(|part| part.name.generation);
        let (Some(last), Some(generation)) = (inputs.last(), generations.max()) else {
            return Ok(Vec::new());
        };
        let name = SealedName {
            last: last.name.last,
            generation: generation.saturating_add(1),
        };
        let path = name.path(&self.shared.log_dir);
        let files: Vec<&SealedFile> = inputs.iter().map(|part| &*part.file).collect();
        let notes = self.united_notes(inputs)?;
        let is_left = |input: usize, trace_id: TraceId| {
            let input = inputs.get(input);
            input.is_some_and(|part| part.superseded.contains(&trace_id))
        };
        // while its hour lasts, it will be merged again
        let tuning = match last.name.last.hour.end() > (self.clock)() {
            true => Tuning::for_now(),
            false => Tuning::default(),
        };
        let merged = merge_with(&self.files(), &path, tuning, notes, &files, is_left);
        // whatever a merge says that was to be given up
        self.go_on()?;
        merged?;
        let mut left_out = Totals::default();
        for part in inputs.iter().filter(|part| part.is_cold) {
            left_out.add(&part.superseded_totals(), 1);
        }
        let swap = Swap {
            part: Part::new(name, Arc::new(SealedFile::open(&path)?)),
            source: Source::Parts {
                inputs: inputs.to_vec(),
                left_out,
            },
        };
        let swapped = self.queue.tell(Work::Swap(Box::new(swap)));
        if let Err(error) = swapped {
            // at the next opening it must not replace what is left of its inputs
            super::remove_void(&*self.shared.files, &path)?;
            return Err(error);
        }
        let paths = inputs.iter().map(|part| part.file.path().to_owned());
        Ok(paths.collect())
    }

    /// What is to be remembered of the inputs' notes.
    fn united_notes(&self, inputs: &[Part]) -> Result<Notes, StoreError> {
        let mut notes = Notes {
            replaces: inputs.iter().map(|part| part.name.relative()).collect(),
            ..Notes::default()
        };
        for part in inputs {
            let input = &part.file.meta().notes;
            notes.late.extend(&input.late);
            notes.suspects.extend(&input.suspects);
        }
        for list in [&mut notes.late, &mut notes.suspects] {
            list.sort_unstable();
            list.dedup();
        }
        let mut still = Vec::new();
        for trace_id in notes.late {
            if self.shared.is_unsettled(trace_id)? && self.is_late_in(inputs, trace_id)? {
                still.push(trace_id);
            }
        }
        notes.late = still;
        Ok(notes)
    }

    /// Whether documents in these files came after the trace's view: what was noted before a later file
    /// brought that view is over, and must not outlive the order of the files.
    fn is_late_in(&self, inputs: &[Part], trace_id: TraceId) -> Result<bool, StoreError> {
        let parts = self.shared.index().parts.clone();
        let viewed = parts.view(trace_id)?.map(|(name, _)| name);
        let mut later = inputs.iter().filter(|part| Some(part.name) >= viewed);
        Ok(later.any(|part| part.has_late(trace_id)))
    }
}

/// Whether a file can be merged: undamaged, with views of this release's encoding.
fn is_mergeable(part: &Part) -> bool {
    part.file.damage().is_none() && part.file.has_current_views()
}
