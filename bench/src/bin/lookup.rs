//! Looking up traces by id in 30 days of sealed files, without knowing when they arrived: what the
//! embedded store takes for 5 ids cold and warm, and beside it what reading as many blocks of that size
//! takes on the same disk. Then how long opening takes, of these files and of the logs that a dying
//! process left.
//! `cargo run --release -p radiograph-bench --bin lookup [traces a day] [documents in the logs]`

#![cfg_attr(
    target_os = "linux",
    expect(clippy::print_stdout, reason = "a bench prints what it measured")
)]

#[cfg(target_os = "linux")]
#[path = "lookup/traces.rs"]
mod traces;

#[cfg(target_os = "linux")]
#[path = "lookup/measure.rs"]
mod measure;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    measure::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("dropping files from the page cache is known for Linux alone")
}
