//! What one client may take of a collector: its rate, its body, its place among the connections. And what
//! the collector may take of the system.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use radiograph_tests::servers::Server;
use radiograph_tests::{DEADLINE, binaries};

/// The beginning of a gzip member.
const NOT_GZIP: &[u8] = b"\x1f\x8b\x08\x00";

fn collector(data: &Path, more: &[&str]) -> (Server, SocketAddr) {
    let data = data.to_str().unwrap();
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "off",
        "--data-dir",
        data,
    ];
    let mut server = Server::start("radiograph-collector", &[&args, more].concat());
    let address = server.value_behind("address=").parse().unwrap();
    (server, address)
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The whole answer to a request on a connection of its own.
fn ask(to: SocketAddr, path: &str, headers: &str, body: &[u8]) -> String {
    let mut stream = connect(to);
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_beyond_its_rate_is_throttled_and_told_when_to_come_again() {
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = collector(data.path(), &["--rate-limit", "1"]);
    // a burst of two; of so many at once, no clock is slow enough to admit all
    let answers: Vec<String> = (0..200)
        .map(|_| ask(address, "/GetSamplingRules", "", b"{}"))
        .collect();
    assert!(answers.first().unwrap().starts_with("HTTP/1.1 200 "));
    let throttled = answers
        .iter()
        .find(|each| each.starts_with("HTTP/1.1 429 "));
    let throttled = throttled.unwrap().to_lowercase();
    assert!(throttled.contains("x-amzn-errortype: throttledexception\r\n"));
    assert!(throttled.contains("retry-after: 1\r\n"), "{throttled}");
    assert!(throttled.contains("rate exceeded: 1 requests per second"));
}

#[test]
fn bodies_that_are_not_what_they_claim_are_refused_on_every_operation() {
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = collector(data.path(), &[]);
    for path in [
        "/TraceSegments",
        "/GetSamplingRules",
        "/TraceSummaries",
        "/Export",
        "/CreateGroup",
    ] {
        let answer = ask(address, path, "Content-Encoding: gzip\r\n", NOT_GZIP);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(
            answer.contains("\r\nx-amzn-errortype: SerializationException\r\n"),
            "{answer}"
        );
        let answer = ask(address, path, "Content-Encoding: br\r\n", b"{}");
        assert!(answer.starts_with("HTTP/1.1 415 "), "{path}: {answer}");
    }
}

#[test]
fn a_place_among_the_connections_is_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = collector(data.path(), &["--connections-max", "1"]);
    let mut first = connect(address);
    let request = b"POST /GetSamplingRules HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    first.write_all(request).unwrap();
    let mut begin = [0; 12];
    first.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    let mut second = connect(address);
    second.write_all(request).unwrap();
    drop(first);
    second.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
}

#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 256 && exec \"$0\" \"$@\""]);
    command.arg(binaries::path("radiograph-collector"));
    command.args(["--listen", "127.0.0.1:0", "--admin", "off", "--data-dir"]);
    command.arg(data.path());
    let mut server = Server::spawn("radiograph-collector", command);
    server.value_behind("address=");
    let Ok(limits) = fs::read_to_string(format!("/proc/{}/limits", server.id())) else {
        let why = "this system does not tell how many files may be open";
        return writeln!(std::io::stderr().lock(), "skipped: {why}").unwrap();
    };
    let open_files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut columns = open_files.unwrap().split_whitespace().skip(3);
    let (soft, hard) = (columns.next().unwrap(), columns.next().unwrap());
    assert!(soft == hard && soft != "256", "{open_files:?}");
}
