//! `radiograph-collector`: the X-Ray service as a server of its own.

use std::error::Error as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use radiograph_collector::config::{AdminAddress, Arguments};
use radiograph_collector::{clock, shutdown, start};
use tracing::{error, info};

/// Documents are allocated by one thread and freed by another, many at a time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(admin) = arguments.asked_for_health() {
        return check(&admin);
    }
    run(arguments)
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

#[tokio::main]
async fn run(arguments: Arguments) -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(arguments.log_level())
        .with_ansi(std::io::stdout().is_terminal())
        .with_writer(std::io::stdout)
        .init();
    // before anything starts, so that a signal right after the first line is not missed
    let signal = match shutdown::listen() {
        Ok(signal) => signal,
        Err(cause) => {
            error!(error = %cause, "cannot listen for signals");
            return ExitCode::FAILURE;
        }
    };
    let collector = match start(arguments.config()).await {
        Ok(collector) => collector,
        Err(cause) => {
            let source = cause.source().map(radiograph_admin::with_causes);
            let source = source.unwrap_or_default();
            error!(error = %cause, source, "collector did not start");
            return ExitCode::FAILURE;
        }
    };
    let signal = signal.await;
    info!(signal, "stopping");
    collector.stop().await;
    ExitCode::SUCCESS
}
