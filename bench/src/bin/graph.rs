//! GetServiceGraph from running totals: the median and worst time of an answer over 6 h and 24 h
//! (window, services, JSON), at low traffic and at a thousand times that, beside writing the finished
//! answer as JSON alone; then additions per second, and memory per minute.
//! `cargo run --release -p radiograph-bench --bin graph`
//!
//! All times are CPU time of the one thread (on Linux; elsewhere the clock's), so that what else a
//! shared machine does is left out. The graph is that of a shop: 16 nodes and 19 edges, response times spread over hundreds of
//! different grid values, and other ones in every minute of a cycle.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::hint::black_box;
use std::time::Duration;

use fastrand::Rng;
use radiograph_bench::{as_f64, median};
use radiograph_collector::trace::contributions;
use radiograph_collector::trace::graph::services;
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::running::RunningTotals;
use radiograph_collector::trace::totals::{MinuteTotals, Totals};
use radiograph_collector::trace::view::{TraceView, view};
use radiograph_protocol::timestamp::{Minute, Timestamp};

/// A full hour, in epoch seconds.
const BEGIN: i64 = 1_700_002_800;
const MINUTES: i64 = 24 * 60;
/// Traces of a minute of low traffic.
const TRACES_PER_MINUTE: usize = 60;
/// Minutes that are filled trace by trace; the others repeat them.
const DIFFERENT_MINUTES: usize = 8;
const ROUNDS: usize = 31;
const BATCH: usize = 256;
const BATCHES: usize = 200;

fn main() {
    let visit = visit();
    let mut rng = Rng::with_seed(4);
    for factor in [1, 1_000] {
        let traces = TRACES_PER_MINUTE * factor;
        let minutes: Vec<MinuteTotals> = (0..DIFFERENT_MINUTES)
            .map(|_| minute_of(&visit, traces, &mut rng))
            .collect();
        println!("{traces} traces per minute, {MINUTES} minutes");
        let before = resident_bytes();
        let mut running = RunningTotals::default();
        for (number, totals) in (0..MINUTES).zip(minutes.iter().cycle()) {
            running.add(&at_minute(totals, number), 1);
        }
        report_memory(&minutes, before);
        for hours in [6, 24] {
            report_answers(&running, hours);
        }
        report_additions(&mut running, &visit, &mut rng);
        println!();
    }
}

/// A visit of every corner of the shop.
fn visit() -> TraceView {
    let mut documents = Vec::new();
    for (at, (name, origin, parent, calls)) in SHOP.iter().enumerate() {
        let parent = parent.map_or(String::new(), |parent| {
            format!(r#""parent_id":"{parent:016x}","#)
        });
        let calls: Vec<String> = (1_u64..)
            .zip(*calls)
            .map(|(call, (name, more))| {
                let id = segment_id(at) + call;
                format!(
                    r#"{{"id":"{id:016x}","name":"{name}",{more},"start_time":1,"end_time":2}}"#
                )
            })
            .collect();
        documents.push(format!(
            r#"{{"trace_id":"1-6553f128-000000000000000000000001","id":"{:016x}",{parent}"name":"{name}",{origin}"start_time":1,"end_time":2,"subsegments":[{}]}}"#,
            segment_id(at),
            calls.join(",")
        ));
    }
    view(documents.iter().map(String::as_str), &Producers::default())
        .unwrap_or_else(|| unreachable!("the documents above are well formed"))
}

fn segment_id(at: usize) -> u64 {
    (as_u64(at) + 1) << 8
}

const ECS: &str = r#""origin":"AWS::ECS::Fargate","#;
const EC2: &str = r#""origin":"AWS::EC2::Instance","#;
const REMOTE: &str = r#""namespace":"remote""#;
const SQL: &str = r#""namespace":"remote","sql":{"url":"postgresql://db/x"}"#;
const CARTS: &str = r#""namespace":"aws","aws":{"operation":"GetItem","table_name":"carts"}"#;
const QUEUE: &str =
    r#""namespace":"aws","aws":{"operation":"SendMessage","queue_url":"https://sqs.test/1/mail"}"#;

/// Name and members of a call.
type Call = (&'static str, &'static str);

/// Segments: name, origin, the entity that called it, its calls.
const SHOP: [(&str, &str, Option<u64>, &[Call]); 10] = [
    (
        "shop.example.com",
        r#""origin":"AWS::ApiGateway::Stage","#,
        None,
        &[("web.shop.internal", REMOTE)],
    ),
    (
        "web",
        ECS,
        Some(0x101),
        &[
            ("cart.shop.internal", REMOTE),
            ("checkout.shop.internal", REMOTE),
            ("inventory.shop.internal", REMOTE),
            ("recommendations.shop.internal", REMOTE),
            ("user-profile.shop.internal", REMOTE),
        ],
    ),
    (
        "cart",
        ECS,
        Some(0x201),
        &[("DynamoDB", CARTS), ("cache.shop.internal", REMOTE)],
    ),
    (
        "checkout",
        EC2,
        Some(0x202),
        &[
            ("orders@db1.internal", SQL),
            ("payments.shop.internal", REMOTE),
            ("inventory.shop.internal", REMOTE),
            ("SQS", QUEUE),
        ],
    ),
    (
        "inventory",
        ECS,
        Some(0x203),
        &[("orders@db1.internal", SQL)],
    ),
    (
        "recommendations",
        r#""origin":"AWS::EKS::Container","#,
        Some(0x204),
        &[("cache.shop.internal", REMOTE)],
    ),
    (
        "user-profile",
        "",
        Some(0x205),
        &[("users@db2.internal", SQL)],
    ),
    ("payments", EC2, Some(0x402), &[("provider.test", REMOTE)]),
    (
        "inventory",
        ECS,
        Some(0x403),
        &[("orders@db1.internal", SQL)],
    ),
    (
        "notifications",
        r#""origin":"AWS::ElasticBeanstalk::Environment","#,
        None,
        &[("SES", r#""namespace":"aws""#)],
    ),
];

/// Gives the visit other times, all ends in the first minute.
fn revisit(visit: &mut TraceView, rng: &mut Rng) {
    for (at, entity) in visit.facts.entities.iter_mut().enumerate() {
        let typical = 8_000.0 * as_f64(as_u64(at % 12 + 1)).powi(2);
        let spread = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        let seconds = typical * (spread * 0.6).exp() / 1e6;
        let end = BEGIN * 1_000_000 + rng.i64(0..60_000_000);
        let end = Timestamp::from_micros(end);
        let start = Timestamp::from_seconds_f64(end.seconds_f64() - seconds);
        entity.start = start.unwrap_or(end);
        entity.end = Some(end);
        entity.flags.fault = rng.u8(..) < 3;
    }
    for segment in &mut visit.facts.segments {
        let entity = usize::try_from(segment.entity.0).unwrap_or(usize::MAX);
        if let Some(entity) = visit.facts.entities.get(entity) {
            segment.earliest = entity.start;
            segment.latest = entity
                .end
                .unwrap_or(entity.start)
                .plus_micros(rng.i64(0..5_000));
        }
    }
}

/// What so many visits add to the first minute.
fn minute_of(visit: &TraceView, traces: usize, rng: &mut Rng) -> MinuteTotals {
    let (mut totals, mut one) = (Totals::default(), visit.clone());
    for _ in 0..traces {
        revisit(&mut one, rng);
        contributions::add(&one, &mut totals, 1);
    }
    totals.all()
}

/// The same in another minute; times of nodes and edges stay where they are, which costs the same.
fn at_minute(totals: &MinuteTotals, number: i64) -> Totals {
    let minute: Minute = Timestamp::from_seconds(BEGIN + number * 60).minute();
    Totals {
        minutes: [(minute, totals.clone())].into(),
    }
}

fn report_answers(running: &RunningTotals, hours: i64) {
    // the widest cut: 59 minutes of an hour at either end, and seconds of a minute
    for (cut, cut_seconds) in [("on the hour", 0), ("cut off the hour", 77)] {
        let start = Timestamp::from_seconds(BEGIN + cut_seconds);
        let end = Timestamp::from_seconds(BEGIN + hours * 3600 - cut_seconds);
        let (mut answers, mut floors, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let (sum, window) = timed(|| running.window(start, end));
            let (shaping, shown) = timed(|| services(&window));
            let (writing, json) =
                timed(|| serde_json::to_vec(black_box(&shown)).unwrap_or_default());
            bytes = json.len();
            answers.push(sum + shaping + writing);
            floors.push(writing);
            sums.push(sum);
        }
        let worst = answers.iter().max().copied().unwrap_or_default();
        println!(
            "  {hours:>2} h {cut}: median {:>6.2} ms, worst {:>6.2} ms; summing {:>6.2} ms; writing {bytes} \
             bytes of JSON (floor) {:>6.2} ms",
            millis(median(answers)),
            millis(worst),
            millis(median(sums)),
            millis(median(floors)),
        );
    }
}

fn report_additions(running: &mut RunningTotals, visit: &TraceView, rng: &mut Rng) {
    let (mut folding, mut adding) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..BATCHES {
        let mut batch = vec![visit.clone(); BATCH];
        batch.iter_mut().for_each(|view| revisit(view, rng));
        let (time, totals) = timed(|| {
            let mut totals = Totals::default();
            for view in &batch {
                contributions::add(view, &mut totals, 1);
            }
            totals
        });
        folding += time;
        adding += timed(|| running.add(&totals, 1)).0;
        adding += timed(|| running.add(&totals, -1)).0;
    }
    let views = as_f64(as_u64(BATCH * BATCHES));
    let contributions = visit.facts.segments.len() + visit.facts.calls.len();
    println!(
        "  batches of {BATCH} views of {} segments and {} calls: folding {:.2} µs a view, {:.0} ns a \
         contribution; adding {:.2} µs a view, {:.0} µs a batch",
        visit.facts.segments.len(),
        visit.facts.calls.len(),
        micros(folding) / views,
        micros(folding) / views / as_f64(as_u64(contributions)) * 1e3,
        micros(adding) / 2.0 / views,
        micros(adding) / 2.0 / as_f64(as_u64(BATCHES)),
    );
}

fn report_memory(minutes: &[MinuteTotals], before: Option<u64>) {
    let entries = |minute: &MinuteTotals| {
        let nodes = minute.nodes.values();
        let of_nodes =
            nodes.map(|node| node.response_times.entries().len() + node.durations.entries().len());
        let of_edges = minute
            .edges
            .values()
            .map(|edge| edge.response_times.entries().len());
        of_nodes.sum::<usize>() + of_edges.sum::<usize>()
    };
    let counted = minutes.iter().map(entries).sum::<usize>() / minutes.len();
    let bytes = before
        .zip(resident_bytes())
        .map(|(before, after)| after.saturating_sub(before));
    let per_minute = bytes.map_or_else(
        || "not known".to_owned(),
        |bytes| format!("{:.0} B", as_f64(bytes) / as_f64(MINUTES.unsigned_abs())),
    );
    let nodes = minutes.first().map_or(0, |minute| minute.nodes.len());
    let edges = minutes.first().map_or(0, |minute| minute.edges.len());
    println!(
        "  {nodes} nodes, {edges} edges, {counted} histogram entries in a minute; memory per minute, \
         roll-ups included: {per_minute}"
    );
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<u64> {
    let memory = radiograph_bench::daemon::proc::memory(std::process::id()).ok()?;
    Some(memory.resident)
}

#[cfg(not(target_os = "linux"))]
const fn resident_bytes() -> Option<u64> {
    None
}

/// How much CPU `work` takes.
#[cfg(target_os = "linux")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    let now = || clock.now().map(Duration::from).unwrap_or_default();
    let before = now();
    let result = work();
    (now().saturating_sub(before), result)
}

#[cfg(not(target_os = "linux"))]
use radiograph_bench::timed;

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
