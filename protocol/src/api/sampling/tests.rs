//! Recorded requests of real samplers decode, bad ones have their named error, answers are golden.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::{ApiError, ApiErrorKind};

const CLIENT_ID: &str = "0a1b2c3d4e5f60718293a4b5";

fn statistics(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = json!({
        "RuleName": "checkout", "ClientID": CLIENT_ID, "Timestamp": 1_704_067_210,
        "RequestCount": 84, "SampledCount": 24, "BorrowCount": 10
    });
    change(&mut document);
    document
}

fn boost(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = json!({
        "RuleName": "checkout", "ServiceName": "shop", "Timestamp": 1_704_067_210.5,
        "AnomalyCount": 3, "TotalCount": 9, "SampledAnomalyCount": 1
    });
    change(&mut document);
    document
}

fn with_boosts(documents: &[Value]) -> Value {
    json!({"SamplingStatisticsDocuments": [], "SamplingBoostStatisticsDocuments": documents})
}

fn parse(body: &Value) -> Result<GetSamplingTargetsRequest, ApiError> {
    GetSamplingTargetsRequest::parse(body.to_string().as_bytes())
}

fn parse_one(document: &Value) -> StatisticsDocument {
    let request = parse(&json!({"SamplingStatisticsDocuments": [document]})).unwrap();
    request.statistics[0].clone()
}

/// Lines of recorded requests: file, path, body. Origin: the README of the fixtures.
fn recorded(folder: &str) -> Vec<(String, String, String)> {
    let folder = radiograph_proto_fixtures::root().join(folder);
    let mut requests = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let member = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            requests.push((name.clone(), member("path"), member("body_utf8")));
        }
    }
    requests
}

#[test]
fn every_recorded_request_of_a_sampler_is_read() {
    let (mut rules, mut targets) = (0, 0);
    for (file, path, body) in recorded("sampling") {
        match path.as_str() {
            "/GetSamplingRules" => {
                GetSamplingRulesRequest::parse(body.as_bytes()).unwrap();
                rules += 1;
            }
            "/SamplingTargets" => {
                let request = GetSamplingTargetsRequest::parse(body.as_bytes()).unwrap();
                let names: Vec<&str> = request
                    .statistics
                    .iter()
                    .map(|document| document.rule_name.as_str())
                    .collect();
                assert_eq!(names, ["health-off", "pay-all", "Default"], "{file}");
                let pay_all = &request.statistics[1];
                assert!(pay_all.sampled_count >= 27, "{file}: {pay_all:?}");
                assert!((33..=38).contains(&pay_all.request_count), "{file}");
                assert_eq!(
                    pay_all.timestamp.seconds_floor() / 1000,
                    1_795_264,
                    "{file}"
                );
                assert_eq!(request.boosts, [], "{file}");
                targets += 1;
            }
            other => panic!("{file}: a sampler called {other}"),
        }
    }
    assert_eq!((rules, targets), (9, 10));
}

#[test]
fn every_recorded_request_of_an_api_client_is_read() {
    let mut read = 0;
    for (_, path, body) in recorded("api") {
        match path.as_str() {
            "/GetSamplingRules" => {
                GetSamplingRulesRequest::parse(body.as_bytes()).unwrap();
            }
            "/SamplingStatisticSummaries" => {
                GetSamplingStatisticSummariesRequest::parse(body.as_bytes()).unwrap();
            }
            "/SamplingTargets" => {
                let request = GetSamplingTargetsRequest::parse(body.as_bytes()).unwrap();
                assert_eq!(request.statistics.len(), 1);
            }
            _ => continue,
        }
        read += 1;
    }
    assert_eq!(read, 12, "four requests of each of three clients");
}

#[test]
fn bodies_that_stand_for_no_arguments_are_read() {
    for body in [
        "",
        "{}",
        r#"{"NextToken":null}"#,
        r#"{"NextToken":"a","New":[1]}"#,
    ] {
        assert!(
            GetSamplingRulesRequest::parse(body.as_bytes()).is_ok(),
            "{body:?}"
        );
    }
    for body in ["[]", "[null]", "null", "{", "7", r#"{"NextToken":7}"#] {
        let error = GetSamplingRulesRequest::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.kind, ApiErrorKind::Serialization, "{body:?}");
    }
}

#[test]
fn absent_counts_are_zero_and_the_misspelt_one_is_taken() {
    let sampled = |document: Value| parse_one(&document).sampled_count;
    let without = statistics(|d| {
        d["SampledCount"] = Value::Null;
        d["BorrowCount"] = Value::Null;
    });
    assert_eq!(parse_one(&without).borrow_count, 0);
    assert_eq!(sampled(without), 0);
    let misspelt = statistics(|d| {
        d["SampledCount"] = Value::Null;
        d["SampleCount"] = json!(7);
    });
    assert_eq!(sampled(misspelt), 7);
    let both = statistics(|d| d["SampleCount"] = json!(7));
    assert_eq!(sampled(both), 24);
}

#[test]
fn times_are_read_in_seconds_with_or_without_fraction_and_in_milliseconds() {
    let cases = [
        (json!(1_704_067_210), 1_704_067_210_000_000),
        (json!(1_704_067_210.25), 1_704_067_210_250_000),
        (json!(1_704_067_210_250_i64), 1_704_067_210_250_000),
        (json!("2024-01-01T00:00:10Z"), 1_704_067_210_000_000),
        (json!(0), 0),
        (json!(-1), -1_000_000),
    ];
    for (time, micros) in cases {
        let document = parse_one(&statistics(|d| d["Timestamp"] = time.clone()));
        assert_eq!(document.timestamp, Timestamp::from_micros(micros), "{time}");
    }
}

#[test]
fn empty_list_of_statistics_is_legal() {
    let request = parse(&json!({
        "SamplingStatisticsDocuments": [], "SamplingBoostStatisticsDocuments": null
    }));
    let expected = GetSamplingTargetsRequest {
        statistics: Vec::new(),
        boosts: Vec::new(),
    };
    assert_eq!(request, Ok(expected));
}

#[test]
fn missing_or_impossible_member_is_an_invalid_request() {
    let missing = Value::Null;
    let statistics_cases = [
        ("RuleName", &missing, "must not be null"),
        ("RuleName", &json!(""), "must have 1 to 32"),
        ("RuleName", &json!("n".repeat(33)), "must have 1 to 32"),
        ("ClientID", &missing, "must not be null"),
        ("ClientID", &json!("c".repeat(23)), "must have 24 to 24"),
        ("ClientID", &json!("c".repeat(25)), "must have 24 to 24"),
        ("Timestamp", &missing, "must not be null"),
        ("RequestCount", &missing, "must not be null"),
        ("RequestCount", &json!(-1), "must not be negative"),
        ("SampledCount", &json!(-1), "must not be negative"),
        ("BorrowCount", &json!(-1), "must not be negative"),
    ];
    let boost_cases = [
        ("RuleName", &missing, "must not be null"),
        ("ServiceName", &missing, "must not be null"),
        ("ServiceName", &json!("s".repeat(65)), "must have 0 to 64"),
        ("Timestamp", &missing, "must not be null"),
        ("AnomalyCount", &json!(-1), "must not be negative"),
        ("TotalCount", &missing, "must not be null"),
        ("SampledAnomalyCount", &missing, "must not be null"),
    ];
    let of_statistics = statistics_cases.map(|(member, value, words)| {
        let documents = [statistics(|d| d[member] = value.clone())];
        (
            member,
            words,
            json!({"SamplingStatisticsDocuments": documents}),
        )
    });
    let of_boosts = boost_cases.map(|(member, value, words)| {
        let documents = [boost(|d| d[member] = value.clone())];
        (member, words, with_boosts(&documents))
    });
    for (member, words, body) in of_statistics.into_iter().chain(of_boosts) {
        let error = parse(&body).unwrap_err();
        assert_eq!(error.kind, ApiErrorKind::InvalidRequest, "{body}");
        let message = error.message;
        assert!(
            message.starts_with(member) && message.contains(words),
            "{body}: {message}"
        );
    }
}

#[test]
fn more_than_25_documents_or_none_given_are_an_invalid_request() {
    let statistics_member = "SamplingStatisticsDocuments";
    let cases = [
        (format!("{statistics_member} must not be null"), json!({})),
        (
            format!("{statistics_member} must have at most 25 elements"),
            json!({"SamplingStatisticsDocuments": vec![statistics(|_| ()); 26]}),
        ),
        (
            "SamplingBoostStatisticsDocuments must have at most 25 elements".to_owned(),
            with_boosts(&vec![boost(|_| ()); 26]),
        ),
    ];
    for (message, body) in cases {
        assert_eq!(parse(&body), Err(ApiError::invalid_request(message)));
    }
}

#[test]
fn member_of_a_wrong_type_is_a_serialization_error() {
    let one = |member: &str, value: Value| json!({"SamplingStatisticsDocuments": [statistics(|d| d[member] = value)]});
    for body in [
        one("RequestCount", json!("7")),
        one("RequestCount", json!(7.5)),
        one("RuleName", json!(7)),
        one("Timestamp", json!(true)),
        with_boosts(&[json!(7)]),
        json!({"SamplingStatisticsDocuments": {}}),
        json!({"SamplingStatisticsDocuments": [[]]}),
        json!({"SamplingStatisticsDocuments": [null]}),
        json!([]),
    ] {
        let error = parse(&body).unwrap_err();
        assert_eq!(error.kind, ApiErrorKind::Serialization, "{body}");
    }
}

#[test]
fn longest_legal_members_are_taken() {
    let documents = vec![statistics(|d| d["RuleName"] = json!("é".repeat(32))); 25];
    let boosts = vec![boost(|d| d["ServiceName"] = json!("é".repeat(64))); 25];
    let request = parse(&json!({
        "SamplingStatisticsDocuments": documents, "SamplingBoostStatisticsDocuments": boosts
    }))
    .unwrap();
    assert_eq!((request.statistics.len(), request.boosts.len()), (25, 25));
}

#[test]
fn answer_of_targets_is_written_as_clients_read_it() {
    let target = |rule_name: &str, reservoir| SamplingTargetDocument {
        rule_name: rule_name.to_owned(),
        fixed_rate: 0.2,
        reservoir,
        interval: 10,
        sampling_boost: None,
    };
    let answer = GetSamplingTargetsResponse {
        sampling_target_documents: vec![
            target(
                "checkout",
                Some(ReservoirQuota {
                    quota: 5,
                    ttl: WholeSeconds(1_704_067_510),
                }),
            ),
            target("borrower", None),
        ],
        last_rule_modification: WholeSeconds(1_704_067_200),
        unprocessed_statistics: vec![UnprocessedStatistics {
            rule_name: "gone".into(),
            error_code: "400".into(),
            message: "Unknown rule".into(),
        }],
        unprocessed_boost_statistics: Vec::new(),
    };
    let text = concat!(
        r#"{"SamplingTargetDocuments":[{"RuleName":"checkout","FixedRate":0.2,"#,
        r#""ReservoirQuota":5,"ReservoirQuotaTTL":1704067510,"Interval":10},"#,
        r#"{"RuleName":"borrower","FixedRate":0.2,"Interval":10}],"#,
        r#""LastRuleModification":1704067200,"#,
        r#""UnprocessedStatistics":[{"RuleName":"gone","ErrorCode":"400","Message":"Unknown rule"}],"#,
        r#""UnprocessedBoostStatistics":[]}"#
    );
    assert_eq!(serde_json::to_string(&answer).unwrap(), text);
    let read: GetSamplingTargetsResponse = serde_json::from_str(text).unwrap();
    assert_eq!(read, answer);
}

#[test]
fn answer_of_targets_is_read_with_fractional_times_and_without_new_members() {
    // the answer that the samplers of the fixtures were given
    let text = r#"{"LastRuleModification": 1795260826.4741125, "SamplingTargetDocuments": [
        {"FixedRate": 0.0, "Interval": 10, "ReservoirQuota": 0,
         "ReservoirQuotaTTL": 1795264436.4741125, "RuleName": "health-off"}],
        "UnprocessedStatistics": []}"#;
    let answer: GetSamplingTargetsResponse = serde_json::from_str(text).unwrap();
    assert_eq!(answer.last_rule_modification, WholeSeconds(1_795_260_826));
    assert_eq!(
        answer.sampling_target_documents[0].reservoir,
        Some(ReservoirQuota {
            quota: 0,
            ttl: WholeSeconds(1_795_264_436)
        })
    );
}

proptest! {
    #[test]
    fn property_what_a_client_writes_the_server_reads(
        rule_name in "[a-z]{1,32}",
        client_id in "[0-9a-f]{24}",
        seconds in 0_i64..4_000_000_000,
        counts in any::<[u32; 3]>(),
    ) {
        let [request_count, sampled_count, borrow_count] = counts.map(u64::from);
        let timestamp = Timestamp::from_seconds(seconds);
        let document = StatisticsDocument {
            rule_name, client_id, timestamp, request_count, sampled_count, borrow_count,
        };
        let request = GetSamplingTargetsRequest {
            statistics: vec![document],
            boosts: Vec::new(),
        };
        let body = serde_json::to_vec(&request).unwrap();
        prop_assert_eq!(GetSamplingTargetsRequest::parse(&body), Ok(request));
    }

    #[test]
    fn property_no_body_makes_the_readers_panic(body in any::<Vec<u8>>(), text in r#"[\[\]{}":,a0]{0,12}"#) {
        for bytes in [body.as_slice(), text.as_bytes()] {
            let _either = GetSamplingTargetsRequest::parse(bytes);
            let _either = GetSamplingRulesRequest::parse(bytes);
        }
    }
}
