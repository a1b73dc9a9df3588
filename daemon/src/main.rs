//! The `radiograph-daemon` binary: command line, log, TLS provider and signals around a daemon.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use radiograph_admin::systemd::{Notify, Passed};
use radiograph_daemon::config::{self, AWS_VERSION, Config, Request};
use radiograph_daemon::log::{self, Log};
use radiograph_daemon::shutdown::Signals;
use radiograph_daemon::{Daemon, health, lambda, spool_command, supervision};

fn main() -> ExitCode {
    // An error means that one is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "spool")
    {
        return spool_command::run(std::env::args_os());
    }
    let (config, warnings) = match config::load(std::env::args_os()) {
        Ok(Request::Run(config, warnings)) => (config, warnings),
        Ok(Request::Version) => return print(&version()),
        Ok(Request::CheckConfig(report)) => return print(&report),
        Ok(Request::HealthCheck(address)) => return health::check(&address),
        Err(error) => return config::explain(&error),
    };
    match run(&config, &warnings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Config, warnings: &[String]) -> anyhow::Result<()> {
    let log = log::install(&config.log)?;
    tracing::info!("Initializing AWS X-Ray daemon {AWS_VERSION}");
    warnings.iter().for_each(|line| tracing::warn!("{line}"));
    // Before there are threads.
    let passed = Passed::of_this_process()?;
    let notify = Notify::of_this_process();
    // One thread for everything but receiving and disks: handing work over costs more than it does.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(async {
        // Before the start, so that a signal right after the start line is not missed.
        let mut signals = Signals::install().context("signal handlers")?;
        let starting = lambda::start(config.clone(), passed);
        let (mut daemon, extension) = notify
            .starting("finding region and credentials", starting)
            .await?;
        let life = lambda::life(extension, &daemon);
        let reload = |daemon: &mut Daemon| reload(config, &log, daemon);
        let end = supervision::until_ended(&mut daemon, life, &mut signals, &notify, reload).await;
        let stopping = notify.stopping("delivering what is held", end.stop(daemon));
        Ok(stopping.await?)
    })
}

/// SIGHUP: a new log file if the old one was moved away, and the settings that need no restart.
fn reload(started_with: &Config, log: &Log, daemon: &mut Daemon) {
    log.reopen();
    let (new, warnings) = match config::reload(std::env::args_os()) {
        Ok(read) => read,
        Err(error) => return tracing::error!("Configuration is not reloaded: {error}"),
    };
    warnings.iter().for_each(|line| tracing::warn!("{line}"));
    log.set_level(new.log.level);
    daemon.reload(&new);
    tracing::info!("Configuration is reloaded");
    for setting in config::changes(started_with, &new).needs_restart {
        tracing::warn!("{setting} has changed, which takes a restart");
    }
}

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
