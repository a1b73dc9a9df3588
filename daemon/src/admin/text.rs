//! The counters as Prometheus reads them. Pure.
//!
//! Labels are destinations and reasons, which are few. For each destination, `received + inherited` is the sum of what was rejected, spilled or
//! sampled out at the door, what waits, and its own sent, spooled, held, rejected and spilled.

use radiograph_admin::process::ProcessNow;
use radiograph_admin::text::{Families, Kind, Sample};

use crate::metrics::{Counters, DestinationCounters};

/// What the names of the daemon's own families begin with.
const PREFIX: &str = "radiograph_daemon_";

/// The whole answer to `/metrics`; what is unknown is left out.
pub(super) fn metrics(
    counters: &Counters,
    kernel_drops: Option<u64>,
    process: &ProcessNow,
) -> String {
    let mut families = Families::new(PREFIX);
    at_the_door(&mut families, counters);
    if let Some(drops) = kernel_drops {
        families.counter(
            "kernel_dropped_datagrams_total",
            "Datagrams that the kernel dropped because its queue for the socket was full.",
            drops,
        );
    }
    documents(&mut families, &counters.destinations);
    calls(&mut families, &counters.destinations);
    spools(&mut families, &counters.destinations);
    families.labelled(
        Kind::Counter,
        "proxy_calls_total",
        "Calls to the TCP proxy, by outcome.",
        [
            ("forwarded", counters.proxy_forwarded),
            ("refused", counters.proxy_refused),
            ("failed", counters.proxy_failed),
            ("cached", counters.proxy_cached),
        ]
        .map(|(outcome, count)| (vec![("outcome", outcome)], count)),
    );
    families.process(env!("CARGO_PKG_VERSION"), process);
    families.text()
}

/// What happens before any destination is concerned.
fn at_the_door(families: &mut Families, counters: &Counters) {
    let Counters {
        received,
        received_tcp,
        ..
    } = *counters;
    families.labelled(
        Kind::Counter,
        "segments_received_total",
        "Datagrams of one byte or more, and documents posted to TCP.",
        [
            (
                vec![("transport", "udp")],
                received.saturating_sub(received_tcp),
            ),
            (vec![("transport", "tcp")], received_tcp),
        ],
    );
    families.counter(
        "datagrams_ignored_total",
        "Datagrams of no bytes; they are not counted as received.",
        counters.ignored,
    );
    families.labelled(
        Kind::Counter,
        "segments_rejected_total",
        "Datagrams that were not taken because their frame is bad, by reason.",
        reasons(&counters.rejected),
    );
    families.labelled(
        Kind::Counter,
        "segments_spilled_total",
        "Documents dropped before they reached any destination, by reason.",
        reasons(&counters.spilled),
    );
    families.counter(
        "segments_sampled_out_total",
        "Documents left out by the daemon's own sampling.",
        counters.sampled_out,
    );
    families.gauge(
        "segments_waiting",
        "Documents received and not yet handed to the destinations.",
        counters.waiting,
    );
    families.counter(
        "otlp_documents_total",
        "Documents received that hold OTLP.",
        counters.otlp_documents,
    );
    families.counter(
        "otlp_unsampled_documents_total",
        "Of the documents that hold OTLP, those marked as unsampled.",
        counters.otlp_unsampled,
    );
    families.counter(
        "otlp_spans_total",
        "Spans in the documents that hold OTLP.",
        counters.otlp_spans,
    );
}

fn reasons<'a>(counts: &'a [(&'static str, u64)]) -> impl Iterator<Item = Sample<'a>> {
    let with_label = |(reason, count): &(&'static str, u64)| (vec![("reason", *reason)], *count);
    counts.iter().map(with_label)
}

/// Where each destination's documents ended or are.
fn documents(families: &mut Families, destinations: &[DestinationCounters]) {
    type Value = fn(&DestinationCounters) -> u64;
    let counters: [(&str, &str, Value); 3] = [
        (
            "destination_segments_inherited_total",
            "Documents found in the spool at the start.",
            |each| each.inherited,
        ),
        (
            "destination_segments_sent_total",
            "Documents that the destination accepted.",
            |each| each.sent,
        ),
        (
            "destination_segments_replayed_total",
            "Documents sent from the spool.",
            |each| each.replayed,
        ),
    ];
    for (name, help, value) in counters {
        families.labelled(Kind::Counter, name, help, each(destinations, value));
    }
    families.labelled(
        Kind::Counter,
        "destination_segments_rejected_total",
        "Documents that the destination refuses, by reason.",
        by_reason(destinations, "reason", |each| &each.rejected),
    );
    families.labelled(
        Kind::Counter,
        "destination_segments_spilled_total",
        "Documents dropped for this destination, by reason.",
        by_reason(destinations, "reason", |each| &each.spilled),
    );
    families.labelled(
        Kind::Counter,
        "destination_unprocessed_total",
        "Entries of UnprocessedTraceSegments, by error code.",
        by_reason(destinations, "code", |each| &each.unprocessed),
    );
    families.labelled(
        Kind::Gauge,
        "destination_segments_held",
        "Documents in memory, waiting or on their way.",
        each(destinations, |each| each.held),
    );
    families.labelled(
        Kind::Gauge,
        "destination_segments_spooled",
        "Documents in the spool on disk.",
        each(destinations, |each| each.spooled),
    );
}

fn calls(families: &mut Families, destinations: &[DestinationCounters]) {
    families.labelled(
        Kind::Counter,
        "destination_calls_failed_total",
        "Failed calls, by kind; each attempt is a call.",
        by_reason(destinations, "reason", |each| &each.failures),
    );
    families.labelled(
        Kind::Gauge,
        "destination_up",
        "1 while the destination answers or has not been asked, else 0.",
        each(destinations, |each| u64::from(each.is_up)),
    );
}

fn spools(families: &mut Families, destinations: &[DestinationCounters]) {
    families.labelled(
        Kind::Gauge,
        "destination_spool_bytes",
        "Bytes of the spool on disk.",
        each(destinations, |each| each.spool_bytes),
    );
    families.labelled(
        Kind::Gauge,
        "destination_spool_oldest_seconds",
        "Age of the spool's oldest document.",
        each(destinations, |each| each.spool_oldest_seconds),
    );
}

fn each<'a>(
    destinations: &'a [DestinationCounters],
    value: impl Fn(&DestinationCounters) -> u64 + 'a,
) -> impl Iterator<Item = Sample<'a>> {
    destinations
        .iter()
        .map(move |each| (vec![("destination", each.name.as_str())], value(each)))
}

fn by_reason<'a, R: AsRef<str> + 'a>(
    destinations: &'a [DestinationCounters],
    label: &'static str,
    counts: impl Fn(&'a DestinationCounters) -> &'a Vec<(R, u64)> + 'a,
) -> impl Iterator<Item = Sample<'a>> {
    destinations.iter().flat_map(move |each| {
        let name = each.name.as_str();
        counts(each).iter().map(move |(reason, count)| {
            (
                vec![("destination", name), (label, reason.as_ref())],
                *count,
            )
        })
    })
}

#[cfg(test)]
mod tests;
