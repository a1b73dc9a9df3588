//! Daemon and collector with the relay between them, and what can be done to them.
//!
//! Every end of a daemon is entered into the books, with what it owes then.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use radiograph_collector::clock;
use rustix::process::Signal;
use tokio::time::sleep;

use super::counts::Counts;
use super::limit;
use super::options::Options;
use super::plan::{Fault, Target};
use super::process::{Process, Program};
use super::programs;
use super::relay::Relay;
use super::shared::{Door, Shared};

/// How long it may take until a collector whose disk has room again acknowledges: the pauses of both, the
/// daemon's of up to 30 s, and then some.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

/// The two servers.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) shared: Arc<Shared>,
    collector: Server,
    daemon: Server,
}

#[derive(Debug)]
struct Server {
    program: Program,
    /// Where its data lies.
    data: PathBuf,
    process: Process,
}

impl Server {
    fn start(program: Program, data: PathBuf) -> anyhow::Result<Self> {
        let process = Process::start(&program)?;
        Ok(Self {
            program,
            data,
            process,
        })
    }
}

impl Rig {
    /// Starts both, with their data and logs in `dir`.
    ///
    /// # Errors
    /// A binary is not there or does not start.
    pub(super) async fn start(options: &Options, dir: &Path) -> anyhow::Result<Self> {
        let relay = Relay::listen().await?;
        let (collector, daemon) = (dir.join("collector"), dir.join("daemon"));
        let shared = Shared::new(relay)?;
        let endpoint = format!("http://{}", shared.relay.address());
        let mut rig = Self {
            collector: Server::start(programs::collector(options, &collector, dir)?, collector)?,
            daemon: Server::start(programs::daemon(options, &daemon, dir, &endpoint)?, daemon)?,
            shared: Arc::new(shared),
        };
        rig.collector_is_up().await?;
        rig.daemon_is_up().await?;
        Ok(rig)
    }

    /// Lets a fault happen and waits until its victim runs again.
    ///
    /// # Errors
    /// It does not start again.
    pub(super) async fn suffer(&mut self, fault: Fault) -> anyhow::Result<()> {
        self.shared.tally().fault(fault.kind());
        match fault {
            Fault::Kill { target, again } => self.kill(target, again).await,
            Fault::Restart { target } => self.restart(target).await,
            Fault::Pause { target, lasts } => {
                self.process(target).signal(Signal::STOP);
                sleep(lasts).await;
                self.process(target).signal(Signal::CONT);
                Ok(())
            }
            Fault::Cut { mode, lasts } => {
                self.shared.relay.cut(mode, lasts);
                Ok(())
            }
            Fault::Full {
                target,
                spare_bytes,
                lasts,
            } => self.fill(target, spare_bytes, lasts).await,
        }
    }

    /// Kills the collector and opens its store again, so that what is checked is what is on disk.
    ///
    /// # Errors
    /// It does not start again.
    pub(super) async fn reopen(&mut self) -> anyhow::Result<()> {
        self.kill(Target::Collector, None).await
    }

    /// Notes and starts again whichever of the two has ended by itself.
    ///
    /// # Errors
    /// It does not start again.
    pub(super) async fn revive(&mut self) -> anyhow::Result<()> {
        for target in [Target::Collector, Target::Daemon] {
            let Some(status) = self.process(target).ended() else {
                continue;
            };
            let name = self.server(target).program.name;
            let text = format!("{name} ended by itself with {status}");
            self.shared.tally().violation(text);
            self.kill(target, None).await?;
        }
        Ok(())
    }

    async fn kill(&mut self, target: Target, again: Option<Duration>) -> anyhow::Result<()> {
        self.is_leaving(target);
        self.process(target).kill().await?;
        if target == Target::Daemon
            && let Some(door) = self.shared.lock_door().take()
        {
            self.shared.books().killed(door.life);
        }
        let began = clock::instant();
        if let Some(after) = again {
            self.start_process(target)?;
            sleep(after).await;
            self.process(target).kill().await?;
            self.shared.tally().second_kills += 1;
        }
        self.start_again(target, began).await
    }

    async fn restart(&mut self, target: Target) -> anyhow::Result<()> {
        let owed = self.ask_to_stop(target);
        let stopped = self.process(target).stopped().await;
        if let Err(error) = &stopped {
            self.shared.tally().violation(format!("{error:#}"));
        }
        if let Some(owed) = owed {
            self.settle_accounts(&owed, stopped.is_ok());
        }
        self.start_again(target, clock::instant()).await
    }

    /// Sends SIGTERM; for a daemon, what it owes then.
    fn ask_to_stop(&mut self, target: Target) -> Option<Owed> {
        self.is_leaving(target);
        let shared = Arc::clone(&self.shared);
        let door = shared.lock_door();
        let owed = (*door)
            .filter(|_| target == Target::Daemon)
            .map(|door| Owed {
                life: door.life,
                asked: shared.books().sent_to(door.life),
                drops: shared.drops(door, None),
            });
        self.process(target).signal(Signal::TERM);
        owed
    }

    /// The daemon's last line against what was sent to it.
    fn settle_accounts(&mut self, owed: &Owed, is_well: bool) {
        self.shared.lock_door().take();
        let line = self.daemon.process.line(programs::COUNTERS);
        let Some(counts) = line.and_then(|line| Counts::from_last_line(&line)) else {
            if is_well {
                let text = "the daemon stopped without a line of counters".to_owned();
                self.shared.tally().violation(text);
            }
            return self.shared.books().killed(owed.life);
        };
        self.shared.books().received(owed.life, counts.received);
        let mut tally = self.shared.tally();
        tally.check(owed.life, &counts);
        let asked = u64::try_from(owed.asked).unwrap_or(u64::MAX);
        if counts.received + owed.drops < asked {
            tally.violation(format!(
                "daemon {}: it received {} of {asked} datagrams sent before SIGTERM, the kernel \
                 dropped {}",
                owed.life, counts.received, owed.drops
            ));
        }
        drop(tally);
        let lost = owed.drops + counts.lost;
        self.shared.books().stopped(owed.life, owed.asked, lost);
    }

    async fn fill(
        &mut self,
        target: Target,
        spare_bytes: u64,
        lasts: Duration,
    ) -> anyhow::Result<()> {
        let data = self.server(target).data.clone();
        let pid = self.process(target).pid();
        match target {
            // which writes to a new file when it cannot write to one, so that all must have no room
            Target::Collector => limit::set(pid, spare_bytes)?,
            Target::Daemon => limit::set_beyond(pid, &data, spare_bytes)?,
        }
        sleep(lasts).await;
        if self.process(target).ended().is_none() {
            limit::lift(pid)?;
        }
        if target == Target::Collector && !self.acknowledges_again().await {
            let text = format!(
                "the collector acknowledged nothing for {RECOVERY_MAX:?} after its disk had room again"
            );
            self.shared.tally().violation(text);
            self.restart(target).await?;
        }
        Ok(())
    }

    /// Whether the collector acknowledges something within [`RECOVERY_MAX`].
    async fn acknowledges_again(&self) -> bool {
        let until = clock::instant() + RECOVERY_MAX;
        let before = self.shared.books().acknowledged_documents();
        while clock::instant() < until {
            if self.shared.books().acknowledged_documents() > before {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    async fn start_again(&mut self, target: Target, began: Instant) -> anyhow::Result<()> {
        self.start_process(target)?;
        match target {
            Target::Collector => self.collector_is_up().await?,
            Target::Daemon => self.daemon_is_up().await?,
        }
        let took = clock::instant().saturating_duration_since(began);
        self.shared.tally().started(target, took);
        Ok(())
    }

    fn start_process(&mut self, target: Target) -> anyhow::Result<()> {
        let server = match target {
            Target::Collector => &mut self.collector,
            Target::Daemon => &mut self.daemon,
        };
        server.process = Process::start(&server.program)?;
        Ok(())
    }

    /// Nobody is to be sent to a collector that is about to go.
    fn is_leaving(&self, target: Target) {
        if target == Target::Collector {
            self.shared.relay.set_collector(None);
        }
    }

    async fn collector_is_up(&mut self) -> anyhow::Result<()> {
        let address = self.collector.process.value(0).await?;
        let address = address.parse().context("the collector's address")?;
        self.shared.relay.set_collector(Some(address));
        Ok(())
    }

    async fn daemon_is_up(&mut self) -> anyhow::Result<()> {
        let process = &mut self.daemon.process;
        let udp = process.value(programs::UDP).await?;
        let admin = process.value(programs::ADMIN).await?;
        let door = Door {
            life: self.shared.books().born(),
            udp: udp.parse().context("the daemon's UDP address")?,
            admin: admin.parse().context("the daemon's admin address")?,
        };
        *self.shared.lock_door() = Some(door);
        Ok(())
    }

    fn server(&mut self, target: Target) -> &mut Server {
        match target {
            Target::Collector => &mut self.collector,
            Target::Daemon => &mut self.daemon,
        }
    }

    fn process(&mut self, target: Target) -> &mut Process {
        &mut self.server(target).process
    }
}

/// What a daemon owes when it is asked to stop.
#[derive(Debug)]
struct Owed {
    life: usize,
    asked: usize,
    drops: u64,
}
