//! Documents per second through parse and view on one core, beside the floor: serde_json reading the
//! same documents into typed structs. `cargo run --release -p radiograph-bench --bin view`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::hint::black_box;

use radiograph_bench::{median, three_service_trace, timed};
use radiograph_collector::trace::view::view;

const TRACES: u64 = 20_000;
const ROUNDS: usize = 5;

fn main() {
    let traces: Vec<Vec<String>> = (0..TRACES).map(three_service_trace).collect();
    let documents: usize = traces.iter().map(Vec::len).sum();
    let bytes: usize = traces.iter().flatten().map(String::len).sum();
    let (mut floors, mut views) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let floor = timed(|| {
            for document in traces.iter().flatten() {
                let parsed = radiograph_protocol::segment::parse(black_box(document));
                black_box(parsed.is_ok());
            }
        });
        floors.push(floor.0);
        let whole = timed(|| {
            for trace in &traces {
                black_box(view(trace.iter().map(String::as_str)));
            }
        });
        views.push(whole.0);
    }
    let (floor, whole) = (median(floors), median(views));
    let per_document = |time: std::time::Duration| {
        time.as_secs_f64() * 1e6 / f64::from(u32::try_from(documents).unwrap_or(u32::MAX))
    };
    println!(
        "{documents} documents of {} bytes, three to a trace",
        bytes / documents
    );
    println!(
        "typed parse alone (floor)  {:>7.2} µs per document",
        per_document(floor)
    );
    println!(
        "parse and view             {:>7.2} µs per document",
        per_document(whole)
    );
    println!(
        "ratio to the floor         {:>7.2}",
        whole.as_secs_f64() / floor.as_secs_f64()
    );
}
