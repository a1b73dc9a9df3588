//! The `radiograph-daemon` binary: command line, log, TLS provider and signals around a daemon.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use radiograph_daemon::config::{self, AWS_VERSION, Config, ConfigError, Request};
use radiograph_daemon::{log, shutdown, start};

fn main() -> ExitCode {
    let (config, warnings) = match config::load(std::env::args_os()) {
        Ok(Request::Run(config, warnings)) => (config, warnings),
        Ok(Request::Version) => return print(&version()),
        Err(ConfigError::Usage(error)) => return config::explain(&error),
        Err(error) => {
            let error = anyhow::Error::from(error);
            return match writeln!(io::stderr(), "{error:#}") {
                // Nobody is left to tell when standard error is closed.
                Ok(()) | Err(_) => ExitCode::FAILURE,
            };
        }
    };
    match run(config, &warnings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config, warnings: &[String]) -> anyhow::Result<()> {
    log::install(config.log_level)?;
    tracing::info!("Initializing AWS X-Ray daemon {AWS_VERSION}");
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    // An error means that one is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(async {
        // Before the start, so that a signal right after the start line is not missed.
        let mut signals = shutdown::Signals::install().context("signal handlers")?;
        let daemon = start(config).await?;
        let signal = signals.next().await;
        tracing::info!("Got shutdown signal: {signal}");
        let counters = daemon.stop().await;
        tracing::info!("Counters: {counters}");
        Ok(())
    })
}

/// Threads for batches, uploads and the proxy; receiving has one of its own.
const WORKERS: usize = 2;

fn version() -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("AWS X-Ray daemon version: {AWS_VERSION}\nRadiograph daemon version: {own}\n")
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
