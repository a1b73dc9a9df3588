//! How long after its acknowledgement a trace is visible in every query, while other segments come in.
//! `cargo run --release -p radiograph-bench --bin freshness [segments per second] [seconds]`
//!
//! A collector of its own takes the load over HTTP in calls of 48 documents. Five times a second a
//! probe, one trace of two services whose names nobody else has, is sent as well; from the moment its
//! call is answered each query is asked again and again until it shows the probe. The floor is what
//! settling waits for by design: a trace has to be quiet for 250 ms.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(
    clippy::disallowed_methods,
    reason = "benches measure; there is no clock to hand in"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use radiograph_bench::{as_f64, median, three_service_trace};
use radiograph_collector::config::Config;
use radiograph_collector::server;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const TRACES_PER_CALL: u64 = 16;
const DOCUMENTS_PER_TRACE: u64 = 3;
/// Callers that may wait for an answer at once.
const CALLERS: u64 = 8;
const PROBE_EVERY: Duration = Duration::from_millis(200);
const ASK_EVERY: Duration = Duration::from_millis(10);
/// A probe that is not visible by then ends the bench.
const VISIBLE_MAX: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let number = |at: usize, default: u64| {
        let argument = std::env::args().nth(at);
        argument.map_or(Ok(default), |text| text.parse())
    };
    // the client is built without one of its own; an error means that one is installed already
    drop(rustls::crypto::ring::default_provider().install_default());
    let (segments_per_second, seconds) = (number(1, 5_000)?, number(2, 20)?);
    let dir = tempfile::tempdir_in(".")?;
    let collector = server::start(Config {
        listen: "127.0.0.1:0".parse()?,
        data_dir: dir.path().join("data"),
        ..Config::default()
    })
    .await?;
    let api = Api {
        client: reqwest::Client::new(),
        base: format!("http://{}", collector.address()),
    };

    let acknowledged = Arc::new(AtomicU64::new(0));
    let load = load(&api, segments_per_second, &acknowledged);
    let started = Instant::now();
    let probes = probes(&api, Duration::from_secs(seconds)).await?;
    let took = started.elapsed().as_secs_f64();
    drop(load);
    collector.stop().await;

    println!(
        "{:.0} segments/s acknowledged (asked for {segments_per_second}), {} probes",
        as_f64(acknowledged.load(Ordering::Relaxed)) / took,
        probes.len()
    );
    println!("floor: a trace has to be quiet for 0.250 s");
    println!("visible after the acknowledgement, seconds");
    println!(
        "{:<32} {:>8} {:>8} {:>8}",
        "query", "median", "p99", "worst"
    );
    for (at, query) in QUERIES.iter().enumerate() {
        let mut times: Vec<Duration> = probes.iter().filter_map(|p| p.get(at).copied()).collect();
        times.sort();
        let at_share = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1));
        let seconds = |time: Option<&Duration>| time.map_or(f64::NAN, Duration::as_secs_f64);
        println!(
            "{query:<32} {:>8.3} {:>8.3} {:>8.3}",
            median(times.clone()).as_secs_f64(),
            seconds(at_share(99)),
            seconds(times.last())
        );
    }
    Ok(())
}

/// The queries a probe is looked for in, in the order of [`shows`].
const QUERIES: [&str; 5] = [
    "BatchGetTraces",
    "GetTraceGraph",
    "GetTraceSummaries",
    "GetServiceGraph",
    "GetTimeSeriesServiceStatistics",
];

#[derive(Clone)]
struct Api {
    client: reqwest::Client,
    base: String,
}

impl Api {
    async fn call(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}/{path}", self.base));
        let answer = request.body(body.to_string()).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    async fn put(&self, documents: &[String]) -> anyhow::Result<()> {
        let body = json!({ "TraceSegmentDocuments": documents });
        let answer = self.call("TraceSegments", &body).await?;
        let refused = answer
            .pointer("/UnprocessedTraceSegments")
            .and_then(Value::as_array);
        anyhow::ensure!(refused.is_some_and(Vec::is_empty), "refused: {answer}");
        Ok(())
    }
}

/// Callers that together send so many segments a second, until the set is dropped.
fn load(api: &Api, segments_per_second: u64, acknowledged: &Arc<AtomicU64>) -> JoinSet<()> {
    let per_call = TRACES_PER_CALL * DOCUMENTS_PER_TRACE;
    let pause = Duration::from_secs_f64(as_f64(per_call * CALLERS) / as_f64(segments_per_second));
    let next = Arc::new(AtomicU64::new(1 << 40));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (api, next) = (api.clone(), Arc::clone(&next));
        let acknowledged = Arc::clone(acknowledged);
        callers.spawn(async move {
            let mut ticks = tokio::time::interval(pause);
            loop {
                ticks.tick().await;
                let first = next.fetch_add(TRACES_PER_CALL, Ordering::Relaxed);
                let second = now().as_secs().to_string();
                let documents: Vec<String> = (first..first + TRACES_PER_CALL)
                    .flat_map(three_service_trace)
                    .map(|document| document.replace("1700000040", &second))
                    .collect();
                // a call that fails shows in the rate that is printed
                if api.put(&documents).await.is_ok() {
                    acknowledged.fetch_add(per_call, Ordering::Relaxed);
                }
            }
        });
    }
    callers
}

/// Sends probes for so long; returns for each how long each query took to show it.
async fn probes(api: &Api, length: Duration) -> anyhow::Result<Vec<Vec<Duration>>> {
    let mut under_way = JoinSet::new();
    let mut ticks = tokio::time::interval(PROBE_EVERY);
    let until = Instant::now() + length;
    let mut number = 0;
    while Instant::now() < until {
        ticks.tick().await;
        number += 1;
        under_way.spawn(probe(api.clone(), number));
    }
    let mut probes = Vec::new();
    while let Some(probe) = under_way.join_next().await {
        probes.push(probe??);
    }
    Ok(probes)
}

async fn probe(api: Api, number: u64) -> anyhow::Result<Vec<Duration>> {
    let probe = Arc::new(Probe::new(number));
    api.put(&probe.documents()).await?;
    let acknowledged = Instant::now();
    let mut asking = JoinSet::new();
    for query in 0..QUERIES.len() {
        let (api, probe) = (api.clone(), Arc::clone(&probe));
        asking.spawn(async move {
            while !shows(&api, &probe, query).await? {
                let waited = acknowledged.elapsed();
                anyhow::ensure!(waited < VISIBLE_MAX, "a probe never became visible");
                tokio::time::sleep(ASK_EVERY).await;
            }
            anyhow::Ok((query, acknowledged.elapsed()))
        });
    }
    let mut times = vec![Duration::ZERO; QUERIES.len()];
    while let Some(seen) = asking.join_next().await {
        let (query, time) = seen??;
        *times.get_mut(query).context("a query")? = time;
    }
    Ok(times)
}

/// One trace of two services that nobody else has.
struct Probe {
    name: String,
    trace_id: String,
    /// Epoch milliseconds; never those at which the load's traces begin.
    start_ms: u64,
}

impl Probe {
    fn new(number: u64) -> Self {
        let now = u64::try_from(now().as_millis()).unwrap_or(u64::MAX);
        let start_ms = if now % 1000 == 123 { now + 1 } else { now };
        Self {
            name: format!("probe-{number}"),
            trace_id: format!("1-00000000-{number:024x}"),
            start_ms,
        }
    }

    fn seconds(&self, after_ms: u64) -> f64 {
        as_f64(self.start_ms + after_ms) / 1e3
    }

    fn documents(&self) -> Vec<String> {
        let (front, back) = (
            json!({"trace_id": self.trace_id, "id": "0000000000000001", "name": self.name,
                "start_time": self.seconds(0), "end_time": self.seconds(20), "subsegments": [
                {"id": "0000000000000002", "name": "back.internal", "namespace": "remote",
                 "start_time": self.seconds(1), "end_time": self.seconds(19)}]}),
            json!({"trace_id": self.trace_id, "id": "0000000000000003",
                "name": format!("{}-back", self.name), "parent_id": "0000000000000002",
                "start_time": self.seconds(2), "end_time": self.seconds(18)}),
        );
        vec![front.to_string(), back.to_string()]
    }
}

/// Whether a query shows the whole probe.
async fn shows(api: &Api, probe: &Probe, query: usize) -> anyhow::Result<bool> {
    let ids = json!({ "TraceIds": [probe.trace_id] });
    let window = |before: u64, after: u64| json!({"StartTime": as_f64(probe.start_ms - before) / 1e3, "EndTime": probe.seconds(after)});
    let back = format!("{}-back", probe.name);
    let has_back = |answer: &Value| {
        let nodes = answer.pointer("/Services").and_then(Value::as_array);
        nodes.is_some_and(|nodes| {
            nodes
                .iter()
                .any(|node| node.get("Name") == Some(&json!(back)))
        })
    };
    Ok(match query {
        0 => {
            let answer = api.call("Traces", &ids).await?;
            let segments = answer
                .pointer("/Traces/0/Segments")
                .and_then(Value::as_array);
            segments.is_some_and(|segments| segments.len() == 2)
        }
        1 => has_back(&api.call("TraceGraph", &ids).await?),
        2 => {
            let answer = api.call("TraceSummaries", &window(0, 1)).await?;
            let summaries = answer.pointer("/TraceSummaries").and_then(Value::as_array);
            summaries.is_some_and(|all| {
                all.iter()
                    .any(|one| one.get("Id") == Some(&json!(probe.trace_id)))
            })
        }
        3 => has_back(&api.call("ServiceGraph", &window(1000, 1000)).await?),
        _ => {
            let selector = format!("service(\"{back}\")");
            let request = json!({"EntitySelectorExpression": selector,
                "StartTime": probe.seconds(0) - 1.0, "EndTime": probe.seconds(1000)});
            let answer = api.call("TimeSeriesServiceStatistics", &request).await?;
            let points = answer
                .pointer("/TimeSeriesServiceStatistics")
                .and_then(Value::as_array);
            points.is_some_and(|points| !points.is_empty())
        }
    })
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
