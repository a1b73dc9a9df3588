//! What one destination counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::clock;

use super::counters::DestinationCounters;
use super::number::{Count, Gauge};
use super::reason::{Failure, Labelled, Refused, Spilled};

/// Different `ErrorCode`s that are counted apart; the API has 15.
const ERROR_CODES_MAX: usize = 32;

/// Adds up in one destination's stages.
#[derive(Debug)]
pub(crate) struct DestinationMetrics {
    name: String,
    /// Documents that the destination accepted.
    pub(crate) sent: Count,
    /// Those of them that had waited in the spool.
    pub(crate) replayed: Count,
    /// Documents in memory: waiting or on their way.
    pub(crate) held: Gauge,
    /// Documents found in the spool at the start.
    pub(crate) inherited: Count,
    /// Documents in the spool now.
    pub(crate) spooled: Gauge,
    /// Bytes of the spool's files.
    pub(crate) spool_bytes: Gauge,
    /// Age of the spool's oldest document, seconds.
    pub(crate) spool_oldest_seconds: Gauge,
    refused: Labelled<Refused, { Refused::ALL.len() }>,
    spilled: Labelled<Spilled, { Spilled::ALL.len() }>,
    failures: Labelled<Failure, { Failure::ALL.len() }>,
    unprocessed: Mutex<BTreeMap<String, u64>>,
    down: Mutex<Option<(Instant, String)>>,
    spool_trouble: Mutex<Option<String>>,
}

impl DestinationMetrics {
    /// All at zero.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            sent: Count::default(),
            replayed: Count::default(),
            held: Gauge::default(),
            inherited: Count::default(),
            spooled: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_oldest_seconds: Gauge::default(),
            refused: Labelled::new(Refused::ALL),
            spilled: Labelled::new(Spilled::ALL),
            failures: Labelled::new(Failure::ALL),
            unprocessed: Mutex::default(),
            down: Mutex::default(),
            spool_trouble: Mutex::default(),
        }
    }

    pub(crate) fn refused(&self, reason: Refused, count: usize) {
        self.refused.add(reason, count);
    }

    pub(crate) fn spilled(&self, reason: Spilled, count: usize) {
        self.spilled.add(reason, count);
    }

    /// Counts a failed call; one that is tried again counts again.
    pub(crate) fn call_failed(&self, failure: Failure) {
        self.failures.add(failure, 1);
    }

    /// Counts an entry of `UnprocessedTraceSegments` by its `ErrorCode`; beside `refused`, not part
    /// of the sum. Codes beyond the bound, and what is no word, are counted as `other`.
    pub(crate) fn unprocessed(&self, error_code: &str) {
        let mut codes = self
            .unprocessed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_word =
            error_code.len() <= 64 && error_code.bytes().all(|b| b.is_ascii_alphanumeric());
        let has_place = codes.len() < ERROR_CODES_MAX || codes.contains_key(error_code);
        let code = if is_word && has_place {
            error_code
        } else {
            "other"
        };
        *codes.entry(code.to_owned()).or_default() += 1;
    }

    /// Says since when and why the destination cannot be reached; `None` when it can.
    pub(crate) fn set_down(&self, down: Option<(Instant, String)>) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = down;
    }

    /// Says why the spool takes nothing; `None` when it does.
    pub(crate) fn set_spool_trouble(&self, trouble: Option<String>) {
        let mut now = self
            .spool_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *now = trouble;
    }

    /// The spool's trouble as a line.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self
            .spool_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let trouble = trouble.as_ref()?;
        Some(format!("spool of {}: {trouble}", self.name))
    }

    /// Whether documents wait on disk while the destination is up and the disk is well.
    pub(super) fn is_replaying(&self) -> bool {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        self.spooled.value() > 0 && down.is_none() && self.trouble().is_none()
    }

    /// The numbers now.
    pub(super) fn counters(&self) -> DestinationCounters {
        let unprocessed = self
            .unprocessed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let down_reason = down.as_ref().map(|(since, reason)| {
            let seconds = clock::now().saturating_duration_since(*since).as_secs();
            format!("down for {seconds} s: {reason}")
        });
        DestinationCounters {
            name: self.name.clone(),
            inherited: self.inherited.value(),
            sent: self.sent.value(),
            replayed: self.replayed.value(),
            spooled: self.spooled.value(),
            spool_bytes: self.spool_bytes.value(),
            spool_oldest_seconds: self.spool_oldest_seconds.value(),
            held: self.held.value(),
            rejected: self.refused.values(Refused::label),
            spilled: self.spilled.values(Spilled::label),
            failures: self.failures.values(Failure::label),
            unprocessed: unprocessed.clone().into_iter().collect(),
            is_up: down_reason.is_none(),
            down_reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_of_the_endpoint_are_counted_apart_up_to_a_bound() {
        let metrics = DestinationMetrics::new("default".to_owned());
        for number in 0..ERROR_CODES_MAX + 5 {
            metrics.unprocessed(&format!("Code{number}"));
        }
        metrics.unprocessed("Code1");
        let unprocessed = metrics.counters().unprocessed;
        assert_eq!(unprocessed.len(), ERROR_CODES_MAX + 1);
        assert!(unprocessed.contains(&("other".to_owned(), 5)));
        assert!(unprocessed.contains(&("Code1".to_owned(), 2)));
    }

    #[test]
    fn every_reason_has_a_label_of_its_own() {
        let metrics = DestinationMetrics::new("default".to_owned());
        for reason in Refused::ALL {
            metrics.refused(reason, 1);
        }
        for reason in Spilled::ALL {
            metrics.spilled(reason, 1);
        }
        for failure in Failure::ALL {
            metrics.call_failed(failure);
        }
        let counters = metrics.counters();
        for counts in [&counters.rejected, &counters.spilled, &counters.failures] {
            let mut labels: Vec<&str> = counts.iter().map(|(label, _)| *label).collect();
            labels.sort_unstable();
            labels.dedup();
            assert_eq!(labels.len(), counts.len());
            assert!(counts.iter().all(|(_, count)| *count == 1));
        }
    }
}
