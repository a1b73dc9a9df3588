//! The binary: its lines, its exit codes, its signals.

use std::io::{BufRead, BufReader, Lines, Read};
use std::net::UdpSocket;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use crate::sink::{Sink, reply};
use crate::support::{numbered, until, within};

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_radiograph-daemon"));
    // An empty working directory and environment, so that no file or variable interferes.
    command.env_clear().current_dir(std::env::temp_dir());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Output {
    binary().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A running daemon; killed when the test ends early.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = binary().args(args).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Reads lines up to one with this text; what follows it in that line.
    fn after(&mut self, text: &str) -> String {
        loop {
            let line = self
                .lines
                .next()
                .unwrap_or_else(|| panic!("no {text:?} in {:#?}", self.seen));
            self.seen.push(line.unwrap());
            if let Some((_, rest)) = self.seen.last().unwrap().split_once(text) {
                return rest.to_owned();
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success(), "{signal}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_terminated_daemon_delivers_what_it_has_and_exits_with_zero() {
    let sink = Sink::start(|_| reply(200));
    let url = sink.url();
    let lines = tokio::task::spawn_blocking(move || {
        let mut daemon = Running::start(&[
            "-b",
            "127.0.0.1:0",
            "-t",
            "127.0.0.1:0",
            "--endpoint",
            &url,
            "-n",
            "eu-west-1",
            "-m",
            "5",
            "--no-spool",
            "--admin",
            "off",
        ]);
        daemon.after("Starting proxy http server on 127.0.0.1:");
        let address = daemon.after("Listening for segments on udp ");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for datagram in numbered(20) {
            socket.send_to(datagram.as_bytes(), &address).unwrap();
        }
        daemon.signal("-TERM");
        daemon.signal("-TERM");
        let counters = daemon.after("[Info] Counters: ");
        assert!(
            counters.starts_with("received=20 rejected=0 ") && counters.contains(" sent=20 "),
            "{counters}"
        );
        let mut rest = String::new();
        daemon
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert_eq!(rest, "");
        assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
        std::mem::take(&mut daemon.seen)
    });
    let lines = within(lines).await.unwrap().unwrap();
    until("all arrived", || sink.accepted().len() == 20).await;
    let expected = [
        "[Info] Initializing AWS X-Ray daemon 3.6.6",
        "[Info] Using buffer memory limit of 5 MB",
        "[Info] 80 segment buffers allocated",
        "[Info] Using region: eu-west-1",
        &format!(
            "[Info] HTTP Proxy server using X-Ray Endpoint : {}",
            sink.url()
        ),
        "[Info] Got shutdown signal: terminated",
        "[Info] Successfully sent batch of ",
    ];
    for text in expected {
        assert!(
            lines.iter().any(|line| line.contains(text)),
            "{text} not in {lines:#?}"
        );
    }
    // `2026-11-21T12:37:34Z [Info] …`; without a zone file the offset is Z.
    assert!(
        lines
            .iter()
            .all(|line| line.get(10..11) == Some("T") && line.contains(" [")),
        "{lines:#?}"
    );
}

#[test]
fn the_version_has_the_line_of_aws_first_and_ours_second() {
    for flag in ["-v", "--version", "-version"] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        let mut lines = text(&output.stdout).lines();
        assert_eq!(lines.next(), Some("AWS X-Ray daemon version: 3.6.6"));
        let own = format!("Radiograph daemon version: {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(lines.next(), Some(own.as_str()));
    }
}

#[test]
fn a_wrong_command_line_exits_with_two_and_shows_the_usage() {
    for args in [["-o", "true"], ["--unknown", "x"], ["-m", "much"]] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
        assert!(
            text(&output.stdout).contains("Usage: radiograph-daemon"),
            "{args:?}"
        );
    }
    let help = run(&["-h"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("--bind-tcp"));
}

#[test]
fn an_unusable_configuration_exits_with_one_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cfg.yaml");
    std::fs::write(&path, "Version: 2\nRegin: x\n").unwrap();
    let output = run(&["-c", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nearest known one is Region"));

    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str); 2] = [
        (
            &["-b", &address, "-t", "127.0.0.1:0"],
            "[Error] udp address: ",
        ),
        (
            &[
                "-b",
                "127.0.0.1:0",
                "-t",
                "127.0.0.1:0",
                "--endpoint",
                "ftp://c",
            ],
            "ftp://c",
        ),
    ];
    for (args, said) in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(all.contains(said), "{args:?}: {all}");
    }
}

#[cfg(unix)]
#[test]
fn a_hangup_takes_over_what_needs_no_restart_and_names_what_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cfg.yaml");
    std::fs::write(&path, "Version: 2\nConcurrency: 4\n").unwrap();
    let mut daemon = Running::start(&[
        "-c",
        path.to_str().unwrap(),
        "-b",
        "127.0.0.1:0",
        "-t",
        "127.0.0.1:0",
        "--endpoint",
        "http://127.0.0.1:9",
        "--no-spool",
        "--admin",
        "off",
    ]);
    daemon.after("Listening for segments on udp ");
    let changed = "Version: 2\nConcurrency: 5\nLogging:\n  LogLevel: debug\n";
    std::fs::write(&path, changed).unwrap();
    daemon.signal("-HUP");
    daemon.after("[Info] Configuration is reloaded");
    let setting = daemon.after("[Warn] ");
    assert!(
        setting.contains("Concurrency") && setting.contains("restart"),
        "{setting}"
    );
    std::fs::write(&path, "Version: 3\n").unwrap();
    daemon.signal("-HUP");
    let refused = daemon.after("[Error] Configuration is not reloaded: ");
    assert!(refused.contains("Version"), "{refused}");
    daemon.signal("-TERM");
    daemon.after("[Info] Got shutdown signal: terminated");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}
