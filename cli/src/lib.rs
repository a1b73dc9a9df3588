//! What the `radiograph` binary can do, and its command line for manual pages and shell completions.

mod all_in_one;
mod announcement;
mod api;
mod args;
mod backup;
mod bundle;
mod canary;
mod demo;
mod export;
mod expression;
mod import;
mod keys;
mod lambda;
mod logs;
mod output;
mod pin;
mod progress;
mod query;
mod restore;
mod rules;
mod store;
mod time_span;
mod torture;
mod why_not;

use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory as _, Parser as _};
use radiograph_daemon::shutdown::{Signal, Signals};

use args::{Arguments, Command};

/// The definition of the command line, for what is made of it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Does what this process's command line says.
#[must_use]
pub fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::remark(format_args!("{error:#}"));
            store::exit_code(&error)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
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
        let ran = match arguments.command {
            Some(Command::Query(options)) => return query::report(&options, stop).await,
            Some(Command::Lambda(options)) => return lambda::report(&options, stop).await,
            Some(Command::WhyNot(options)) => return why_not::report(&options, stop).await,
            Some(Command::Demo(options)) => {
                demo::report(&options, radiograph_collector::clock::now, stop).await
            }
            Some(Command::Canary(options)) => canary::report(options, stop).await,
            Some(Command::Export(options)) => export::report(&options, stop).await,
            Some(Command::Import(options)) => import::report(&options, stop).await,
            Some(Command::Backup(options)) => backup::report(&options, stop).await,
            Some(Command::Restore(options)) => restore::report(&options),
            Some(Command::Store(command)) => store::report(command, stop).await,
            Some(Command::Torture(options)) => torture::report(&options, stop).await,
            Some(Command::Keys(options)) => keys::report(&options),
            Some(Command::Pin(options)) => pin::pin(&options).await,
            Some(Command::Pins(options)) => pin::list(&options).await,
            Some(Command::Unpin(options)) => pin::unpin(&options).await,
            Some(Command::Rules(options)) => rules::report(&options).await,
            None if arguments.servers.healthcheck => {
                return all_in_one::check(&arguments.servers);
            }
            None => {
                logs::install(arguments.servers.log_level)?;
                // an error means that one is installed already, which is what is wanted
                drop(rustls::crypto::ring::default_provider().install_default());
                all_in_one::run(arguments.servers, stop).await
            }
        };
        ran.map(|()| ExitCode::SUCCESS)
    })
}
