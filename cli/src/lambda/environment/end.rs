//! The shutdown phase: extensions are told and given two seconds, then everything is killed.

use std::time::{Duration, Instant};

use radiograph_collector::clock;
use tokio::time::timeout_at;

use super::{Environment, millis};
use crate::lambda::extensions::Extensions;

/// Lambda's limit of the shutdown phase with external extensions.
const GRACE: Duration = Duration::from_secs(2);
/// The runtime's part of it; without extensions Lambda gives it none.
const RUNTIME_GRACE: Duration = Duration::from_millis(300);
/// Long enough for the kernel to end what was killed.
const KILLED_MAX: Duration = Duration::from_secs(10);

impl Environment {
    /// Ends all processes; the next invocation initializes again.
    pub(super) async fn shut_down(&mut self, reason: &str) {
        self.current = None;
        self.unsent = None;
        self.waiting = None;
        if self.extensions.has_external() {
            let now = clock::instant();
            self.each_runtime(super::Process::terminate);
            self.ended_by(now + RUNTIME_GRACE, |this| {
                this.processes.iter().all(|process| !process.is_runtime)
            })
            .await;
            self.each_runtime(super::Process::kill);
            // what happened reaches them before the end does
            self.telemetry.flush().await;
            let now = clock::instant();
            let deadline_ms = clock::now().micros() / 1000 + millis(GRACE);
            self.extensions.shut_down(reason, deadline_ms);
            self.ended_by(now + GRACE, |this| this.processes.is_empty())
                .await;
        }
        for process in &self.processes {
            process.kill();
        }
        self.ended_by(clock::instant() + KILLED_MAX, |this| {
            this.processes.is_empty()
        })
        .await;
        self.flush().await;
        self.processes.clear();
        self.ended.clear();
        self.extensions = Extensions::default();
        self.is_initialized = false;
        self.waiting = None;
    }

    fn each_runtime(&self, act: impl Fn(&super::Process)) {
        self.processes
            .iter()
            .filter(|process| process.is_runtime)
            .for_each(act);
    }

    /// The most memory that the function's process has had, in MB; none where it has ended.
    pub(super) fn memory_used_mb(&self) -> Option<u64> {
        let mut runtimes = self.processes.iter().filter(|process| process.is_runtime);
        let bytes = runtimes.find_map(super::Process::memory_bytes_max)?;
        Some(bytes.div_ceil(1 << 20))
    }

    /// Takes calls until it is so or the time is over. Errors are expected now, and no invocation begins.
    async fn ended_by(&mut self, deadline: Instant, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            match timeout_at(deadline.into(), self.calls.recv()).await {
                Ok(Some(call)) => drop(self.take(call)),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Waits until what the processes have written is in the log.
    pub(super) async fn flush(&mut self) {
        for process in self.processes.iter_mut().chain(&mut self.ended) {
            process.flush().await;
        }
    }
}
