//! What systemd and the servers have to say to each other, with real binaries: units, readiness, watchdog,
//! passed sockets.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
#![expect(clippy::print_stderr, reason = "says why a test was left out")]

use std::fs;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use radiograph_tests::binaries::{self, workspace};
use radiograph_tests::servers::Server;
use radiograph_tests::{Api, DEADLINE};

const UNITS: [&str; 2] = ["radiograph-daemon", "radiograph-collector"];

fn has_systemd_analyze() -> bool {
    let found = Command::new("systemd-analyze").arg("--version").output();
    if found.is_err() {
        eprintln!("skipped: no systemd-analyze");
    }
    found.is_ok()
}

#[test]
fn the_units_are_exposed_no_more_than_they_need() {
    if !has_systemd_analyze() {
        return;
    }
    for unit in UNITS {
        let path = workspace().join(format!("deploy/systemd/{unit}.service"));
        let output = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
            .arg(path)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}");
        assert!(told.contains("Overall exposure level"), "{told}");
    }
}

#[test]
fn the_units_are_valid_without_a_remark() {
    if !has_systemd_analyze() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for unit in UNITS {
        for kind in ["service", "socket"] {
            let name = format!("{unit}.{kind}");
            let text = fs::read_to_string(workspace().join("deploy/systemd").join(&name)).unwrap();
            // what is not installed here cannot be started
            let text = text.replace(&format!("/usr/bin/{unit}"), "/bin/true");
            fs::write(folder.path().join(name), text).unwrap();
        }
    }
    let units = fs::read_dir(folder.path()).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(units.map(|unit| unit.unwrap().path()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((told.as_str(), output.status.success()), ("", true));
}

/// systemd's end of the notifications.
struct Manager(UnixDatagram);

impl Manager {
    fn start(folder: &Path, name: &'static str, args: &[&str]) -> (Self, Server) {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut command = binaries::binary(name);
        command
            .args(args)
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000");
        (Self(socket), Server::spawn(name, command))
    }

    /// The next message with this line.
    fn until(&self, line: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.lines().any(|each| each == line) {
                return message;
            }
        }
    }
}

#[test]
fn a_daemon_tells_when_it_is_ready_alive_reloading_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "--bind",
        "127.0.0.1:0",
        "--bind-tcp",
        "127.0.0.1:0",
        "--endpoint",
        "http://127.0.0.1:9",
        "--no-spool",
        "--admin",
        "off",
    ];
    let (manager, server) = Manager::start(folder.path(), "radiograph-daemon", &args);
    let ready = manager.until("READY=1");
    assert!(
        ready.contains("STATUS=0 documents received; default: 0 delivered, 0 waiting\n"),
        "{ready}"
    );
    manager.until("WATCHDOG=1");
    manager.until("WATCHDOG=1");
    server.signal("-HUP");
    let reloading = manager.until("RELOADING=1");
    let clock = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(clock.unwrap().parse::<u64>().unwrap() > 0);
    manager.until("READY=1");
    server.signal("-TERM");
    manager.until("STOPPING=1");
    let (status, printed) = server.end();
    assert!(status.success(), "{printed}");
}

#[test]
fn a_collector_answers_once_it_said_that_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "off",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let (manager, mut server) = Manager::start(folder.path(), "radiograph-collector", &args);
    manager.until("STATUS=opening the store");
    manager.until("READY=1");
    let address = server.value_behind("address=").parse().unwrap();
    let answer = Api::new(address).post(
        "/Traces",
        &serde_json::json!({"TraceIds": ["1-6592008a-000000000000000000000001"]}),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    manager.until("WATCHDOG=1");
    server.signal("-TERM");
    manager.until("STOPPING=1");
    let (status, printed) = server.end();
    assert!(status.success(), "{printed}");
}

/// Binds the sockets that its first argument names, as systemd does before a start, and becomes the server.
const ACTIVATE: &str = r#"
import fcntl, os, socket, sys
kinds = {"u": socket.SOCK_DGRAM, "t": socket.SOCK_STREAM}
held = []
for kind in sys.argv[1]:
    each = socket.socket(socket.AF_INET, kinds[kind])
    each.bind(("127.0.0.1", 0))
    if kind == "t":
        each.listen()
    print("passed %s:%d" % each.getsockname(), flush=True)
    held.append(fcntl.fcntl(each.detach(), fcntl.F_DUPFD, 20))
for index, number in enumerate(held):
    os.dup2(number, 3 + index)
    os.close(number)
os.environ["LISTEN_FDS"] = str(len(held))
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"#;

fn activated(name: &'static str, sockets: &str, args: &[&str]) -> Server {
    let mut command = Command::new("python3");
    command
        .args(["-c", ACTIVATE, sockets])
        .arg(binaries::path(name))
        .args(args);
    Server::spawn(name, command)
}

const OF_DAEMON: [&str; 5] = [
    "--endpoint",
    "http://127.0.0.1:9",
    "--no-spool",
    "--admin",
    "off",
];

#[test]
fn a_daemon_serves_the_sockets_that_it_was_passed() {
    let mut server = activated("radiograph-daemon", "ut", &OF_DAEMON);
    let passed = server.value_behind("passed ");
    let served = server.value_behind("Listening for segments on udp ");
    assert_eq!(served, passed);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"no header", &passed).unwrap();
    server.value_behind("Datagram rejected ");
    server.signal("-TERM");
    let (status, printed) = server.end();
    assert!(status.success(), "{printed}");
    assert!(printed.contains(" rejected.no_separator=1 "), "{printed}");
}

#[test]
fn sockets_that_nobody_would_serve_are_refused_by_name() {
    let cases: [(&'static str, &str, &[&str], &str); 4] = [
        (
            "radiograph-daemon",
            "ut",
            &["--bind", "127.0.0.1:9"],
            "the UDP address (Socket.UDPAddress) is 127.0.0.1:9, but the socket unit passes 127.0.0.1:",
        ),
        (
            "radiograph-daemon",
            "uu",
            &[],
            "two UDP sockets were passed, 127.0.0.1:",
        ),
        (
            "radiograph-collector",
            "u",
            &[],
            "a UDP socket was passed, 127.0.0.1:",
        ),
        (
            "radiograph-collector",
            "t",
            &["--listen", "127.0.0.1:9"],
            "--listen (RADIOGRAPH_LISTEN) is 127.0.0.1:9, but the socket unit passes 127.0.0.1:",
        ),
    ];
    for (name, sockets, args, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut all = args.to_vec();
        all.extend([
            "--admin",
            "off",
            "--data-dir",
            folder.path().to_str().unwrap(),
        ]);
        let (status, printed) = activated(name, sockets, &all).end();
        assert_eq!(status.code(), Some(1), "{printed}");
        assert!(printed.contains(expected), "{printed}");
    }
}
