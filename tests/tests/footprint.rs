//! The sidecar's defaults fit 32 CPU units and 64 MB: the packaged daemon in a cgroup with these bounds takes
//! steady traffic, a burst, an outage of its collector and the recovery; the kernel kills nothing, and every
//! datagram that was sent is accounted for. What it took is printed, and asserted nowhere: speed is not a test's.
//!
//! Needs a cgroup of version 1 or 2 in which a group can be made; else it says so and passes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use radiograph_tests::servers::Server;
use radiograph_tests::{Api, eventually, packaged};

const MEMORY_BYTES: &str = "67108864";

/// 32 of the 1024 units of a core.
const QUOTA_MICROS: &str = "3125";
const PERIOD_MICROS: &str = "100000";

/// A second of 200 segments.
const STEADY: u64 = 200;
const BURST: u64 = 5_000;

/// A group of processes with the bounds, removed when it is dropped.
struct Cgroup {
    /// One of version 2; of version 1 one for memory and one for the processor.
    folders: Vec<PathBuf>,
}

impl Cgroup {
    /// `None` where none can be made.
    fn new() -> Option<Self> {
        let name = format!("radiograph-footprint-{}", std::process::id());
        let root = Path::new("/sys/fs/cgroup");
        let is_unified = root.join("cgroup.controllers").is_file();
        let (folders, bounds): (Vec<PathBuf>, Vec<(usize, &str, String)>) = if is_unified {
            let cpu = format!("{QUOTA_MICROS} {PERIOD_MICROS}");
            let bounds = vec![
                (0, "memory.max", MEMORY_BYTES.to_owned()),
                (0, "cpu.max", cpu),
            ];
            (vec![root.join(name)], bounds)
        } else {
            let bounds = vec![
                (0, "memory.limit_in_bytes", MEMORY_BYTES.to_owned()),
                (1, "cpu.cfs_period_us", PERIOD_MICROS.to_owned()),
                (1, "cpu.cfs_quota_us", QUOTA_MICROS.to_owned()),
            ];
            let folders = ["memory", "cpu"].map(|each| root.join(each).join(&name));
            (folders.into(), bounds)
        };
        let group = Self { folders };
        for folder in &group.folders {
            fs::create_dir(folder).ok()?;
        }
        for (folder, file, value) in bounds {
            fs::write(group.folders.get(folder)?.join(file), value).ok()?;
        }
        Some(group)
    }

    /// The first of these files that is there.
    fn read(&self, names: [&str; 2]) -> String {
        let folder = self.folders.first().unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        let found = names.into_iter().find_map(read);
        found.unwrap_or_default().trim().to_owned()
    }

    /// Kills by the kernel for want of memory.
    fn kills(&self) -> u64 {
        let text = self.read(["memory.oom_control", "memory.events"]);
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("oom_kill "));
        count.unwrap().trim().parse().unwrap()
    }

    fn peak(&self) -> String {
        self.read(["memory.max_usage_in_bytes", "memory.peak"])
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            // a group can be removed a moment after its last process
            for _ in 0..1_000 {
                if fs::remove_dir(folder).is_ok() || !folder.exists() {
                    break;
                }
                std::thread::yield_now();
            }
        }
    }
}

/// The daemon in the group, as the images' user, with what it has counted.
struct Sidecar {
    server: Server,
    admin: SocketAddr,
    udp: SocketAddr,
    sender: UdpSocket,
    sent: u64,
}

impl Sidecar {
    fn start(group: &Cgroup, collector: SocketAddr, spool: &Path) -> Self {
        let mut command = Command::new("sh");
        let enter = "for group in $GROUPS_TO_ENTER; do echo $$ > $group/cgroup.procs; done; \
            exec setpriv --reuid 10001 --regid 10001 --clear-groups -- \"$0\" \"$@\"";
        let folders: Vec<&str> = group
            .folders
            .iter()
            .filter_map(|each| each.to_str())
            .collect();
        command
            .args(["-c", enter])
            .arg(packaged::binary("radiograph-daemon"))
            .args(["--bind", "127.0.0.1:0", "--bind-tcp", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0", "--endpoint"])
            .arg(format!("http://{collector}"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("GROUPS_TO_ENTER", folders.join(" "))
            .env("RADIOGRAPH_DATA_DIR", spool);
        let mut server = Server::spawn("radiograph-daemon", command);
        let admin = server.value_behind("Metrics and health on http://");
        let udp = server.value_behind("Listening for segments on udp ");
        Self {
            server,
            admin: admin.parse().unwrap(),
            udp: udp.parse().unwrap(),
            sender: UdpSocket::bind("127.0.0.1:0").unwrap(),
            sent: 0,
        }
    }

    /// Sends segments of a kilobyte, and a number at a time waits until they were taken or dropped.
    fn send(&mut self, count: u64, at_once: u64) {
        for _ in 0..count {
            self.sent += 1;
            let (number, filling) = (self.sent, "x".repeat(800));
            let segment = format!(
                "{{\"format\":\"json\",\"version\":1}}\n{{\"name\":\"shop\",\"id\":\"{number:016x}\",\
                 \"trace_id\":\"{}\",\"start_time\":1704067210.1,\"end_time\":1704067210.4,\
                 \"metadata\":{{\"default\":{{\"filling\":\"{filling}\"}}}}}}",
                trace(number)
            );
            self.sender.send_to(segment.as_bytes(), self.udp).unwrap();
            if number % at_once == 0 {
                self.taken();
            }
        }
        self.taken();
    }

    /// Waits until the kernel has handed over, or dropped, whatever was sent.
    fn taken(&self) {
        eventually("every datagram to be taken or dropped", || {
            let counted = self.metric("segments_received_total") + self.dropped();
            (counted == self.sent).then_some(())
        });
    }

    fn dropped(&self) -> u64 {
        self.metric("kernel_dropped_datagrams_total")
    }

    /// The sum of a metric's samples; 0 when there is none.
    fn metric(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let samples = answer.lines().filter_map(|line| {
            let line = line
                .strip_prefix("radiograph_daemon_")?
                .strip_prefix(name)?;
            let value = match line.strip_prefix('{') {
                Some(labels) => labels.split_once("} ")?.1,
                None => line.strip_prefix(' ')?,
            };
            value.parse::<u64>().ok()
        });
        samples.sum()
    }

    /// Waits until every segment that came in was delivered.
    fn delivered(&self) {
        eventually("what was received to be delivered", || {
            let received = self.metric("segments_received_total");
            (self.metric("destination_segments_sent_total") == received).then_some(())
        });
    }
}

/// A collector at this address, and the address that it got.
fn collector(address: &str, data: &Path) -> (Server, SocketAddr) {
    let mut command = Command::new(packaged::binary("radiograph-collector"));
    command
        .args(["--listen", address, "--admin", "off", "--data-dir"])
        .arg(data)
        .env_clear();
    let mut server = Server::spawn("radiograph-collector", command);
    let address = server.value_behind("address=").parse().unwrap();
    (server, address)
}

/// Stops a server as a supervisor does.
fn stop(server: Server) {
    server.signal("-TERM");
    let (status, printed) = server.end();
    assert!(status.success(), "{status}:\n{printed}");
}

fn trace(number: u64) -> String {
    format!("1-6592008a-{number:024x}")
}

fn say(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").unwrap();
}

#[test]
fn the_sidecars_defaults_fit_32_cpu_units_and_64_megabytes() {
    let Some(group) = Cgroup::new() else {
        return say("skipped: footprint: no group can be made in /sys/fs/cgroup");
    };
    let (data, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(spool.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (first, address) = collector("127.0.0.1:0", data.path());
    let mut sidecar = Sidecar::start(&group, address, spool.path());
    // the bound is seen
    sidecar
        .server
        .value_behind("Using buffer memory limit of 16 ");

    for _ in 0..5 {
        sidecar.send(STEADY, 20);
    }
    sidecar.delivered();
    say(&format!("steady: peak of {} bytes", group.peak()));
    sidecar.send(BURST, BURST);
    sidecar.delivered();
    say(&format!("burst: peak of {} bytes", group.peak()));

    stop(first);
    sidecar.send(5 * STEADY, 20);
    sidecar.send(BURST, BURST);
    eventually("the outage to be spooled", || {
        (sidecar.metric("destination_segments_spooled") > 0).then_some(())
    });
    let (second, _) = collector(&address.to_string(), data.path());
    sidecar.delivered();

    let (received, dropped) = (sidecar.metric("segments_received_total"), sidecar.dropped());
    assert_eq!(received + dropped, sidecar.sent);
    for lost in [
        "segments_spilled_total",
        "destination_segments_spilled_total",
    ] {
        assert_eq!(sidecar.metric(lost), 0, "{lost}");
    }
    let ids: Vec<String> = (1..=sidecar.sent).map(trace).collect();
    let stored = u64::try_from(Api::new(address).traces(&ids).len());
    assert_eq!(stored, Ok(received));
    assert_eq!(group.kills(), 0);
    say(&format!(
        "footprint: {} sent, {received} received and stored, {dropped} dropped by the kernel, peak of {} bytes",
        sidecar.sent,
        group.peak()
    ));
    stop(sidecar.server);
    stop(second);
}
