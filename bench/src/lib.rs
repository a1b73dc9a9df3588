//! What the benches share: documents of a stated shape, and a stopwatch.
//!
//! Absolute times of shared machines are noise, so every bench prints a floor that it measured in the
//! same run beside its own figure, and the ratio of the two.

#[cfg(target_os = "linux")]
pub mod daemon;
#[cfg(target_os = "linux")]
pub mod ingest;
pub mod shop;
#[cfg(target_os = "linux")]
pub mod stored;
pub mod typed;

use std::time::{Duration, Instant};

/// A typical trace: three services, about 1.1 KB a document, three subsegments each.
#[must_use]
pub fn three_service_trace(number: u64) -> Vec<String> {
    let trace = format!("1-6553f128-{number:024x}");
    let id = |place: u64| format!("{:016x}", (number << 8) + place + 1);
    (0..3)
        .map(|service| {
            let base = service * 10;
            let parent = match service {
                0 => String::new(),
                _ => format!(r#""parent_id":"{}","#, id(base - 8)),
            };
            let calls: Vec<String> = (1..=3)
                .map(|call| subsegment(&id(base + call), call))
                .collect();
            format!(
                r#"{{"id":"{}","trace_id":"{trace}",{parent}"name":"service-{service}","origin":"AWS::ECS::Container","start_time":1700000040.123,"end_time":1700000040.{}56,"http":{{"request":{{"method":"GET","url":"http://service-{service}.internal/cart/{number}","user_agent":"python-requests/2.34.2","client_ip":"192.0.2.7"}},"response":{{"status":200,"content_length":1234}}}},"aws":{{"xray":{{"sdk":"X-Ray for Python","sdk_version":"2.15.0"}}}},"annotations":{{"tier":"gold","items":{}}},"subsegments":[{}]}}"#,
                id(base),
                9 - service,
                number % 17,
                calls.join(",")
            )
        })
        .collect()
}

pub(crate) fn subsegment(id: &str, call: u64) -> String {
    let (name, more) = match call {
        1 => (
            "DynamoDB",
            r#""namespace":"aws","aws":{"operation":"GetItem","table_name":"carts"},"#,
        ),
        2 => ("service.internal", r#""namespace":"remote","#),
        _ => ("render", ""),
    };
    format!(
        r#"{{"id":"{id}","name":"{name}",{more}"start_time":1700000040.2,"end_time":1700000040.3{call}}}"#
    )
}

/// How long `work` takes.
#[expect(
    clippy::disallowed_methods,
    reason = "benches measure; there is no clock to hand in"
)]
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let result = work();
    (started.elapsed(), result)
}

/// The middle of several measurements of one thing.
#[must_use]
pub fn median(mut measured: Vec<Duration>) -> Duration {
    measured.sort();
    measured
        .get(measured.len() / 2)
        .copied()
        .unwrap_or_default()
}

/// The middle of several measurements by one of their figures; `None` of none.
#[must_use]
pub fn median_of<T>(mut measured: Vec<T>, figure: impl Fn(&T) -> f64) -> Option<T> {
    measured.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
    let middle = measured.len() / 2;
    (middle < measured.len()).then(|| measured.swap_remove(middle))
}

/// A count as a figure.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a bench are far below 2^53"
)]
pub const fn as_f64(count: u64) -> f64 {
    count as f64
}
