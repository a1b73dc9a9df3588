//! A collector that speaks TLS with a certificate made here, seen by boto3, Node, our daemon and the
//! command line, each with the authority in a file; certificates that change; clients that must show one.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Output};

use radiograph_tests::authority::Authority;
use radiograph_tests::servers::Server;
use radiograph_tests::{binaries, eventually, node, python};
use serde_json::{Value, json};
use tempfile::TempDir;

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// A collector with the authority's certificate; the directory holds its data.
struct Collector {
    server: Server,
    address: String,
    _data: TempDir,
}

impl Collector {
    fn start(authority: &Authority, more: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (certificate, key) = (authority.path("cert.pem"), authority.path("key.pem"));
        let args = [
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "off",
            "--data-dir",
            data.path().to_str().unwrap(),
            "--tls-cert",
            &certificate,
            "--tls-key",
            &key,
        ];
        let mut server = Server::start("radiograph-collector", &[&args, more].concat());
        let address = server.value_behind("address=");
        Self {
            server,
            address,
            _data: data,
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// One segment sent and read back by boto3.
    fn boto3(&self, ca_file: &str, encoding: &str, more: &[&str]) -> Output {
        let mut command = Command::new(python::bin().join("python"));
        command
            .arg(python::script("tls.py"))
            .args([&self.url(), ca_file, encoding, TRACE])
            .args(more)
            .envs([
                ("AWS_ACCESS_KEY_ID", "any"),
                ("AWS_SECRET_ACCESS_KEY", "any"),
                ("AWS_DEFAULT_REGION", "us-east-1"),
            ]);
        command.output().unwrap()
    }

    fn node(&self, ca_file: &str) -> Value {
        let port = self.address.rsplit(':').next().unwrap();
        let output = node::command("tls.js").args([port, ca_file]).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[track_caller]
fn found(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let ids: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ids, json!([TRACE]));
}

#[track_caller]
fn refused(output: &Output, error: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(error), "{said}");
}

#[test]
fn real_clients_that_trust_the_authority_are_served_compressed_or_not() {
    let (ours, other) = (Authority::new(), Authority::new());
    let collector = Collector::start(&ours, &[]);
    for encoding in ["identity", "gzip", "zstd"] {
        found(&collector.boto3(&ours.path("ca.pem"), encoding, &[]));
    }
    let strange = collector.boto3(&other.path("ca.pem"), "identity", &[]);
    refused(&strange, "CERTIFICATE_VERIFY_FAILED");

    let answer = collector.node(&ours.path("ca.pem"));
    assert_eq!(
        (&answer["status"], &answer["protocol"]),
        (&json!(200), &json!("http/1.1"))
    );
    assert!(answer["body"]["SamplingRuleRecords"].is_array(), "{answer}");
    let refused = collector.node(&other.path("ca.pem"));
    assert!(refused["error"].is_string(), "{refused}");
}

#[test]
fn a_daemon_and_the_command_line_trust_the_file_they_are_told_of() {
    let authority = Authority::new();
    let collector = Collector::start(&authority, &[]);
    let mut command = Command::new(binaries::path("radiograph-daemon"));
    command
        .args(["--bind", "127.0.0.1:0", "--bind-tcp", "127.0.0.1:0"])
        .args(["--no-spool", "--admin", "off", "--endpoint"])
        .arg(collector.url())
        .env("RADIOGRAPH_CA_FILE", authority.file("ca.pem"));
    let mut daemon = Server::spawn("radiograph-daemon", command);
    let udp = daemon.value_behind("Listening for segments on udp ");
    let mut canary = Command::new(binaries::path("radiograph"));
    canary
        .args(["canary", "--once", "--daemon-address", &udp, "--endpoint"])
        .arg(collector.url())
        .env("SSL_CERT_FILE", authority.file("ca.pem"));
    let output = canary.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    daemon.signal("-TERM");
    let (_, printed) = daemon.end();
    assert!(printed.contains(" sent=1 "), "{printed}");
}

#[test]
fn a_new_certificate_is_used_without_a_restart_and_a_bad_one_is_told_of() {
    let (ours, other) = (Authority::new(), Authority::new());
    let collector = Collector::start(&ours, &[]);
    assert_eq!(collector.node(&ours.path("ca.pem"))["status"], 200);
    fs::write(ours.file("cert.pem"), "nothing").unwrap();
    eventually("a line about the bad certificate", || {
        let printed = collector.server.printed();
        printed.contains("the old one stays").then_some(())
    });
    assert_eq!(collector.node(&ours.path("ca.pem"))["status"], 200);
    fs::copy(other.file("key.pem"), ours.file("key.pem")).unwrap();
    fs::copy(other.file("cert.pem"), ours.file("cert.pem")).unwrap();
    eventually("the certificate of the other authority", || {
        let answer = collector.node(&other.path("ca.pem"));
        (answer["status"] == 200).then_some(())
    });
}

#[test]
fn with_client_authorities_a_client_must_show_a_certificate() {
    let (ours, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    let collector = Collector::start(&ours, &["--tls-client-ca", &clients.path("ca.pem")]);
    let ca_file = ours.path("ca.pem");
    let with = |authority: &Authority| {
        let shown = [authority.path("cert.pem"), authority.path("key.pem")];
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        collector.boto3(&ca_file, "identity", &shown)
    };
    found(&with(&clients));
    refused(&collector.boto3(&ca_file, "identity", &[]), "Error");
    refused(&with(&other), "Error");
}

#[test]
fn a_daemon_shows_the_certificate_it_is_told_of_and_reads_it_again_on_a_signal() {
    let (ours, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    let collector = Collector::start(&ours, &["--tls-client-ca", &clients.path("ca.pem")]);
    let mut command = Command::new(binaries::path("radiograph-daemon"));
    command
        .args(["--bind", "127.0.0.1:0", "--bind-tcp", "127.0.0.1:0"])
        .args(["--no-spool", "--admin", "off", "--endpoint"])
        .arg(collector.url())
        .args(["--client-cert", &other.path("cert.pem")])
        .env("RADIOGRAPH_CLIENT_KEY", other.file("key.pem"))
        .env("RADIOGRAPH_CA_FILE", ours.file("ca.pem"));
    let mut daemon = Server::spawn("radiograph-daemon", command);
    let udp = daemon.value_behind("Listening for segments on udp ");
    let tcp = daemon.value_behind("Starting proxy http server on ");
    let document = json!({"trace_id": TRACE, "id": "1111111111111111", "name": "n", "start_time": 1.0, "end_time": 2.0});
    let datagram = format!("{{\"format\":\"json\",\"version\":1}}\n{document}");
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(datagram.as_bytes(), &udp).unwrap();
    daemon.value_behind("Upload will be tried again");
    assert_eq!(sampling_rules(&tcp), "HTTP/1.1 502 Bad Gateway");
    for name in ["cert.pem", "key.pem"] {
        fs::copy(clients.file(name), other.file(name)).unwrap();
    }
    daemon.signal("-HUP");
    daemon.value_behind("Uploads succeed again after ");
    assert_eq!(sampling_rules(&tcp), "HTTP/1.1 200 OK");
    fs::write(other.file("key.pem"), "nothing").unwrap();
    daemon.signal("-HUP");
    daemon.value_behind("Certificates are not read again; the old ones stay");
    assert_eq!(sampling_rules(&tcp), "HTTP/1.1 200 OK");
    daemon.signal("-TERM");
    let (_, printed) = daemon.end();
    assert!(printed.contains(" sent=1 "), "{printed}");
}

/// The status line of what a daemon's proxy answers.
fn sampling_rules(tcp: &str) -> String {
    let mut stream = TcpStream::connect(tcp).unwrap();
    let call =
        format!("POST /GetSamplingRules HTTP/1.1\r\nHost: {tcp}\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all(call.as_bytes()).unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    status.trim_end().to_owned()
}

#[test]
fn a_collector_whose_certificate_cannot_be_used_does_not_start_and_says_why() {
    let authority = Authority::new();
    fs::write(authority.file("key.pem"), "nothing").unwrap();
    let data = tempfile::tempdir().unwrap();
    let args = |more: &[&str]| -> Vec<String> {
        let data = data.path().to_str().unwrap();
        let args = [
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "off",
            "--data-dir",
            data,
        ];
        args.iter().chain(more).map(ToString::to_string).collect()
    };
    let (certificate, key) = (authority.path("cert.pem"), authority.path("key.pem"));
    let output = Command::new(binaries::path("radiograph-collector"))
        .args(args(&["--tls-cert", &certificate, "--tls-key", &key]))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stdout);
    let problem = format!("{key}: no private key in PEM that is not encrypted");
    assert!(printed.contains(&problem), "{printed}");
    let half = Command::new(binaries::path("radiograph-collector"))
        .args(args(&["--tls-cert", &certificate]))
        .output()
        .unwrap();
    refused(&half, "--tls-key");
}
