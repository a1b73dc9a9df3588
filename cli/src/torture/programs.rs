//! How the two servers are started: their flags, and the lines of theirs that are read.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::options::Options;
use super::process::Program;

const COLLECTOR: &str = "radiograph-collector";
const DAEMON: &str = "radiograph-daemon";

/// The labels of the collector's lines.
const COLLECTOR_LABELS: [&str; 1] = ["collector listens for the X-Ray API address="];
/// The labels of the daemon's lines.
const DAEMON_LABELS: [&str; 3] = [
    "Listening for segments on udp ",
    "Metrics and health on http://",
    "Counters: ",
];
/// Its places in them.
pub(super) const UDP: usize = 0;
pub(super) const ADMIN: usize = 1;
pub(super) const COUNTERS: usize = 2;

/// The collector, with its data in `data` and its log in `dir`.
///
/// # Errors
/// Its binary is not there.
pub(super) fn collector(options: &Options, data: &Path, dir: &Path) -> anyhow::Result<Program> {
    let data = data.display();
    Ok(Program {
        name: COLLECTOR,
        binary: binary(options.collector.as_deref(), COLLECTOR, "--collector")?,
        args: vec![
            "--listen=127.0.0.1:0".to_owned(),
            format!("--data-dir={data}"),
            "--query-window-max=none".to_owned(),
            // so that there is always something being sealed when a kill comes
            "--seal-bytes=300000".to_owned(),
        ],
        log: dir.join("collector.log"),
        labels: &COLLECTOR_LABELS,
    })
}

/// The daemon, which uploads to `endpoint`; else as the collector.
///
/// # Errors
/// Its binary is not there.
pub(super) fn daemon(
    options: &Options,
    data: &Path,
    dir: &Path,
    endpoint: &str,
) -> anyhow::Result<Program> {
    let data = data.display();
    let args = [
        "--bind=127.0.0.1:0",
        "--bind-tcp=127.0.0.1:0",
        "--admin=127.0.0.1:0",
        // a second of grace is a chance to deliver; the rest is the spool's
        "--grace=1",
        "--local-mode=true",
    ];
    let mut args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    args.push(format!("--endpoint={endpoint}"));
    args.push(format!("--data-dir={data}"));
    Ok(Program {
        name: DAEMON,
        binary: binary(options.daemon.as_deref(), DAEMON, "--daemon")?,
        args,
        log: dir.join("daemon.log"),
        labels: &DAEMON_LABELS,
    })
}

/// Whether both binaries are there.
///
/// # Errors
/// Which one is not, and the flag for it.
pub(super) fn check(options: &Options) -> anyhow::Result<()> {
    binary(options.collector.as_deref(), COLLECTOR, "--collector")?;
    binary(options.daemon.as_deref(), DAEMON, "--daemon")?;
    Ok(())
}

fn binary(given: Option<&Path>, name: &str, flag: &str) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()
            .context("where this binary is")?
            .with_file_name(name),
    };
    anyhow::ensure!(
        path.is_file(),
        "{} is not there; say with {flag} where {name} is",
        path.display()
    );
    Ok(path)
}
