//! The end of a run: everything runs again, what waits is waited for, everything is read back and
//! compared.
//!
//! Each wait is for a condition, with a deadline that only something broken reaches: after an outage
//! the daemon tries again after up to half a minute.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use radiograph_collector::clock;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::books::Closed;
use super::compare::{Verdict, Violation, compare};
use super::counts::Counts;
use super::rig::Rig;
use super::senders::Senders;
use super::shared::{Door, Shared};
use super::stored::{Graph, Stored};
use super::traffic::Traffic;
use super::watch::poll;
use crate::api::Api;
use crate::progress::Progress;

/// How long the daemon may take to deliver what it has.
const DELIVERED_MAX: Duration = Duration::from_secs(300);

/// How long traces may take to be settled.
const SETTLED_MAX: Duration = Duration::from_secs(120);

/// The same once something is missing, which no waiting brings back.
const HOPELESS_MAX: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(100);

/// Trace ids in a call of BatchGetTraces.
const IDS_PER_CALL: usize = 5;

/// Waits until every call is acknowledged and the daemon has nothing left, in memory or on disk, and
/// checks its counters; how long it took. Whichever process ends by itself meanwhile starts again.
///
/// # Errors
/// A process does not start again.
pub(super) async fn deliver(
    rig: &mut Rig,
    senders: &mut Senders,
    api: &Api,
) -> anyhow::Result<Duration> {
    let shared = Arc::clone(&rig.shared);
    let began = clock::instant();
    senders.stop();
    let mut has_senders = true;
    loop {
        rig.revive().await?;
        while has_senders && let Ok(next) = timeout(PAUSE, senders.next_finished()).await {
            has_senders = next?;
        }
        let took = clock::instant().saturating_duration_since(began);
        let polled = match shared.door().filter(|_| !has_senders) {
            Some(door) => poll(&shared, api, door).await.map(|polled| (door, polled)),
            None => None,
        };
        if let Some((door, (counts, drops))) = polled
            && is_delivered(&shared, door, counts, drops)
        {
            return Ok(took);
        }
        if took > DELIVERED_MAX {
            shared.tally().violation(format!(
                "not everything is delivered after {DELIVERED_MAX:?}: calls not acknowledged: \
                 {has_senders}; daemon, counters and kernel drops: {polled:?}"
            ));
            return Ok(took);
        }
        sleep(PAUSE).await;
    }
}

/// Whether this daemon has nothing left; then its accounts are settled.
fn is_delivered(shared: &Shared, door: Door, counts: Counts, drops: u64) -> bool {
    let sent = shared.books().sent_to(door.life);
    let sent_count = u64::try_from(sent).unwrap_or(u64::MAX);
    let is_done = counts.is_empty() && counts.received + drops >= sent_count;
    if is_done {
        shared.tally().check(door.life, &counts);
        let lost = drops + counts.lost;
        shared.books().stopped(door.life, sent, lost);
    }
    is_done
}

/// Reads everything back until it is as it must be, or the deadline has passed.
///
/// # Errors
/// The collector does not answer.
pub(super) async fn check(
    api: &Api,
    traffic: &Traffic,
    closed: &Closed,
    traces: u64,
    progress: &Progress,
) -> anyhow::Result<(Verdict, Duration)> {
    let began = clock::instant();
    let mut documents = Stored::default();
    read_traces(api, traffic, closed, &mut documents, progress).await?;
    loop {
        let mut stored = documents.clone();
        read_views(api, traffic, traces, &mut stored).await?;
        let verdict = compare(traffic, closed, &stored);
        let took = clock::instant().saturating_duration_since(began);
        let may_pass = verdict.violations.iter().all(Violation::may_pass);
        let patience = if may_pass { SETTLED_MAX } else { HOPELESS_MAX };
        if verdict.violations.is_empty() || took > patience {
            return Ok((verdict, took));
        }
        progress.tell(format_args!(
            "waiting for traces to be settled: {} differences",
            verdict.violations.len()
        ));
        sleep(PAUSE * 5).await;
    }
}

async fn read_traces(
    api: &Api,
    traffic: &Traffic,
    closed: &Closed,
    stored: &mut Stored,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut traces: Vec<u64> = closed.numbers().map(Traffic::trace_of).collect();
    traces.sort_unstable();
    traces.dedup();
    for (place, some) in traces.chunks(IDS_PER_CALL).enumerate() {
        let ids: Vec<String> = (some.iter())
            .map(|trace| traffic.trace_id(*trace).to_string())
            .collect();
        let answer = api.call("/Traces", json!({"TraceIds": ids}).to_string());
        let answer = answer.await.context("reading back")?;
        let found = answer.get("Traces").and_then(Value::as_array);
        for trace in found.context("BatchGetTraces answers no list of traces")? {
            stored.add_trace(trace).map_err(anyhow::Error::msg)?;
        }
        progress.tell(format_args!(
            "reading back: {} of {} traces",
            place * IDS_PER_CALL + some.len(),
            traces.len()
        ));
    }
    Ok(())
}

async fn read_views(
    api: &Api,
    traffic: &Traffic,
    traces: u64,
    stored: &mut Stored,
) -> anyhow::Result<()> {
    let (start, end) = traffic.window(traces);
    let window = json!({"StartTime": start.seconds_f64(), "EndTime": end.seconds_f64()});
    let mut odd = None;
    let summaries = api.pages(
        "/TraceSummaries",
        window.clone(),
        "TraceSummaries",
        |each| {
            if let Err(reason) = stored.add_summary(&each) {
                odd = Some(reason);
            }
        },
    );
    summaries.await.context("reading summaries back")?;
    if let Some(reason) = odd {
        anyhow::bail!("GetTraceSummaries: {reason}");
    }
    let mut services = Vec::new();
    let graph = api.pages("/ServiceGraph", window, "Services", |each| {
        services.push(each);
    });
    graph.await.context("reading the service graph back")?;
    stored.graph = Graph::read(&services).map_err(anyhow::Error::msg)?;
    Ok(())
}
