//! The sampling proxy on TCP.

use radiograph_daemon::{Config, Daemon};
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::sink::{self, Reply, Sink, reply};
use crate::support::{config, daemon, install_tls, settled, until};

async fn call(daemon: &Daemon, method: Method, path: &str, body: Vec<u8>) -> Response {
    install_tls();
    let url = format!("http://{}{path}", daemon.tcp_address());
    let call = Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .request(method, url);
    let call = call
        .header("content-type", "application/json")
        .header("authorization", "AWS4-HMAC-SHA256 x")
        .header("x-forwarded-for", "10.0.0.1");
    call.body(body).send().await.unwrap()
}

#[tokio::test]
async fn sampling_calls_are_passed_on_with_the_prefix_and_their_answer_comes_back() {
    let sink = Sink::start(|_| Reply {
        status: 200,
        headers: vec![
            ("x-amzn-RequestId", "r1"),
            ("content-type", "application/json"),
        ],
        body: r#"{"SamplingRuleRecords":[]}"#,
    });
    let daemon = daemon(config(format!("{}/prefix", sink.url()))).await;
    for path in ["/GetSamplingRules", "/SamplingTargets"] {
        let answer = call(&daemon, Method::POST, path, b"{\"a\":1}".to_vec()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers().get("x-amzn-requestid").unwrap(), "r1");
        assert_eq!(
            answer.text().await.unwrap(),
            r#"{"SamplingRuleRecords":[]}"#
        );
    }
    let calls = sink.calls();
    let paths: Vec<&str> = calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/prefix/GetSamplingRules", "/prefix/SamplingTargets"]
    );
    for call in &calls {
        assert_eq!(call.body, "{\"a\":1}");
        assert_eq!(
            call.headers.get("content-type").unwrap(),
            "application/json"
        );
        assert!(!call.headers.contains_key("authorization"));
        assert!(!call.headers.contains_key("x-forwarded-for"));
    }
    assert_eq!(daemon.counters().proxy_forwarded, 2);
}

#[tokio::test]
async fn the_endpoints_errors_come_back_unchanged() {
    let sink = Sink::start(|_| Reply {
        body: "busy",
        ..reply(429)
    });
    let daemon = daemon(config(sink.url())).await;
    let answer = call(&daemon, Method::POST, "/GetSamplingRules", Vec::new()).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.text().await.unwrap(), "busy");
}

#[tokio::test]
async fn other_calls_are_refused_with_an_explanation_and_never_reach_the_endpoint() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    let cases = [
        (Method::POST, "/TraceSummaries"),
        (Method::GET, "/TraceSegments"),
        (Method::GET, "/GetSamplingRules"),
        (Method::POST, "/GetSamplingRules/"),
        (Method::POST, "/"),
    ];
    let refused = u64::try_from(cases.len()).unwrap();
    for (method, path) in cases {
        let answer = call(&daemon, method, path, b"{}".to_vec()).await;
        assert_eq!(answer.status(), 403, "{path}");
        assert_eq!(
            answer.headers().get("x-amzn-errortype").unwrap(),
            "AccessDeniedException"
        );
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body.get("__type").unwrap(), "AccessDeniedException");
        let message = body.get("Message").unwrap().as_str().unwrap();
        assert!(message.contains("POST /GetSamplingRules"), "{message}");
    }
    assert!(sink.calls().is_empty());
    assert_eq!(daemon.counters().proxy_refused, refused);
}

#[tokio::test]
async fn documents_too_big_for_a_datagram_are_delivered_by_tcp() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    let big = "x".repeat(200_000);
    let body = serde_json::json!({"TraceSegmentDocuments": [big, "T1SCgA="]});
    let body = body.to_string().into_bytes();
    let answer = call(&daemon, Method::POST, "/TraceSegments", body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.text().await.unwrap(),
        r#"{"UnprocessedTraceSegments":[]}"#
    );
    until("both arrived", || sink.accepted().len() == 2).await;
    assert_eq!(sink.accepted(), ["T1SCgA=".to_owned(), big]);
    assert_eq!(settled(&daemon).await.received, 2);
}

#[tokio::test]
async fn with_the_setting_of_aws_any_call_is_passed_on() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(Config {
        proxy_all: true,
        ..config(sink.url())
    })
    .await;
    let answer = call(&daemon, Method::POST, "/TraceSummaries", b"{}".to_vec()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(sink.calls().first().unwrap().path, "/TraceSummaries");
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_a_bad_gateway() {
    let reserved = sink::reserve();
    let daemon = daemon(config(reserved.url())).await;
    let answer = call(&daemon, Method::POST, "/SamplingTargets", b"{}".to_vec()).await;
    assert_eq!(answer.status(), 502);
    assert_eq!(
        answer.headers().get("x-amzn-errortype").unwrap(),
        "ServiceUnavailable"
    );
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body.get("__type").unwrap(), "ServiceUnavailable");
    until("it is counted", || daemon.counters().proxy_failed == 1).await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_a_bad_gateway_after_a_while() {
    let reserved = sink::reserve();
    let url = reserved.url();
    let hanging = reserved.hang();
    let daemon = daemon(config(url)).await;
    let answer = call(&daemon, Method::POST, "/SamplingTargets", b"{}".to_vec()).await;
    assert_eq!(answer.status(), 502);
    drop(hanging);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    let exact = call(
        &daemon,
        Method::POST,
        "/SamplingTargets",
        vec![b' '; 1 << 20],
    )
    .await;
    assert_eq!(exact.status(), 200);
    let longer = call(
        &daemon,
        Method::POST,
        "/SamplingTargets",
        vec![b' '; (1 << 20) + 1],
    )
    .await;
    assert_eq!(longer.status(), 413);
    assert_eq!(sink.calls().len(), 1);
}
