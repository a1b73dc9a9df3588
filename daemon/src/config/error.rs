//! Why a configuration is unusable, and how that is told (`spec/daemon.md` sections 8 and 12).

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::cli;

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
        source: io::Error,
    },
    /// The file's content is wrong.
    #[error("configuration file {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// The key, the value, what is allowed; of a syntax error the line.
        problem: String,
    },
    /// The list of destinations in a variable is wrong.
    #[error("RADIOGRAPH_DESTINATIONS: {problem}")]
    Destinations {
        /// The key, the value, what is allowed; of a syntax error the line.
        problem: String,
    },
    /// A value is out of its range.
    #[error("{place}: {value} is not allowed; {allowed}")]
    Value {
        /// The flag, the variable, or the file and the key.
        place: String,
        /// As configured, secrets masked.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// An endpoint stands beside the list of destinations.
    #[error(
        "{place}: cannot stand beside Radiograph.Destinations; move it into the list as a \
         destination's Endpoint"
    )]
    EndpointBesideList {
        /// The file and the key, or the variable.
        place: String,
    },
    /// A flag or variable names one endpoint for several destinations.
    #[error("{place}: one endpoint cannot overrule the {count} of Radiograph.Destinations")]
    EndpointOverList {
        /// The flag or variable.
        place: String,
        /// How many destinations there are.
        count: usize,
    },
    /// A daemon without an admin address cannot be asked whether it works.
    #[error("--healthcheck: the admin address is off; give it an address")]
    NoAdminAddress,
}

/// Tells what is wrong: of a command line with the usage, exit code 2; else exit code 1. When help
/// was asked for, shows that; the exit code is 0.
#[must_use]
pub fn explain(error: &ConfigError) -> ExitCode {
    let ConfigError::Usage(usage) = error else {
        let mut text = error.to_string();
        if let Some(source) = std::error::Error::source(error) {
            text = format!("{text}: {source}");
        }
        return match writeln!(io::stderr(), "{text}") {
            // Nobody is left to tell when standard error is closed.
            Ok(()) | Err(_) => ExitCode::FAILURE,
        };
    };
    let shown = usage.print();
    if !usage.use_stderr() {
        return shown.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let usage = writeln!(io::stdout(), "{}", cli::usage());
    match shown.and(usage) {
        // Whether or not anybody reads it, the command line was wrong.
        Ok(()) | Err(_) => ExitCode::from(2),
    }
}
