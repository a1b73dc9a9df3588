//! One of the two servers as a child process: started, told signals, its lines read.
//!
//! What it prints goes to a file of the run's directory; of the lines with one of the wanted labels
//! the value is kept. A child that is dropped is killed, so that nothing runs on after the torture.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a server may take to start, whatever it has to recover.
const START_MAX: Duration = Duration::from_secs(120);

/// How long it may take to stop after SIGTERM; the daemon gives itself a few seconds of grace.
pub(super) const STOP_MAX: Duration = Duration::from_secs(60);

/// How to start a server.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) binary: PathBuf,
    pub(super) args: Vec<String>,
    /// Where its output is appended.
    pub(super) log: PathBuf,
    /// What stands before the values that are wanted of its lines.
    pub(super) labels: &'static [&'static str],
}

/// A running server.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    pid: Pid,
    /// What stood behind each label so far, to the end of the line.
    values: watch::Receiver<Vec<Option<String>>>,
}

impl Process {
    /// Starts it; it is not ready yet.
    ///
    /// # Errors
    /// The binary cannot be started, or its log not be written.
    pub(super) fn start(program: &Program) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        // a file that may not grow is to be an error of the write, not the end of the process
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        command.arg(&program.binary).args(&program.args);
        // the environment of whoever tortures must not configure what is tortured
        for (key, _) in std::env::vars_os() {
            let key_text = key.to_string_lossy();
            if key_text.starts_with("AWS_") || key_text.starts_with("RADIOGRAPH_") {
                command.env_remove(&key);
            }
        }
        command
            .env("RADIOGRAPH_ADMIN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the torture alone: it then checks what it has
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().context("starting it")?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid
            .and_then(Pid::from_raw)
            .context("it has no process id")?;
        let (found, values) = watch::channel(vec![None; program.labels.len()]);
        let log = File::options().create(true).append(true).open(&program.log);
        let log = log.with_context(|| program.log.display().to_string())?;
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(read(
                stderr,
                log.try_clone()?,
                &[],
                watch::Sender::default(),
            ));
        }
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read(stdout, log, program.labels, found));
        }
        Ok(Self {
            name: program.name,
            child,
            pid,
            values,
        })
    }

    /// What stands behind the `label`th label up to the next blank; waits for such a line.
    ///
    /// # Errors
    /// It ended before, or takes too long.
    pub(super) async fn value(&mut self, label: usize) -> anyhow::Result<String> {
        let mut values = self.values.clone();
        let known = |values: &Vec<Option<String>>| values.get(label).is_some_and(Option::is_some);
        match timeout(START_MAX, values.wait_for(known)).await {
            Ok(Ok(found)) => {
                let value = found.get(label).and_then(Option::as_ref);
                let word = value.and_then(|value| value.split_whitespace().next());
                Ok(word.unwrap_or_default().to_owned())
            }
            Ok(Err(_)) => {
                let status = self.child.wait().await.context("waiting for it")?;
                bail!("{} ended with {status} while it started", self.name)
            }
            Err(_) => bail!("{} did not start within {START_MAX:?}", self.name),
        }
    }

    /// The whole of what stands behind a label, if there was such a line.
    pub(super) fn line(&self, label: usize) -> Option<String> {
        self.values.borrow().get(label).cloned().flatten()
    }

    /// The status with which it ended by itself.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Its process id, for limits.
    pub(super) const fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal; a process that has ended just now gets none.
    pub(super) fn signal(&mut self, signal: Signal) {
        // only while the child is not waited for is the id sure to be its own
        if self.ended().is_none() && kill_process(self.pid, signal).is_err() {
            tracing::debug!(process = self.name, "signal came too late");
        }
    }

    /// kill -9; returns when it is gone.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL);
        self.child.wait().await.context("waiting for it")?;
        Ok(())
    }

    /// Waits for the end after SIGTERM, and for its last line; kills it when that takes too long.
    ///
    /// # Errors
    /// It did not end by itself in time, or not with success.
    pub(super) async fn stopped(&mut self) -> anyhow::Result<()> {
        let Ok(status) = timeout(STOP_MAX, self.child.wait()).await else {
            self.kill().await?;
            bail!(
                "{} did not stop within {STOP_MAX:?} after SIGTERM",
                self.name
            );
        };
        let status = status.context("waiting for it")?;
        // the reader ends with the process, and then drops its end of the channel
        let mut values = self.values.clone();
        while values.changed().await.is_ok() {}
        if !status.success() {
            bail!("{} stopped with {status} after SIGTERM", self.name);
        }
        Ok(())
    }
}

/// Copies lines to the log, and keeps what stands behind labels.
async fn read(
    output: impl AsyncRead + Unpin,
    mut log: File,
    labels: &'static [&'static str],
    found: watch::Sender<Vec<Option<String>>>,
) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // a log that cannot be written costs its lines, not the run
        drop(writeln!(log, "{line}"));
        for (place, label) in labels.iter().enumerate() {
            if let Some((_, value)) = line.split_once(label) {
                found.send_modify(|values| {
                    if let Some(known) = values.get_mut(place) {
                        *known = Some(value.to_owned());
                    }
                });
            }
        }
    }
}
