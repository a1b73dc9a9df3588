//! The sampler against a server on a real socket: rules, reports, targets, outages, modes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::proxy::test_server::{Answer, TestServer, until, within};
use crate::shutdown::{self, Phase, Phases};

const NOW: i64 = 1_704_067_210;

/// What the server answers, changed by the test as it goes.
#[derive(Debug, Default, Clone)]
struct Script {
    rules: Vec<(&'static str, f64)>,
    quota: Option<u32>,
    modified: i64,
    is_down: bool,
}

impl Script {
    fn answer(&self, path: &str, body: &Value) -> Answer {
        if self.is_down {
            return Answer::new(503, "{}");
        }
        let body = match path {
            "/GetSamplingRules" => json!({"SamplingRuleRecords": self.records()}),
            "/SamplingTargets" => json!({
                "SamplingTargetDocuments": self.targets(body),
                "LastRuleModification": self.modified,
                "UnprocessedStatistics": [],
            }),
            _ => return Answer::new(404, "{}"),
        };
        Answer::new(200, &body.to_string())
    }

    fn records(&self) -> Vec<Value> {
        let record = |(priority, (name, rate)): (usize, &(&str, f64))| {
            json!({"CreatedAt": 0, "ModifiedAt": 0, "SamplingRule": {
                "RuleName": name, "FixedRate": rate, "ReservoirSize": 0, "Priority": priority,
                "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*",
                "URLPath": "*", "ResourceARN": "*", "Version": 1, "Attributes": {},
            }})
        };
        self.rules.iter().enumerate().map(record).collect()
    }

    fn targets(&self, body: &Value) -> Vec<Value> {
        let reports = body["SamplingStatisticsDocuments"].as_array().unwrap();
        let target = |report: &Value| {
            let mut target = json!({"RuleName": report["RuleName"], "Interval": 10});
            if let Some(quota) = self.quota {
                target["ReservoirQuota"] = json!(quota);
                target["ReservoirQuotaTTL"] = json!(NOW + 1_000_000);
            }
            target
        };
        reports.iter().map(target).collect()
    }
}

struct Setting {
    sampler: Arc<Sampler>,
    server: TestServer,
    script: Arc<Mutex<Script>>,
    phases: Phases,
    task: tokio::task::JoinHandle<()>,
}

async fn setting(mode: SamplingMode, script: Script) -> Setting {
    let script = Arc::new(Mutex::new(script));
    let answering = Arc::clone(&script);
    let server = TestServer::start(move |call| {
        let body = serde_json::from_slice(&call.body).unwrap();
        answering.lock().unwrap().answer(&call.path, &body)
    });
    let mut sampler = Sampler::new(mode, server.caller().await);
    sampler.pace = Pace {
        targets: Duration::from_millis(10),
        targets_jitter: Duration::ZERO,
        ..Pace::default()
    };
    let sampler = Arc::new(sampler);
    let (phases, watch) = shutdown::phases();
    let task = tokio::spawn(Arc::clone(&sampler).run(watch));
    Setting {
        sampler,
        server,
        script,
        phases,
        task,
    }
}

impl Setting {
    fn calls(&self, path: &str) -> Vec<Value> {
        let calls = self
            .server
            .calls()
            .into_iter()
            .filter(|call| call.path == path);
        calls
            .map(|call| serde_json::from_slice(&call.body).unwrap())
            .collect()
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}

fn documents(traces: std::ops::Range<u32>) -> Documents {
    let texts: Vec<String> = traces
        .map(|trace| format!(r#"{{"name":"shop","trace_id":"1-6592008a-{trace:024x}"}}"#))
        .collect();
    texts.iter().map(String::as_bytes).collect()
}

fn filter(sampler: &Sampler, documents: &Documents) -> Option<Filtered> {
    sampler.filter(documents, Timestamp::from_seconds(NOW))
}

#[tokio::test]
async fn with_fetched_rules_documents_are_sampled_out_and_reported() {
    let rules = vec![("none", 0.0)];
    let setting = setting(
        SamplingMode::Auto,
        Script {
            rules,
            ..Script::default()
        },
    )
    .await;
    let sampler = &setting.sampler;
    until("rules", || !sampler.is_idle()).await;
    let filtered = filter(sampler, &documents(0..30)).unwrap();
    assert_eq!((filtered.sampled_out, filtered.kept.len()), (30, 0));

    let sent = || setting.calls("/SamplingTargets");
    until("a report", || !sent().is_empty()).await;
    let report = &sent()[0]["SamplingStatisticsDocuments"][0];
    let client_id = report["ClientID"].as_str().unwrap();
    assert_eq!(client_id.len(), 24);
    assert!(client_id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let counts = ["RequestCount", "SampledCount", "BorrowCount"].map(|name| report[name].clone());
    assert_eq!(counts, [json!(30), json!(0), json!(0)]);

    setting.phases.enter(Phase::Stopping);
    assert_eq!(setting.calls("/GetSamplingRules"), [json!({})]);
    within(setting.task).await.unwrap();
}

#[tokio::test]
async fn a_granted_quota_is_used() {
    let script = Script {
        rules: vec![("none", 0.0)],
        quota: Some(7),
        ..Script::default()
    };
    let setting = setting(SamplingMode::Auto, script).await;
    let sampler = &setting.sampler;
    until("rules", || !sampler.is_idle()).await;
    assert_eq!(filter(sampler, &documents(0..10)).unwrap().kept.len(), 0);
    let mut second = NOW;
    let mut trace = 10;
    until("the quota", || {
        (second, trace) = (second + 1, trace + 10);
        let block = documents(trace..trace + 10);
        let filtered = sampler.filter(&block, Timestamp::from_seconds(second));
        filtered.unwrap().kept.len() == 7
    })
    .await;
}

#[tokio::test]
async fn a_changed_rule_is_fetched_early() {
    let rules = vec![("none", 0.0)];
    let setting = setting(
        SamplingMode::Auto,
        Script {
            rules,
            ..Script::default()
        },
    )
    .await;
    let sampler = &setting.sampler;
    until("rules", || !sampler.is_idle()).await;
    setting.change(|script| {
        script.rules = vec![("all", 1.0)];
        script.modified = i64::from(u32::MAX);
    });
    let mut trace = 0;
    until("the new rules", || {
        trace += 1;
        filter(sampler, &documents(trace..trace + 1)).is_none()
    })
    .await;
    assert_eq!(setting.calls("/GetSamplingRules").len(), 2);
}

#[tokio::test]
async fn rules_are_asked_for_again_until_they_come_and_reports_are_kept_meanwhile() {
    let script = Script {
        rules: vec![("none", 0.0)],
        is_down: true,
        ..Script::default()
    };
    let setting = setting(SamplingMode::Auto, script).await;
    let sampler = &setting.sampler;
    until("two attempts", || {
        setting.calls("/GetSamplingRules").len() >= 2
    })
    .await;
    assert!(sampler.is_idle());
    assert_eq!(
        filter(sampler, &documents(0..10)),
        None,
        "nothing is dropped without rules"
    );
    setting.change(|script| script.is_down = false);
    until("rules", || !sampler.is_idle()).await;

    setting.change(|script| script.is_down = true);
    let failed_before = setting.calls("/SamplingTargets").len();
    assert_eq!(filter(sampler, &documents(0..10)).unwrap().sampled_out, 10);
    until("a failed report", || {
        setting.calls("/SamplingTargets").len() > failed_before
    })
    .await;
    assert_eq!(filter(sampler, &documents(10..15)).unwrap().sampled_out, 5);
    setting.change(|script| script.is_down = false);
    until("both together", || {
        let last = setting.calls("/SamplingTargets").pop().unwrap();
        last["SamplingStatisticsDocuments"][0]["RequestCount"] == json!(15)
    })
    .await;
}

#[tokio::test]
async fn switched_off_nothing_is_called_and_nothing_dropped_until_it_is_switched_on() {
    let rules = vec![("none", 0.0)];
    let setting = setting(
        SamplingMode::Off,
        Script {
            rules,
            ..Script::default()
        },
    )
    .await;
    let sampler = &setting.sampler;
    assert_eq!(filter(sampler, &documents(0..10)), None);
    assert_eq!(setting.server.calls().len(), 0);
    sampler.set_mode(SamplingMode::Auto);
    until("rules", || !sampler.is_idle()).await;
    assert_eq!(filter(sampler, &documents(0..10)).unwrap().sampled_out, 10);
    sampler.set_mode(SamplingMode::Off);
    assert_eq!(filter(sampler, &documents(0..10)), None);
}

#[tokio::test]
async fn rules_that_have_become_too_old_drop_nothing_any_more() {
    let rules = vec![("none", 0.0)];
    let mut outdated = Sampler::new(SamplingMode::Auto, {
        let script = Script {
            rules,
            ..Script::default()
        };
        let server = TestServer::start(move |call| {
            // Rules once, and then an outage.
            let is_first = call.number == 0;
            let script = Script {
                is_down: !is_first,
                ..script.clone()
            };
            script.answer(&call.path, &json!({}))
        });
        server.caller().await
    });
    outdated.pace = Pace {
        targets: Duration::from_millis(10),
        rules_age_max: Duration::from_millis(200),
        ..Pace::default()
    };
    let sampler = Arc::new(outdated);
    let (_phases, watch) = shutdown::phases();
    tokio::spawn(Arc::clone(&sampler).run(watch));
    until("rules", || !sampler.is_idle()).await;
    until("their end", || sampler.is_idle()).await;
}

#[tokio::test]
async fn the_kept_documents_stay_in_order_byte_for_byte() {
    let rules = vec![("none", 0.0)];
    let setting = setting(
        SamplingMode::Auto,
        Script {
            rules,
            ..Script::default()
        },
    )
    .await;
    let sampler = &setting.sampler;
    until("rules", || !sampler.is_idle()).await;
    let root = br#"{"name":"shop","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4"}"#;
    let block: Documents = [b"T1S".as_slice(), b"", root, b"\xff\n", root, b"T1U"]
        .into_iter()
        .collect();
    let filtered = filter(sampler, &block).unwrap();
    assert_eq!(filtered.sampled_out, 2);
    let kept: Vec<&[u8]> = filtered.kept.iter().collect();
    assert_eq!(kept, [b"T1S".as_slice(), b"", b"\xff\n", b"T1U"]);
    let passing: Documents = [b"T1S".as_slice(), b"x"].into_iter().collect();
    assert_eq!(
        filter(sampler, &passing),
        None,
        "untouched when all are kept"
    );
}
