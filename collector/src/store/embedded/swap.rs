//! Putting sealed files in the place of what they were made from. Done by the committer between two
//! commits, so that no commit sees half of it; costs memory alone.

use std::collections::HashSet;
use std::sync::Arc;

use radiograph_protocol::ids::TraceId;

use super::index::{Index, PartitionId, Place};
use super::part::Part;
use super::shared::Shared;
use crate::store::StoreError;
use crate::trace::totals::Totals;

/// A sealed file and what it replaces.
pub(super) struct Swap {
    /// The new file.
    pub(super) part: Part,
    /// What it was made from.
    pub(super) source: Source,
}

/// What a sealed file was made from.
pub(super) enum Source {
    /// A log.
    Log {
        /// The log.
        partition: PartitionId,
        /// The views that were taken over, and where they stood.
        views: Vec<(TraceId, Place)>,
    },
    /// Sealed files, all cold or none.
    Parts {
        /// As they were when merging began.
        inputs: Vec<Part>,
        /// What cold inputs' superseded views contribute, which the new file does not have any more.
        left_out: Totals,
    },
}

impl Swap {
    /// Makes the new file known, and what it was made from not.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when that was dropped meanwhile: the new file is of no use then.
    pub(super) fn publish(self, shared: &Shared) -> Result<(), StoreError> {
        let Self { part, source } = self;
        part.file.keep_blocks_in(shared.blocks.cache());
        match source {
            Source::Log { partition, views } => {
                if !shared.blocks.has(partition) {
                    return Err(StoreError::Closed);
                }
                let mut index = shared.index_mut();
                publish_sealed(&mut index, part, partition, &views);
                drop(index);
                shared.recent().forget(partition);
                shared.blocks.forget(partition);
            }
            Source::Parts { inputs, left_out } => {
                let mut index = shared.index_mut();
                publish_merged(&mut index, part, &inputs)?;
                index.totals.add(&left_out, 1);
            }
        }
        Ok(())
    }
}

fn publish_sealed(
    index: &mut Index,
    mut part: Part,
    partition: PartitionId,
    views: &[(TraceId, Place)],
) {
    let is_replaced = |(trace_id, place): &&(TraceId, Place)| {
        index.view(*trace_id).map(|view| view.place) != Some(*place)
    };
    let replaced = views.iter().filter(is_replaced);
    part.superseded = Arc::new(replaced.map(|(trace_id, _)| *trace_id).collect());
    index.release(partition);
    index.parts.insert(part);
}

fn publish_merged(index: &mut Index, mut part: Part, inputs: &[Part]) -> Result<(), StoreError> {
    let mut superseded = HashSet::new();
    for input in inputs {
        let now = index.parts.get(input.name).ok_or(StoreError::Closed)?;
        // what was superseded before was not merged
        superseded.extend(now.superseded.difference(&input.superseded).copied());
        part.is_cold = now.is_cold;
    }
    part.superseded = Arc::new(superseded);
    for input in inputs {
        index.parts.remove(input.name);
    }
    index.parts.insert(part);
    Ok(())
}
