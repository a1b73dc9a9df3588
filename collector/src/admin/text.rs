//! The counters as Prometheus reads them. Pure.
//!
//! Labels are operations, statuses and reasons, which are few. Every document of an answered call is
//! accepted, rejected or unstored. Operations, statuses and reasons that never occurred are left out.

use radiograph_admin::process::ProcessNow;
use radiograph_admin::text::{Durations, Families, Kind, Sample};

use super::ready::{State, ready};
use crate::metrics::{OperationCounters, Snapshot, WITHIN};
use crate::sampling::RulesUsage;

mod sampling;

/// What the names of the collector's own families begin with.
const PREFIX: &str = "radiograph_collector_";

/// The whole answer to `/metrics`; without a state the collector is being put together.
pub(super) fn metrics(
    counters: &Snapshot,
    rules: &RulesUsage,
    state: Option<&State>,
    process: &ProcessNow,
) -> String {
    let mut families = Families::new(PREFIX);
    documents(&mut families, counters);
    settling(&mut families, counters, state);
    pins(&mut families, counters);
    requests(&mut families, counters);
    sampling::sampling(&mut families, rules);
    families.labelled(
        Kind::Counter,
        "store_errors_total",
        "Requests that the store did not carry out, by what it said.",
        labelled("reason", counters.store_errors.iter()),
    );
    families.labelled(
        Kind::Counter,
        "insights_limited_total",
        "What fell beyond a bound of insights, each minute anew, by the bound.",
        labelled("reason", counters.insights_limited.iter()),
    );
    families.gauge(
        "ready",
        "1 while documents would be taken, else 0; /readyz says why not.",
        u64::from(ready(state).is_ok()),
    );
    daemons(&mut families, counters);
    families.process(env!("CARGO_PKG_VERSION"), process);
    families.text()
}

fn documents(families: &mut Families, counters: &Snapshot) {
    families.counter(
        "documents_accepted_total",
        "Documents that are durable, repeats included; they are acknowledged unless the caller hung up.",
        counters.accepted,
    );
    families.labelled(
        Kind::Counter,
        "documents_rejected_total",
        "Documents that were refused, by ErrorCode.",
        labelled("reason", counters.rejected.iter()),
    );
    families.counter(
        "documents_unstored_total",
        "Good documents that the store did not take; their call was answered with an error.",
        counters.unstored,
    );
    families.counter(
        "otlp_unsampled_entities_total",
        "Entities of unsampled OTLP datagrams, which are not stored.",
        counters.unsampled_otlp,
    );
}

fn settling(families: &mut Families, counters: &Snapshot, state: Option<&State>) {
    families.counter(
        "views_settled_total",
        "Views computed and stored.",
        counters.views_settled,
    );
    families.counter(
        "views_oversized_total",
        "Views that were too large for the store.",
        counters.views_oversized,
    );
    families.counter(
        "settle_failures_total",
        "Rounds of settling that have to be done again.",
        counters.settle_failures,
    );
    let waiting = state.map_or(0, |state| state.unsettled);
    families.gauge(
        "traces_unsettled",
        "Traces that have new documents and no view of them yet.",
        u64::try_from(waiting).unwrap_or(u64::MAX),
    );
}

fn pins(families: &mut Families, counters: &Snapshot) {
    let [traces, documents, bytes] = counters.pinned;
    families.counter(
        "pinned_traces_kept_total",
        "Pinned traces that were stored again before what they stood in was dropped.",
        traces,
    );
    families.counter(
        "pinned_documents_kept_total",
        "Documents of these.",
        documents,
    );
    families.counter(
        "pinned_document_bytes_kept_total",
        "Bytes of these documents.",
        bytes,
    );
}

fn requests(families: &mut Families, counters: &Snapshot) {
    let texts: Vec<(&str, String, u64)> = counters
        .requests
        .iter()
        .flat_map(|(operation, counters)| {
            let statuses = counters.statuses.iter();
            statuses.map(|(status, count)| (*operation, status.to_string(), *count))
        })
        .collect();
    families.labelled(
        Kind::Counter,
        "requests_total",
        "Requests, by operation and status of the answer.",
        texts.iter().map(|(operation, status, count)| {
            (vec![("operation", *operation), ("status", status)], *count)
        }),
    );
    families.histogram(
        "request_duration_seconds",
        "From a request's head to its answer, by operation.",
        counters
            .requests
            .iter()
            .map(|(operation, counters)| (vec![("operation", *operation)], durations(counters))),
    );
    families.counter(
        "requests_throttled_total",
        "Calls that were throttled because too much waits or their client makes too many.",
        counters.throttled,
    );
    families.counter(
        "requests_slowed_total",
        "Calls that were made to wait because much waits.",
        counters.slowed,
    );
    families.labelled(
        Kind::Counter,
        "connections_limited_total",
        "Connections that met a bound, by what it bounds: places (full), times, TLS.",
        labelled("reason", counters.connections_limited.iter()),
    );
    families.counter(
        "request_body_bytes_total",
        "Bytes of request bodies, as sent.",
        counters.body_bytes,
    );
}

fn durations(counters: &OperationCounters) -> Durations {
    let bounds = WITHIN.iter().map(|(bound, _)| *bound);
    Durations {
        within: bounds.zip(counters.within).collect(),
        count: counters.count(),
        sum: counters.elapsed,
    }
}

fn daemons(families: &mut Families, counters: &Snapshot) {
    families.counter(
        "telemetry_records_total",
        "Telemetry records that daemons sent.",
        counters.telemetry_records,
    );
    let [received, sent, spillover, rejected] = counters.daemons;
    families.labelled(
        Kind::Counter,
        "telemetry_segments_total",
        "What daemons report of their segments.",
        [
            ("received", received),
            ("sent", sent),
            ("spillover", spillover),
            ("rejected", rejected),
        ]
        .map(|(outcome, count)| (vec![("outcome", outcome)], count)),
    );
}

fn labelled<'a>(
    label: &'static str,
    counts: impl Iterator<Item = (&'a &'static str, &'a u64)>,
) -> impl Iterator<Item = Sample<'a>> {
    counts.map(move |(value, count)| (vec![(label, *value)], *count))
}

#[cfg(test)]
mod tests;
