//! The real binary: one command from SDK to answer. Everything runs on port 0 and in directories of
//! its own; addresses are read from the announcement, times from the trace id the demo shows.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of a test may fail it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

const TRACES: usize = 30;

/// A running `radiograph`, killed when the test ends before it was stopped.
struct Radiograph {
    child: Child,
    announced: Vec<(String, String)>,
}

impl Radiograph {
    fn start(data_dir: &Path) -> Self {
        Self::announced_by(radiograph(data_dir).stdout(Stdio::piped()))
    }

    fn announced_by(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let announced = lines.take(8).map(|line| {
            let line = line.unwrap();
            let (label, value) = line.split_once(": ").unwrap();
            (label.to_owned(), value.to_owned())
        });
        let announced = announced.collect();
        Self { child, announced }
    }

    fn announced(&self, label: &str) -> &str {
        let line = self.announced.iter().find(|(known, _)| known == label);
        line.map(|(_, value)| value.as_str()).unwrap()
    }

    /// Asks it to stop, and waits until it has.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(kill.unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    /// One call of the API.
    fn ask(&self, path: &str, body: &Value) -> Value {
        let address = self.announced("api").strip_prefix("http://").unwrap();
        let body = body.to_string();
        let length = body.len();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Every finished trace around `seconds`, all pages of the answer.
    fn finished_traces(&self, seconds: i64) -> Vec<Value> {
        let mut request = json!({"StartTime": seconds - 60, "EndTime": seconds + 600});
        let mut finished = Vec::new();
        loop {
            let page = self.ask("/TraceSummaries", &request);
            let summaries = page["TraceSummaries"].as_array().unwrap();
            let whole = |summary: &&Value| summary["IsPartial"] != json!(true);
            finished.extend(summaries.iter().filter(whole).cloned());
            match &page["NextToken"] {
                Value::Null => return finished,
                token => request["NextToken"] = token.clone(),
            }
        }
    }
}

impl Drop for Radiograph {
    fn drop(&mut self) {
        // it has ended by itself when the test went well
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn radiograph(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_radiograph"));
    command.args(["--bind", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    command.args(["--log-level", "error", "--data-dir"]);
    command.arg(data_dir);
    command
}

fn demo(daemon_address: &str) -> Output {
    let traces = TRACES.to_string();
    Command::new(env!("CARGO_BIN_EXE_radiograph"))
        .args(["demo", "--rate", "0", "--seed", "7", "--traces", &traces])
        .args(["--daemon-address", daemon_address])
        .output()
        .unwrap()
}

/// The epoch seconds in the trace id that the demo's line shows.
fn shown_time(line: &str) -> i64 {
    let (_, id) = line.trim_end().rsplit_once(" 1-").unwrap();
    let (time, _) = id.split_once('-').unwrap();
    i64::from_str_radix(time, 16).unwrap()
}

#[tokio::test]
async fn what_the_demo_sends_is_answered_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let radiograph = Radiograph::start(directory.path());
    let announced = Path::new(radiograph.announced("data"));
    assert_eq!(announced, directory.path());

    let sent = demo(radiograph.announced("udp"));
    let line = String::from_utf8(sent.stdout).unwrap();
    assert_eq!(sent.status.code(), Some(0), "{line}");
    assert!(line.starts_with("sent 30 traces, "), "{line}");
    let seconds = shown_time(&line);

    let all_there = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while radiograph.finished_traces(seconds).len() < TRACES {
            look.tick().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), all_there).await;
    waited.unwrap_or_else(|_| panic!("only {}", radiograph.finished_traces(seconds).len()));
    let before = radiograph.finished_traces(seconds);
    assert_eq!(before.len(), TRACES);
    radiograph.stop();

    let again = Radiograph::start(directory.path());
    assert_eq!(again.finished_traces(seconds), before);
    again.stop();
}

#[test]
fn a_taken_address_is_named_with_its_flag() {
    let directory = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = udp.local_addr().unwrap();
    let tcp = tcp.local_addr().unwrap();
    for (flag, address, protocol) in [
        ("--bind", udp, "UDP"),
        ("--bind-tcp", tcp, "TCP"),
        ("--listen", tcp, "TCP"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_radiograph"));
        command.args(["--log-level", "error", "--data-dir"]);
        command.arg(directory.path());
        for other in ["--bind", "--bind-tcp", "--listen"] {
            let free = "127.0.0.1:0".to_owned();
            let value = if other == flag {
                address.to_string()
            } else {
                free
            };
            command.args([other, &value]);
        }
        let ended = command.output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{flag}");
        assert_eq!(
            String::from_utf8(ended.stderr).unwrap(),
            format!(
                "radiograph: address {address} ({protocol}) is taken by another process; \
                 choose another with {flag}\n"
            )
        );
        assert_eq!(ended.stdout, b"", "{flag}");
    }
}

#[test]
fn a_health_check_asks_the_admin_address() {
    let directory = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = listener.local_addr().unwrap().to_string();
    drop(listener);
    let check = |admin: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_radiograph"));
        let ended = command.args(["--healthcheck", "--admin", admin]).output();
        let ended = ended.unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code(), told)
    };
    let (code, told) = check(&admin);
    assert_eq!(code, Some(1));
    let nobody = format!("health check: {admin}: no answer");
    assert!(told.starts_with(&nobody), "{told}");
    let mut command = radiograph(directory.path());
    let command = command.args(["--admin", &admin]).stdout(Stdio::piped());
    let running = Radiograph::announced_by(command);
    assert_eq!(check(&admin), (Some(0), String::new()));
    running.stop();
    let off = "radiograph: --healthcheck: the admin address is off; give it an address\n";
    assert_eq!(check("off"), (Some(1), off.to_owned()));
}

#[test]
fn a_data_directory_in_use_is_named_with_its_flag() {
    let directory = tempfile::tempdir().unwrap();
    let first = Radiograph::start(directory.path());
    let second = radiograph(directory.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let message = String::from_utf8(second.stderr).unwrap();
    let path = directory.path().display().to_string();
    assert!(
        message.contains("--data-dir") && message.contains(&path),
        "{message}"
    );
    first.stop();
}

#[test]
fn a_demo_that_nobody_hears_fails() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let ended = demo(&address);
    assert_eq!(ended.status.code(), Some(1));
    let message = String::from_utf8(ended.stderr).unwrap();
    let expected = format!("nobody listens at {address} (UDP)");
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn an_endless_demo_ends_with_its_summary_when_asked_to() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let demo = Command::new(env!("CARGO_BIN_EXE_radiograph"))
        .args(["demo", "--rate", "100", "--daemon-address", &address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let received = socket.recv(&mut [0; 65_536]).unwrap();
    assert!(received > 0);
    let pid = demo.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status();
    assert!(kill.unwrap().success());
    let ended = demo.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let line = String::from_utf8(ended.stdout).unwrap();
    assert!(line.starts_with("sent ") && line.ends_with('\n'), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}
