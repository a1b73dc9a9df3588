//! The collector under test: a process of its own that is killed and started again.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::Options;
use crate::books::Books;

const LOOK_EVERY: Duration = Duration::from_millis(10);
const START_MAX: Duration = Duration::from_secs(60);

/// A running collector.
#[derive(Debug)]
pub(crate) struct Server {
    binary: PathBuf,
    args: Vec<String>,
    address: SocketAddr,
    child: Child,
    log: PathBuf,
    kills: u64,
    restart_max: Duration,
}

impl Server {
    /// Starts it on a free port, with data and log in this directory.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn start(options: &Options, dir: &Path) -> anyhow::Result<Self> {
        let binary = match &options.collector {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("radiograph-collector"),
        };
        anyhow::ensure!(binary.is_file(), "{} is not built", binary.display());
        // the same port after each kill, as behind a service's name
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let args = vec![
            format!("--listen={address}"),
            format!("--data-dir={}", dir.join("data").display()),
            format!("--retention-bytes={}", options.retention_bytes),
            format!("--seal-bytes={}", options.seal_bytes),
            "--query-window-max=none".to_owned(),
            "--admin=off".to_owned(),
        ];
        let log = dir.join("collector.log");
        let child = spawn(&binary, &args, &log)?;
        let mut server = Self {
            binary,
            args,
            address,
            child,
            log,
            kills: 0,
            restart_max: Duration::ZERO,
        };
        server.answers().await?;
        Ok(server)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) const fn kills(&self) -> u64 {
        self.kills
    }

    /// The longest time from a start to the first answer after it.
    pub(crate) const fn restart_max(&self) -> Duration {
        self.restart_max
    }

    /// Kills it without a warning and starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn kill_and_restart(&mut self, books: &Books) -> anyhow::Result<()> {
        books.set_down(true);
        self.child.kill().await.context("killing the collector")?;
        self.kills += 1;
        let began = Instant::now();
        self.child = spawn(&self.binary, &self.args, &self.log)?;
        self.answers().await?;
        books.set_down(false);
        self.restart_max = self.restart_max.max(began.elapsed());
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be ended.
    pub(crate) async fn stop(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Waits until it answers: it listens before its store is open.
    async fn answers(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let client = reqwest::Client::new();
        let url = format!("http://{}/GetSamplingRules", self.address);
        while client.post(&url).body("{}").send().await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the collector ended with {status}: see {}",
                    self.log.display()
                );
            }
            anyhow::ensure!(began.elapsed() < START_MAX, "the collector does not start");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Bytes of memory it has in use, where Linux tells.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }
}

fn spawn(binary: &Path, args: &[String], log: &Path) -> anyhow::Result<Child> {
    let log = fs::File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(binary);
    command.args(args).stdin(Stdio::null()).stdout(log);
    command.stderr(Stdio::inherit()).kill_on_drop(true);
    command.spawn().context("starting the collector")
}

/// Bytes of all files below a directory; one that goes meanwhile counts as nothing.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn disk_bytes(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()).unwrap_or(0),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        };
    }
    Ok(bytes)
}
