//! Writes, searches, graphs, retention and kills at once, against a real collector, for as long as asked:
//! whether everything acknowledged stays readable, and whether memory stays flat.
//! `cargo build --release && cargo run --release -p radiograph-bench --bin soak -- --minutes 30`
//!
//! Prints a line a minute and a table at the end; the exit code is 1 when anything acknowledged is
//! missing, is there twice, or a query fails while the collector runs. Retention by bytes goes by whole
//! hours, so that a run which is to see it has to cross one: what was acknowledged in an earlier hour
//! than the present one may be gone, and nothing else.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(
    clippy::disallowed_methods,
    reason = "benches measure; there is no clock to hand in"
)]

mod api;
mod books;
mod check;
mod load;
mod server;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use radiograph_bench::as_f64;
use tokio::time::sleep;

use api::Api;
use books::Books;
use server::Server;

/// How a soak goes.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// How long the load lasts.
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// Documents per second.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Seconds from one kill -9 to the next.
    #[arg(long, default_value_t = 45)]
    kill_every: u64,
    /// The collector's --retention-bytes.
    #[arg(long, default_value = "200MB")]
    retention_bytes: String,
    /// The collector's --seal-bytes.
    #[arg(long, default_value = "16MB")]
    seal_bytes: String,
    /// The collector [default: radiograph-collector beside this binary].
    #[arg(long)]
    collector: Option<PathBuf>,
}

/// What a minute came to.
#[derive(Debug, Clone, Copy)]
struct Minute {
    documents: u64,
    reads: u64,
    memory_max: u64,
    disk: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    // the client is built without one of its own; an error means that one is installed already
    drop(rustls::crypto::ring::default_provider().install_default());
    let dir = tempfile::tempdir_in(".")?;
    let mut server = Server::start(&options, dir.path()).await?;
    let books = Arc::new(Books::default());
    let api = Api::new(server.address(), Arc::clone(&books));
    let load = load::start(&api, &books, options.rate);
    let minutes = soak(&options, &mut server, &books, dir.path()).await?;
    drop(load);
    let checked = check::everything(&api, &books).await?;
    server.stop().await?;
    print_table(&minutes, &server, &books, &checked);
    let violations = books.violations();
    for violation in violations.iter().take(20) {
        println!("  {violation}");
    }
    Ok(if violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Kills and restarts the collector, and prints what each minute came to.
async fn soak(
    options: &Options,
    server: &mut Server,
    books: &Books,
    dir: &Path,
) -> anyhow::Result<Vec<Minute>> {
    println!("minute  documents    reads   memory      disk  kills");
    let memory_max = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let (mut minutes, mut next_kill) = (Vec::new(), options.kill_every);
    let mut before = (0, 0);
    for second in 1..=options.minutes * 60 {
        sleep(Duration::from_secs(second).saturating_sub(began.elapsed())).await;
        memory_max.fetch_max(server.memory().unwrap_or(0), Ordering::Relaxed);
        if second >= next_kill {
            next_kill += options.kill_every;
            server.kill_and_restart(books).await?;
        }
        if second % 60 == 0 {
            let now = (books.documents(), books.reads());
            let minute = Minute {
                documents: now.0 - before.0,
                reads: now.1 - before.1,
                memory_max: memory_max.swap(0, Ordering::Relaxed),
                disk: server::disk_bytes(dir).context("sizes of the collector's files")?,
            };
            before = now;
            println!(
                "{:>6} {:>10} {:>8} {:>5.0} MB {:>6.1} MB {:>6}",
                second / 60,
                minute.documents,
                minute.reads,
                as_f64(minute.memory_max) / 1e6,
                as_f64(minute.disk) / 1e6,
                server.kills(),
            );
            minutes.push(minute);
        }
    }
    Ok(minutes)
}

fn print_table(minutes: &[Minute], server: &Server, books: &Books, checked: &check::Checked) {
    let peak = |of: &[Minute]| of.iter().map(|minute| minute.memory_max).max().unwrap_or(0);
    let (first, second) = minutes.split_at(minutes.len() / 2);
    println!("documents acknowledged  {:>10}", books.documents());
    println!("traces acknowledged     {:>10}", books.acknowledged());
    println!("  all there             {:>10}", checked.whole);
    println!(
        "  of an earlier hour    {:>10}, gone with it",
        checked.dropped
    );
    println!("calls throttled         {:>10}", books.throttled());
    println!(
        "reads                   {:>10}, {} while the collector was down",
        books.reads(),
        books.unreachable()
    );
    println!(
        "kills                   {:>10}, answering again after {:.2} s at most",
        server.kills(),
        server.restart_max().as_secs_f64()
    );
    println!(
        "memory at most          {:>10.0} MB in the first half, {:.0} MB in the second",
        as_f64(peak(first)) / 1e6,
        as_f64(peak(second)) / 1e6
    );
    println!("violations              {:>10}", books.violations().len());
}
