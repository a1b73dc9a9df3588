//! From several sealed files to one: those of an hour once it is over, and then those of a day, so that
//! the number of open files stays small.

use std::path::PathBuf;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::hour::SealedName;
use super::super::part::Part;
use super::super::queue::Work;
use super::super::sealed::{Notes, SealedFile, Tuning, merge_with};
use super::super::swap::{Source, Swap};
use super::Sealer;
use crate::store::StoreError;
use crate::trace::totals::Totals;

/// Files that are merged at once, and the number from which on those of an hour that is not over are.
const INPUTS_MAX: usize = 64;

impl Sealer {
    /// Sealed files of one hour that are to be merged, oldest first; `None` when there are none. They
    /// follow each other, and no log lies between them.
    pub(super) fn group(&self, now: Timestamp) -> Option<Vec<Part>> {
        let logs = self.shared.blocks.partitions();
        let parts = self.shared.index().parts.clone();
        let parts: Vec<_> = parts.iter().collect();
        let groups = parts.chunk_by(|one, next| {
            let is_between = |log: &super::super::blocks::Partition| {
                one.name.last < log.name && log.name < next.name.last
            };
            one.name.last.hour == next.name.last.hour
                && one.is_cold == next.is_cold
                && is_mergeable(one)
                && is_mergeable(next)
                && !logs.iter().any(is_between)
        });
        let mut groups = groups.filter(|group| {
            let hour = group.first().map(|part| part.name.last.hour);
            let is_over = hour.is_some_and(|hour| {
                hour.end() <= now && !logs.iter().any(|log| log.name.hour == hour)
            });
            group.len() >= INPUTS_MAX || (group.len() > 1 && is_over)
        });
        let group = groups.next()?;
        Some(
            group
                .iter()
                .take(INPUTS_MAX)
                .map(|part| (*part).clone())
                .collect(),
        )
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
        let tuning = Tuning::default();
        merge_with(&*self.shared.files, &path, tuning, notes, &files, is_left)?;
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
            if self.shared.is_unsettled(trace_id)? {
                still.push(trace_id);
            }
        }
        notes.late = still;
        Ok(notes)
    }
}

/// Whether a file can be merged: undamaged, with views of this release's encoding.
fn is_mergeable(part: &Part) -> bool {
    part.file.damage().is_none() && part.file.has_current_views()
}
