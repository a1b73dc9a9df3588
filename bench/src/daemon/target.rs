//! What is measured: the floor, the daemon, AWS's daemon; how each is started.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};

use super::{clock, proc};

/// The first argument of this binary when it plays a part instead of driving.
pub const PART: &str = "part";

/// How long a process may take until its socket is bound.
const START_MAX: Duration = Duration::from_secs(10);

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The least program.
    Floor,
    /// Radiograph's daemon, sending to a plain X-Ray endpoint.
    Plain,
    /// Radiograph's daemon, sending to a Radiograph collector.
    Collector,
    /// AWS's daemon.
    Peer,
}

impl Kind {
    /// For tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Plain => "to X-Ray",
            Self::Collector => "to a collector",
            Self::Peer => "AWS daemon",
        }
    }
}

/// The binaries.
#[derive(Debug)]
pub struct Binaries {
    /// Radiograph's daemon.
    pub daemon: PathBuf,
    /// AWS's daemon, if there is one to measure.
    pub peer: Option<PathBuf>,
    /// What `daemon --help` says.
    pub help: String,
}

impl Binaries {
    /// Whether the daemon has this flag; an older one is measured without.
    #[must_use]
    pub fn has_flag(&self, flag: &str) -> bool {
        self.help.contains(flag)
    }

    fn command(&self, kind: Kind, ports: &Ports, dir: &Path) -> anyhow::Result<Command> {
        let address = |port: u16| format!("127.0.0.1:{port}");
        let endpoint = format!("http://{}", address(ports.sink));
        let mut command = match kind {
            Kind::Floor => {
                return own_part("floor", &[&ports.udp.to_string(), &ports.sink.to_string()]);
            }
            Kind::Plain | Kind::Collector => {
                let mut command = Command::new(&self.daemon);
                command.args(["--endpoint", &endpoint]);
                // What has no flag for it must not write to the user's own.
                command.env("XDG_DATA_HOME", dir).env("HOME", dir);
                if self.has_flag("--data-dir") {
                    command.arg("--data-dir").arg(dir.join("data"));
                }
                if self.has_flag("--admin") {
                    command.args(["--admin", "off"]);
                }
                command
            }
            Kind::Peer => {
                let peer = self.peer.as_deref().context("no --peer was given")?;
                let file = dir.join("cfg.yaml");
                fs::write(&file, format!("Version: 2\nEndpoint: \"{endpoint}\"\n"))?;
                let mut command = Command::new(peer);
                command.args(["-o", "-n", "us-east-1", "-c"]).arg(file);
                // Any keys will do: the sink checks no signature.
                command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
                command.env("AWS_SECRET_ACCESS_KEY", "example");
                command
            }
        };
        command.args(["-b", &address(ports.udp), "-t", &address(ports.tcp)]);
        Ok(command)
    }
}

/// This binary again, playing a part.
///
/// # Errors
/// When it does not know where it is.
pub fn own_part(name: &str, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([PART, name]).args(args);
    Ok(command)
}

struct Ports {
    udp: u16,
    tcp: u16,
    sink: u16,
}

/// A running process that is measured; it is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    port: u16,
    log: PathBuf,
    /// From before it was started until its UDP socket was bound.
    pub start: Duration,
}

impl Running {
    /// Starts it and waits until its UDP socket is bound. Log, spool and configuration go to `dir`.
    ///
    /// # Errors
    /// When it ends instead, with what it logged.
    pub fn start(kind: Kind, binaries: &Binaries, sink: u16, dir: &Path) -> anyhow::Result<Self> {
        let ports = Ports {
            udp: UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port(),
            tcp: TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
            sink,
        };
        let log = dir.join("log");
        let file = File::options().create(true).append(true).open(&log)?;
        let mut command = binaries.command(kind, &ports, dir)?;
        command
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file);
        let began = clock::now();
        let child = command.spawn()?;
        let mut running = Self {
            child,
            port: ports.udp,
            log,
            start: Duration::ZERO,
        };
        while running.drops().is_none() {
            let ended = running.child.try_wait()?;
            if ended.is_some() || clock::now() - began > START_MAX {
                anyhow::bail!("{kind:?} binds no socket: {ended:?}\n{}", running.log());
            }
        }
        running.start = clock::now() - began;
        Ok(running)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it receives.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// What the kernel has dropped at its socket; `None` while that is not bound.
    #[must_use]
    pub fn drops(&self) -> Option<u64> {
        proc::drops(self.port)
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| error.to_string(),
            |log| String::from_utf8_lossy(&log).into_owned(),
        )
    }

    /// Asks it to stop.
    ///
    /// # Errors
    /// When it is gone.
    pub fn terminate(&self) -> anyhow::Result<()> {
        Ok(kill(proc::pid(self.id()), Signal::SIGTERM)?)
    }

    /// Waits until it has ended, at most this long, and returns how long that took.
    ///
    /// # Errors
    /// When it goes on.
    pub fn wait(&mut self, at_most: Duration) -> anyhow::Result<Duration> {
        let began = clock::now();
        while self.child.try_wait()?.is_none() {
            anyhow::ensure!(clock::now() - began < at_most, "still running");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(clock::now() - began)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
