//! The command line: what can be asked, not what is done.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use radiograph_collector::config::{
    AdminAddress, RetentionAge, RetentionBytes, SealBytes, WindowMax,
};
use radiograph_protocol::limits::{SAMPLING_RULES_MAX_DEFAULT, SAMPLING_RULES_MAX_MAX};

use crate::backup;
use crate::canary;
use crate::demo;
use crate::export;
use crate::import;
use crate::keys;
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

    /// HTTP address of the X-Ray API.
    #[arg(
        long,
        env = "RADIOGRAPH_LISTEN",
        default_value = "127.0.0.1:2080",
        value_name = "ADDRESS:PORT"
    )]
    pub(crate) listen: SocketAddr,

    /// Directory for everything stored [default: radiograph-data in the user's data directory].
    #[arg(long, env = "RADIOGRAPH_DATA_DIR", value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Longest window of summaries and service graphs in hours, as on AWS; 0 or none lifts the bound.
    #[arg(
        long,
        env = "RADIOGRAPH_QUERY_WINDOW_MAX",
        default_value_t,
        value_name = "HOURS"
    )]
    pub(crate) query_window_max: WindowMax,

    /// How many sampling rules there may be besides the Default rule.
    #[arg(
        long,
        env = "RADIOGRAPH_SAMPLING_RULES_MAX",
        value_name = "COUNT",
        default_value_t = SAMPLING_RULES_MAX_DEFAULT,
        value_parser = clap::value_parser!(u16).range(..=i64::from(SAMPLING_RULES_MAX_MAX))
    )]
    pub(crate) sampling_rules_max: u16,

    /// How long segments are kept, in days (30d) or hours (36h); 0 or none keeps them for ever.
    #[arg(
        long,
        env = "RADIOGRAPH_RETENTION",
        value_name = "AGE",
        default_value_t
    )]
    pub(crate) retention: RetentionAge,

    /// How much is kept on disk, as in 20GB: the oldest hours beyond are dropped; 0 or none for no bound.
    #[arg(
        long,
        env = "RADIOGRAPH_RETENTION_BYTES",
        value_name = "SIZE",
        default_value_t
    )]
    pub(crate) retention_bytes: RetentionBytes,

    /// Bytes of documents at which a log is sealed: less takes less memory, more makes fewer files.
    #[arg(
        long,
        env = "RADIOGRAPH_SEAL_BYTES",
        value_name = "SIZE",
        default_value_t
    )]
    pub(crate) seal_bytes: SealBytes,

    /// File of access keys: every call must be signed with one of them; radiograph keys new makes it.
    #[arg(long, env = "RADIOGRAPH_KEYS", value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,

    /// Beyond loopback: let everybody call who reaches the address.
    #[arg(long, env = "RADIOGRAPH_WITHOUT_KEYS", conflicts_with = "keys")]
    pub(crate) without_keys: bool,

    /// Beyond loopback: speak plain HTTP, which everybody on the way can read.
    #[arg(long, env = "RADIOGRAPH_WITHOUT_TLS")]
    pub(crate) without_tls: bool,

    /// Address of the collector's /livez, /readyz and /metrics, or off [default: 127.0.0.1:2081].
    #[arg(long, env = "RADIOGRAPH_ADMIN", value_name = "HOST:PORT")]
    pub(crate) admin: Option<AdminAddress>,

    /// Which log lines are written to standard error.
    #[arg(long, env = "RADIOGRAPH_LOG_LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub(crate) log_level: LogLevel,
}
