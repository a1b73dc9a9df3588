//! Who may call: real clients and a real daemon against a collector with access keys.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;

use radiograph_tests::binaries::binary;
use radiograph_tests::protected::{Key, Protected, printed};
use radiograph_tests::servers::Server;
use radiograph_tests::{Api, eventually, python};
use serde_json::{Value, json};

/// What comes of boto3's calls to a collector.
fn called(collector: &Protected, key: &Key, calls: &[&str]) -> Value {
    boto3(&collector.url(), key, calls)
}

/// What comes of boto3's calls.
fn boto3(url: &str, key: &Key, calls: &[&str]) -> Value {
    boto3_with_token(url, key, None, calls)
}

/// What comes of boto3's calls with a session token.
fn boto3_with_token(url: &str, key: &Key, token: Option<&str>, calls: &[&str]) -> Value {
    let mut command = Command::new(python::bin().join("python"));
    command
        .arg(python::script("signed.py"))
        .args(calls)
        .env_remove("AWS_SESSION_TOKEN")
        .envs(key.variables())
        .envs(token.map(|token| ("AWS_SESSION_TOKEN", token)))
        .env("AWS_ENDPOINT_URL_XRAY", url);
    serde_json::from_str(&printed(&command.output().unwrap())).unwrap()
}

#[test]
fn boto3_is_let_in_by_key_and_role_and_refused_by_name() {
    let (collector, admin) = Protected::start();
    let [write, read] = ["write", "read"].map(|role| Key::new(&collector.keys, role));
    // keys that were added to the file are good within seconds
    eventually("the new keys", || {
        let outcome = called(&collector, &read, &["read"]);
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
        assert_eq!(called(&collector, key, &all), expected);
    }
    let outcome = called(&collector, &admin, &["old", "early", "changed"]);
    let expected = json!({"old": invalid, "early": invalid, "changed": invalid});
    assert_eq!(outcome, expected);
    let wrong = admin.with_secret("wrong");
    assert_eq!(
        called(&collector, &wrong, &["read"]),
        json!({"read": invalid})
    );
    let nobody = Key {
        id: "NOBODY".to_owned(),
        secret: "any".to_owned(),
    };
    let unknown = json!({"read": "UnrecognizedClientException 403"});
    assert_eq!(called(&collector, &nobody, &["read"]), unknown);

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
    assert_eq!(called(&collector, &admin, &["read"]), json!({"read": null}));
    std::fs::write(&collector.keys, "").unwrap();
    let other = Key::new(&collector.keys, "read");
    eventually("the other key alone", || {
        let outcome = called(&collector, &admin, &["read"]);
        (outcome == json!({"read": "UnrecognizedClientException 403"})).then_some(())
    });
    assert_eq!(called(&collector, &other, &["read"]), json!({"read": null}));
}

/// Adds temporary keys to the file, as a tool that hands them out would: with a session token, good until
/// some time.
fn temporary(keys: &Path, id: &str, expiration: &str) -> Key {
    let key = Key {
        id: id.to_owned(),
        secret: format!("secret-of-{id}"),
    };
    let entry = format!(
        "- AccessKeyId: {id}\n  SecretAccessKey: \"{}\"\n  Role: read\n  SessionToken: {TOKEN}\n  \
         Expiration: {expiration}\n",
        key.secret
    );
    let mut file = OpenOptions::new().append(true).open(keys).unwrap();
    file.write_all(entry.as_bytes()).unwrap();
    key
}

const TOKEN: &str = "a/session+token==";

#[test]
fn temporary_keys_are_good_with_their_token_until_they_expire() {
    let (collector, admin) = Protected::start();
    let good = temporary(&collector.keys, "GOOD", "2099-01-01T00:00:00Z");
    let expired = temporary(&collector.keys, "EXPIRED", "2020-01-01T00:00:00Z");
    let url = collector.url();
    let read = |key: &Key, token| boto3_with_token(&url, key, token, &["read"]);
    eventually("the new keys", || {
        (read(&good, Some(TOKEN)) == json!({"read": null})).then_some(())
    });
    let unknown = json!({"read": "UnrecognizedClientException 403"});
    let past = json!({"read": "ExpiredTokenException 403"});
    let invalid = json!({"read": "InvalidSignatureException 403"});
    for (name, key, token, expected) in [
        ("wrong", &good, Some("another/token=="), &unknown),
        ("missing", &good, None, &unknown),
        ("expired", &expired, Some(TOKEN), &past),
        ("expired and wrong", &expired, Some("other"), &unknown),
        ("of nobody", &admin, Some(TOKEN), &unknown),
        (
            "with a wrong secret",
            &good.with_secret("wrong"),
            Some(TOKEN),
            &invalid,
        ),
    ] {
        assert_eq!(read(key, token), *expected, "{name}");
    }
    // the role is that of the key
    let denied = json!({"admin": "AccessDeniedException 403"});
    let outcome = boto3_with_token(&url, &good, Some(TOKEN), &["admin"]);
    assert_eq!(outcome, denied);

    // our own commands sign with the token too
    let pins = |token| {
        let mut pins = binary("radiograph");
        pins.args(["pins", "--endpoint", &url])
            .envs(good.variables())
            .env("AWS_SESSION_TOKEN", token);
        pins.output().unwrap()
    };
    assert_eq!(printed(&pins(TOKEN)), "");
    let refused = pins("another");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("UnrecognizedClientException"), "{said}");
    let log = collector.server.printed();
    assert!(!log.contains(TOKEN), "{log}");
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
        let outcome = called(&collector, &admin, &[TRACE]);
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
