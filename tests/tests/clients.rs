//! The AWS CLI, the AWS SDK for JavaScript v3 and the one for Rust do the core operations with signatures, and are refused
//! with a wrong secret, an old date and a changed body. Source: `spec/api.md` sections 1.1 to 1.3 and 10.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::{Command, Output};

use aws_sdk_xray::config::retry::RetryConfig;
use aws_sdk_xray::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_xray::error::ProvideErrorMetadata as _;
use radiograph_tests::protected::{Key, Protected, printed};
use radiograph_tests::{eventually, node, python};
use serde_json::{Value, json};

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// What comes of calls of the SDK for JavaScript.
fn javascript(collector: &Protected, key: &Key, calls: &[&str]) -> Value {
    let mut command = node::command("xray_client.js");
    command
        .args(calls)
        .envs(key.variables())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL_XRAY", collector.url());
    serde_json::from_str(&printed(&command.output().unwrap())).unwrap()
}

#[test]
fn the_javascript_sdk_does_the_core_operations_signed_and_is_refused_otherwise() {
    let (collector, admin) = Protected::start();
    let outcome = javascript(&collector, &admin, &["core", "old", "changed"]);
    let core = json!({
        "unprocessed": [], "summaries": [[TRACE, 0.25]], "segments": 1, "services": 2,
        "rules": ["Default"], "groups": ["Default"],
    });
    let invalid = "InvalidSignatureException 403";
    let expected = json!({"core": core, "old": invalid, "changed": invalid});
    assert_eq!(outcome, expected);
    let wrong = javascript(&collector, &admin.with_secret("wrong"), &["core"]);
    assert_eq!(wrong, json!({"core": invalid}));
}

/// The SDK for Rust as a user would have it; each call is tried once.
fn rust(collector: &Protected, key: &Key) -> aws_sdk_xray::Client {
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "test");
    let config = aws_sdk_xray::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(collector.url())
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_xray::Client::from_conf(config.build())
}

#[tokio::test]
async fn the_rust_sdk_does_the_core_operations_signed_and_is_refused_otherwise() {
    let (collector, admin) = Protected::start();
    let client = rust(&collector, &admin);
    let document = json!({
        "trace_id": TRACE, "id": "53995c3f42cd8ad8", "name": "web", "start_time": 1_704_067_210,
        "end_time": 1_704_067_210.25,
    });
    let put = client
        .put_trace_segments()
        .trace_segment_documents(document.to_string());
    let put = put.send().await.unwrap();
    assert_eq!(put.unprocessed_trace_segments(), []);
    let time = aws_sdk_xray::primitives::DateTime::from_secs;
    let (start, end) = (time(1_704_067_150), time(1_704_067_270));
    let ids = loop {
        let pages = client.get_trace_summaries().start_time(start).end_time(end);
        let mut pages = pages.into_paginator().send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let summaries = page.trace_summaries().iter();
            ids.extend(summaries.map(|summary| summary.id().unwrap().to_owned()));
        }
        if !ids.is_empty() {
            break ids;
        }
    };
    assert_eq!(ids, [TRACE]);
    let traces = client.batch_get_traces().trace_ids(TRACE).send().await;
    let traces = traces.unwrap();
    assert_eq!(traces.traces().first().unwrap().segments().len(), 1);
    let graph = client.get_service_graph().start_time(start).end_time(end);
    let graph = graph.send().await.unwrap();
    assert_eq!(graph.services().len(), 2);
    let rules = client.get_sampling_rules().send().await.unwrap();
    let rules = rules.sampling_rule_records();
    let rule = rules.first().and_then(|record| record.sampling_rule());
    assert_eq!(rule.and_then(|rule| rule.rule_name()), Some("Default"));
    let groups = client.get_groups().send().await.unwrap();
    assert_eq!(
        groups.groups().first().unwrap().group_name(),
        Some("Default")
    );

    let wrong = rust(&collector, &admin.with_secret("wrong"));
    let refused = wrong.get_groups().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidSignatureException"));
}

fn aws(collector: &Protected, key: &Key, arguments: &[&str]) -> Output {
    let mut command = Command::new(python::bin().join("aws"));
    command
        .arg("xray")
        .args(arguments)
        .args(["--output", "json"])
        .envs(key.variables())
        .env("AWS_ENDPOINT_URL_XRAY", collector.url())
        .env("AWS_MAX_ATTEMPTS", "1");
    command.output().unwrap()
}

#[test]
fn the_aws_cli_does_the_core_operations_signed_and_is_refused_otherwise() {
    let (collector, admin) = Protected::start();
    let ask = |arguments: &[&str]| -> Value {
        serde_json::from_str(&printed(&aws(&collector, &admin, arguments))).unwrap()
    };
    let document = json!({
        "trace_id": TRACE, "id": "53995c3f42cd8ad8", "name": "web", "start_time": 1_704_067_210,
        "end_time": 1_704_067_210.25,
    });
    let document = document.to_string();
    let put = ask(&["put-trace-segments", "--trace-segment-documents", &document]);
    assert_eq!(put, json!({"UnprocessedTraceSegments": []}));
    let window = ["--start-time", "1704067150", "--end-time", "1704067270"];
    let summaries = eventually("the summary", || {
        let page = ask(&[&["get-trace-summaries"], &window[..]].concat());
        let is_there = page.pointer("/TraceSummaries/0").is_some();
        is_there.then_some(page)
    });
    let id = summaries.pointer("/TraceSummaries/0/Id");
    assert_eq!(id, Some(&json!(TRACE)));
    let traces = ask(&["batch-get-traces", "--trace-ids", TRACE]);
    let segment = traces.pointer("/Traces/0/Segments/0/Id");
    assert_eq!(segment, Some(&json!("53995c3f42cd8ad8")));
    let graph = ask(&[&["get-service-graph"], &window[..]].concat());
    let services = graph.pointer("/Services").and_then(Value::as_array);
    assert_eq!(services.map(Vec::len), Some(2));
    let rules = ask(&["get-sampling-rules"]);
    let rule = rules.pointer("/SamplingRuleRecords/0/SamplingRule/RuleName");
    assert_eq!(rule, Some(&json!("Default")));
    let groups = ask(&["get-groups"]);
    let group = groups.pointer("/Groups/0/GroupName");
    assert_eq!(group, Some(&json!("Default")));

    let refused = aws(&collector, &admin.with_secret("wrong"), &["get-groups"]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("InvalidSignatureException"), "{said}");
}
