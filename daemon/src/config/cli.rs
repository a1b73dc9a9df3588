//! The command line, as AWS's daemon reads it (`spec/daemon.md` section 8), and our own flags.
//!
//! One or two dashes are the same for short and long names, and of a flag given twice the last one
//! holds: arguments to `docker run` stand behind those of the image. Stray words are refused, where
//! AWS's daemon silently ignores all that follows them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use crate::config::LogLevel;
use crate::config::key::Key;
use crate::config::layer::{Layer, Source};
use crate::config::units;

/// What the command line says.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub(crate) layer: Layer,
    /// The configuration file.
    pub(crate) config: Option<PathBuf>,
    /// Whether to run as a Lambda extension; not said: found out.
    pub(crate) lambda_extension: Option<bool>,
    pub(crate) purpose: Purpose,
}

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Run,
    Version,
    CheckConfig,
    HealthCheck,
}

/// Receives X-Ray segments by UDP and sends them to collectors and to AWS.
#[derive(Debug, Parser)]
#[command(
    name = "radiograph-daemon",
    disable_version_flag = true,
    args_override_self = true
)]
struct Args {
    /// ARN of the resource that the daemon runs on, for telemetry
    #[arg(short = 'a', long, value_name = "ARN")]
    resource_arn: Option<String>,
    /// Do not ask EC2 and ECS for region, host name and instance id
    #[arg(short = 'o', long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOLEAN", value_parser = boolean)]
    local_mode: Option<bool>,
    /// Buffer memory in MB; 0 for 1 % of the memory
    #[arg(short = 'm', long, value_name = "MB", allow_negative_numbers = true)]
    buffer_memory: Option<i64>,
    /// Region of endpoint and signature
    #[arg(short = 'n', long, value_name = "REGION")]
    region: Option<String>,
    /// UDP address for segments
    #[arg(short = 'b', long, value_name = "HOST:PORT")]
    bind: Option<String>,
    /// TCP address of the sampling proxy
    #[arg(short = 't', long, value_name = "HOST:PORT")]
    bind_tcp: Option<String>,
    /// Role to assume before calls are signed
    #[arg(short = 'r', long, value_name = "ARN")]
    role_arn: Option<String>,
    /// Configuration file, instead of the default locations
    #[arg(short = 'c', long, value_name = "PATH")]
    config: Option<OsString>,
    /// Log file, instead of standard output
    #[arg(short = 'f', long, value_name = "PATH")]
    log_file: Option<String>,
    /// dev, debug, info, warn, error or prod
    #[arg(short = 'l', long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Outbound proxy
    #[arg(short = 'p', long, value_name = "URL")]
    proxy_address: Option<String>,
    /// Where calls go [default: AWS X-Ray in the region; without one http://127.0.0.1:2080]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// PEM file with the certificate to show to a collector that asks for one
    #[arg(long, value_name = "PATH")]
    client_cert: Option<String>,
    /// PEM file with the key to that certificate
    #[arg(long, value_name = "PATH")]
    client_key: Option<String>,
    /// Where the spool lies
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// Keep what cannot be delivered in memory alone
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOLEAN", value_parser = boolean)]
    no_spool: Option<bool>,
    /// Bytes on disk at most, for each destination [default: 4GiB]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    spool_bytes: Option<String>,
    /// What is older is dropped from the disk [default: 3d]
    #[arg(long, value_name = "TIME", value_parser = time)]
    spool_age: Option<String>,
    /// Address of /livez, /readyz and /metrics, or off [default: 127.0.0.1:2001]
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
    /// For which traces the daemon decides: auto, off or strict [default: auto]
    #[arg(long, value_name = "MODE", value_parser = sampling)]
    sampling: Option<String>,
    /// Pass any call to the TCP proxy on, with the daemon's rights
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOLEAN", value_parser = boolean)]
    proxy_all: Option<bool>,
    /// How long documents are still delivered after a signal to stop [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = time)]
    grace: Option<String>,
    /// Run as an extension in AWS Lambda [default: when started there from /opt/extensions]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOLEAN", value_parser = boolean)]
    lambda_extension: Option<bool>,
    /// Print the effective configuration and where each value comes from
    #[arg(long)]
    check_config: bool,
    /// Ask a running daemon whether it works, at the admin address
    #[arg(long)]
    healthcheck: bool,
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
}

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let args = Args::try_parse_from(args.map(with_usual_dashes))?;
    let purpose = if args.version {
        Purpose::Version
    } else if args.check_config {
        Purpose::CheckConfig
    } else if args.healthcheck {
        Purpose::HealthCheck
    } else {
        Purpose::Run
    };
    Ok(CommandLine {
        config: args
            .config
            .clone()
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
        lambda_extension: args.lambda_extension,
        layer: layer(args),
        purpose,
    })
}

fn layer(args: Args) -> Layer {
    let mut layer = Layer::default();
    let texts = [
        (Key::Bind, args.bind),
        (Key::BindTcp, args.bind_tcp),
        (
            Key::BufferMemory,
            args.buffer_memory.map(|each| each.to_string()),
        ),
        (Key::Region, args.region),
        (Key::ResourceArn, args.resource_arn),
        (Key::RoleArn, args.role_arn),
        (Key::ProxyAddress, args.proxy_address),
        (Key::Endpoint, args.endpoint),
        (Key::ClientCert, args.client_cert),
        (Key::ClientKeyFile, args.client_key),
        (Key::LogPath, args.log_file),
        (Key::LocalMode, args.local_mode.map(|each| each.to_string())),
        (Key::Admin, args.admin),
        (Key::DataDir, args.data_dir),
        (Key::Spool, args.no_spool.map(|each| (!each).to_string())),
        (Key::SpoolBytes, args.spool_bytes),
        (Key::SpoolAge, args.spool_age),
        (Key::Sampling, args.sampling),
        (Key::ProxyAll, args.proxy_all.map(|each| each.to_string())),
        (Key::Grace, args.grace),
    ];
    for (key, text) in texts {
        layer.say(
            key,
            text.unwrap_or_default(),
            Source::Flag(key.known().flag),
        );
    }
    let word = args.log_level.unwrap_or_default();
    if word.is_empty() || LogLevel::parse(&word).is_ok() {
        layer.say(
            Key::LogLevel,
            word,
            Source::Flag(Key::LogLevel.known().flag),
        );
    } else {
        // AWS's daemon keeps the file's level then.
        layer
            .warnings
            .push(format!("--log-level {word} is unknown and ignored"));
    }
    layer
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    units::boolean(text)
}

fn size(text: &str) -> Result<String, &'static str> {
    units::size(text).map(|_| text.to_owned())
}

fn time(text: &str) -> Result<String, &'static str> {
    units::time(text).map(|_| text.to_owned())
}

fn sampling(text: &str) -> Result<String, &'static str> {
    units::sampling_mode(text).map(|_| text.to_owned())
}

/// The definition, for what is made of it: manual page and shell completions.
pub(crate) fn command() -> clap::Command {
    Args::command()
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
        return if is_short || name(flag) == "h" {
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
