//! `radiograph canary` against real servers: it sings while they work, and says when they do not.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use radiograph_tests::servers::Server;
use radiograph_tests::{Collector, Daemon, binaries, eventually};

fn once(args: &[&str]) -> Output {
    let mut command = Command::new(binaries::path("radiograph"));
    command.args(["canary", "--once"]).args(args);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The body of a plain GET; `None` when nobody answers.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    Some(body.to_owned())
}

/// The value of a series in a Prometheus text.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let found = metrics.lines().find_map(|line| line.strip_prefix(series))?;
    found.trim().parse().ok()
}

#[test]
fn one_round_by_http_and_one_through_a_daemon_go_well() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let daemon = Daemon::start(collector.address);
    let endpoint = format!("http://{}", collector.address);
    let through = daemon.udp.to_string();
    for more in [&[][..], &["--daemon-address", &through]] {
        let output = once(&[&["--endpoint", &endpoint], more].concat());
        let (line, remarks) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{more:?}: {remarks}");
        for step in ["trace 1-", " write ", " trace ", " summary ", " graph "] {
            assert!(line.contains(step), "{more:?}: {line}");
        }
    }
    let printed = daemon.stop();
    assert!(printed.contains(" sent=1 "), "one went through: {printed}");
}

#[test]
fn a_collector_that_is_not_there_fails_the_round() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let output = once(&["--endpoint", &format!("http://{address}")]);
    assert_eq!(output.status.code(), Some(1));
    let remarks = text(&output.stderr);
    assert!(remarks.contains("no answer"), "{remarks}");
}

#[test]
fn a_trace_that_never_comes_fails_the_round_at_that_step() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let endpoint = format!("http://{}", collector.address);
    // a socket that takes datagrams and does nothing with them
    let hole = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let hole = hole.local_addr().unwrap().to_string();
    let output = once(&[
        "--endpoint",
        &endpoint,
        "--daemon-address",
        &hole,
        "--within",
        "500ms",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let remarks = text(&output.stderr);
    assert!(remarks.contains(": trace: not within 500ms"), "{remarks}");
}

#[test]
fn a_collector_that_answers_something_else_fails_the_round() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in server.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _bytes = stream.read(&mut request);
            let _gone = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        }
    });
    let output = once(&["--endpoint", &format!("http://{address}")]);
    assert_eq!(output.status.code(), Some(1));
    let remarks = text(&output.stderr);
    assert!(remarks.contains("there is no list"), "{remarks}");
}

#[test]
fn metrics_tell_of_good_rounds_and_then_of_the_collector_s_end() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let endpoint = format!("http://{}", collector.address);
    let args = ["canary", "--endpoint", &endpoint, "--every", "100ms"];
    let args = [&args[..], &["--listen", "127.0.0.1:0"]].concat();
    let mut canary = Server::start("radiograph", &args);
    let url = canary.value_of("metrics");
    let address = url.strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap().to_owned();
    assert_eq!(get(&address, "/livez").as_deref(), Some("ok\n"));
    let metrics = eventually("two good rounds", || {
        let metrics = get(&address, "/metrics")?;
        let rounds = value(&metrics, "radiograph_canary_rounds_succeeded_total")?;
        (rounds >= 2.0).then_some(metrics)
    });
    let step = |step| {
        value(
            &metrics,
            &format!("radiograph_canary_step_seconds{{step=\"{step}\"}}"),
        )
    };
    assert!(step("write").unwrap() > 0.0, "{metrics}");
    assert!(
        step("graph").unwrap() >= step("summary").unwrap(),
        "{metrics}"
    );
    collector.server.kill();
    eventually("the failure to show", || {
        let metrics = get(&address, "/metrics")?;
        let is_up = value(&metrics, "radiograph_canary_up ")?;
        (is_up < 0.5).then_some(())
    });
    eventually("the failure in the log", || {
        canary.printed().contains("canary failed").then_some(())
    });
    canary.signal("-TERM");
    let (status, printed) = canary.end();
    assert!(status.success(), "{printed}");
}
