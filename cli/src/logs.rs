//! The log of the all-in-one process: standard error, so that standard output is the announcement's.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How much is logged; AWS's words `prod` and `dev` are understood too, as the daemon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What was lost, or needs a person.
    Error,
    /// What is odd.
    Warn,
    /// Start, stop, reconfiguration.
    #[value(alias = "prod")]
    Info,
    /// Single segments and requests.
    Debug,
    /// Everything.
    #[value(alias = "dev")]
    Trace,
}

/// Starts the log: ours from `level` on, that of libraries from `warn` on.
///
/// # Errors
/// The process has a log already.
pub(crate) fn install(level: LogLevel) -> Result<(), TryInitError> {
    let ours = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let filter = Targets::new()
        .with_target("radiograph", ours)
        .with_default(LevelFilter::from(ours).min(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init()
}
