//! The collector's own counters. They only grow; a reader takes differences.
//!
//! Every document of a call that is answered ends in exactly one of accepted, rejected and unstored;
//! those of a call that is refused as a whole (throttled, too large, no JSON) in none of them.

mod requests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use radiograph_protocol::api::telemetry::TelemetryRecord;
use radiograph_protocol::segment::RejectionCode;

use self::requests::Requests;
pub use self::requests::{OperationCounters, WITHIN};

/// Counters of one collector, shared by its services.
#[derive(Debug, Default)]
pub struct Metrics {
    accepted: AtomicU64,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
    unstored: AtomicU64,
    unsampled_otlp: AtomicU64,
    views_settled: AtomicU64,
    views_oversized: AtomicU64,
    settle_failures: AtomicU64,
    pinned_traces: AtomicU64,
    pinned_documents: AtomicU64,
    pinned_bytes: AtomicU64,
    requests: Mutex<Requests>,
    throttled: AtomicU64,
    slowed: AtomicU64,
    connections_limited: Mutex<BTreeMap<&'static str, u64>>,
    body_bytes: AtomicU64,
    store_errors: Mutex<BTreeMap<&'static str, u64>>,
    insights_limited: Mutex<BTreeMap<&'static str, u64>>,
    telemetry_records: AtomicU64,
    daemon_received: AtomicU64,
    daemon_sent: AtomicU64,
    daemon_spillover: AtomicU64,
    daemon_rejected: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Documents that are durable, repeats included; they are acknowledged unless the caller hung up.
    pub accepted: u64,
    /// Documents that were refused, by `ErrorCode`.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Good documents that the store did not take; their call was answered with an error.
    pub unstored: u64,
    /// Entities of unsampled OTLP datagrams, which are not stored.
    pub unsampled_otlp: u64,
    /// Views computed and stored.
    pub views_settled: u64,
    /// Views that were too large for the store.
    pub views_oversized: u64,
    /// Rounds of settling that have to be done again.
    pub settle_failures: u64,
    /// What retention stored again because it is pinned: traces, documents, bytes of these.
    pub pinned: [u64; 3],
    /// What was asked for, by operation; only what was asked for at least once.
    pub requests: BTreeMap<&'static str, OperationCounters>,
    /// Calls that were throttled because too much waits or their client makes too many.
    pub throttled: u64,
    /// Calls that were made to wait because much waits.
    pub slowed: u64,
    /// Connections that met a bound, by what it bounds.
    pub connections_limited: BTreeMap<&'static str, u64>,
    /// Bytes of request bodies, as sent.
    pub body_bytes: u64,
    /// Requests that the store did not carry out, by what it said.
    pub store_errors: BTreeMap<&'static str, u64>,
    /// What fell beyond a bound of insights, by the bound.
    pub insights_limited: BTreeMap<&'static str, u64>,
    /// Telemetry records that daemons sent.
    pub telemetry_records: u64,
    /// What daemons report of themselves: received, sent, spillover, rejected.
    pub daemons: [u64; 4],
}

impl Metrics {
    /// Counts documents that are durable.
    pub fn accepted(&self, documents: usize) {
        add(&self.accepted, documents as u64);
    }

    /// Counts documents that are refused.
    pub fn rejected(&self, codes: impl Iterator<Item = RejectionCode>) {
        for code in codes {
            *locked(&self.rejected).entry(code.name()).or_insert(0) += 1;
        }
    }

    /// Counts good documents that the store did not take.
    pub fn unstored(&self, documents: usize) {
        add(&self.unstored, documents as u64);
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

    /// Counts what is stored again since it is pinned.
    pub(crate) fn pinned(&self, traces: u64, documents: u64, bytes: u64) {
        add(&self.pinned_traces, traces);
        add(&self.pinned_documents, documents);
        add(&self.pinned_bytes, bytes);
    }

    /// Counts a request by its operation and the status of its answer.
    pub(crate) fn request(&self, operation: &'static str, status: u16, elapsed: Duration) {
        locked(&self.requests).count(operation, status, elapsed);
    }

    /// Counts a call that was throttled.
    pub(crate) fn throttled(&self) {
        add(&self.throttled, 1);
    }

    /// Counts a call that was made to wait.
    pub fn slowed(&self) {
        add(&self.slowed, 1);
    }

    /// Counts a connection that met a bound.
    pub(crate) fn connection_limited(&self, bound: &'static str) {
        *locked(&self.connections_limited).entry(bound).or_insert(0) += 1;
    }

    /// Counts what came as a request's body.
    pub(crate) fn body(&self, bytes: usize) {
        add(&self.body_bytes, bytes as u64);
    }

    /// Counts a request that the store did not carry out.
    pub(crate) fn store_error(&self, reason: &'static str) {
        *locked(&self.store_errors).entry(reason).or_insert(0) += 1;
    }

    /// Counts what fell beyond a bound of insights.
    pub(crate) fn insights_limited(&self, bound: &'static str, count: u64) {
        *locked(&self.insights_limited).entry(bound).or_insert(0) += count;
    }

    /// Adds up what daemons report.
    pub fn telemetry(&self, records: &[TelemetryRecord]) {
        add(&self.telemetry_records, records.len() as u64);
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
        Snapshot {
            accepted: read(&self.accepted),
            rejected: locked(&self.rejected).clone(),
            unstored: read(&self.unstored),
            unsampled_otlp: read(&self.unsampled_otlp),
            views_settled: read(&self.views_settled),
            views_oversized: read(&self.views_oversized),
            settle_failures: read(&self.settle_failures),
            pinned: [
                read(&self.pinned_traces),
                read(&self.pinned_documents),
                read(&self.pinned_bytes),
            ],
            requests: locked(&self.requests).by_operation.clone(),
            throttled: read(&self.throttled),
            slowed: read(&self.slowed),
            connections_limited: locked(&self.connections_limited).clone(),
            body_bytes: read(&self.body_bytes),
            store_errors: locked(&self.store_errors).clone(),
            insights_limited: locked(&self.insights_limited).clone(),
            telemetry_records: read(&self.telemetry_records),
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

fn locked<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    // a thread that panicked while it counted left a whole number behind
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
