//! `radiograph-collector`: the X-Ray service as a server of its own.

use std::error::Error as _;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use radiograph_collector::config::{
    AdminAddress, ConnectionsMax, Exposure, RequestRate, RetentionAge, RetentionBytes, SealBytes,
    TlsFiles, WindowMax,
};
use radiograph_collector::{Config, clock, shutdown, start};
use radiograph_protocol::limits::{SAMPLING_RULES_MAX_DEFAULT, SAMPLING_RULES_MAX_MAX};
use tracing::{Level, error, info};

/// Documents are allocated by one thread and freed by another, many at a time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Stores segments, stitches them into traces, and answers the X-Ray API.
#[derive(Debug, Parser)]
#[command(name = "radiograph-collector", version, about)]
struct Args {
    /// Address of the X-Ray API.
    #[arg(long, env = "RADIOGRAPH_LISTEN", default_value = "127.0.0.1:2080")]
    listen: SocketAddr,
    /// Directory that holds everything; made if it is not there [default: radiograph-data under the
    /// user's data directory].
    #[arg(long, env = "RADIOGRAPH_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// What is logged: error, warn, info, debug or trace.
    #[arg(short, long, env = "RADIOGRAPH_LOG_LEVEL", default_value = "info")]
    log_level: Level,
    /// Region in ARNs.
    #[arg(long, env = "RADIOGRAPH_REGION", default_value = "us-east-1")]
    region: String,
    /// Account in ARNs.
    #[arg(long, env = "RADIOGRAPH_ACCOUNT_ID", default_value = "000000000000")]
    account_id: String,
    /// Longest window of summaries and service graphs in hours, as on AWS; 0 or none lifts the bound.
    #[arg(
        long,
        env = "RADIOGRAPH_QUERY_WINDOW_MAX",
        value_name = "HOURS",
        default_value_t
    )]
    query_window_max: WindowMax,
    /// How many sampling rules there may be besides the Default rule.
    #[arg(
        long,
        env = "RADIOGRAPH_SAMPLING_RULES_MAX",
        value_name = "COUNT",
        default_value_t = SAMPLING_RULES_MAX_DEFAULT,
        value_parser = clap::value_parser!(u16).range(..=i64::from(SAMPLING_RULES_MAX_MAX))
    )]
    sampling_rules_max: u16,
    /// How long segments are kept, in days (30d) or hours (36h); 0 or none keeps them for ever.
    #[arg(
        long,
        env = "RADIOGRAPH_RETENTION",
        value_name = "AGE",
        default_value_t
    )]
    retention: RetentionAge,
    /// How much is kept on disk, as in 20GB: the oldest hours beyond are dropped; 0 or none for no bound.
    #[arg(
        long,
        env = "RADIOGRAPH_RETENTION_BYTES",
        value_name = "SIZE",
        default_value_t
    )]
    retention_bytes: RetentionBytes,
    /// Bytes of documents at which a log is sealed: less takes less memory, more makes fewer files.
    #[arg(
        long,
        env = "RADIOGRAPH_SEAL_BYTES",
        value_name = "SIZE",
        default_value_t
    )]
    seal_bytes: SealBytes,
    /// Certificate of the X-Ray API in PEM, with those that lead to a root; then it speaks TLS alone.
    #[arg(
        long,
        env = "RADIOGRAPH_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate in PEM, not encrypted.
    #[arg(
        long,
        env = "RADIOGRAPH_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Authorities of client certificates in PEM; clients without a certificate of theirs are refused.
    #[arg(
        long,
        env = "RADIOGRAPH_TLS_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_client_ca: Option<PathBuf>,
    /// Requests per second that one client may make, by key or by address; 0 or none for no limit.
    #[arg(
        long,
        env = "RADIOGRAPH_RATE_LIMIT",
        value_name = "REQUESTS",
        default_value_t
    )]
    rate_limit: RequestRate,
    /// Connections to the X-Ray API that may be open; others wait.
    #[arg(
        long,
        env = "RADIOGRAPH_CONNECTIONS_MAX",
        value_name = "NUMBER",
        default_value_t
    )]
    connections_max: ConnectionsMax,
    /// File of access keys: every call must be signed with one of them; radiograph keys new makes it.
    #[arg(long, env = "RADIOGRAPH_KEYS", value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Beyond loopback: let everybody call who reaches the address.
    #[arg(long, env = "RADIOGRAPH_WITHOUT_KEYS", conflicts_with = "keys")]
    without_keys: bool,
    /// Beyond loopback: speak plain HTTP, which everybody on the way can read.
    #[arg(long, env = "RADIOGRAPH_WITHOUT_TLS")]
    without_tls: bool,
    /// Address of /livez, /readyz and /metrics, or off [default: 127.0.0.1:2081].
    #[arg(long, env = "RADIOGRAPH_ADMIN", value_name = "HOST:PORT")]
    admin: Option<AdminAddress>,
    /// Ask a running collector whether it works, at the admin address.
    #[arg(long)]
    healthcheck: bool,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    let admin = args.admin.take().unwrap_or(AdminAddress::Default);
    if args.healthcheck {
        return check(&admin);
    }
    run(args, admin)
}

/// Asks the collector beside this process whether it lives.
fn check(admin: &AdminAddress) -> ExitCode {
    match admin.address() {
        Some(address) => radiograph_admin::health::check(address, clock::instant),
        None => {
            let off = "--healthcheck: the admin address is off; give it an address";
            match writeln!(std::io::stderr(), "{off}") {
                // whether or not anybody reads it, the answer is no
                Ok(()) | Err(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// Both files, or none: the command line sees to that.
fn tls_files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
) -> Option<TlsFiles> {
    Some(TlsFiles {
        certificate: certificate?,
        key: key?,
        client_ca,
    })
}

#[tokio::main]
async fn run(args: Args, admin: AdminAddress) -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(args.log_level)
        .with_ansi(std::io::stdout().is_terminal())
        .with_writer(std::io::stdout)
        .init();
    let defaults = Config::default();
    let config = Config {
        listen: args.listen,
        data_dir: args.data_dir.unwrap_or(defaults.data_dir),
        region: args.region,
        account_id: args.account_id,
        query_window_max: args.query_window_max,
        sampling_rules_max: args.sampling_rules_max,
        admin,
        retention: args.retention,
        retention_bytes: args.retention_bytes,
        seal_bytes: args.seal_bytes,
        tls: tls_files(args.tls_cert, args.tls_key, args.tls_client_ca),
        rate_limit: args.rate_limit,
        connections_max: args.connections_max,
        keys: args.keys,
        own_key: None,
        exposure: Exposure {
            without_keys: args.without_keys,
            without_tls: args.without_tls,
        },
    };
    // before anything starts, so that a signal right after the first line is not missed
    let signal = match shutdown::listen() {
        Ok(signal) => signal,
        Err(cause) => {
            error!(error = %cause, "cannot listen for signals");
            return ExitCode::FAILURE;
        }
    };
    let collector = match start(config).await {
        Ok(collector) => collector,
        Err(cause) => {
            let source = cause.source().map(radiograph_admin::with_causes);
            let source = source.unwrap_or_default();
            error!(error = %cause, source, "collector did not start");
            return ExitCode::FAILURE;
        }
    };
    let signal = signal.await;
    info!(signal, "stopping");
    collector.stop().await;
    ExitCode::SUCCESS
}
