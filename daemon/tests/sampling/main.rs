//! A whole daemon that samples: rules fetched from a small HTTP sink, datagrams in, the kept ones out.
//!
//! Every promise of the decision itself is tested beside it; here is that the data path obeys it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic, which is how a test fails"
)]

#[path = "../end_to_end/sink.rs"]
#[expect(dead_code, reason = "the end-to-end tests use all of it")]
mod sink;
#[path = "../end_to_end/support.rs"]
#[expect(dead_code, reason = "the end-to-end tests use all of it")]
mod support;

use radiograph_daemon::config::SamplingMode;
use radiograph_daemon::{Config, Daemon};
use serde_json::Value;

use sink::{Reply, Sink, reply};
use support::{HEADER, config, daemon, send, within};

/// One rule that records nothing, under the name that the reports then carry.
const RULES: &str = r#"{"SamplingRuleRecords":[{"CreatedAt":0,"ModifiedAt":0,"SamplingRule":{
    "RuleName":"none","FixedRate":0,"ReservoirSize":0,"Priority":1,"Version":1,"Attributes":{},
    "ServiceName":"*","ServiceType":"*","Host":"*","HTTPMethod":"*","URLPath":"*",
    "ResourceARN":"*"}}]}"#;

/// Answers the sampling calls.
fn sampling_sink() -> Sink {
    Sink::start(|call| match call.path.as_str() {
        "/GetSamplingRules" => Reply {
            body: RULES,
            ..reply(200)
        },
        "/SamplingTargets" => Reply {
            body: r#"{"SamplingTargetDocuments":[],"LastRuleModification":0}"#,
            ..reply(200)
        },
        _ => reply(200),
    })
}

async fn started(mode: SamplingMode, sink: &Sink) -> Daemon {
    daemon(Config {
        sampling: mode,
        ..config(sink.url())
    })
    .await
}

fn root(trace: usize, more: &str) -> String {
    format!(r#"{HEADER}{{"name":"shop","trace_id":"1-6592008a-{trace:024x}"{more}}}"#)
}

/// Sends roots until the daemon has reported some, so that it has its rules for certain; how many.
async fn send_until_reported(daemon: &Daemon, sink: &Sink, more: &str) -> (usize, u64) {
    let sending = async {
        for trace in 0.. {
            let calls = sink.calls();
            let report = calls.iter().find(|call| call.path == "/SamplingTargets");
            if let Some(report) = report {
                let body: Value = serde_json::from_slice(&report.body).unwrap();
                let requests = body.pointer("/SamplingStatisticsDocuments/0/RequestCount");
                return (trace, requests.unwrap().as_u64().unwrap());
            }
            send(daemon, [root(trace, more)]).await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        unreachable!("a range without end")
    };
    within(sending).await.unwrap()
}

const SDK: &str = r#","aws":{"xray":{"sdk":"X-Ray for Go"}}"#;

#[tokio::test]
async fn roots_that_no_sdk_has_decided_are_sampled_out_and_all_else_arrives() {
    let sink = sampling_sink();
    let daemon = started(SamplingMode::Auto, &sink).await;
    let (roots, reported) = send_until_reported(&daemon, &sink, "").await;
    let last = [
        root(roots, ""),
        root(roots + 1, SDK),
        format!("{HEADER}T1SCgA="),
    ];
    send(&daemon, last).await;
    daemon.stop().await;
    let accepted = sink.accepted();
    assert!(accepted.contains(&root(roots + 1, SDK).split_off(HEADER.len())));
    assert!(accepted.contains(&"T1SCgA=".to_owned()));
    assert!(!accepted.contains(&root(roots, "").split_off(HEADER.len())));
    let sampled_out = roots + 1 - (accepted.len() - 2);
    assert!(
        u64::try_from(sampled_out).unwrap() > reported,
        "{sampled_out} and {reported}"
    );
}

#[tokio::test]
async fn strictly_roots_of_an_sdk_are_sampled_out_too() {
    let sink = sampling_sink();
    let daemon = started(SamplingMode::Strict, &sink).await;
    let (roots, _) = send_until_reported(&daemon, &sink, SDK).await;
    send(&daemon, [root(roots, SDK)]).await;
    daemon.stop().await;
    assert!(
        !sink
            .accepted()
            .contains(&root(roots, SDK).split_off(HEADER.len()))
    );
}

#[tokio::test]
async fn switched_off_no_rules_are_fetched_and_everything_arrives() {
    let sink = sampling_sink();
    let daemon = started(SamplingMode::Off, &sink).await;
    send(&daemon, (0..20).map(|trace| root(trace, ""))).await;
    daemon.stop().await;
    assert_eq!(sink.accepted().len(), 20);
    let sampling_calls = ["/GetSamplingRules", "/SamplingTargets"];
    let is_one = |path: &str| sampling_calls.contains(&path);
    assert!(!sink.calls().iter().any(|call| is_one(&call.path)));
}
