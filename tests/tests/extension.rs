//! The real daemon as an extension of a stand-in for AWS Lambda: no document is in memory when it asks
//! for the next event, since the environment may be frozen from then on.
//!
//! What was delivered, or lay on disk, is looked at the moment the question arrives: a daemon that
//! flushes later is caught however fast it is.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

// a folder of its own: what lies beside this file is a test of its own
#[path = "extension/http.rs"]
mod http;
#[path = "extension/lambda.rs"]
mod lambda;
#[path = "extension/sink.rs"]
mod sink;

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use lambda::{Kind, Lambda};
use radiograph_tests::servers::Server;
use radiograph_tests::{binaries, eventually};
use serde_json::json;
use sink::Sink;
use tempfile::TempDir;

/// Longer than any test.
const LONG: f64 = 600.0;

/// A daemon started as Lambda does, and a function that sends to it.
struct Environment {
    daemon: Server,
    function: UdpSocket,
    sent: usize,
}

impl Environment {
    fn start(lambda: &Lambda, endpoint: &str, data: &Path) -> Self {
        let mut daemon = extension(lambda, endpoint, data);
        let udp = daemon.value_behind("Listening for segments on udp ");
        let function = UdpSocket::bind("127.0.0.1:0").unwrap();
        function.connect(udp).unwrap();
        Self {
            daemon,
            function,
            sent: 0,
        }
    }

    /// The function sends so many documents.
    fn send(&mut self, count: usize) {
        for index in self.sent..self.sent + count {
            let id = format!("{index:016x}");
            let datagram = format!(
                "{{\"format\":\"json\",\"version\":1}}\n{{\"id\":\"{id}\",\"type\":\"subsegment\",\
                 \"trace_id\":\"1-6592008a-0f1e2d3c4b5a69788796a5b4\",\"parent_id\":\"1111111111111111\",\
                 \"name\":\"n\",\"start_time\":1.0,\"end_time\":2.0}}"
            );
            self.function.send(datagram.as_bytes()).unwrap();
        }
        self.sent += count;
    }

    /// Shuts the environment down; the daemon has to end well.
    fn shut_down(self, lambda: &Lambda) -> String {
        lambda.shut_down();
        let (status, printed) = self.daemon.end();
        assert_eq!(status.code(), Some(0), "{printed}");
        assert!(
            printed.contains("Got shutdown signal: SPINDOWN"),
            "{printed}"
        );
        printed
    }
}

/// Without arguments, as Lambda starts it; ports and places are set by variables.
fn extension(lambda: &Lambda, endpoint: &str, data: &Path) -> Server {
    let mut command = binaries::binary("radiograph-daemon");
    command
        .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
        .env("AWS_REGION", "us-east-1")
        .env("RADIOGRAPH_LAMBDA_EXTENSION", "true")
        .env("RADIOGRAPH_BIND", "127.0.0.1:0")
        .env("RADIOGRAPH_BIND_TCP", "127.0.0.1:0")
        .env("RADIOGRAPH_ENDPOINT", endpoint)
        .env("RADIOGRAPH_DATA_DIR", data);
    Server::spawn("radiograph-daemon", command)
}

/// How many documents wait on disk.
fn spooled(data: &Path) -> usize {
    let mut command = binaries::binary("radiograph-daemon");
    let output = command
        .args(["spool", "export", "--data-dir"])
        .arg(data)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

fn data() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    (dir, path)
}

#[test]
fn documents_are_delivered_before_the_next_event_is_asked_for() {
    let ((sink, url), (_dir, data)) = (Sink::start(), data());
    let seen = sink.clone();
    let lambda = Lambda::start(Kind::Whole, move || seen.documents());
    let mut environment = Environment::start(&lambda, &url, &data);
    assert_eq!(lambda.asked(1), 0);
    let events = json!(["INVOKE", "SHUTDOWN"]);
    assert_eq!(
        lambda.registered(),
        Some(("radiograph-daemon".to_owned(), events))
    );
    for invocation in 1..=5 {
        let request_id = format!("request-{invocation}");
        lambda.invoke(&request_id, LONG);
        environment.send(30);
        eventually("the early documents to be delivered", || {
            (sink.documents() == environment.sent).then_some(())
        });
        assert_eq!(lambda.times_asked(), invocation, "the function is at work");
        environment.send(70);
        lambda.tell_done(&request_id);
        assert_eq!(lambda.asked(invocation + 1), environment.sent);
    }
    // what comes at other times is delivered at the end at the latest
    environment.send(10);
    let sent = environment.sent;
    let printed = environment.shut_down(&lambda);
    assert_eq!(sink.documents(), sent, "{printed}");
    assert_eq!(lambda.reports(), []);
}

#[test]
fn what_cannot_be_delivered_is_on_disk_before_the_next_event_and_delivered_after_it() {
    let ((sink, url), (_dir, data)) = (Sink::start(), data());
    let (seen, folder) = (sink.clone(), data.clone());
    let lambda = Lambda::start(Kind::Whole, move || seen.documents() + spooled(&folder));
    let mut environment = Environment::start(&lambda, &url, &data);
    lambda.asked(1);
    sink.set_down(true);
    for invocation in 1..=3 {
        let request_id = format!("request-{invocation}");
        lambda.invoke(&request_id, LONG);
        environment.send(100);
        lambda.tell_done(&request_id);
        assert_eq!(lambda.asked(invocation + 1), environment.sent);
    }
    assert_eq!(sink.documents(), 0);
    sink.set_down(false);
    lambda.invoke("request-4", LONG);
    lambda.tell_done("request-4");
    lambda.asked(5);
    eventually("what lay on disk to be delivered", || {
        (sink.documents() == environment.sent).then_some(())
    });
    environment.shut_down(&lambda);
    assert_eq!(spooled(&data), 0);
}

#[test]
fn a_frozen_environment_loses_nothing() {
    let ((sink, url), (_dir, data)) = (Sink::start(), data());
    let seen = sink.clone();
    let lambda = Lambda::start(Kind::Whole, move || seen.documents());
    let mut environment = Environment::start(&lambda, &url, &data);
    lambda.asked(1);
    for invocation in 1..=3 {
        environment.daemon.signal("-STOP");
        // in the kernel's queue, as what a function sends that does not wait for its end
        environment.send(20);
        let request_id = format!("request-{invocation}");
        lambda.invoke(&request_id, LONG);
        environment.daemon.signal("-CONT");
        environment.send(20);
        lambda.tell_done(&request_id);
        assert_eq!(lambda.asked(invocation + 1), environment.sent);
    }
    environment.shut_down(&lambda);
}

#[test]
fn where_nobody_tells_the_end_the_silence_of_the_function_does() {
    let ((sink, url), (_dir, data)) = (Sink::start(), data());
    let (seen, folder) = (sink.clone(), data.clone());
    let probe = move || seen.documents() + spooled(&folder);
    let lambda = Lambda::start(Kind::WithoutTelemetry, probe);
    let mut environment = Environment::start(&lambda, &url, &data);
    lambda.asked(1);
    assert!(!lambda.is_subscribed());
    for invocation in 1..=3 {
        sink.set_down(invocation == 3);
        // before the event is handed out: how long a thread of the test takes must not matter
        environment.send(50);
        lambda.invoke(&format!("request-{invocation}"), LONG);
        assert_eq!(lambda.asked(invocation + 1), environment.sent);
    }
    environment.shut_down(&lambda);
}

#[test]
fn an_end_that_is_not_told_is_given_up_before_the_function_counts_as_timed_out() {
    let ((sink, url), (_dir, data)) = (Sink::start(), data());
    let seen = sink.clone();
    let lambda = Lambda::start(Kind::Silent, move || seen.documents());
    let mut environment = Environment::start(&lambda, &url, &data);
    lambda.asked(1);
    assert!(lambda.is_subscribed());
    environment.send(50);
    lambda.invoke("request-1", 3.0);
    assert_eq!(lambda.asked(2), 50);
    // from now on silence counts, and later another end that is told
    environment.send(50);
    lambda.invoke("request-2", LONG);
    assert_eq!(lambda.asked(3), 100);
    lambda.tell_done("request-2");
    lambda.invoke("request-3", LONG);
    environment.send(1);
    eventually("the document", || (sink.documents() == 101).then_some(()));
    environment.send(1);
    lambda.tell_done("request-3");
    assert_eq!(lambda.asked(4), 102);
    let printed = environment.shut_down(&lambda);
    assert_eq!(printed.matches("was not told").count(), 1, "{printed}");
}

#[test]
fn a_daemon_that_lambda_refuses_ends_and_says_why() {
    let (_dir, data) = data();
    let lambda = Lambda::start(Kind::Refusing, || 0);
    let (status, printed) = extension(&lambda, "http://127.0.0.1:1", &data).end();
    assert_eq!(status.code(), Some(1), "{printed}");
    let why = "registration as a Lambda extension: answered 403 Forbidden: \
               {\"errorType\":\"Extension.NoSuchExtension\"}";
    assert!(printed.contains(why), "{printed}");
    // there is no identifier that a report could bear
    assert_eq!(lambda.reports(), []);
}

#[test]
fn a_daemon_that_cannot_start_tells_lambda_and_ends() {
    let (_dir, data) = data();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let lambda = Lambda::start(Kind::Whole, || 0);
    let mut command = binaries::binary("radiograph-daemon");
    command
        .args(["--lambda-extension", "--bind-tcp", "127.0.0.1:0", "--bind"])
        .arg(taken.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
        .env("RADIOGRAPH_DATA_DIR", &data);
    let (status, printed) = Server::spawn("radiograph-daemon", command).end();
    assert_eq!(status.code(), Some(1), "{printed}");
    let reports = lambda.reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    let (path, error_type, body) = &reports[0];
    assert_eq!(
        (path.as_str(), error_type.as_str()),
        ("init/error", "Extension.Init")
    );
    let message = body["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("udp address: "), "{message}");
    assert_eq!(lambda.times_asked(), 0);
}

#[test]
fn a_daemon_that_gets_no_event_tells_lambda_and_ends() {
    let (_dir, data) = data();
    let lambda = Lambda::start(Kind::Failing, || 0);
    let (status, printed) = extension(&lambda, "http://127.0.0.1:1", &data).end();
    assert_eq!(status.code(), Some(1), "{printed}");
    let reports = lambda.reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(
        (reports[0].0.as_str(), reports[0].1.as_str()),
        ("exit/error", "Extension.Exit")
    );
}

#[test]
fn the_wrapper_points_the_sdk_to_the_extension_and_hands_everything_else_on() {
    let wrapper = binaries::workspace().join("deploy/lambda/radiograph-wrapper");
    let script = "printf '%s|' \"$AWS_XRAY_DAEMON_ADDRESS\" \"$_AWS_XRAY_DAEMON_ADDRESS\" \
                  \"$_AWS_XRAY_DAEMON_PORT\" \"$OTHER\" \"$@\"; exit 7";
    let cases = [
        (None, "127.0.0.1:2000|127.0.0.1|2000|"),
        (Some("127.0.0.1:3000"), "127.0.0.1:3000|127.0.0.1|3000|"),
    ];
    for (bind, expected) in cases {
        let mut command = Command::new(&wrapper);
        command
            .args(["sh", "-c", script, "runtime", "an argument", "b"])
            .env("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000")
            .env("OTHER", "stays")
            .env_remove("RADIOGRAPH_BIND");
        command.envs(bind.map(|bind| ("RADIOGRAPH_BIND", bind)));
        let output = command.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, format!("{expected}stays|an argument|b|"));
        assert_eq!(output.status.code(), Some(7));
    }
}
