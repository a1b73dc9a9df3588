//! The real servers as child processes. Dropping one kills it.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::{Api, binaries, eventually};

/// A child process with what it has printed so far.
pub struct Server {
    child: Child,
    name: &'static str,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts one of the workspace's binaries.
    pub fn start(name: &'static str, args: &[&str]) -> Self {
        let mut command = binaries::binary(name);
        command.args(args);
        Self::spawn(name, command)
    }

    /// Starts any command.
    pub fn spawn(name: &'static str, mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let printed = Arc::new(Mutex::new(Vec::new()));
        let outputs: [Option<Box<dyn std::io::Read + Send>>; 2] = [
            child.stdout.take().map(|out| Box::new(out) as _),
            child.stderr.take().map(|out| Box::new(out) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let printed = Arc::clone(&printed);
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    printed.lock().expect("not poisoned").push(line);
                }
            });
        }
        Self {
            child,
            name,
            printed,
        }
    }

    /// Everything printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().expect("not poisoned").join("\n")
    }

    /// What stands behind `label` in a line, up to the next blank; waits for such a line.
    pub fn value_behind(&mut self, label: &str) -> String {
        self.value(label, |line| Some(line.split_once(label)?.1))
    }

    /// What stands in a line `label: value`, up to the next blank; waits for such a line.
    pub fn value_of(&mut self, label: &str) -> String {
        self.value(label, |line| line.strip_prefix(label)?.strip_prefix(": "))
    }

    fn value(&mut self, label: &str, find: impl Fn(&str) -> Option<&str>) -> String {
        eventually(&format!("{label:?} from {}", self.name), || {
            let printed = self.printed();
            if let Some(found) = printed.lines().find_map(&find) {
                return Some(found.split_whitespace().next().unwrap_or("").to_owned());
            }
            let ended = self.child.try_wait().expect("waits");
            assert!(
                ended.is_none(),
                "{} ended with {ended:?}:\n{printed}",
                self.name
            );
            None
        })
    }

    /// Sends a signal by name.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([signal, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "{signal} to {}", self.name);
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("waits").is_none()
    }

    /// Waits for the end, and returns its status with all that was printed.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = eventually(&format!("{} to end", self.name), || {
            self.child.try_wait().expect("waits")
        });
        (status, self.printed())
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // already gone when the test ended it itself
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if thread::panicking() {
            let printed = self.printed();
            let printed: Vec<&str> = printed.lines().rev().take(40).collect();
            let printed: Vec<&str> = printed.into_iter().rev().collect();
            std::io::Write::write_all(
                &mut std::io::stderr().lock(),
                format!("--- {} printed last:\n{}\n", self.name, printed.join("\n")).as_bytes(),
            )
            .expect("stderr");
        }
    }
}

/// A running `radiograph-collector`.
pub struct Collector {
    /// The process.
    pub server: Server,
    /// Where its API listens.
    pub address: SocketAddr,
}

impl Collector {
    /// Starts a collector on a free port, with its data in `dir`.
    pub fn start(dir: &Path) -> Self {
        let dir = dir.to_str().expect("a plain path");
        // the admin port is not a test's
        let args = [
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            dir,
            "--admin",
            "off",
        ];
        let mut server = Server::start("radiograph-collector", &args);
        let address = server.value_behind("address=").parse().expect("an address");
        Self { server, address }
    }

    /// Its API.
    pub fn api(&self) -> Api {
        Api::new(self.address)
    }

    /// Stops it as a supervisor does, and checks that it went well.
    pub fn stop(self) -> String {
        self.server.signal("-TERM");
        let (status, printed) = self.server.end();
        assert!(
            status.success(),
            "collector ended with {status}:\n{printed}"
        );
        printed
    }
}

/// A running `radiograph-daemon`.
pub struct Daemon {
    /// The process.
    pub server: Server,
    /// Where it takes segments.
    pub udp: SocketAddr,
    /// Where it passes sampling calls on.
    pub tcp: SocketAddr,
    sender: UdpSocket,
}

impl Daemon {
    /// Starts a daemon on free ports that uploads to `collector`.
    pub fn start(collector: SocketAddr) -> Self {
        Self::start_on(collector, "127.0.0.1:0")
    }

    /// Starts a daemon whose two sockets have the same port, as SDKs expect of one address.
    pub fn start_on_one_port(collector: SocketAddr) -> Self {
        // a port that UDP has free may be one of TCP's connections
        let free = eventually("a port that is free for both", || {
            let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
            let address = udp.local_addr().ok()?;
            TcpListener::bind(address).ok().map(|_| address)
        });
        Self::start_on(collector, &free.to_string())
    }

    fn start_on(collector: SocketAddr, address: &str) -> Self {
        let endpoint = format!("http://{collector}");
        let args = [
            "--bind",
            address,
            "--bind-tcp",
            address,
            "--endpoint",
            &endpoint,
            // the user's data directory and the admin port are not a test's
            "--no-spool",
            "--admin",
            "off",
        ];
        let mut server = Server::start("radiograph-daemon", &args);
        let udp = server
            .value_behind("Listening for segments on udp ")
            .parse()
            .expect("an address");
        let tcp = server
            .value_behind("Starting proxy http server on ")
            .parse()
            .expect("an address");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        Self {
            server,
            udp,
            tcp,
            sender,
        }
    }

    /// Sends one datagram as it is.
    pub fn send(&self, datagram: &[u8]) {
        let sent = self.sender.send_to(datagram, self.udp).expect("sent");
        assert_eq!(sent, datagram.len());
    }

    /// Stops it as a supervisor does, and returns what it printed.
    pub fn stop(self) -> String {
        self.server.signal("-TERM");
        let (status, printed) = self.server.end();
        assert!(status.success(), "daemon ended with {status}:\n{printed}");
        printed
    }
}
