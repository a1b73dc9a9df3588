//! A process of the function's: started in a group of its own, its output read line by line, its end told.

mod lines;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::call::Call;
use super::log::{Log, Source};
use super::telemetry::Kind;
use super::variables::REMOVED;
use lines::Lines;

/// What to start.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// Told apart from all others of the environment.
    pub(super) serial: u64,
    /// The runtime's is `runtime`; an extension's that of its file.
    pub(super) name: String,
    /// Whose lines its output is.
    pub(super) kind: Kind,
    /// The program, found along `PATH` unless it is a path.
    pub(super) file: &'a Path,
    /// Its arguments.
    pub(super) arguments: &'a [std::ffi::OsString],
    /// Where it runs.
    pub(super) directory: &'a Path,
    /// What is set besides what it inherits.
    pub(super) variables: &'a [(&'static str, String)],
}

/// A process that was started. Dropping it kills its group.
#[derive(Debug)]
pub(super) struct Process {
    /// Told apart from all others of the environment.
    pub(super) serial: u64,
    /// As started.
    pub(super) name: String,
    /// Whether it is the runtime's.
    pub(super) is_runtime: bool,
    group: Option<Pid>,
    outputs: Vec<Lines>,
}

impl Process {
    /// Starts it; its end comes as a call.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(super) fn start(
        start: Start<'_>,
        log: &Arc<Log>,
        calls: mpsc::Sender<Call>,
    ) -> io::Result<Self> {
        let mut command = Command::new(start.file);
        command
            .args(start.arguments)
            .current_dir(start.directory)
            .envs(start.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // a group of its own: Ctrl-C is for radiograph, which then stops it in order, and what it
            // has started ends with it
            .process_group(0);
        for name in REMOVED {
            command.env_remove(name);
        }
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let source = |is_error| Source {
            kind: start.kind,
            is_error,
        };
        let stdout = child
            .stdout
            .take()
            .map(tokio::process::ChildStdout::into_owned_fd);
        let stderr = child
            .stderr
            .take()
            .map(tokio::process::ChildStderr::into_owned_fd);
        let mut outputs = Vec::new();
        for (fd, source) in [(stdout, source(false)), (stderr, source(true))] {
            if let Some(fd) = fd {
                outputs.push(Lines::read(fd?, source, Arc::clone(log))?);
            }
        }
        let serial = start.serial;
        tokio::spawn(async move {
            let how = match child.wait().await {
                Ok(status) => in_words(status),
                Err(error) => error.to_string(),
            };
            // the environment has gone when nobody takes it
            drop(calls.send(Call::Exited { serial, how }).await);
        });
        Ok(Self {
            serial,
            is_runtime: start.kind == Kind::Function,
            name: start.name,
            group,
            outputs,
        })
    }

    /// The most memory that it has had, in bytes; none once it has ended.
    pub(super) fn memory_bytes_max(&self) -> Option<u64> {
        let leader = self.group?.as_raw_nonzero().get().unsigned_abs();
        radiograph_admin::process::resident_bytes_max(leader)
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it and what it has started.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Its leader has ended; the group is not signalled any more once nobody is in it.
    pub(super) fn has_ended(&mut self) {
        self.kill();
        self.group = None;
    }

    /// Waits until everything that it has written so far is in the log.
    pub(super) async fn flush(&mut self) {
        for output in &mut self.outputs {
            output.flush().await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // an error means that it has gone, which is what is wanted
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a process ended, in Lambda's words.
fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(15)) => "signal: terminated".to_owned(),
        (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_read_as_lambdas() {
        for (raw, expected) in [
            (0x100, "exit status 1"),
            (0, "exit status 0"),
            (9, "signal: killed"),
            (15, "signal: terminated"),
            (11, "signal: 11"),
        ] {
            assert_eq!(in_words(ExitStatus::from_raw(raw)), expected);
        }
    }
}
