//! `radiograph` with the collector's flags: its own daemon reaches its own collector whatever protects
//! that, and nobody else does without what is asked for.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::UdpSocket;
use std::process::{Command, Output};

use radiograph_tests::api::http;
use radiograph_tests::authority::Authority;
use radiograph_tests::binaries::binary;
use radiograph_tests::protected::{Key, printed};
use radiograph_tests::servers::Server;
use radiograph_tests::{Api, eventually, python};
use serde_json::{Value, json};
use tempfile::TempDir;

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// A process on free ports, and where they are.
struct AllInOne {
    server: Server,
    udp: String,
    tcp: String,
    api: String,
    metrics: String,
    dir: TempDir,
}

impl AllInOne {
    fn start(authority: &Authority, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = binary("radiograph");
        command
            .args(["--bind", "127.0.0.1:0", "--listen", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .args(["--tls-cert", &authority.path("cert.pem")])
            .args(["--tls-key", &authority.path("key.pem")])
            .args(args);
        let mut server = Server::spawn("radiograph", command);
        let (udp, tcp) = (server.value_of("udp"), server.value_of("tcp"));
        let (api, admin) = (server.value_of("api"), server.value_behind("admin="));
        Self {
            server,
            udp,
            tcp,
            api,
            metrics: format!("http://{admin}/metrics"),
            dir,
        }
    }

    /// Sends a segment of that trace to the daemon.
    fn send(&self) {
        let document = json!({"trace_id": TRACE, "id": "53995c3f42cd8ad8", "name": "web",
            "start_time": 1_704_067_210.1, "end_time": 1_704_067_210.4});
        let datagram = format!("{{\"format\": \"json\", \"version\": 1}}\n{document}");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(datagram.as_bytes(), &self.udp).unwrap();
    }

    /// Waits until the collector has one document.
    fn has_accepted_one(&self) {
        let client = http();
        let line = "radiograph_collector_documents_accepted_total 1";
        eventually("the document", || {
            let text = client.get(&self.metrics).send().ok()?.text().ok()?;
            text.lines().any(|each| each == line).then_some(())
        });
    }

    fn stop(self) {
        self.server.signal("-TERM");
        let (status, printed) = self.server.end();
        assert!(status.success(), "{printed}");
    }
}

#[test]
fn with_tls_and_keys_an_sdk_sends_through_it_and_boto3_reads() {
    let authority = Authority::new();
    let keys_dir = tempfile::tempdir().unwrap();
    let keys = keys_dir.path().join("keys.yaml");
    let read = Key::new(&keys, "read");
    let all = AllInOne::start(&authority, &["--keys", keys.to_str().unwrap()]);
    assert!(all.api.starts_with("https://127.0.0.1:"), "{}", all.api);

    let mut service = Command::new(python::bin().join("python"));
    service
        .arg("-u")
        .arg(python::script("service.py"))
        .arg("web");
    let daemon = format!("tcp:{} udp:{}", all.tcp, all.udp);
    service.env("AWS_XRAY_DAEMON_ADDRESS", daemon);
    let mut service = Server::spawn("web", service);
    let port = service.value_behind("listening on ");
    let header = format!("Root={TRACE};Sampled=1");
    let call = http().get(format!("http://127.0.0.1:{port}/fine"));
    let answer = call.header("X-Amzn-Trace-Id", header).send().unwrap();
    assert_eq!(answer.status(), 200);
    // SDKs' calls for rules take the same way
    let proxy = Api::new(all.tcp.parse().unwrap());
    let rules = proxy.ok("/GetSamplingRules", &json!({}));
    assert!(rules["SamplingRuleRecords"].is_array(), "{rules}");

    let boto3 = |ca_file: &str, key: &Key| -> Output {
        let mut command = Command::new(python::bin().join("python"));
        command
            .arg(python::script("signed.py"))
            .arg(TRACE)
            .env_remove("AWS_SESSION_TOKEN")
            .envs(key.variables())
            .env("AWS_CA_BUNDLE", ca_file)
            .env("AWS_ENDPOINT_URL_XRAY", &all.api);
        command.output().unwrap()
    };
    let ca_file = authority.path("ca.pem");
    eventually("the segment", || {
        let outcome: Value = serde_json::from_str(&printed(&boto3(&ca_file, &read))).unwrap();
        (outcome == json!({TRACE: 1})).then_some(())
    });
    let wrong: Value =
        serde_json::from_str(&printed(&boto3(&ca_file, &read.with_secret("wrong")))).unwrap();
    assert_eq!(wrong, json!({TRACE: "InvalidSignatureException 403"}));
    let strange = boto3(&Authority::new().path("ca.pem"), &read);
    let said = String::from_utf8_lossy(&strange.stderr);
    assert!(said.contains("CERTIFICATE_VERIFY_FAILED"), "{said}");
    all.stop();
}

#[test]
fn its_daemon_is_let_in_where_clients_must_show_a_certificate() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let all = AllInOne::start(&ours, &["--tls-client-ca", &clients.path("ca.pem")]);
    all.send();
    all.has_accepted_one();
    let boto3 = |more: &[&str]| {
        let mut command = Command::new(python::bin().join("python"));
        command
            .arg(python::script("tls.py"))
            .args([&all.api, &ours.path("ca.pem"), "identity", TRACE])
            .args(more)
            .envs([
                ("AWS_ACCESS_KEY_ID", "any"),
                ("AWS_SECRET_ACCESS_KEY", "any"),
                ("AWS_DEFAULT_REGION", "us-east-1"),
            ]);
        command.output().unwrap()
    };
    let shown = [clients.path("cert.pem"), clients.path("key.pem")];
    printed(&boto3(&[&shown[0], &shown[1]]));
    assert!(!boto3(&[]).status.success(), "no certificate");
    all.stop();
}

#[test]
fn its_daemon_does_not_mind_for_which_name_the_certificate_is() {
    let authority = Authority::new();
    authority.issue("traces.example.com");
    let all = AllInOne::start(&authority, &[]);
    all.send();
    all.has_accepted_one();
    let data = all.dir.path().join("data");
    assert!(data.is_dir(), "{}", data.display());
    all.stop();
}

#[test]
fn it_takes_every_flag_of_the_collector() {
    let flags = |name: &str| -> Vec<String> {
        let help = printed(&binary(name).arg("--help").output().unwrap());
        let words = help.split_whitespace();
        let flags = words.filter(|word| word.starts_with("--"));
        let mut flags: Vec<String> = flags
            .map(|flag| flag.trim_end_matches(|letter: char| !letter.is_alphanumeric()))
            .map(str::to_owned)
            .collect();
        flags.sort();
        flags.dedup();
        flags
    };
    let mut missing = flags("radiograph-collector");
    let known = flags("radiograph");
    missing.retain(|flag| !known.contains(flag));
    assert_eq!(missing, [""; 0]);
}
