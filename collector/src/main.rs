//! `radiograph-collector`: the X-Ray service as a server of its own.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use radiograph_admin::systemd::{Journal, Notify, Passed};
use radiograph_collector::config::{AdminAddress, Arguments};
use radiograph_collector::{clock, shutdown, start_on, supervision};
use tracing::level_filters::LevelFilter;
use tracing::{Level, error, info};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Documents are allocated by one thread and freed by another, many at a time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(admin) = arguments.asked_for_health() {
        return check(&admin);
    }
    log(arguments.log_level());
    // before there are threads
    match Passed::of_this_process() {
        Ok(passed) => run(arguments, passed),
        Err(error) => not_started(&error),
    }
}

/// Asks the collector beside this process whether it lives.
fn check(admin: &AdminAddress) -> ExitCode {
    match admin.address() {
        Some(address) => radiograph_admin::health::check(address, clock::instant),
        None => {
            let off = "--healthcheck: the admin address is off; give it an address";
            match writeln!(std::io::stderr(), "{off}") {
                // whether or not anybody reads it, the answer is no
                Ok(()) | Err(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// To the journal, where standard output leads there, else to standard output.
fn log(level: Level) {
    match Journal::of_stdout("radiograph-collector") {
        Some(journal) => tracing_subscriber::registry()
            .with(LevelFilter::from_level(level))
            .with(journal)
            .init(),
        None => tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(std::io::stdout().is_terminal())
            .with_writer(std::io::stdout)
            .init(),
    }
}

fn not_started(cause: &dyn std::error::Error) -> ExitCode {
    let source = cause.source().map(radiograph_admin::with_causes);
    let source = source.unwrap_or_default();
    error!(error = %cause, source, "collector did not start");
    ExitCode::FAILURE
}

#[tokio::main]
async fn run(arguments: Arguments, passed: Passed) -> ExitCode {
    let notify = Notify::of_this_process();
    // before anything starts, so that a signal right after the first line is not missed
    let signal = match shutdown::listen() {
        Ok(signal) => signal,
        Err(cause) => {
            error!(error = %cause, "cannot listen for signals");
            return ExitCode::FAILURE;
        }
    };
    // a store is as long in opening as it was left in disorder
    let starting = notify.starting("opening the store", start_on(arguments.config(), passed));
    let collector = match starting.await {
        Ok(collector) => collector,
        Err(cause) => return not_started(&cause),
    };
    let signal = supervision::until_stopped(&collector, signal, &notify).await;
    info!(signal, "stopping");
    let stopping = notify.stopping("answering what is under way", collector.stop());
    stopping.await;
    ExitCode::SUCCESS
}
