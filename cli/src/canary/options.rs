//! The flags of `radiograph canary`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::api::Endpoint;
use crate::demo::udp_address;
use crate::logs::LogLevel;
use crate::time_span::time_span;

/// Write a small trace every few seconds, read it back, and export how that went.
///
/// The trace goes by UDP through a daemon when one is named, else by PutTraceSegments. It is read back
/// by its id, in the summaries by its annotation, and in the service graph, as service
/// radiograph-canary. /metrics on the --listen address tells how long each took, in the form of
/// Prometheus; failures are log lines too. With --once it does so once and exits with 0 or 1.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Where.
    #[command(flatten)]
    pub(crate) at: Endpoint,

    /// UDP address of the daemon to send through [default: none, PutTraceSegments].
    #[arg(long, value_name = "HOST:PORT", value_parser = udp_address)]
    pub(crate) daemon_address: Option<String>,

    /// Time from the start of one round to that of the next.
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = time_span)]
    pub(crate) every: Duration,

    /// How long a trace may take until it is readable everywhere; later is a failure.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time_span)]
    pub(crate) within: Duration,

    /// HTTP address of /metrics and /livez.
    #[arg(
        long,
        env = "RADIOGRAPH_CANARY_LISTEN",
        default_value = "127.0.0.1:2003",
        value_name = "ADDRESS:PORT"
    )]
    pub(crate) listen: SocketAddr,

    /// One round, its outcome on standard output; nothing is listened on.
    #[arg(long)]
    pub(crate) once: bool,

    /// Which log lines are written to standard error.
    #[arg(long, env = "RADIOGRAPH_LOG_LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub(crate) log_level: LogLevel,
}
