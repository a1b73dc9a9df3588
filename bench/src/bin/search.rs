//! Searches over many traces on disk, in a window of 6 h: what the first page of GetTraceSummaries takes,
//! cold and warm, for filters that select little, much and nothing; beside it what finding the same traces
//! takes by reading every view, as without a search index; and the memory of it all.
//! `cargo run --release -p radiograph-bench --bin search -- --traces 1000000`

#![cfg_attr(
    target_os = "linux",
    expect(clippy::print_stdout, reason = "a bench prints what it measured")
)]

/// As in the collector's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(target_os = "linux")]
#[path = "search/data.rs"]
mod data;

#[cfg(target_os = "linux")]
#[path = "search/measure.rs"]
mod measure;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    measure::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("memory and the page cache are looked at as Linux has them")
}
