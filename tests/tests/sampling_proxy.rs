//! The sampling calls of real SDKs, as recorded, through the real daemon to the real collector.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use radiograph_tests::{Api, Collector, Daemon};
use serde_json::{Value, json};

/// Path and body of every recorded request of a sampler.
fn recorded() -> Vec<(String, String, String)> {
    let folder = radiograph_proto_fixtures::root().join("sampling");
    let mut requests = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let client = path.file_stem().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap_or("").to_owned();
            requests.push((client.clone(), text("path"), text("body_utf8")));
        }
    }
    requests
}

#[test]
fn every_recorded_sampler_gets_rules_and_targets_through_the_daemon() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let daemon = Daemon::start(collector.address);
    let proxy = Api::new(daemon.tcp);
    let (mut rules, mut targets) = (0, 0);
    for (client, path, body) in recorded() {
        let answer = proxy.try_post(&path, body.clone()).unwrap();
        assert_eq!(answer.status, 200, "{client}: {body}: {answer:?}");
        if path == "/GetSamplingRules" {
            let rule = &answer.body["SamplingRuleRecords"][0]["SamplingRule"];
            assert_eq!(rule["RuleName"], json!("Default"), "{client}");
            assert_eq!(
                (&rule["FixedRate"], &rule["ReservoirSize"]),
                (&json!(0.05), &json!(1))
            );
            rules += 1;
        } else {
            let body: Value = serde_json::from_str(&body).unwrap();
            let reported = body["SamplingStatisticsDocuments"].as_array().unwrap();
            let answered = answer.body["SamplingTargetDocuments"]
                .as_array()
                .unwrap()
                .len();
            let unknown = answer.body["UnprocessedStatistics"]
                .as_array()
                .unwrap()
                .len();
            assert_eq!(answered + unknown, reported.len(), "{client}: {answer:?}");
            targets += 1;
        }
    }
    assert!(
        rules >= 4 && targets >= 4,
        "{rules} and {targets} recorded requests"
    );
    // whatever else the collector can do, not through this port
    let refused = reqwest::blocking::Client::new();
    let refused = refused
        .post(format!("http://{}/TraceSummaries", daemon.tcp))
        .body("{}")
        .send();
    assert_eq!(refused.unwrap().status().as_u16(), 403);
    assert!(daemon.stop().contains("proxy_refused=1"));
}
