//! The proxy on a real socket: what it passes on, takes and refuses, its bounds, its end.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::test_server::{self, TestServer, caller, until, within};
use super::*;
use crate::shutdown::{self, Phases};

const CLIENT: &str = "0a1b2c3d4e5f60718293a4b5";
const OTHER: &str = "ffffffffffffffffffffffff";

/// A serving proxy.
struct Setting {
    proxy: Arc<Proxy>,
    address: SocketAddr,
    phases: Phases,
    serving: JoinHandle<()>,
}

async fn setting(caller: Caller, intake_bytes: usize, limits: Limits) -> Setting {
    let intake = Arc::new(Intake::new(intake_bytes));
    let metrics = Arc::new(Metrics::new(Vec::new()));
    let proxy = Arc::new(Proxy::with_limits(caller, intake, metrics, false, limits));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (phases, watch) = shutdown::phases();
    let serving = tokio::spawn(Arc::clone(&proxy).serve(listener, watch));
    Setting {
        proxy,
        address,
        phases,
        serving,
    }
}

/// A proxy whose endpoint refuses connections.
async fn without_endpoint(limits: Limits) -> Setting {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    setting(caller(address).await, 1 << 20, limits).await
}

async fn with_endpoint(server: &TestServer) -> Setting {
    setting(server.caller().await, 1 << 20, Limits::default()).await
}

impl Setting {
    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> (u16, HeaderMap, Value) {
        let url = format!("http://{}{path}", self.address);
        let client = Client::builder().no_proxy().build().unwrap();
        let answer = client.request(method, url).body(body).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        (
            status,
            headers,
            serde_json::from_slice(&body).unwrap_or(Value::Null),
        )
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.send(Method::POST, path, body.to_string().into()).await;
        (status, body)
    }

    fn counters(&self) -> crate::metrics::Counters {
        self.proxy.metrics.counters()
    }

    /// The documents taken so far.
    fn taken(&self) -> Vec<Vec<u8>> {
        let blocks = std::iter::from_fn(|| self.proxy.intake.pop());
        blocks
            .flat_map(|block| {
                block
                    .documents()
                    .iter()
                    .map(<[u8]>::to_vec)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// All that comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is a close as well.
    drop(within(stream.read_to_end(&mut text)).await);
    String::from_utf8(text).unwrap()
}

fn rules() -> Value {
    let rule = json!({"RuleName": "r", "ResourceARN": "*", "Priority": 1, "FixedRate": 0.5,
        "ServiceType": "*", "Version": 1});
    json!({"SamplingRuleRecords": [{"SamplingRule": rule}]})
}

fn report(client_id: &str, rule_name: &str, requests: u64) -> Value {
    json!({"RuleName": rule_name, "ClientID": client_id, "Timestamp": 1_704_067_210.0,
        "RequestCount": requests, "SampledCount": 1, "BorrowCount": 0})
}

fn reports(documents: &[Value]) -> Value {
    json!({"SamplingStatisticsDocuments": documents})
}

#[tokio::test]
async fn rules_come_from_the_last_good_copy_while_the_endpoint_is_down() {
    for status in [500, 503, 429] {
        let server = TestServer::start(move |call| match call.number {
            0 => test_server::Answer::new(200, &rules().to_string()),
            _ => test_server::Answer::new(status, r#"{"__type":"Busy"}"#),
        });
        let setting = with_endpoint(&server).await;
        let good = setting.post("/GetSamplingRules", &json!({})).await;
        assert_eq!(good, (200, rules()), "{status}");
        let copy = setting
            .post("/GetSamplingRules", &json!({"NextToken": null}))
            .await;
        assert_eq!(copy, (200, rules()), "{status}");
        let page = setting
            .post("/GetSamplingRules", &json!({"NextToken": "x"}))
            .await;
        assert_eq!(page.0, status, "no copy of a later page");
        let targets = setting.post("/SamplingTargets", &reports(&[])).await;
        assert_eq!(targets.0, status, "targets are never copied");
    }
}

#[tokio::test]
async fn a_refusal_of_the_endpoint_is_passed_on_though_there_is_a_copy() {
    let server = TestServer::start(|call| match call.number {
        0 => test_server::Answer::new(200, &rules().to_string()),
        _ => test_server::Answer::new(403, "{}"),
    });
    let setting = with_endpoint(&server).await;
    assert_eq!(setting.post("/GetSamplingRules", &json!({})).await.0, 200);
    assert_eq!(setting.post("/GetSamplingRules", &json!({})).await.0, 403);
}

#[tokio::test]
async fn without_a_copy_a_failing_endpoint_is_a_bad_gateway() {
    let setting = without_endpoint(Limits::default()).await;
    for path in ["/GetSamplingRules", "/SamplingTargets"] {
        let (status, body) = setting.post(path, &reports(&[])).await;
        assert_eq!(
            (status, &body["__type"]),
            (502, &json!("ServiceUnavailable")),
            "{path}"
        );
    }
    assert_eq!(setting.counters().proxy_failed, 2);
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_a_bad_gateway() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = Limits {
        forward_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let caller = caller(hanging.local_addr().unwrap()).await;
    let setting = setting(caller, 1 << 20, limits).await;
    assert_eq!(setting.post("/SamplingTargets", &reports(&[])).await.0, 502);
}

#[tokio::test]
async fn statistics_of_failed_calls_go_with_the_next_one_that_succeeds() {
    let server = TestServer::start(|call| {
        let status = if call.number < 3 { 503 } else { 200 };
        test_server::Answer::new(status, r#"{"SamplingTargetDocuments":[]}"#)
    });
    let setting = with_endpoint(&server).await;
    let calls = [
        reports(&[report(CLIENT, "a", 10), report(CLIENT, "b", 5)]),
        reports(&[report(CLIENT, "a", 20)]),
        reports(&[report(OTHER, "a", 40)]),
    ];
    for call in &calls {
        assert_eq!(setting.post("/SamplingTargets", call).await.0, 503);
    }
    let next = reports(&[report(CLIENT, "a", 1)]);
    assert_eq!(setting.post("/SamplingTargets", &next).await.0, 200);
    until("the other client's", || server.calls().len() == 5).await;

    let sent: Vec<Vec<(String, String, u64)>> = server
        .calls()
        .iter()
        .map(|call| {
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            let documents = body["SamplingStatisticsDocuments"].as_array().unwrap();
            let text = |document: &Value, name: &str| document[name].as_str().unwrap().to_owned();
            let brief = |each: &Value| {
                let requests = each["RequestCount"].as_u64().unwrap();
                (text(each, "ClientID"), text(each, "RuleName"), requests)
            };
            documents.iter().map(brief).collect()
        })
        .collect();
    let of = |client: &str, rule: &str, requests| (client.to_owned(), rule.to_owned(), requests);
    // What is repeated during the outage is kept again, not lost and not doubled.
    assert_eq!(sent[1], [of(CLIENT, "a", 30), of(CLIENT, "b", 5)]);
    assert_eq!(sent[3], [of(CLIENT, "a", 31), of(CLIENT, "b", 5)]);
    assert_eq!(sent[4], [of(OTHER, "a", 40)]);
}

#[tokio::test]
async fn statistics_that_the_endpoint_refuses_are_not_repeated() {
    let server = TestServer::start(|call| {
        let status = if call.number == 0 { 400 } else { 200 };
        test_server::Answer::new(status, "{}")
    });
    let setting = with_endpoint(&server).await;
    let call = reports(&[report(CLIENT, "a", 10)]);
    assert_eq!(setting.post("/SamplingTargets", &call).await.0, 400);
    assert_eq!(setting.post("/SamplingTargets", &call).await.0, 200);
    let bodies: Vec<Bytes> = server
        .calls()
        .iter()
        .map(|call| call.body.clone())
        .collect();
    assert_eq!(
        bodies,
        [call.to_string(), call.to_string()],
        "byte for byte"
    );
}

#[tokio::test]
async fn documents_by_tcp_are_taken_all_or_none() {
    let setting = without_endpoint(Limits::default()).await;
    let big = "x".repeat(100_000);
    let documents = json!({"TraceSegmentDocuments": [big, "T1SAAAA", "{\"id\":\"é\"}"]});
    let (status, body) = setting.post("/TraceSegments", &documents).await;
    assert_eq!(
        (status, body),
        (200, json!({"UnprocessedTraceSegments": []}))
    );
    let texts = [big.as_bytes(), b"T1SAAAA", "{\"id\":\"é\"}".as_bytes()];
    assert_eq!(setting.taken(), texts);
    assert_eq!(setting.counters().received, 3);

    let none = json!({"TraceSegmentDocuments": []});
    assert_eq!(setting.post("/TraceSegments", &none).await.0, 200);
    assert_eq!(setting.taken(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn a_full_queue_is_told_to_the_sender_and_what_never_fits_as_well() {
    let setting = without_endpoint(Limits::default()).await;
    let half = json!({"TraceSegmentDocuments": ["x".repeat(600_000)]});
    assert_eq!(setting.post("/TraceSegments", &half).await.0, 200);
    let body = half.to_string().into_bytes();
    let (status, headers, body) = setting.send(Method::POST, "/TraceSegments", body).await;
    assert_eq!(
        (status, &body["__type"]),
        (503, &json!("ServiceUnavailable"))
    );
    assert_eq!(headers.get("retry-after").unwrap(), "1");
    assert_eq!(setting.counters().received, 1);
    assert_eq!(setting.taken().len(), 1);
    assert_eq!(
        setting.post("/TraceSegments", &half).await.0,
        200,
        "there is room again"
    );

    let never = json!({"TraceSegmentDocuments": ["x".repeat(600_000), "x".repeat(600_000)]});
    let (status, body) = setting.post("/TraceSegments", &never).await;
    assert_eq!(
        (status, &body["__type"]),
        (413, &json!("RequestEntityTooLarge"))
    );
}

#[tokio::test]
async fn bad_bodies_of_documents_have_their_named_error() {
    let setting = without_endpoint(Limits::default()).await;
    let many = json!({"TraceSegmentDocuments": vec!["{}"; 51]}).to_string();
    let cases = [
        ("", "InvalidRequestException"),
        ("{}", "InvalidRequestException"),
        (
            r#"{"TraceSegmentDocuments":null}"#,
            "InvalidRequestException",
        ),
        (many.as_str(), "InvalidRequestException"),
        ("[]", "SerializationException"),
        ("not JSON", "SerializationException"),
        (
            r#"{"TraceSegmentDocuments":"{}"}"#,
            "SerializationException",
        ),
        (
            r#"{"TraceSegmentDocuments":[{}]}"#,
            "SerializationException",
        ),
    ];
    for (body, code) in cases {
        let body = body.as_bytes().to_vec();
        let (status, headers, answer) = setting.send(Method::POST, "/TraceSegments", body).await;
        assert_eq!(
            (status, answer["__type"].as_str()),
            (400, Some(code)),
            "{answer}"
        );
        assert_eq!(headers.get("x-amzn-errortype").unwrap(), code);
    }
    assert_eq!(setting.taken(), Vec::<Vec<u8>>::new());
    assert_eq!(setting.counters().proxy_refused, 8);
}

#[tokio::test]
async fn bodies_are_bounded_by_their_route() {
    let server = TestServer::start(|_| test_server::Answer::new(200, "{}"));
    let setting = with_endpoint(&server).await;
    setting.proxy.set_proxy_all(true);
    let cases = [
        ("/SamplingTargets", SAMPLING_BODY_BYTES_MAX, 200),
        ("/SamplingTargets", SAMPLING_BODY_BYTES_MAX + 1, 413),
        ("/TraceSegments", BODY_BYTES_MAX, 400),
        ("/TraceSegments", BODY_BYTES_MAX + 1, 413),
        ("/Anything", BODY_BYTES_MAX, 200),
        ("/Anything", BODY_BYTES_MAX + 1, 413),
    ];
    for (path, bytes, expected) in cases {
        let (status, _, _) = setting.send(Method::POST, path, vec![b' '; bytes]).await;
        assert_eq!(status, expected, "{path} {bytes}");
    }
}

#[tokio::test]
async fn bodies_that_together_exceed_the_budget_are_told_to_come_again() {
    let limits = Limits {
        bodies_bytes_max: 1000,
        ..Limits::default()
    };
    let setting = without_endpoint(limits).await;
    let documents = |bytes| json!({"TraceSegmentDocuments": ["x".repeat(bytes)]});
    assert_eq!(setting.post("/TraceSegments", &documents(900)).await.0, 200);
    assert_eq!(
        setting.post("/TraceSegments", &documents(1000)).await.0,
        503
    );
    assert_eq!(setting.post("/TraceSegments", &documents(900)).await.0, 200);
}

#[tokio::test]
async fn any_call_is_passed_on_only_while_the_setting_says_so() {
    let server = TestServer::start(|_| test_server::Answer::new(200, r#"{"ok":1}"#));
    let setting = with_endpoint(&server).await;
    let refused = setting
        .send(Method::GET, "/Traces?a=1&b=%20", Vec::new())
        .await;
    assert_eq!(
        (refused.0, &refused.2["__type"]),
        (403, &json!("AccessDeniedException"))
    );
    assert_eq!(server.calls().len(), 0);
    setting.proxy.set_proxy_all(true);
    let passed = setting
        .send(Method::GET, "/Traces?a=1&b=%20", b"body".to_vec())
        .await;
    assert_eq!((passed.0, passed.2), (200, json!({"ok": 1})));
    let calls = server.calls();
    assert_eq!(calls[0].method, Method::GET);
    assert_eq!(calls[0].path, "/Traces?a=1&b=%20");
    assert_eq!(calls[0].body.as_ref(), b"body");
    setting.proxy.set_proxy_all(false);
    assert_eq!(
        setting.send(Method::GET, "/Traces", Vec::new()).await.0,
        403
    );
    assert_eq!(setting.counters().proxy_refused, 2);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_a_bad_gateway_and_never_cut() {
    let server =
        TestServer::start(|_| test_server::Answer::new(200, &" ".repeat(BODY_BYTES_MAX + 1)));
    let setting = with_endpoint(&server).await;
    let (status, body) = setting.post("/GetSamplingRules", &json!({})).await;
    assert_eq!(status, 502);
    assert!(
        body["Message"].as_str().unwrap().contains("longer than"),
        "{body}"
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let limits = Limits {
        connections_max: 2,
        ..Limits::default()
    };
    let setting = without_endpoint(limits).await;
    let call = b"POST /Nothing HTTP/1.1\r\nhost: d\r\ncontent-length: 0\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = setting.connect().await;
        stream.write_all(call).await.unwrap();
        let mut byte = [0];
        within(stream.read_exact(&mut byte)).await.unwrap();
        open.push(stream);
    }
    let mut third = setting.connect().await;
    third.write_all(call).await.unwrap();
    // The two that are served get answers all along, the third none.
    for stream in &mut open {
        stream.write_all(call).await.unwrap();
    }
    until("four answers", || setting.counters().proxy_refused == 4).await;
    let nothing = third.try_read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    open.clear();
    within(third.read_exact(&mut [0])).await.unwrap();
    assert_eq!(setting.counters().proxy_refused, 5);
}

#[test]
fn at_most_256_connections_are_served_at_once() {
    assert_eq!(Limits::default().connections_max, 256);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_its_connection_and_no_other() {
    let limits = Limits {
        head_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let setting = without_endpoint(limits).await;
    let mut slow = setting.connect().await;
    slow.write_all(b"POST /GetSamplingRules HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    let told = rest(&mut slow).await;
    assert!(
        told.is_empty() || told.starts_with("HTTP/1.1 408"),
        "{told}"
    );
    assert_eq!(setting.post("/Nothing", &json!({})).await.0, 403);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_with_a_time_out() {
    let limits = Limits {
        body_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let setting = without_endpoint(limits).await;
    let mut slow = setting.connect().await;
    let head = b"POST /TraceSegments HTTP/1.1\r\nhost: d\r\ncontent-length: 10\r\n\r\n{";
    slow.write_all(head).await.unwrap();
    let told = rest(&mut slow).await;
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    assert!(told.contains("RequestTimeoutException"), "{told}");
    assert_eq!(setting.counters().proxy_refused, 1);
}

#[tokio::test]
async fn a_call_in_progress_is_finished_at_a_stop_and_an_idle_connection_closed() {
    let setting = without_endpoint(Limits::default()).await;
    let mut idle = setting.connect().await;
    idle.write_all(b"POST /Nothing HTTP/1.1\r\nhost: d\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    until("the first answer", || setting.counters().proxy_refused == 1).await;
    let mut busy = setting.connect().await;
    let body = r#"{"TraceSegmentDocuments":["{}"]}"#;
    let head = format!(
        "POST /TraceSegments HTTP/1.1\r\nhost: d\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    // "100 Continue" says that the call is being served.
    let mut interim = [0; 25];
    within(busy.read_exact(&mut interim)).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    setting.phases.enter(Phase::Stopping);
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 403"));
    busy.write_all(body.as_bytes()).await.unwrap();
    let told = rest(&mut busy).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    within(setting.serving).await.unwrap();
    assert_eq!(setting.proxy.intake.pop().unwrap().documents().len(), 1);
}

#[tokio::test]
async fn draining_cuts_calls_in_progress_and_nothing_is_taken_any_more() {
    let setting = without_endpoint(Limits::default()).await;
    let mut busy = setting.connect().await;
    busy.write_all(b"POST /TraceSegments HTTP/1.1\r\nhost: d\r\ncontent-length: 32\r\n\r\n")
        .await
        .unwrap();
    setting.phases.enter(Phase::Draining);
    within(setting.serving).await.unwrap();
    assert!(!rest(&mut busy).await.contains("200 OK"));
    assert_eq!(setting.proxy.intake.bytes(), 0);
    let watch = {
        let (phases, watch) = shutdown::phases();
        phases.enter(Phase::Draining);
        watch
    };
    let answer: Response<Full<Bytes>> = setting.proxy.take_documents(b"{}", &watch);
    assert_eq!(answer.status(), 503);
}
