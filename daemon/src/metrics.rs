//! The daemon's own counters: every datagram ends in exactly one of them.
//!
//! `received = sent + rejected + spilled + lost + held`, at every moment at which nothing is moving.
//! Intended and unintended loss are apart. The members of AWS's telemetry record follow from these
//! (`spec/daemon.md` sections 3.2 and 6).

mod counters;
mod reason;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub use counters::Counters;
pub(crate) use reason::{Failure, Rejected};

/// Adds up in the stages; [`Metrics::counters`] reads it.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Datagrams of one byte or more.
    pub(crate) received: Count,
    /// Documents that the endpoint accepted.
    pub(crate) sent: Count,
    /// Documents dropped because the buffer memory was used up.
    pub(crate) spilled: Count,
    /// Documents given up at shutdown.
    pub(crate) lost: Count,
    /// Datagrams of no bytes, which count nowhere else.
    pub(crate) ignored: Count,
    /// Sampling calls passed to the endpoint and answered by it.
    pub(crate) proxy_forwarded: Count,
    /// Calls to the proxy that it refuses.
    pub(crate) proxy_refused: Count,
    /// Sampling calls that the endpoint did not answer.
    pub(crate) proxy_failed: Count,
    rejected: [Count; Rejected::ALL.len()],
    upload_failures: [Count; Failure::ALL.len()],
    unprocessed: Mutex<BTreeMap<String, u64>>,
}

/// Different `ErrorCode`s that are counted apart; the API has 15.
const ERROR_CODES_MAX: usize = 32;

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        // Relaxed: the numbers guard nothing, they are read for people.
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    pub(crate) fn rejected(&self, reason: Rejected, count: usize) {
        let of_reason = Rejected::ALL.iter().zip(&self.rejected);
        for (_, counter) in of_reason.filter(|(each, _)| **each == reason) {
            counter.add(count);
        }
    }

    pub(crate) fn upload_failed(&self, failure: Failure) {
        let of_kind = Failure::ALL.iter().zip(&self.upload_failures);
        for (_, counter) in of_kind.filter(|(each, _)| **each == failure) {
            counter.add(1);
        }
    }

    /// Counts an entry of `UnprocessedTraceSegments` by its `ErrorCode`; beside `rejected`, not part
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

    /// The numbers now; `held` comes from the queue, which knows.
    pub(crate) fn counters(&self, held: u64) -> Counters {
        let rejected = Rejected::ALL.iter().zip(&self.rejected);
        let failures = Failure::ALL.iter().zip(&self.upload_failures);
        let unprocessed = self
            .unprocessed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Counters {
            received: self.received.value(),
            sent: self.sent.value(),
            spilled: self.spilled.value(),
            lost: self.lost.value(),
            held,
            ignored: self.ignored.value(),
            rejected: rejected
                .map(|(reason, count)| (reason.label(), count.value()))
                .collect(),
            upload_failures: failures
                .map(|(kind, count)| (kind.label(), count.value()))
                .collect(),
            unprocessed: unprocessed.clone().into_iter().collect(),
            proxy_forwarded: self.proxy_forwarded.value(),
            proxy_refused: self.proxy_refused.value(),
            proxy_failed: self.proxy_failed.value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_and_a_label_of_its_own() {
        let metrics = Metrics::default();
        for (times, reason) in Rejected::ALL.into_iter().enumerate() {
            metrics.rejected(reason, times);
        }
        for failure in Failure::ALL {
            metrics.upload_failed(failure);
        }
        let counters = metrics.counters(0);
        let counts: Vec<u64> = counters.rejected.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, (0..9).collect::<Vec<u64>>());
        assert!(
            counters
                .upload_failures
                .iter()
                .all(|(_, count)| *count == 1)
        );
        let mut labels: Vec<&str> = counters.rejected.iter().map(|(label, _)| *label).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Rejected::ALL.len());
    }

    #[test]
    fn error_codes_of_the_endpoint_are_counted_apart_up_to_a_bound() {
        let metrics = Metrics::default();
        for number in 0..ERROR_CODES_MAX + 5 {
            metrics.unprocessed(&format!("Code{number}"));
        }
        metrics.unprocessed("Code1");
        let unprocessed = metrics.counters(0).unprocessed;
        assert_eq!(unprocessed.len(), ERROR_CODES_MAX + 1);
        assert!(unprocessed.contains(&("other".to_owned(), 5)));
        assert!(unprocessed.contains(&("Code1".to_owned(), 2)));
    }

    #[test]
    fn the_exit_line_names_every_total_and_only_the_reasons_that_occurred() {
        let metrics = Metrics::default();
        metrics.received.add(3);
        metrics.sent.add(2);
        metrics.rejected(Rejected::Version, 1);
        let line = metrics.counters(0).to_string();
        assert_eq!(
            line,
            "received=3 sent=2 rejected=1 spilled=0 lost=0 held=0 ignored=0 \
             rejected.header_version=1 proxy_forwarded=0 proxy_refused=0 proxy_failed=0"
        );
    }
}
