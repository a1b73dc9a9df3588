//! The command line, as AWS's daemon reads it (`spec/daemon.md` section 8).
//!
//! One or two dashes are the same for short and long names. Stray words are refused, where AWS's
//! daemon silently ignores all that follows them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use crate::config::LogLevel;
use crate::config::layer::Layer;

/// What the command line says.
pub(crate) struct CommandLine {
    pub(crate) layer: Layer,
    pub(crate) config: Option<PathBuf>,
    pub(crate) wants_version: bool,
}

/// Receives X-Ray segments by UDP and sends them to a collector.
#[derive(Debug, Parser)]
#[command(name = "radiograph-daemon", disable_version_flag = true)]
struct Args {
    /// UDP address for segments
    #[arg(short = 'b', long, value_name = "HOST:PORT")]
    bind: Option<String>,
    /// TCP address of the sampling proxy
    #[arg(short = 't', long, value_name = "HOST:PORT")]
    bind_tcp: Option<String>,
    /// Where uploads and sampling calls go [default: http://127.0.0.1:2080]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Configuration file, instead of the default locations
    #[arg(short = 'c', long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// dev, debug, info, warn, error or prod
    #[arg(short = 'l', long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Buffer memory in MB; 0 for 1 % of the physical memory
    #[arg(short = 'm', long, value_name = "MB", allow_negative_numbers = true)]
    buffer_memory: Option<i64>,
    /// Region, for a log line only so far
    #[arg(short = 'n', long, value_name = "REGION")]
    region: Option<String>,
    /// ARN for telemetry; no effect yet
    #[arg(short = 'a', long, value_name = "ARN")]
    resource_arn: Option<String>,
    /// Role to assume; no effect yet
    #[arg(short = 'r', long, value_name = "ARN")]
    role_arn: Option<String>,
    /// Outbound proxy; no effect yet
    #[arg(short = 'p', long, value_name = "URL")]
    proxy_address: Option<String>,
    /// Log file; no effect yet, the log goes to standard output
    #[arg(short = 'f', long, value_name = "PATH")]
    log_file: Option<String>,
    /// Do not ask instance metadata, which this version never does
    #[arg(short = 'o', long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    local_mode: Option<bool>,
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
}

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let args = Args::try_parse_from(args.map(with_usual_dashes))?;
    let mut layer = Layer {
        bind: args.bind,
        bind_tcp: args.bind_tcp,
        endpoint: args.endpoint,
        buffer_mb: args.buffer_memory,
        region: args.region,
        ..Layer::default()
    };
    if let Some(word) = args.log_level {
        layer.log_level = LogLevel::parse(&word);
        if layer.log_level.is_none() {
            // AWS's daemon keeps the file's level then.
            layer
                .warnings
                .push(format!("--log-level {word} is unknown and ignored"));
        }
    }
    let without_effect = [
        ("--resource-arn", args.resource_arn),
        ("--role-arn", args.role_arn),
        ("--proxy-address", args.proxy_address),
        ("--log-file", args.log_file),
    ];
    for (flag, value) in without_effect {
        if value.is_some_and(|value| !value.is_empty()) {
            layer.warn_without_effect(flag);
        }
    }
    Ok(CommandLine {
        layer,
        config: args.config,
        wants_version: args.version,
    })
}

/// The usage, which AWS's daemon prints beside the error.
pub(crate) fn usage() -> String {
    Args::command().render_usage().to_string()
}

/// `-region` becomes `--region`, `--n` becomes `-n`; anything else stays.
fn with_usual_dashes(arg: OsString) -> OsString {
    let Some(text) = arg.to_str() else {
        return arg;
    };
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    let command = Args::command();
    let mut flags = command.get_arguments();
    if let Some(flag) = text.strip_prefix("--") {
        let is_short = flags.any(|each| each.get_short().map(String::from) == Some(name(flag)));
        return if is_short {
            format!("-{flag}").into()
        } else {
            arg
        };
    }
    let Some(flag) = text.strip_prefix('-') else {
        return arg;
    };
    let is_long = name(flag) == "help" || flags.any(|each| each.get_long() == Some(&name(flag)));
    if is_long {
        format!("--{flag}").into()
    } else {
        arg
    }
}
