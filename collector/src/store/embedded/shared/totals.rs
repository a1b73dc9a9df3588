//! What views contribute to the service graph. The running totals have all views in logs and in files
//! that are not cold, and what replaced views in cold files have too much, with the sign turned. Cold files
//! answer for themselves, from the totals they were sealed with.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use radiograph_protocol::timestamp::Timestamp;

use super::super::hour::SealedName;
use super::super::index::Place;
use super::super::part::Part;
use super::super::side_by_side;
use super::Shared;
use crate::store::StoreError;
use crate::trace::contributions;
use crate::trace::running::RunningTotals;
use crate::trace::totals::{MinuteTotals, Totals, Wanted};

/// Views whose contributions are folded before they go into the running totals: enough to make an
/// addition cheap for each, few enough to keep the fold small.
const VIEWS_PER_ADDITION: usize = 4096;
/// Memory for decoded totals of cold files: a page of the console asks for the same days again. A day
/// of five services and 20,000 traces takes a few megabytes.
const COLD_BYTES_MAX: u64 = 64 << 20;
/// How many files' totals are expected to be kept, to size the cache's table.
const COLD_FILES_USUAL: usize = 64;
/// Memory of decoded totals for each byte of their encoding: counts are bytes there, and places in
/// trees here.
const MEMORY_FACTOR: usize = 8;

/// Totals, and the memory that they take.
#[derive(Clone)]
struct Decoded(Arc<Totals>, u64);

#[derive(Clone)]
struct ByBytes;

impl Weighter<SealedName, Decoded> for ByBytes {
    fn weight(&self, _: &SealedName, totals: &Decoded) -> u64 {
        totals.1
    }
}

/// Decoded totals of cold files.
pub(super) struct ColdTotals(Cache<SealedName, Decoded, ByBytes>);

impl ColdTotals {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(
            COLD_FILES_USUAL,
            COLD_BYTES_MAX,
            ByBytes,
        ))
    }
}

impl Decoded {
    fn new(totals: Totals) -> Self {
        // what has no length is not kept
        let encoded = postcard::experimental::serialized_size(&totals);
        let bytes = encoded.map(|bytes| bytes.saturating_mul(MEMORY_FACTOR));
        let bytes = bytes.ok().and_then(|bytes| u64::try_from(bytes).ok());
        Self(Arc::new(totals), bytes.unwrap_or(u64::MAX))
    }
}

impl Shared {
    /// The totals of a window.
    ///
    /// # Errors
    /// When those of a cold file cannot be read.
    pub(in super::super) fn totals(
        &self,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<MinuteTotals, StoreError> {
        let (mut sum, parts) = {
            let index = self.index();
            (index.totals.window(start, end), index.parts.clone())
        };
        for part in parts.iter().filter(|part| is_cold_in(part, start, end)) {
            sum.add(&self.cold_totals(part)?.window(start, end), 1);
        }
        Ok(sum)
    }

    /// The minutes of a window, for these nodes and edges.
    ///
    /// # Errors
    /// When those of a cold file cannot be read.
    pub(in super::super) fn minutes(
        &self,
        start: Timestamp,
        end: Timestamp,
        wanted: &Wanted,
    ) -> Result<Totals, StoreError> {
        let (mut sum, parts) = {
            let index = self.index();
            let hot = index.totals.minutes(start, end, wanted);
            (hot, index.parts.clone())
        };
        for part in parts.iter().filter(|part| is_cold_in(part, start, end)) {
            sum.add(&self.cold_totals(part)?.minutes(start, end, wanted), 1);
        }
        Ok(sum)
    }

    fn cold_totals(&self, part: &Part) -> Result<Arc<Totals>, StoreError> {
        if let Some(known) = self.cold.0.get(&part.name) {
            return Ok(known.0);
        }
        let decoded = Decoded::new(part.totals()?);
        self.cold.0.insert(part.name, decoded.clone());
        Ok(decoded.0)
    }

    /// Adds up the running totals from scratch. What cannot be read is left out, with a warning.
    pub(in super::super) fn sum_up(&self) {
        let (places, parts) = {
            let index = self.index();
            (index.view_places(None), index.parts.clone())
        };
        let mut running = RunningTotals::default();
        let chunks: Vec<_> = places.chunks(VIEWS_PER_ADDITION).collect();
        let summed = side_by_side::in_order(
            &chunks,
            |places| self.sum_of_views(places).0,
            |_, sum| {
                running.add(&sum, 1);
                Ok(())
            },
        );
        debug_assert!(summed.is_ok(), "adding does not fail");
        for part in parts.iter() {
            if !part.is_cold {
                match part.totals() {
                    Ok(totals) => running.add(&totals, 1),
                    Err(error) => {
                        tracing::warn!(%error, "a sealed file's totals cannot be read and are left out");
                        continue;
                    }
                }
            }
            running.add(&part.superseded_totals(), -1);
        }
        self.index_mut().totals = running;
    }

    /// What the views at these places contribute. Those that cannot be read are left out, each with
    /// a warning; the second value says whether there were any.
    pub(in super::super) fn sum_of_views(&self, places: &[Place]) -> (Totals, bool) {
        let mut sum = Totals::default();
        let mut has_unread = false;
        for place in places {
            match self.blocks.view(*place) {
                Ok(Some(view)) => contributions::add(&view, &mut sum, 1),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "a view cannot be read and is left out of the totals");
                    has_unread = true;
                }
            }
        }
        (sum, has_unread)
    }
}

/// Whether a part is cold and may have something in a window.
fn is_cold_in(part: &Part, start: Timestamp, end: Timestamp) -> bool {
    let meta = part.file.meta();
    let reaches = match meta.minutes {
        Some((first, last)) => first.seconds() < end.seconds_ceil() && last >= start.minute(),
        None => meta.views > 0,
    };
    part.is_cold && reaches
}
