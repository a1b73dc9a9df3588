//! Reads command line, environment and file, in this order, into one checked configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::check::{self, Checked};
use crate::config::cli::{self, CommandLine, Purpose};
use crate::config::env::Environment;
use crate::config::layer::Layer;
use crate::config::{Config, ConfigError, extension, file, report};

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Run, after writing these warnings to the log.
    Run(Box<Config>, Vec<String>),
    /// Print the version and end.
    Version,
    /// Print this report on the configuration and end.
    CheckConfig(String),
    /// Ask the daemon at this admin address whether it works, and end.
    HealthCheck(String),
}

/// Reads the command line, the environment and the file into one configuration.
///
/// # Errors
/// [`ConfigError`] names the flag, variable, file or key at fault.
pub fn load(args: impl Iterator<Item = OsString>) -> Result<Request, ConfigError> {
    load_in(args, &Environment::of_this_process())
}

/// Reads all of it again, for a daemon that runs: what it is to take over from now on, and what to
/// warn of.
///
/// # Errors
/// As of [`load`]; the daemon then keeps what it has.
pub fn reload(args: impl Iterator<Item = OsString>) -> Result<(Config, Vec<String>), ConfigError> {
    let environment = Environment::of_this_process();
    let (_, checked) = everything(cli::parse(args)?, &environment)?;
    Ok((checked.config, checked.warnings))
}

/// Reads a configuration file's text; for the fuzz target, which lives in another crate.
#[doc(hidden)]
pub fn fuzz_file(text: &str) {
    let environment = Environment::default();
    if let Ok(layer) = file::parse(text, Path::new("fuzz.yaml"))
        && let Ok(checked) = check::checked(layer, &environment)
    {
        let lines = report::report(&checked, None);
        debug_assert!(lines.ends_with("configuration is valid\n"), "{lines}");
    }
}

pub(crate) fn load_in(
    args: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> Result<Request, ConfigError> {
    let command_line = cli::parse(args)?;
    let purpose = command_line.purpose;
    if purpose == Purpose::Version {
        return Ok(Request::Version);
    }
    let (path, checked) = everything(command_line, environment)?;
    Ok(match purpose {
        Purpose::CheckConfig => Request::CheckConfig(report::report(&checked, path.as_deref())),
        Purpose::HealthCheck => {
            let address = checked.config.admin;
            Request::HealthCheck(address.ok_or(ConfigError::NoAdminAddress)?)
        }
        Purpose::Run | Purpose::Version => Request::Run(Box::new(checked.config), checked.warnings),
    })
}

/// The file that was read, and what all sources say together.
fn everything(
    command_line: CommandLine,
    environment: &Environment,
) -> Result<(Option<PathBuf>, Checked), ConfigError> {
    let own = environment.own()?;
    let named = command_line.config.or_else(|| environment.config_path());
    let (path, file) = file::read(named, &environment.default_files)?;
    let layers = [command_line.layer, own, file, environment.aws()];
    let mut all = layers.into_iter().fold(Layer::default(), Layer::over);
    let found = extension::find(command_line.lambda_extension, environment)?;
    if found.is_some() {
        all = all.over(extension::defaults());
    }
    let mut checked = check::checked(all, environment)?;
    checked.lines.extend(found.as_ref().map(extension::line));
    checked.config.extension = found.map(|found| found.config);
    Ok((path, checked))
}
