//! The daemon's own counters: every document ends in exactly one of them, for each destination.
//!
//! `received + inherited = rejected + spilled at the door + sampled out + waiting + (sent + spooled +
//! held + rejected + spilled of the destination)`, at every moment at which nothing is moving. The
//! members of AWS's telemetry record follow from these (`spec/daemon.md` sections 3.2 and 6).

mod counters;
mod destination;
mod number;
mod reason;

pub(crate) use counters::sum;
pub use counters::{Counters, DestinationCounters};
pub(crate) use destination::DestinationMetrics;
pub(crate) use number::{Count, Gauge};
pub(crate) use reason::{Failure, Refused, Rejected, Spilled};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reason::Labelled;

/// What the stages before the destinations count, and the destinations' own metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Datagrams of one byte or more, and documents posted to `/TraceSegments`.
    pub(crate) received: Count,
    /// Those of them that came by TCP.
    pub(crate) received_tcp: Count,
    /// Datagrams of no bytes, which count nowhere else.
    pub(crate) ignored: Count,
    /// Received, and not yet handed to the destinations.
    pub(crate) waiting: Gauge,
    /// Documents that the daemon's own sampling left out.
    pub(crate) sampled_out: Count,
    /// Documents dropped at the door because the memory was used up.
    pub(crate) spilled: Count,
    /// OTLP documents, sampled and unsampled.
    pub(crate) otlp_documents: Count,
    /// The unsampled ones of them.
    pub(crate) otlp_unsampled: Count,
    /// Spans in OTLP documents.
    pub(crate) otlp_spans: Count,
    /// Sampling calls passed to the endpoint and answered by it.
    pub(crate) proxy_forwarded: Count,
    /// GetSamplingRules answered from the last good copy.
    pub(crate) proxy_cached: Count,
    /// Calls to the proxy that it refuses.
    pub(crate) proxy_refused: Count,
    /// Sampling calls that the endpoint did not answer.
    pub(crate) proxy_failed: Count,
    is_receiving: AtomicBool,
    rejected: Labelled<Rejected, { Rejected::ALL.len() }>,
    destinations: Vec<Arc<DestinationMetrics>>,
}

impl Metrics {
    /// All at zero, for these destinations.
    pub(crate) fn new(destinations: Vec<Arc<DestinationMetrics>>) -> Self {
        Self {
            received: Count::default(),
            received_tcp: Count::default(),
            ignored: Count::default(),
            waiting: Gauge::default(),
            sampled_out: Count::default(),
            spilled: Count::default(),
            otlp_documents: Count::default(),
            otlp_unsampled: Count::default(),
            otlp_spans: Count::default(),
            proxy_forwarded: Count::default(),
            proxy_cached: Count::default(),
            proxy_refused: Count::default(),
            proxy_failed: Count::default(),
            is_receiving: AtomicBool::new(false),
            rejected: Labelled::new(Rejected::ALL),
            destinations,
        }
    }

    /// Counts documents that were refused at the door.
    pub(crate) fn rejected(&self, reason: Rejected, count: usize) {
        self.rejected.add(reason, count);
    }

    /// Whether the receiver's thread runs.
    pub(crate) fn is_receiving(&self) -> bool {
        self.is_receiving.load(Ordering::Relaxed)
    }

    /// Notes that the receiver's thread runs, or no longer does.
    pub(crate) fn set_receiving(&self, is_receiving: bool) {
        self.is_receiving.store(is_receiving, Ordering::Relaxed);
    }

    /// What is wrong without losing anything yet, a line each.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let destinations = self.destinations.iter();
        destinations.filter_map(|each| each.trouble()).collect()
    }

    /// Documents that are neither delivered nor on disk nor given up.
    pub(crate) fn in_memory(&self) -> u64 {
        let held = self.destinations.iter().map(|each| each.held.value());
        self.waiting.value().saturating_add(held.sum())
    }

    /// Whether documents wait on disk of which nothing says that they cannot be delivered now.
    pub(crate) fn is_replaying(&self) -> bool {
        self.destinations.iter().any(|each| each.is_replaying())
    }

    /// The numbers now.
    pub(crate) fn counters(&self) -> Counters {
        Counters {
            received: self.received.value(),
            received_tcp: self.received_tcp.value(),
            ignored: self.ignored.value(),
            waiting: self.waiting.value(),
            sampled_out: self.sampled_out.value(),
            rejected: self.rejected.values(Rejected::label),
            spilled: vec![("buffer_full", self.spilled.value())],
            otlp_documents: self.otlp_documents.value(),
            otlp_unsampled: self.otlp_unsampled.value(),
            otlp_spans: self.otlp_spans.value(),
            proxy_forwarded: self.proxy_forwarded.value(),
            proxy_cached: self.proxy_cached.value(),
            proxy_refused: self.proxy_refused.value(),
            proxy_failed: self.proxy_failed.value(),
            destinations: self
                .destinations
                .iter()
                .map(|destination| destination.counters())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new(vec![Arc::new(DestinationMetrics::new(
            "default".to_owned(),
        ))])
    }

    #[test]
    fn every_reason_has_a_counter_and_a_label_of_its_own() {
        let metrics = metrics();
        for (times, reason) in Rejected::ALL.into_iter().enumerate() {
            metrics.rejected(reason, times);
        }
        let rejected = metrics.counters().rejected;
        let counts: Vec<u64> = rejected.iter().map(|(_, count)| *count).collect();
        let count = u64::try_from(Rejected::ALL.len()).unwrap();
        assert_eq!(counts, (0..count).collect::<Vec<u64>>());
        let mut labels: Vec<&str> = rejected.iter().map(|(label, _)| *label).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Rejected::ALL.len());
    }

    #[test]
    fn the_exit_line_names_every_total_and_only_the_reasons_that_occurred() {
        let metrics = metrics();
        metrics.received.add(3);
        metrics.rejected(Rejected::Version, 1);
        metrics.destinations[0].sent.add(2);
        assert_eq!(
            metrics.counters().to_string(),
            "received=3 rejected=1 sampled_out=0 spilled=0 waiting=0 ignored=0 \
             rejected.header_version=1 proxy_forwarded=0 proxy_cached=0 proxy_refused=0 \
             proxy_failed=0 | default: inherited=0 sent=2 spooled=0 held=0 rejected=0 spilled=0"
        );
    }

    #[test]
    fn unaccounted_documents_show() {
        let metrics = metrics();
        metrics.received.add(5);
        metrics.rejected(Rejected::Version, 1);
        metrics.destinations[0].sent.add(3);
        let counters = metrics.counters();
        assert_eq!(counters.unaccounted("default"), Some(1));
        metrics.destinations[0].held.add(1);
        assert_eq!(metrics.counters().unaccounted("default"), Some(0));
        assert_eq!(metrics.counters().unaccounted("other"), None);
    }
}
