//! Documents per second through reading and view on one core, beside the floor: serde_json reading the
//! same documents into plain derived structs. `cargo run --release -p radiograph-bench --bin view`
//!
//! Two inputs: generated traces of three documents, and everything that real clients were recorded to
//! send. All figures of a table are medians of interleaved rounds.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::Context;
use radiograph_bench::typed::Entity;
use radiograph_bench::{as_f64, median, three_service_trace, timed};
use radiograph_collector::trace::documents::entries;
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::stitch::{parse_all, stitch};
use radiograph_collector::trace::view::{TraceView, view};
use radiograph_protocol::segment;

const GENERATED_TRACES: u64 = 20_000;
/// The recordings are a few hundred documents: each is measured this often in a round.
const RECORDED_REPEATS: usize = 50;
const ROUNDS: usize = 7;

fn main() -> anyhow::Result<()> {
    let generated: Vec<Vec<String>> = (0..GENERATED_TRACES).map(three_service_trace).collect();
    measure("generated, three documents to a trace", &generated)?;
    println!();
    let recorded = recorded_traces();
    let repeated: Vec<_> = std::iter::repeat_n(recorded, RECORDED_REPEATS)
        .flatten()
        .collect();
    measure("recorded of real clients", &repeated)
}

/// The documents of all recordings, by trace; those alone that the floor reads as well.
fn recorded_traces() -> Vec<Vec<String>> {
    let mut traces: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for recording in radiograph_proto_fixtures::recordings() {
        let bodies = recording.datagrams.iter().filter_map(|datagram| {
            let (_, body) = datagram.split_once('\n')?;
            Some(body.to_owned())
        });
        for body in bodies {
            let trace = segment::parse(&body).map(|document| document.trace_id);
            if let Ok(trace) = trace
                && serde_json::from_str::<Entity<'_>>(&body).is_ok()
            {
                traces.entry(trace).or_default().push(body);
            }
        }
    }
    traces.into_values().collect()
}

/// What is done with an input, by name.
type Step = (&'static str, fn(&Input<'_>));

/// In the order of the table; the first is the floor.
const STEPS: [Step; 7] = [
    ("plain typed reading (floor)", |input| {
        for document in input.traces.iter().flatten() {
            let read = serde_json::from_str::<Entity<'_>>(black_box(document));
            black_box(read.is_ok());
        }
    }),
    ("segment::check", |input| {
        for document in input.traces.iter().flatten() {
            black_box(segment::check(black_box(document)).is_ok());
        }
    }),
    ("segment::parse", |input| {
        for document in input.traces.iter().flatten() {
            black_box(segment::parse(black_box(document)).is_ok());
        }
    }),
    ("parse and view", |input| {
        for trace in input.traces {
            black_box(view_of(trace));
        }
    }),
    ("parse and BatchGetTraces", |input| {
        for trace in input.traces {
            let parsed = parse_all(trace.iter().map(String::as_str));
            black_box(stitch(&parsed).map(|trace| entries(&trace, &parsed)));
        }
    }),
    ("encode the view", |input| {
        for view in &input.views {
            black_box(postcard::to_stdvec(view).is_ok());
        }
    }),
    ("decode the view", |input| {
        for view in &input.encoded {
            black_box(postcard::from_bytes::<TraceView>(view).is_ok());
        }
    }),
];

struct Input<'t> {
    traces: &'t [Vec<String>],
    views: Vec<TraceView>,
    encoded: Vec<Vec<u8>>,
}

fn view_of(trace: &[String]) -> Option<TraceView> {
    view(trace.iter().map(String::as_str), &Producers::default())
}

fn measure(name: &str, traces: &[Vec<String>]) -> anyhow::Result<()> {
    let views: Vec<TraceView> = traces.iter().filter_map(|trace| view_of(trace)).collect();
    let encoded = views
        .iter()
        .map(postcard::to_stdvec)
        .collect::<Result<_, _>>()?;
    let input = Input {
        traces,
        views,
        encoded,
    };
    let mut times: [Vec<Duration>; STEPS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for ((_, step), times) in STEPS.iter().zip(&mut times) {
            times.push(timed(|| step(&input)).0);
        }
    }

    let documents: usize = traces.iter().map(Vec::len).sum();
    let bytes: usize = traces.iter().flatten().map(String::len).sum();
    let encoded: usize = input.encoded.iter().map(Vec::len).sum();
    let per_document =
        |figure: f64| -> anyhow::Result<f64> { Ok(figure / as_f64(u64::try_from(documents)?)) };
    println!(
        "{name}: {documents} documents in {} traces, {:.0} bytes a document, {:.0} of its view",
        traces.len(),
        per_document(as_f64(u64::try_from(bytes)?))?,
        per_document(as_f64(u64::try_from(encoded)?))?,
    );
    let medians = times.map(median);
    let floor = medians.first().context("there are steps")?.as_secs_f64();
    println!("{:<30}{:>12}{:>12}", "", "µs/document", "x floor");
    for ((step, _), time) in STEPS.iter().zip(medians) {
        let time = time.as_secs_f64();
        println!(
            "{step:<30}{:>12.2}{:>12.2}",
            per_document(time * 1e6)?,
            time / floor
        );
    }
    Ok(())
}
