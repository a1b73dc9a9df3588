//! The bench's command line.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

use super::scenario::Scenario;
use super::target::{Binaries, Kind};

/// Measures the daemon beside the least program that does the same job.
#[derive(Debug, Parser)]
#[command(name = "daemon")]
struct Args {
    /// What to measure [default: everything but profile]
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// AWS's daemon, measured too
    #[arg(long, value_name = "PATH")]
    peer: Option<PathBuf>,
    /// Radiograph's daemon [default: the one beside this binary]
    #[arg(long, value_name = "PATH")]
    daemon: Option<PathBuf>,
    /// Its stripped static build, for its size alone
    #[arg(long, value_name = "PATH")]
    dist: Option<PathBuf>,
    /// How long each load lasts [default: 4, with --full 10; 30 where nothing may be lost]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// How long the destination is away [default: 20 seconds, with --full 10 minutes]
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Measurements of one figure, of which the middle counts [default: 1, with --full 3]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// As the bars ask: half an hour instead of some minutes
    #[arg(long)]
    full: bool,
    /// Segments a second, for profile
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    rate: u32,
    /// Bytes of a document, for profile
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    bytes: usize,
    /// Exit with 1 when a bar is missed
    #[arg(long)]
    check: bool,
}

/// What to measure, and how.
#[derive(Debug)]
pub struct Settings {
    /// In order.
    pub scenarios: Vec<Scenario>,
    /// What is started.
    pub binaries: Binaries,
    /// The static build.
    pub dist: Option<PathBuf>,
    /// How long a load lasts whose CPU is measured.
    pub lasting: Duration,
    /// How long a load lasts of which nothing may be lost.
    pub lossless: Duration,
    /// How long the destination is away.
    pub outage: Duration,
    /// Measurements of one figure.
    pub rounds: usize,
    /// Whether everything is measured that the bars ask for.
    pub full: bool,
    /// Of `profile`.
    pub rate: u32,
    /// Of `profile`.
    pub bytes: usize,
    /// Whether a missed bar is an error.
    pub check: bool,
    /// Of the documents' random parts.
    pub seed: u64,
}

impl Settings {
    /// The daemons that are set beside the floor.
    #[must_use]
    pub fn daemons(&self) -> Vec<Kind> {
        let peer = self.binaries.peer.as_ref().map(|_| Kind::Peer);
        [Kind::Plain].into_iter().chain(peer).collect()
    }
}

/// Reads the command line and looks at the daemon. Help and wrong arguments end the process.
///
/// # Errors
/// When there is no daemon to measure.
pub fn parse() -> anyhow::Result<Settings> {
    let args = Args::parse();
    let beside = std::env::current_exe()?.with_file_name("radiograph-daemon");
    let daemon = args.daemon.unwrap_or(beside);
    let help = Command::new(&daemon).arg("--help").output();
    let help = help.with_context(|| {
        let daemon = daemon.display();
        format!("{daemon} does not run; `cargo build --release -p radiograph-daemon` first")
    })?;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let scenarios = match args.scenarios {
        none if none.is_empty() => Scenario::usual(),
        some => some,
    };
    let seconds = |usual: u64, full: u64| {
        let seconds = args.seconds.unwrap_or(if args.full { full } else { usual });
        Duration::from_secs(seconds)
    };
    let outage = match args.minutes {
        Some(minutes) => Duration::from_secs(60 * minutes),
        None => Duration::from_secs(if args.full { 600 } else { 20 }),
    };
    Ok(Settings {
        scenarios,
        binaries: Binaries {
            daemon,
            peer: args.peer,
            help,
        },
        dist: args.dist,
        lasting: seconds(4, 10),
        lossless: seconds(5, 30),
        outage,
        rounds: args.rounds.unwrap_or(if args.full { 3 } else { 1 }).max(1),
        full: args.full,
        rate: args.rate,
        bytes: args.bytes,
        check: args.check,
        seed: 1,
    })
}
