//! What the collector tells of itself: ready or not and why, and counters that add up.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use radiograph_tests::servers::Server;
use radiograph_tests::{Api, binaries, eventually};
use serde_json::{Value, json};

struct Collector {
    server: Server,
    api: Api,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Collector {
    fn start(dir: &Path) -> Self {
        let mut server = Server::start("radiograph-collector", &args(dir));
        let admin = server.value_behind("admin=").parse().unwrap();
        let address = server.value_behind("address=").parse().unwrap();
        Self {
            server,
            api: Api::new(address),
            address,
            admin,
        }
    }

    fn get(&self, path: &str) -> (u16, String) {
        get(self.admin, path).unwrap()
    }

    /// A sample of `/metrics` by name and labels; 0 when it is not there.
    fn metric(&self, sample: &str) -> u64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let mut lines = text.lines();
        let value = lines.find_map(|line| {
            let line = line.strip_prefix("radiograph_collector_")?;
            line.strip_prefix(sample)?.strip_prefix(' ')
        });
        value.map_or(0, |value| value.parse().unwrap())
    }

    fn stop(self) {
        self.server.signal("-TERM");
        let (status, printed) = self.server.end();
        assert!(status.success(), "{status}:\n{printed}");
    }
}

fn args(dir: &Path) -> [&str; 6] {
    let dir = dir.to_str().unwrap();
    let (any, listen, admin) = ("127.0.0.1:0", "--listen", "--admin");
    [listen, any, admin, any, "--data-dir", dir]
}

/// Status and body; `None` when nobody answers.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn trace(number: u64) -> String {
    format!("1-6592008a-{number:024x}")
}

fn segment(number: u64, more: &str) -> String {
    let trace = trace(number);
    format!(
        r#"{{"name":"shop","id":"{number:016x}","trace_id":"{trace}","start_time":1704067210.1,"end_time":1704067210.4{more}}}"#
    )
}

/// Calls of other kinds, with the status that each is answered with.
fn other_calls() -> [(&'static str, Value, u16); 4] {
    let record = json!({"Timestamp": 1, "SegmentsReceivedCount": 7, "SegmentsSentCount": 6,
        "SegmentsRejectedCount": 1});
    [
        ("/TraceSegments", json!({"TraceSegmentDocuments": []}), 400),
        ("/Nonsense", json!({}), 404),
        (
            "/TelemetryRecords",
            json!({"TelemetryRecords": [record, record]}),
            200,
        ),
        ("/Traces", json!({"TraceIds": [trace(1)]}), 200),
    ]
}

#[test]
fn the_counters_add_up() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = &collector.api;
    let calls: [Vec<String>; 3] = [
        (1..=10).map(|number| segment(number, "")).collect(),
        vec![segment(11, ""), "no JSON".to_owned(), "{}".to_owned()],
        vec![format!("[{},{}]", segment(12, ""), segment(13, ""))],
    ];
    let mut bytes = 0;
    for documents in &calls {
        let body = json!({"TraceSegmentDocuments": documents}).to_string();
        bytes += body.len() as u64;
        let answer = api.try_post("/TraceSegments", body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for (path, body, status) in &other_calls() {
        assert_eq!(api.post(path, body).status, *status, "{path}");
        if *status != 404 {
            bytes += body.to_string().len() as u64;
        }
    }
    eventually("every trace to be settled", || {
        let views = collector.metric("views_settled_total");
        (views >= 13 && collector.metric("traces_unsettled") == 0).then_some(())
    });
    let expected = [
        ("documents_accepted_total", 13),
        (r#"documents_rejected_total{reason="ParseError"}"#, 1),
        (r#"documents_rejected_total{reason="MissingId"}"#, 1),
        ("documents_unstored_total", 0),
        (
            r#"requests_total{operation="PutTraceSegments",status="200"}"#,
            3,
        ),
        (
            r#"requests_total{operation="PutTraceSegments",status="400"}"#,
            1,
        ),
        (r#"requests_total{operation="none",status="404"}"#, 1),
        (
            r#"requests_total{operation="BatchGetTraces",status="200"}"#,
            1,
        ),
        (
            r#"request_duration_seconds_count{operation="PutTraceSegments"}"#,
            4,
        ),
        (
            r#"request_duration_seconds_bucket{operation="PutTraceSegments",le="+Inf"}"#,
            4,
        ),
        ("request_body_bytes_total", bytes),
        ("requests_throttled_total", 0),
        ("telemetry_records_total", 2),
        (r#"telemetry_segments_total{outcome="received"}"#, 14),
        (r#"telemetry_segments_total{outcome="sent"}"#, 12),
        (r#"telemetry_segments_total{outcome="rejected"}"#, 2),
        (r#"telemetry_segments_total{outcome="spillover"}"#, 0),
    ];
    for (sample, value) in expected {
        assert_eq!(collector.metric(sample), value, "{sample}");
    }
    collector.stop();
}

#[test]
fn a_collector_that_is_asked_to_stop_is_not_ready_while_it_finishes() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let body = json!({"TraceSegmentDocuments": [segment(1, "")]}).to_string();
    let (begun, rest) = body.split_at(body.len() / 2);
    let mut under_way = TcpStream::connect(collector.address).unwrap();
    let length = body.len();
    let head =
        format!("POST /TraceSegments HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    under_way
        .write_all(format!("{head}{begun}").as_bytes())
        .unwrap();
    eventually("the request to be under way", || {
        let bytes = collector.metric("request_body_bytes_total");
        (bytes == begun.len() as u64).then_some(())
    });
    collector.server.signal("-TERM");
    eventually("the stop to be told", || {
        let stopping = (503, "stopping\n".to_owned());
        (get(collector.admin, "/readyz") == Some(stopping)).then_some(())
    });
    assert_eq!(collector.get("/livez"), (200, "ok\n".to_owned()));
    under_way.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (status, printed) = collector.server.end();
    assert!(status.success(), "{status}:\n{printed}");
}

#[test]
fn a_health_check_tells_a_collector_that_lives_from_one_that_does_not() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let address = collector.admin.to_string();
    let check = |admin: &str| {
        let mut command = Command::new(binaries::path("radiograph-collector"));
        let output = command
            .args(["--healthcheck", "--admin", admin])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), told)
    };
    assert_eq!(check(&address), (Some(0), String::new()));
    collector.stop();
    let (code, told) = check(&address);
    assert_eq!(code, Some(1));
    assert!(
        told.starts_with(&format!("health check: {address}: no answer")),
        "{told}"
    );
    let off = "--healthcheck: the admin address is off; give it an address\n";
    assert_eq!(check("off"), (Some(1), off.to_owned()));
}

#[test]
fn both_servers_in_one_process_tell_what_the_collector_does() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let any = "127.0.0.1:0";
    let args = [
        "--bind",
        any,
        "--listen",
        any,
        "--admin",
        any,
        "--data-dir",
        dir,
    ];
    let mut server = Server::start("radiograph", &args);
    let admin: SocketAddr = server.value_behind("admin=").parse().unwrap();
    // the announcement comes when all is started
    server.value_of("api");
    assert_eq!(get(admin, "/readyz"), Some((200, "ok\n".to_owned())));
    server.signal("-TERM");
    let (status, printed) = server.end();
    assert!(status.success(), "{status}:\n{printed}");
}
