//! What is done to sealed files as a whole: taking them up, and letting go of them.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::failure::Doing;
use super::super::index::Index;
use super::super::part::Part;
use super::Shared;
use crate::store::StoreError;

/// How long after its time of arrival a sealed file's totals are part of the running ones: those of a day
/// are asked for again and again.
pub(in super::super) const HOT_SECONDS: i64 = 25 * 3600;

impl Shared {
    /// Takes up a sealed file when the store is opened; those before it come first.
    pub(in super::super) fn take_up(&self, mut part: Part, now: Timestamp) {
        part.is_cold = is_past(&part, now);
        part.file.keep_blocks_in(self.blocks.cache());
        let file = std::sync::Arc::clone(&part.file);
        let mut index = self.index_mut();
        for trace_id in file.carried() {
            index.parts.supersede_before(Some(part.name), *trace_id);
            index.links.forget(*trace_id);
        }
        let taken = part.clone();
        let links = taken
            .links()
            .chunk_by(|one, next| one.consumer == next.consumer);
        for links in links {
            let Some(consumer) = links.first().map(|link| link.consumer) else {
                continue;
            };
            let mut producers: Vec<_> = links
                .iter()
                .filter(|link| link.producer != consumer)
                .map(|link| (link.producer, link.producer_revision))
                .collect();
            producers.dedup_by_key(|(producer, _)| *producer);
            index.links.replace(consumer, producers);
        }
        index.parts.insert(part);
    }

    /// The files with documents, oldest first: the end of their time of arrival, and their length.
    ///
    /// # Errors
    /// When a length cannot be read.
    pub(in super::super) fn usage(&self) -> Result<Vec<(Timestamp, u64)>, StoreError> {
        let parts = self.index().parts.clone();
        let sealed = parts
            .iter()
            .map(|part| (part.file.meta().arrival_end, part.file.bytes()));
        let mut usage: Vec<_> = sealed.collect();
        for log in self.blocks.partitions() {
            match std::fs::metadata(&log.path) {
                Ok(metadata) => usage.push((log.name.hour.end(), metadata.len())),
                // sealed meanwhile, and counted at the next look
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).doing("reading", &log.path),
            }
        }
        usage.sort_unstable();
        Ok(usage)
    }

    /// The sealed files all of which is older than `time`, oldest first.
    pub(in super::super) fn parts_before(&self, time: Timestamp) -> Vec<Part> {
        let parts = self.index().parts.clone();
        let older = parts
            .iter()
            .filter(|part| part.file.meta().arrival_end <= time);
        older.cloned().collect()
    }

    /// Traces that lose documents, or that others link to and that lose some, when all that is older
    /// than `time` is dropped, and that are not found by the index. Reads these files.
    pub(in super::super) fn disturbed_by(&self, time: Timestamp) -> Vec<TraceId> {
        let older = self.parts_before(time);
        if older.is_empty() {
            return Vec::new();
        }
        let parts = self.index().parts.clone();
        let rest: Vec<_> = parts
            .iter()
            .filter(|part| part.file.meta().arrival_end > time)
            .collect();
        let mut disturbed = Vec::new();
        for part in &older {
            part.file.each_trace_id(|trace_id| {
                if rest.iter().any(|part| part.may_have(trace_id)) {
                    disturbed.push(trace_id);
                }
            });
        }
        let index = self.index();
        let producers = index.links.producers();
        disturbed
            .extend(producers.filter(|producer| older.iter().any(|part| part.may_have(*producer))));
        disturbed
    }

    /// Forgets a sealed file that is going to be removed.
    pub(in super::super) fn forget_part(&self, part: &Part) {
        let totals = match part.is_cold {
            true => Some(crate::trace::totals::Totals::default()),
            false => part.totals().ok(),
        };
        let superseded = part.superseded_totals();
        let mut index = self.index_mut();
        forget_links(&mut index, part);
        index.parts.remove(part.name);
        if let Some(totals) = &totals {
            index.totals.add(totals, -1);
            index.totals.add(&superseded, 1);
        }
        drop(index);
        if totals.is_none() {
            self.sum_up();
        }
    }
}

/// Whether a file's totals are none of the running ones any more.
pub(in super::super) fn is_past(part: &Part, now: Timestamp) -> bool {
    let end = part.file.meta().arrival_end;
    end.plus_micros(HOT_SECONDS * 1_000_000) <= now
}

/// Forgets the links of the views that go with a part.
fn forget_links(index: &mut Index, part: &Part) {
    let consumers = part.links().iter().map(|link| link.consumer);
    let mut consumers: Vec<_> = consumers.collect();
    consumers.dedup();
    consumers.retain(|consumer| !part.superseded.contains(consumer));
    for consumer in consumers {
        index.links.forget(consumer);
    }
}
