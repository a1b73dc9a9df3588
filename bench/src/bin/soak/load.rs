//! Those who write and those who read while the collector is killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use radiograph_bench::three_service_trace;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::api::{Answer, Api};
use crate::books::Books;

const WRITERS: u64 = 8;
const TRACES_PER_CALL: usize = 16;
pub(crate) const DOCUMENTS_PER_TRACE: u64 = 3;
const DOCUMENTS_PER_CALL: u64 = TRACES_PER_CALL as u64 * DOCUMENTS_PER_TRACE;
const READERS: usize = 2;
const READ_PAUSE: Duration = Duration::from_millis(50);
const THROTTLED_PAUSE: Duration = Duration::from_millis(200);
/// What the documents of the benches have for a time.
const THEIR_SECONDS: u64 = 1_700_000_040;
/// What readers look for.
const FILTERS: [&str; 4] = [
    "annotation.items = 3",
    r#"service("service-1") { ok }"#,
    "responsetime > 5",
    r#"edge("service-0", "service-1") AND annotation.tier = "gold""#,
];

/// Starts writers and readers, which work until the set is dropped.
pub(crate) fn start(api: &Api, books: &Arc<Books>, rate: u64) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let every = Duration::from_secs(1) / u32::try_from(rate / DOCUMENTS_PER_CALL + 1).unwrap_or(1);
    for _ in 0..WRITERS {
        tasks.spawn(write(api.clone(), Arc::clone(books), every * 8));
    }
    for reader in 0..READERS {
        tasks.spawn(read(api.clone(), Arc::clone(books), reader));
    }
    tasks
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The id of a trace by its number and time.
pub(crate) fn trace_id(number: usize, at: u64) -> String {
    format!("1-{at:08x}-{number:024x}")
}

/// The documents of a trace.
fn documents(number: usize, at: u64) -> Vec<String> {
    let (seconds, prefix) = (THEIR_SECONDS.to_string(), "1-6553f128-");
    let documents = three_service_trace(number as u64).into_iter();
    let at_time = documents.map(|document| {
        let document = document.replace(&seconds, &at.to_string());
        document.replace(prefix, &format!("1-{at:08x}-"))
    });
    at_time.collect()
}

async fn write(api: Api, books: Arc<Books>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let at = now();
        let first = books.enter(TRACES_PER_CALL, at);
        let numbers = first..first + TRACES_PER_CALL;
        let documents: Vec<String> = numbers.flat_map(|number| documents(number, at)).collect();
        let body = json!({ "TraceSegmentDocuments": documents });
        // what is not answered is sent again, as the daemon does, so that nothing comes but once
        loop {
            match api.call("/TraceSegments", &body).await {
                Answer::Good(answer) => {
                    let unprocessed = answer.get("UnprocessedTraceSegments");
                    if unprocessed
                        .and_then(Value::as_array)
                        .is_some_and(Vec::is_empty)
                    {
                        books.acknowledge(first, TRACES_PER_CALL, DOCUMENTS_PER_CALL, now());
                    } else {
                        books.violation(format!("documents were refused: {answer}"));
                    }
                    break;
                }
                Answer::Throttled => {
                    books.throttle();
                    sleep(THROTTLED_PAUSE).await;
                }
                Answer::Failed => sleep(THROTTLED_PAUSE).await,
            }
        }
    }
}

async fn read(api: Api, books: Arc<Books>, reader: usize) {
    for turn in reader.. {
        sleep(READ_PAUSE).await;
        let end = now() + 1;
        let good = match turn % 3 {
            0 => batch_get(&api, &books).await,
            1 => {
                let filter = FILTERS.get(fastrand::usize(..FILTERS.len()));
                let body =
                    json!({"StartTime": end - 300, "EndTime": end, "FilterExpression": filter});
                matches!(api.call("/TraceSummaries", &body).await, Answer::Good(_))
            }
            _ => {
                let body = json!({"StartTime": end - 1800, "EndTime": end});
                matches!(api.call("/ServiceGraph", &body).await, Answer::Good(_))
            }
        };
        if good {
            books.read();
        }
    }
}

/// Reads a few traces that must be there; false when there was no answer.
async fn batch_get(api: &Api, books: &Books) -> bool {
    let now = now();
    let picks = (0..5).filter_map(|_| books.pick(fastrand::usize(..), now));
    // a trace may be picked twice, and may be asked for once
    let ids: BTreeSet<String> = picks
        .map(|(number, sent)| trace_id(number, sent.at))
        .collect();
    if ids.is_empty() {
        return false;
    }
    let Answer::Good(answer) = api.call("/Traces", &json!({"TraceIds": ids})).await else {
        return false;
    };
    for id in ids {
        let count = segments_of(&answer, &id);
        if count != DOCUMENTS_PER_TRACE {
            books.violation(format!("{id} has {count} segments when it is read"));
        }
    }
    true
}

/// How many segments that were sent an answer of BatchGetTraces has for a trace.
pub(crate) fn segments_of(answer: &Value, trace_id: &str) -> u64 {
    let traces = answer.get("Traces").and_then(Value::as_array);
    let of_it = traces
        .into_iter()
        .flatten()
        .filter(|trace| trace.get("Id").and_then(Value::as_str) == Some(trace_id));
    let segments = of_it.filter_map(|trace| trace.get("Segments")?.as_array());
    let documents = segments
        .flatten()
        .filter_map(|segment| segment.get("Document")?.as_str());
    let sent = documents.filter(|document| !document.contains(r#""inferred":true"#));
    sent.count() as u64
}
