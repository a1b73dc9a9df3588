//! The checks of `spec/sampling.md` section 10 that the service can answer, by its public functions.

use std::fs;

use radiograph_protocol::sampling::{Counts, SamplingRateBoost, SamplingRule};
use serde_json::{Value, json};

use super::*;

mod boosts;
mod fleet;
mod simulation;

const CLIENT_ID: &str = "0a1b2c3d4e5f60718293a4b5";
const START: i64 = 1_704_067_210;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn record(rule_name: &str, priority: u32, reservoir_size: u32) -> SamplingRuleRecord {
    SamplingRuleRecord {
        sampling_rule: SamplingRule {
            rule_name: rule_name.to_owned(),
            priority,
            reservoir_size,
            fixed_rate: 0.2,
            ..SamplingRule::default_rule(rule_arn("eu-west-1", ACCOUNT_DEFAULT, rule_name))
        },
        created_at: Timestamp::from_seconds(1_704_067_200),
        modified_at: Timestamp::from_seconds(1_704_067_200),
    }
}

/// The Default rule and these.
fn rule_set(records: &[SamplingRuleRecord]) -> RuleSet {
    let mut rules = RuleSet::fresh(REGION_DEFAULT, ACCOUNT_DEFAULT)
        .rules
        .to_vec();
    rules.extend_from_slice(records);
    RuleSet::new(rules, Timestamp::from_micros(1_704_067_199_000_001))
}

fn service(records: &[SamplingRuleRecord]) -> Sampling {
    Sampling::new(rule_set(records), LEASE_DEFAULT)
}

fn document(rule_name: &str, client_id: &str, requests: u64, seconds: i64) -> Value {
    json!({
        "RuleName": rule_name, "ClientID": client_id, "Timestamp": START + seconds,
        "RequestCount": requests, "SampledCount": 24, "BorrowCount": 10
    })
}

fn call(sampling: &Sampling, statistics: &[Value], seconds: i64) -> Value {
    let body = json!({ "SamplingStatisticsDocuments": statistics }).to_string();
    let request = GetSamplingTargetsRequest::parse(body.as_bytes()).unwrap();
    serde_json::to_value(sampling.targets(&request, at(seconds))).unwrap()
}

#[test]
fn fresh_store_answers_the_default_rule_alone_in_identical_bytes() {
    let sampling = Sampling::new(
        RuleSet::fresh(REGION_DEFAULT, ACCOUNT_DEFAULT),
        LEASE_DEFAULT,
    );
    let bytes = || serde_json::to_string(&sampling.rules()).unwrap();
    let golden = concat!(
        r#"{"SamplingRuleRecords":[{"SamplingRule":{"RuleName":"Default","#,
        r#""RuleARN":"arn:aws:xray:us-east-1:000000000000:sampling-rule/Default","#,
        r#""ResourceARN":"*","Priority":10000,"FixedRate":0.05,"ReservoirSize":1,"#,
        r#""ServiceName":"*","ServiceType":"*","Host":"*","HTTPMethod":"*","URLPath":"*","#,
        r#""Version":1,"Attributes":{}},"CreatedAt":0.0,"ModifiedAt":0.0}]}"#
    );
    assert_eq!(bytes(), golden);
    call(&sampling, &[document("Default", CLIENT_ID, 9, 0)], 0);
    assert_eq!(bytes(), golden, "reports change nothing");
}

#[test]
fn fresh_store_leases_its_one_request_per_second() {
    let sampling = Sampling::new(
        RuleSet::fresh(REGION_DEFAULT, ACCOUNT_DEFAULT),
        LEASE_DEFAULT,
    );
    let body = json!({"SamplingStatisticsDocuments": [document("Default", CLIENT_ID, 9, 0)]});
    let request = GetSamplingTargetsRequest::parse(body.to_string().as_bytes()).unwrap();
    let golden = concat!(
        r#"{"SamplingTargetDocuments":[{"RuleName":"Default","FixedRate":0.05,"#,
        r#""ReservoirQuota":1,"ReservoirQuotaTTL":1704067510,"Interval":10}],"#,
        r#""LastRuleModification":0,"UnprocessedStatistics":[],"UnprocessedBoostStatistics":[]}"#
    );
    let answer = sampling.targets(&request, at(0));
    assert_eq!(serde_json::to_string(&answer).unwrap(), golden);
}

#[test]
fn example_of_the_specification_is_answered_as_it_says() {
    let sampling = service(&[record("checkout", 100, 5)]);
    let answer = call(
        &sampling,
        &[
            document("checkout", CLIENT_ID, 84, 0),
            document("gone", CLIENT_ID, 3, 0),
        ],
        0,
    );
    let expected = json!({
        "SamplingTargetDocuments": [{
            "RuleName": "checkout", "FixedRate": 0.2, "ReservoirQuota": 5,
            "ReservoirQuotaTTL": 1_704_067_510, "Interval": 10
        }],
        "LastRuleModification": 1_704_067_200,
        "UnprocessedStatistics": [
            {"RuleName": "gone", "ErrorCode": "400", "Message": "Unknown rule"}
        ],
        "UnprocessedBoostStatistics": []
    });
    assert_eq!(
        answer, expected,
        "the modification is rounded up to a second"
    );
}

#[test]
fn call_without_documents_answers_empty_lists() {
    let answer = call(&service(&[]), &[], 0);
    assert_eq!(answer["SamplingTargetDocuments"], json!([]));
    assert_eq!(answer["LastRuleModification"], json!(1_704_067_200));
}

#[test]
fn rules_are_answered_in_the_order_in_which_they_are_tried() {
    let sampling = service(&[record("c", 5, 0), record("b", 5, 0), record("a", 9, 0)]);
    let records = sampling.rules().sampling_rule_records;
    let names = records.iter().map(|r| r.sampling_rule.rule_name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["b", "c", "a", "Default"]);
}

#[test]
fn every_document_has_its_target_even_if_two_are_merged() {
    let sampling = service(&[record("checkout", 100, 5)]);
    let first = document("checkout", CLIENT_ID, 10, 0);
    let second = document("checkout", CLIENT_ID, 20, 1);
    let answer = call(&sampling, &[first, second], 1);
    let targets = answer["SamplingTargetDocuments"].as_array().unwrap();
    let quotas: Vec<&Value> = targets.iter().map(|t| &t["ReservoirQuota"]).collect();
    assert_eq!(quotas, [&json!(5), &json!(5)]);
    let summaries = sampling.statistic_summaries(at(10));
    let summary = &summaries.sampling_statistic_summaries[0];
    assert_eq!(summary.request_count, 30);
}

#[test]
fn repeated_call_is_answered_alike_and_counted_once() {
    let sampling = service(&[record("checkout", 100, 5)]);
    let documents = [
        document("checkout", CLIENT_ID, 84, 0),
        document("Default", CLIENT_ID, 7, 0),
    ];
    let first = call(&sampling, &documents, 0);
    assert_eq!(call(&sampling, &documents, 0), first);
    let summaries = serde_json::to_value(sampling.statistic_summaries(at(10))).unwrap();
    let expected = json!({"SamplingStatisticSummaries": [
        {"RuleName": "Default", "Timestamp": START, "RequestCount": 7, "BorrowCount": 10,
         "SampledCount": 24},
        {"RuleName": "checkout", "Timestamp": START, "RequestCount": 84, "BorrowCount": 10,
         "SampledCount": 24}
    ]});
    assert_eq!(summaries, expected);
}

#[test]
fn unknown_rule_leaves_no_trace_in_memory() {
    let sampling = service(&[]);
    call(&sampling, &[document("gone", CLIENT_ID, 3, 0)], 0);
    assert_eq!(sampling.usage(at(0)), BTreeMap::new());
    let summaries = sampling.statistic_summaries(at(10));
    assert_eq!(summaries.sampling_statistic_summaries, []);
}

#[test]
fn boost_documents_are_accepted_for_rules_with_a_boost_alone() {
    let mut boosted = record("boosted", 100, 5);
    boosted.sampling_rule.sampling_rate_boost = Some(SamplingRateBoost {
        max_rate: 0.5,
        cooldown_window_minutes: 10,
    });
    let sampling = service(&[boosted, record("plain", 200, 5)]);
    let boosts = ["boosted", "plain", "gone", "Default"].map(|rule_name| {
        json!({
            "RuleName": rule_name, "ServiceName": "shop", "Timestamp": START,
            "AnomalyCount": 30, "TotalCount": 90, "SampledAnomalyCount": 0
        })
    });
    let body = json!({
        "SamplingStatisticsDocuments": [document("boosted", CLIENT_ID, 90, 0)],
        "SamplingBoostStatisticsDocuments": boosts
    });
    let request = GetSamplingTargetsRequest::parse(body.to_string().as_bytes()).unwrap();
    let answer = serde_json::to_value(sampling.targets(&request, at(0))).unwrap();
    let refused = |rule_name: &str, message: &str| json!({"RuleName": rule_name, "ErrorCode": "400", "Message": message});
    let expected = json!([
        refused("plain", "Rule has no sampling rate boost"),
        refused("gone", "Unknown rule"),
        refused("Default", "Rule has no sampling rate boost"),
    ]);
    assert_eq!(answer["UnprocessedBoostStatistics"], expected);
    let target = answer["SamplingTargetDocuments"][0].as_object().unwrap();
    assert!(!target.contains_key("SamplingBoost"));
}

#[test]
fn replaced_rules_take_effect_at_once() {
    let sampling = service(&[record("checkout", 100, 6), record("gone", 200, 1)]);
    let other_id = CLIENT_ID.to_uppercase();
    let documents =
        |seconds| [CLIENT_ID, &other_id].map(|id| document("checkout", id, 600, seconds));
    call(&sampling, &documents(0), 0);
    call(&sampling, &[document("gone", CLIENT_ID, 1, 0)], 0);
    let mut next = rule_set(&[record("checkout", 100, 2)]);
    next.last_modification = at(5);
    sampling.replace_rules(next, at(5));

    assert_eq!(sampling.last_rule_modification(), at(5));
    let usages = sampling.usage(at(5));
    assert_eq!(usages.keys().collect::<Vec<_>>(), ["checkout"]);
    assert_eq!(usages["checkout"].quota_granted, 2);
    let mut call_documents = documents(10).to_vec();
    call_documents.push(document("gone", CLIENT_ID, 1, 10));
    let answer = call(&sampling, &call_documents, 10);
    assert_eq!(answer["LastRuleModification"], json!(START + 5));
    let quotas = [0, 1].map(|index| &answer["SamplingTargetDocuments"][index]["ReservoirQuota"]);
    assert_eq!(quotas, [&json!(1), &json!(1)]);
    assert_eq!(answer["UnprocessedStatistics"][0]["RuleName"], "gone");
    let summaries = sampling.statistic_summaries(at(30));
    let names = summaries.sampling_statistic_summaries.iter();
    assert_eq!(
        names.map(|s| s.rule_name.as_str()).collect::<Vec<_>>(),
        ["checkout"]
    );
}

#[test]
fn metrics_show_what_was_reported_of_a_bounded_number_of_rules() {
    let names: Vec<String> = (0..40).map(|number| format!("rule-{number:02}")).collect();
    let records: Vec<_> = names.iter().map(|name| record(name, 100, 1)).collect();
    let sampling = service(&records);
    for seconds in [0, 10, 10] {
        for name in names.iter().map(String::as_str).chain(["Default"]) {
            call(&sampling, &[document(name, CLIENT_ID, 7, seconds)], seconds);
        }
    }
    let rules = sampling.rules_usage(at(10)).rules;
    let shown: Vec<&str> = rules.iter().map(|rule| rule.rule_name.as_str()).collect();
    assert_eq!(shown.len(), 26);
    assert_eq!(
        (shown[0], shown[24], shown[25]),
        ("rule-00", "rule-24", "Default")
    );
    let counts = Counts {
        requests: 14,
        sampled: 48,
        borrows: 20,
    };
    assert!(rules.iter().all(|rule| rule.counts == counts), "{rules:?}");
    assert_eq!(rules[0].reservoir.clients_active, 1);
}

/// The recorded samplers ran with rules of these names; origin: the README of the fixtures.
#[test]
fn every_recorded_report_is_answered_with_a_target_per_document() {
    let sampling = service(&[record("health-off", 10, 0), record("pay-all", 20, 5)]);
    let mut answered = 0;
    let folder = radiograph_proto_fixtures::root().join("sampling");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["path"] != "/SamplingTargets" {
                continue;
            }
            let body = line["body_utf8"].as_str().unwrap();
            let request = GetSamplingTargetsRequest::parse(body.as_bytes()).unwrap();
            let answer = sampling.targets(&request, at(10 * answered));
            let targets = answer.sampling_target_documents;
            let names: Vec<_> = targets.iter().map(|t| t.rule_name.as_str()).collect();
            assert_eq!(
                names,
                ["health-off", "pay-all", "Default"],
                "{}",
                path.display()
            );
            assert_eq!(targets[0].reservoir.map(|lease| lease.quota), Some(0));
            assert_eq!(answer.unprocessed_statistics, []);
            answered += 1;
        }
    }
    assert_eq!(answered, 10);
    let usage = sampling.usage(at(95))["pay-all"];
    assert_eq!(usage.reservoir_size, 5);
    assert!(usage.quota_granted <= 5, "{usage:?}");
}
