//! One measurement's set-up: a sink, what is measured, and the load for it, all fresh.

use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::cli::Settings;
use super::load::{Handle, Load};
use super::sink::control::Sink;
use super::target::{Kind, Running};
use super::{clock, proc};

/// Longer than any scenario; the handle ends the load.
const WITHOUT_END: Duration = Duration::from_secs(86_400);

/// How often the sink is asked whether all has arrived.
const LOOK: Duration = Duration::from_millis(20);

/// Everything that one measurement needs; all of it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Rig {
    /// What is measured.
    pub(crate) running: Running,
    /// Where it sends to.
    pub(crate) sink: Sink,
    /// Sends to it.
    pub(crate) load: Load,
    kind: Kind,
    dir: TempDir,
}

/// What became of the documents.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loss {
    /// Documents sent.
    pub(crate) sent: u64,
    /// Those that never arrived, whoever lost them.
    pub(crate) lost: u64,
    /// What the kernel says it dropped; those are among the lost.
    pub(crate) kernel: u64,
}

impl Loss {
    /// For a table's note.
    #[must_use]
    pub(crate) fn note(&self) -> String {
        if self.lost == 0 {
            return String::new();
        }
        format!(
            "lost {} of {}, {} in the kernel",
            self.lost, self.sent, self.kernel
        )
    }
}

impl Rig {
    /// Starts sink and process, and waits until the latter's socket is bound.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(crate) fn new(
        settings: &Settings,
        kind: Kind,
        document_bytes: usize,
    ) -> anyhow::Result<Self> {
        let sink = Sink::start(kind == Kind::Collector)?;
        let dir = tempfile::tempdir()?;
        let running = Running::start(kind, &settings.binaries, sink.port(), dir.path())?;
        let load = Load::new(running.address(), document_bytes, settings.seed)?;
        Ok(Self {
            running,
            sink,
            load,
            kind,
            dir,
        })
    }

    /// Starts the process again, after it has ended, with what it left on disk.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn restart(&mut self, settings: &Settings) -> anyhow::Result<()> {
        let binaries = &settings.binaries;
        self.running = Running::start(self.kind, binaries, self.sink.port(), self.dir.path())?;
        Ok(())
    }

    /// Observes while another thread, on the driver's core, sends at this rate. Returns what the
    /// observer returned, and the rate achieved.
    ///
    /// # Errors
    /// The observer's.
    pub(crate) fn loaded<T>(
        &mut self,
        per_second: u32,
        observe: impl FnOnce(&mut Running, &mut Sink, &Handle) -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, f64)> {
        let handle = self.load.handle();
        let load = &mut self.load;
        thread::scope(|scope| {
            let sender = scope.spawn(move || {
                proc::pin(proc::DRIVER_CORES)?;
                Ok(load.paced(per_second, WITHOUT_END))
            });
            let observed = observe(&mut self.running, &mut self.sink, &handle);
            handle.end();
            let achieved: anyhow::Result<f64> = match sender.join() {
                Ok(achieved) => achieved,
                Err(_) => Err(anyhow::anyhow!("the sender panicked")),
            };
            Ok((observed?, achieved?))
        })
    }

    /// Waits until everything has arrived, or nothing more has for as long as `patience`.
    ///
    /// # Errors
    /// When the sink is gone.
    pub(crate) fn settle(&mut self, patience: Duration) -> anyhow::Result<Loss> {
        let sent = u64::from(self.load.handle().sent());
        let (mut arrived, mut since) = (self.sink.count()?, clock::now());
        while arrived < sent && clock::now() - since < patience {
            thread::sleep(LOOK);
            let now = self.sink.count()?;
            if now > arrived {
                (arrived, since) = (now, clock::now());
            }
        }
        Ok(Loss {
            sent,
            lost: sent.saturating_sub(arrived),
            kernel: self.running.drops().unwrap_or_default(),
        })
    }
}
