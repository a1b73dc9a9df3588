//! The AWS CLI, the AWS SDK for JavaScript v3 and the one for Rust do the core operations with signatures, and are refused
//! with a wrong secret, an old date and a body that somebody changed on the way. boto3 is in `auth.rs`.
//! Source: `spec/api.md` sections 1.1 to 1.3 and 10.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::{Command, Output};

use aws_sdk_xray::config::retry::RetryConfig;
use aws_sdk_xray::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_xray::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::StaticTimeSource;
use radiograph_tests::protected::{Key, Protected, printed};
use radiograph_tests::tampering::{BEFORE, Tampering};
use radiograph_tests::{eventually, node, now, python};
use serde_json::{Value, json};

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// A clock that is off by more than the five minutes that are allowed.
const SKEW_SECONDS: u64 = 600;

/// What comes of calls of the SDK for JavaScript.
fn javascript(url: &str, key: &Key, calls: &[&str]) -> Value {
    let mut command = node::command("xray_client.js");
    command
        .args(calls)
        .envs(key.variables())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL_XRAY", url);
    serde_json::from_str(&printed(&command.output().unwrap())).unwrap()
}

#[test]
fn the_javascript_sdk_does_the_core_operations_signed_and_is_refused_otherwise() {
    let (collector, admin) = Protected::start();
    let outcome = javascript(&collector.url(), &admin, &["core", "old", "changed"]);
    let core = json!({
        "unprocessed": [], "summaries": [[TRACE, 0.25]], "segments": 1, "services": 2,
        "rules": ["Default"], "groups": ["Default"],
    });
    let invalid = "InvalidSignatureException 403";
    let expected = json!({"core": core.clone(), "old": invalid, "changed": invalid});
    assert_eq!(outcome, expected);
    let url = collector.url();
    let wrong = javascript(&url, &admin.with_secret("wrong"), &["core"]);
    assert_eq!(wrong, json!({"core": invalid}));

    let on_the_way = Tampering::start(collector.address);
    let outcome = javascript(&on_the_way.url(), &admin, &["core", "put"]);
    assert_eq!(outcome, json!({"core": core, "put": invalid}));
    assert_eq!(on_the_way.changed(), 1);
}

/// The SDK for Rust as a user would have it; each call is tried once.
fn rust(url: &str, key: &Key) -> aws_sdk_xray::Client {
    aws_sdk_xray::Client::from_conf(rust_config(url, key).build())
}

fn rust_config(url: &str, key: &Key) -> aws_sdk_xray::config::Builder {
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "test");
    aws_sdk_xray::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(url)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
}

/// Name and status of an error that the service answered with; what else may go wrong is none.
fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<(String, u16)> {
    let status = error.raw_response()?.status().as_u16();
    let name = error.as_service_error()?.code()?;
    Some((name.to_owned(), status))
}

#[tokio::test]
async fn the_rust_sdk_does_the_core_operations_signed_and_is_refused_otherwise() {
    let (collector, admin) = Protected::start();
    let client = rust(&collector.url(), &admin);
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

    let invalid = Some(("InvalidSignatureException".to_owned(), 403));
    let wrong = rust(&collector.url(), &admin.with_secret("wrong"));
    let refused = wrong.get_groups().send().await.unwrap_err();
    assert_eq!(refusal(&refused), invalid);

    let seconds = std::time::Duration::from_secs_f64(now()).as_secs();
    for clock in [seconds - SKEW_SECONDS, seconds + SKEW_SECONDS] {
        let config = rust_config(&collector.url(), &admin);
        let config = config.time_source(StaticTimeSource::from_secs(clock));
        let off = aws_sdk_xray::Client::from_conf(config.build());
        let refused = off.get_groups().send().await.unwrap_err();
        assert_eq!(refusal(&refused), invalid);
    }

    let on_the_way = Tampering::start(collector.address);
    let client = rust(&on_the_way.url(), &admin);
    let groups = client.get_groups().send().await.unwrap();
    assert_eq!(groups.groups().len(), 1, "what is not changed is good");
    let put = client.put_trace_segments().trace_segment_documents(BEFORE);
    let refused = put.send().await.unwrap_err();
    assert_eq!(refusal(&refused), invalid);
    assert_eq!(on_the_way.changed(), 1);
}

fn aws(url: &str, key: &Key, arguments: &[&str]) -> Output {
    aws_of(Command::new(python::bin().join("aws")), url, key, arguments)
}

/// The AWS CLI on a host whose clock is off by so many seconds.
fn aws_at(seconds: i64, url: &str, key: &Key, arguments: &[&str]) -> Output {
    let mut command = Command::new(python::bin().join("python"));
    command
        .arg(python::script("aws_at.py"))
        .arg(seconds.to_string());
    aws_of(command, url, key, arguments)
}

fn aws_of(mut command: Command, url: &str, key: &Key, arguments: &[&str]) -> Output {
    command
        .arg("xray")
        .args(arguments)
        .args(["--output", "json"])
        .envs(key.variables())
        .env("AWS_ENDPOINT_URL_XRAY", url)
        .env("AWS_MAX_ATTEMPTS", "1");
    command.output().unwrap()
}

/// The CLI ended with its status for an error of the service, and this is what it said.
#[track_caller]
fn is_refused(output: &Output, name: &str, operation: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("An error occurred ({name}) when calling the {operation} operation");
    assert!(said.contains(&expected), "{said}");
    assert_eq!(output.status.code(), Some(255), "{said}");
}

#[test]
fn the_aws_cli_does_the_core_operations_signed_and_is_refused_otherwise() {
    let (collector, admin) = Protected::start();
    let ask = |arguments: &[&str]| -> Value {
        serde_json::from_str(&printed(&aws(&collector.url(), &admin, arguments))).unwrap()
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

    let (url, invalid) = (collector.url(), "InvalidSignatureException");
    let wrong = aws(&url, &admin.with_secret("wrong"), &["get-groups"]);
    is_refused(&wrong, invalid, "GetGroups");

    let skew = i64::try_from(SKEW_SECONDS).unwrap();
    printed(&aws_at(0, &url, &admin, &["get-groups"]));
    for clock in [-skew, skew] {
        let off = aws_at(clock, &url, &admin, &["get-groups"]);
        is_refused(&off, invalid, "GetGroups");
    }

    let on_the_way = Tampering::start(collector.address);
    printed(&aws(&on_the_way.url(), &admin, &["get-groups"]));
    let put = ["put-trace-segments", "--trace-segment-documents", BEFORE];
    let changed = aws(&on_the_way.url(), &admin, &put);
    is_refused(&changed, invalid, "PutTraceSegments");
    assert_eq!(on_the_way.changed(), 1);
}
