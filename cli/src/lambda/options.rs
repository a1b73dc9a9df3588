//! The flags of `radiograph lambda`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::demo::udp_address;
use crate::logs::LogLevel;

/// Run a Lambda function on this machine, traced as in Lambda.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The function's handler, as configured in Lambda: app.handler.
    #[arg(long, env = "_HANDLER", value_name = "MODULE.FUNCTION")]
    pub(super) handler: Option<String>,

    /// The language's runtime interface client [default: told by the handler's file].
    #[arg(long, value_enum)]
    pub(super) runtime: Option<Language>,

    /// Directory of the function's code; the function runs in it.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    pub(super) code: PathBuf,

    /// The function's name [default: that of the directory].
    #[arg(long, env = "AWS_LAMBDA_FUNCTION_NAME", value_name = "NAME")]
    pub(super) function_name: Option<String>,

    /// Address of the Invoke API.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9000")]
    pub(super) listen: SocketAddr,

    /// Invoke once with this event and print the result: JSON, a file, or - for standard input.
    #[arg(long, value_name = "JSON|FILE|-", conflicts_with = "listen")]
    pub(super) event: Option<String>,

    /// Seconds that an invocation may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=900))]
    pub(super) timeout: u16,

    /// What the function is told to have, in MB; nothing holds it to that.
    #[arg(long, value_name = "MB", default_value_t = 128, value_parser = clap::value_parser!(u16).range(128..=10_240))]
    pub(super) memory: u16,

    /// Processes of the function, each of which handles one invocation at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(super) concurrency: u16,

    /// Invocations that may wait for a process; more are throttled.
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(super) queue: u16,

    /// Whether the two segments of the Lambda service are sent.
    #[arg(long, value_enum, default_value_t = Mode::Active)]
    pub(super) tracing: Mode,

    /// UDP address of the daemon. Takes what X-Ray SDKs take in the variable.
    #[arg(
        long,
        env = "AWS_XRAY_DAEMON_ADDRESS",
        default_value = "127.0.0.1:2000",
        value_name = "HOST:PORT",
        value_parser = udp_address
    )]
    pub(super) daemon_address: String,

    /// An executable to run as external extension; may be repeated.
    #[arg(long = "extension", value_name = "FILE")]
    pub(super) extensions: Vec<PathBuf>,

    /// The region in the function's ARN and environment.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub(super) region: String,

    /// The account in the function's ARN.
    #[arg(long, value_name = "ID", default_value = "012345678912")]
    pub(super) account_id: String,

    /// Give the function credentials that open nothing where the environment has none.
    #[arg(long)]
    pub(super) dummy_credentials: bool,

    /// Which log lines are written to standard error.
    #[arg(long, env = "RADIOGRAPH_LOG_LEVEL", value_enum, default_value_t = LogLevel::Warn)]
    pub(super) log_level: LogLevel,

    /// A program that speaks the runtime API, instead of a handler [default: bootstrap].
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// Languages whose runtime interface client is found without being named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// `awslambdaric` from PyPI.
    Python,
    /// `aws-lambda-ric` from npm.
    Node,
}

/// Lambda's tracing configuration of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Send them, unless the caller decided against the trace.
    Active,
    /// Only hand on what the caller sent.
    Passthrough,
}
