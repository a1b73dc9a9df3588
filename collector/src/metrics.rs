//! The collector's own counters. They only grow; a reader takes differences.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use radiograph_protocol::api::telemetry::TelemetryRecord;
use radiograph_protocol::segment::RejectionCode;

/// Counters of one collector, shared by its services.
#[derive(Debug, Default)]
pub struct Metrics {
    accepted: AtomicU64,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
    unsampled_otlp: AtomicU64,
    views_settled: AtomicU64,
    views_oversized: AtomicU64,
    settle_failures: AtomicU64,
    daemon_received: AtomicU64,
    daemon_sent: AtomicU64,
    daemon_spillover: AtomicU64,
    daemon_rejected: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Documents that were acknowledged.
    pub accepted: u64,
    /// Documents that were refused, by `ErrorCode`.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Entities of unsampled OTLP datagrams, which are not stored.
    pub unsampled_otlp: u64,
    /// Views computed and stored.
    pub views_settled: u64,
    /// Views that were too large for the store.
    pub views_oversized: u64,
    /// Rounds of settling that have to be done again.
    pub settle_failures: u64,
    /// What daemons report of themselves: received, sent, spillover, rejected.
    pub daemons: [u64; 4],
}

impl Metrics {
    /// Counts the verdicts of one call.
    pub fn documents(&self, accepted: usize, rejected: impl Iterator<Item = RejectionCode>) {
        add(&self.accepted, accepted as u64);
        for code in rejected {
            // a thread that panicked while it counted left a whole number behind
            let mut counts = self
                .rejected
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *counts.entry(code.name()).or_insert(0) += 1;
        }
    }

    /// Counts unsampled OTLP entities.
    pub fn unsampled_otlp(&self, count: usize) {
        add(&self.unsampled_otlp, count as u64);
    }

    /// Counts views.
    pub fn settled(&self, views: usize) {
        add(&self.views_settled, views as u64);
    }

    /// Counts a view that was too large for the store.
    pub fn view_oversized(&self) {
        add(&self.views_oversized, 1);
    }

    /// Counts a round of settling that failed.
    pub fn settle_failed(&self) {
        add(&self.settle_failures, 1);
    }

    /// Adds up what daemons report.
    pub fn telemetry(&self, records: &[TelemetryRecord]) {
        for record in records {
            add(
                &self.daemon_received,
                record.segments_received_count.unwrap_or(0),
            );
            add(&self.daemon_sent, record.segments_sent_count.unwrap_or(0));
            add(
                &self.daemon_spillover,
                record.segments_spillover_count.unwrap_or(0),
            );
            add(
                &self.daemon_rejected,
                record.segments_rejected_count.unwrap_or(0),
            );
        }
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let rejected = self
            .rejected
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Snapshot {
            accepted: read(&self.accepted),
            rejected: rejected.clone(),
            unsampled_otlp: read(&self.unsampled_otlp),
            views_settled: read(&self.views_settled),
            views_oversized: read(&self.views_oversized),
            settle_failures: read(&self.settle_failures),
            daemons: [
                read(&self.daemon_received),
                read(&self.daemon_sent),
                read(&self.daemon_spillover),
                read(&self.daemon_rejected),
            ],
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
