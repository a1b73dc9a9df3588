//! The command line: what can be asked, not what is done.

use clap::{Args, Parser, Subcommand};
use radiograph_collector::config::CollectorArgs;

use crate::backup;
use crate::canary;
use crate::demo;
use crate::export;
use crate::import;
use crate::keys;
use crate::lambda;
use crate::logs::LogLevel;
use crate::pin;
use crate::query;
use crate::restore;
use crate::rules;
use crate::store;
use crate::torture;
use crate::why_not;

/// X-Ray compatible tracing in one process: a daemon that applications send to and a collector that
/// answers the X-Ray API.
#[derive(Debug, Parser)]
#[command(name = "radiograph", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// What to do; without a word, run daemon and collector.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// How to run them.
    #[command(flatten)]
    pub(crate) servers: Servers,
}

/// What else the binary can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Options),
    Torture(torture::Options),
    Canary(canary::Options),
    Export(export::Options),
    Import(import::Options),
    Backup(backup::Options),
    Restore(restore::Options),
    Keys(keys::Options),
    Lambda(lambda::Options),
    Pin(pin::Options),
    Pins(pin::ListOptions),
    Unpin(pin::UnpinOptions),
    Rules(rules::Options),
    Store(store::Options),
    Query(query::Options),
    WhyNot(why_not::Options),
}

/// Flags of the all-in-one process; they have the names that the two servers use.
#[derive(Debug, Clone, Args)]
pub(crate) struct Servers {
    /// UDP address that segments are sent to.
    #[arg(
        long,
        env = "RADIOGRAPH_BIND",
        default_value = "127.0.0.1:2000",
        value_name = "HOST:PORT"
    )]
    pub(crate) bind: String,

    /// TCP address of the sampling proxy [default: that of --bind, where SDKs expect it].
    #[arg(long, env = "RADIOGRAPH_BIND_TCP", value_name = "HOST:PORT")]
    pub(crate) bind_tcp: Option<String>,

    /// Everything about the collector.
    #[command(flatten)]
    pub(crate) collector: CollectorArgs,

    /// Ask a running radiograph whether it works, at the admin address.
    #[arg(long)]
    pub(crate) healthcheck: bool,

    /// Which log lines are written to standard error.
    #[arg(long, env = "RADIOGRAPH_LOG_LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub(crate) log_level: LogLevel,
}
