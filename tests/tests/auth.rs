//! Who may call: real clients and a real daemon against a collector with access keys.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use radiograph_tests::servers::Server;
use radiograph_tests::{Api, binaries, eventually, python};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An access key as `radiograph keys new` prints it.
struct Key {
    id: String,
    secret: String,
}

impl Key {
    /// Makes one and adds it to the file.
    fn new(keys: &Path, role: &str) -> Self {
        let output = binary("radiograph")
            .args(["keys", "new", "--role", role, "--keys"])
            .arg(keys)
            .output()
            .unwrap();
        let printed = printed(&output);
        let value = |name: &str| {
            let mut lines = printed.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
            value.to_owned()
        };
        Self {
            id: value("AWS_ACCESS_KEY_ID="),
            secret: value("AWS_SECRET_ACCESS_KEY="),
        }
    }

    fn with_secret(&self, secret: &str) -> Self {
        Self {
            id: self.id.clone(),
            secret: secret.to_owned(),
        }
    }

    fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("AWS_ACCESS_KEY_ID", &self.id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
        ]
    }
}

/// A binary in an environment without keys or settings.
fn binary(name: &str) -> Command {
    let mut command = Command::new(binaries::path(name));
    for (key, _) in std::env::vars() {
        if key.starts_with("AWS_") || key.starts_with("RADIOGRAPH_") {
            command.env_remove(key);
        }
    }
    command
}

#[track_caller]
fn printed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A collector on a free port that asks for keys.
struct Protected {
    server: Server,
    address: SocketAddr,
    keys: PathBuf,
    _dir: TempDir,
}

impl Protected {
    fn start() -> (Self, Key) {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys.yaml");
        let admin = Key::new(&keys, "admin");
        let mut command = binary("radiograph-collector");
        command
            .args(["--listen", "127.0.0.1:0", "--admin", "off"])
            .args(["--log-level", "debug", "--data-dir"])
            .arg(dir.path().join("data"))
            .arg("--keys")
            .arg(&keys);
        let mut server = Server::spawn("radiograph-collector", command);
        let address = server.value_behind("address=").parse().unwrap();
        let protected = Self {
            server,
            address,
            keys,
            _dir: dir,
        };
        (protected, admin)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn boto3(&self, key: &Key, calls: &[&str]) -> Value {
        boto3(&self.url(), key, calls)
    }
}

/// What comes of boto3's calls.
fn boto3(url: &str, key: &Key, calls: &[&str]) -> Value {
    let mut command = Command::new(python::bin().join("python"));
    command
        .arg(python::script("signed.py"))
        .args(calls)
        .env_remove("AWS_SESSION_TOKEN")
        .envs(key.variables())
        .env("AWS_ENDPOINT_URL_XRAY", url);
    serde_json::from_str(&printed(&command.output().unwrap())).unwrap()
}

#[test]
fn boto3_is_let_in_by_key_and_role_and_refused_by_name() {
    let (collector, admin) = Protected::start();
    let [write, read] = ["write", "read"].map(|role| Key::new(&collector.keys, role));
    // keys that were added to the file are good within seconds
    eventually("the new keys", || {
        let outcome = collector.boto3(&read, &["read"]);
        (outcome == json!({"read": null})).then_some(())
    });
    let denied = "AccessDeniedException 403";
    let invalid = "InvalidSignatureException 403";
    let all = ["write", "read", "admin"];
    for (key, expected) in [
        (&admin, json!({"write": null, "read": null, "admin": null})),
        (
            &write,
            json!({"write": null, "read": denied, "admin": denied}),
        ),
        (
            &read,
            json!({"write": denied, "read": null, "admin": denied}),
        ),
    ] {
        assert_eq!(collector.boto3(key, &all), expected);
    }
    let outcome = collector.boto3(&admin, &["old", "early", "changed"]);
    let expected = json!({"old": invalid, "early": invalid, "changed": invalid});
    assert_eq!(outcome, expected);
    let wrong = admin.with_secret("wrong");
    assert_eq!(collector.boto3(&wrong, &["read"]), json!({"read": invalid}));
    let nobody = Key {
        id: "NOBODY".to_owned(),
        secret: "any".to_owned(),
    };
    let unknown = json!({"read": "UnrecognizedClientException 403"});
    assert_eq!(collector.boto3(&nobody, &["read"]), unknown);

    // an unsigned call, even a sampler's, and even one with a body that is large
    let api = Api::new(collector.address);
    for (path, body) in [
        ("/GetSamplingRules", String::new()),
        ("/TraceSegments", "x".repeat(4 << 20)),
    ] {
        let answer = api.try_post(path, body).unwrap();
        assert_eq!(answer.status, 403, "{path}");
        let error = answer.error.as_deref();
        assert_eq!(error, Some("MissingAuthenticationTokenException"), "{path}");
    }

    // the log knows whose calls these were, and no secret
    let log = collector.server.printed();
    assert!(log.contains(&format!("key_id=\"{}\"", read.id)), "{log}");
    for key in [&admin, &write, &read] {
        assert!(!log.contains(&key.secret), "{log}");
    }
}

#[test]
fn a_key_that_is_taken_out_of_the_file_is_refused_and_a_bad_file_changes_nothing() {
    let (collector, admin) = Protected::start();
    std::fs::write(&collector.keys, "- AccessKeyId: half").unwrap();
    eventually("the log to tell", || {
        let told = "access keys cannot be read again";
        collector.server.printed().contains(told).then_some(())
    });
    assert_eq!(collector.boto3(&admin, &["read"]), json!({"read": null}));
    std::fs::write(&collector.keys, "").unwrap();
    let other = Key::new(&collector.keys, "read");
    eventually("the other key alone", || {
        let outcome = collector.boto3(&admin, &["read"]);
        (outcome == json!({"read": "UnrecognizedClientException 403"})).then_some(())
    });
    assert_eq!(collector.boto3(&other, &["read"]), json!({"read": null}));
}

/// A segment in a datagram of its own trace.
fn datagram(trace_id: &str) -> Vec<u8> {
    let document = json!({"trace_id": trace_id, "id": "53995c3f42cd8ad8", "name": "web",
        "start_time": 1_478_293_361.271, "end_time": 1_478_293_361.449});
    format!("{{\"format\": \"json\", \"version\": 1}}\n{document}").into_bytes()
}

const TRACE: &str = "1-581cf771-a006649127e371903a2de979";

#[test]
fn a_daemon_with_a_key_delivers_and_fetches_rules_for_its_samplers() {
    let (collector, admin) = Protected::start();
    let write = Key::new(&collector.keys, "write");
    let mut command = binary("radiograph-daemon");
    command
        .args(["--bind", "127.0.0.1:0", "--bind-tcp", "127.0.0.1:0"])
        .args([
            "--no-spool",
            "--admin",
            "off",
            "--endpoint",
            &collector.url(),
        ])
        .envs(write.variables())
        .env("AWS_REGION", "eu-central-1");
    let mut daemon = Server::spawn("radiograph-daemon", command);
    let udp = daemon.value_behind("Listening for segments on udp ");
    let tcp = daemon.value_behind("Starting proxy http server on ");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&datagram(TRACE), udp).unwrap();
    eventually("the segment", || {
        let outcome = collector.boto3(&admin, &[TRACE]);
        (outcome == json!({TRACE: 1})).then_some(())
    });
    let proxy = Api::new(tcp.parse().unwrap());
    let rules = eventually("rules through the proxy", || {
        let answer = proxy.try_post("/GetSamplingRules", "")?;
        (answer.status == 200).then_some(answer.body)
    });
    let rule = &rules["SamplingRuleRecords"][0]["SamplingRule"];
    assert_eq!(rule["RuleName"], json!("Default"));
}

#[test]
fn the_all_in_one_needs_no_key_of_its_own_and_its_commands_sign() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys.yaml");
    let admin = Key::new(&keys, "admin");
    let mut command = binary("radiograph");
    command
        .args([
            "--bind",
            "127.0.0.1:0",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "off",
        ])
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .arg("--keys")
        .arg(&keys);
    let mut server = Server::spawn("radiograph", command);
    let (udp, api) = (server.value_of("udp"), server.value_of("api"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&datagram(TRACE), udp).unwrap();
    let pins = |signed: bool| {
        let mut pins = binary("radiograph");
        pins.args(["pins", "--endpoint", &api]);
        if signed {
            pins.envs(admin.variables());
        }
        pins.output().unwrap()
    };
    let refused = pins(false);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("MissingAuthenticationTokenException"),
        "{said}"
    );
    assert_eq!(printed(&pins(true)), "");
    eventually("the segment", || {
        let outcome = boto3(&api, &admin, &[TRACE]);
        (outcome == json!({TRACE: 1})).then_some(())
    });
}

#[test]
fn an_address_beyond_loopback_is_listened_on_with_protection_or_on_purpose_only() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys.yaml");
    Key::new(&keys, "admin");
    let keys = keys.to_str().unwrap();
    for name in ["radiograph-collector", "radiograph"] {
        for (args, told) in [
            (
                vec![],
                vec![
                    "--keys FILE",
                    "--without-keys",
                    "--tls-cert FILE",
                    "--without-tls",
                ],
            ),
            (vec!["--without-tls"], vec!["--keys FILE", "--without-keys"]),
            (
                vec!["--keys", keys],
                vec!["--tls-cert FILE", "--without-tls"],
            ),
        ] {
            let output = binary(name)
                .args(["--listen", "0.0.0.0:0", "--admin", "off", "--data-dir"])
                .arg(dir.path().join("none"))
                .args(&args)
                .output()
                .unwrap();
            assert!(!output.status.success(), "{name} {args:?}");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            for word in told {
                assert!(said.contains(word), "{name} {args:?}: {said}");
            }
        }
    }
    let mut command = binary("radiograph-collector");
    command
        .args(["--listen", "0.0.0.0:0", "--admin", "off", "--data-dir"])
        .arg(dir.path().join("open"))
        .args(["--without-keys", "--without-tls"]);
    let mut server = Server::spawn("radiograph-collector", command);
    let address: SocketAddr = server.value_behind("address=").parse().unwrap();
    let api = Api::new(([127, 0, 0, 1], address.port()).into());
    assert!(api.ok("/Groups", &json!({}))["Groups"].is_array());
}
