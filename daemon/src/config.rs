//! The daemon's configuration: four sources into one checked [`Config`].
//!
//! Precedence: flag, `RADIOGRAPH_…` variable, file, AWS's own variables, built-in
//! (`spec/daemon.md` sections 8 to 10).

mod cli;
mod env;
mod file;
mod layer;
mod memory;

use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use layer::Layer;

/// What AWS's daemon calls itself; scripts read it from `-v`.
pub const AWS_VERSION: &str = "3.6.6";

/// A daemon's configuration, complete and immutable once the daemon has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// UDP address for segments, `host:port`; port 0 takes a free one, `0.0.0.0` means IPv6 too.
    /// Default `127.0.0.1:2000`. AWS: `-b`, `Socket.UDPAddress`.
    pub bind: String,
    /// TCP address of the sampling proxy, `host:port`. Default `127.0.0.1:2000`. AWS: `-t`,
    /// `Socket.TCPAddress`.
    pub bind_tcp: String,
    /// Where uploads and sampling calls go: `http://host:port`, a path is a prefix. Default
    /// `http://127.0.0.1:2080`. AWS: `Endpoint`, `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// Bytes of documents held at most, those being uploaded included. Default 1 % of the physical
    /// memory, at least 16 MiB. AWS: `-m`, `TotalBufferSizeMB`.
    pub buffer_bytes: usize,
    /// Uploads in flight at once. Default 8. AWS: `Concurrency`.
    pub concurrency: NonZeroUsize,
    /// Named in a log line only, until requests are signed. Default `us-east-1`. AWS: `-n`, `Region`.
    pub region: String,
    /// Default `prod`, that is `info`. AWS: `-l`, `Logging.LogLevel`.
    pub log_level: LogLevel,
    /// How long documents may still be delivered after the daemon was asked to stop; what is left
    /// then is given up. Default 5 s: Docker kills after 10 s. AWS has no limit.
    pub grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:2000".to_owned(),
            bind_tcp: "127.0.0.1:2000".to_owned(),
            endpoint: "http://127.0.0.1:2080".to_owned(),
            buffer_bytes: memory::buffer_bytes_default(),
            concurrency: CONCURRENCY_DEFAULT,
            region: "us-east-1".to_owned(),
            log_level: LogLevel::Info,
            grace: Duration::from_secs(5),
        }
    }
}

const CONCURRENCY_DEFAULT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// AWS: `dev`.
    Trace,
    /// AWS: `debug`.
    Debug,
    /// AWS: `info` and `prod`.
    Info,
    /// AWS: `warn`.
    Warn,
    /// AWS: `error`.
    Error,
}

impl LogLevel {
    /// Reads AWS's word for it.
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "dev" => Self::Trace,
            "debug" => Self::Debug,
            "info" | "prod" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => return None,
        })
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Run, after writing these warnings to the log.
    Run(Config, Vec<String>),
    /// Print the version and end.
    Version,
}

/// Why the configuration is unusable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The command line is wrong, or asks for help: exit code 2 or 0.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("configuration file {path}: cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's content is wrong.
    #[error("configuration file {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// The key, the value, what is allowed; of a syntax error the line.
        problem: String,
    },
    /// A value is out of its range.
    #[error("{key}: {value} is not allowed; {allowed}")]
    Value {
        /// AWS's name of the setting.
        key: &'static str,
        /// As configured.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

/// Reads the command line, the environment and the file into one configuration.
///
/// # Errors
/// [`ConfigError`] names the flag, file or key at fault.
pub fn load(args: impl Iterator<Item = OsString>) -> Result<Request, ConfigError> {
    load_from(args, env::process)
}

/// Tells what is wrong with the command line, and the usage; the exit code is 2. When help was asked
/// for, shows that; the exit code is 0.
#[must_use]
pub fn explain(error: &clap::Error) -> ExitCode {
    let shown = error.print();
    if !error.use_stderr() {
        return shown.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let usage = writeln!(std::io::stdout(), "{}", cli::usage());
    match shown.and(usage) {
        // Whether or not anybody reads it, the command line was wrong.
        Ok(()) | Err(_) => ExitCode::from(2),
    }
}

fn load_from(
    args: impl Iterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Request, ConfigError> {
    let command_line = cli::parse(args)?;
    if command_line.wants_version {
        return Ok(Request::Version);
    }
    let own = env::own(&variable)?;
    let path = command_line.config.or_else(|| env::config_path(&variable));
    let file = file::read(path)?;
    let layers = [command_line.layer, own, file, env::aws(&variable)];
    let all = layers.into_iter().fold(Layer::default(), Layer::over);
    let (config, warnings) = checked(all)?;
    Ok(Request::Run(config, warnings))
}

/// Fills in the defaults and checks the ranges.
fn checked(layer: Layer) -> Result<(Config, Vec<String>), ConfigError> {
    let default = Config::default();
    let config = Config {
        bind: layer.bind.unwrap_or(default.bind),
        bind_tcp: layer.bind_tcp.unwrap_or(default.bind_tcp),
        endpoint: layer.endpoint.unwrap_or(default.endpoint),
        buffer_bytes: match layer.buffer_mb {
            Some(megabytes) if megabytes > 0 => memory::buffer_bytes(megabytes)?,
            _ => default.buffer_bytes,
        },
        concurrency: match layer.concurrency {
            Some(number) => concurrency(number)?,
            None => default.concurrency,
        },
        region: layer.region.unwrap_or(default.region),
        log_level: layer.log_level.unwrap_or(default.log_level),
        grace: default.grace,
    };
    Ok((config, layer.warnings))
}

/// 0 means the default. AWS starts no uploader for a negative number, and everything spills.
fn concurrency(number: i64) -> Result<NonZeroUsize, ConfigError> {
    let out_of_range = || ConfigError::Value {
        key: "Concurrency",
        value: number.to_string(),
        allowed: "0 to 1000, 0 for the default of 8",
    };
    let number_checked = usize::try_from(number).map_err(|_| out_of_range())?;
    if number_checked > 1000 {
        return Err(out_of_range());
    }
    Ok(NonZeroUsize::new(number_checked).unwrap_or(CONCURRENCY_DEFAULT))
}

#[cfg(test)]
mod tests;
