//! The `radiograph` binary: command line, log, TLS provider and signals around what it can do.

mod all_in_one;
mod announcement;
mod api;
mod args;
mod canary;
mod demo;
mod logs;
mod output;
mod time_span;
mod torture;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use radiograph_daemon::shutdown::{Signal, Signals};

use args::{Arguments, Command};

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::remark(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(async {
        // before anything starts, so that a signal right after the first line is not missed
        let mut signals = Signals::install().context("signal handlers")?;
        let stop = async move {
            let signal = match signals.next().await {
                Signal::Stop(signal) => signal,
                // the terminal was closed: there is nothing to read again
                Signal::Reload => "hangup",
            };
            tracing::info!(signal, "stopping");
        };
        match arguments.command {
            Some(Command::Demo(options)) => {
                demo::report(&options, radiograph_collector::clock::now, stop).await
            }
            Some(Command::Canary(options)) => canary::report(options, stop).await,
            Some(Command::Torture(options)) => torture::report(&options, stop).await,
            None => {
                logs::install(arguments.servers.log_level)?;
                // an error means that one is installed already, which is what is wanted
                drop(rustls::crypto::ring::default_provider().install_default());
                all_in_one::run(arguments.servers, stop).await
            }
        }
    })
}
