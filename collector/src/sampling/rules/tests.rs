//! Rules in a store that is opened again, that another collector changes, and that many change at once.

use radiograph_protocol::api::decode;
use radiograph_protocol::error::ApiErrorKind;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::sampling::{ACCOUNT_DEFAULT, LEASE_DEFAULT, REGION_DEFAULT};
use crate::store::embedded::{EmbeddedStore, Options};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_seconds(1_704_067_200).plus_micros(micros)
}

fn store(dir: &TempDir) -> Arc<dyn Store> {
    Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap())
}

async fn open(store: &Arc<dyn Store>) -> Rules {
    let home = (REGION_DEFAULT, ACCOUNT_DEFAULT);
    Rules::open(Arc::clone(store), home, LEASE_DEFAULT, 25)
        .await
        .unwrap()
}

fn creation(name: &str, priority: u32) -> CreateSamplingRuleRequest {
    let body = json!({"SamplingRule": {
        "RuleName": name, "ResourceARN": "*", "Priority": priority, "FixedRate": 0.3,
        "ReservoirSize": 2, "ServiceName": "*", "ServiceType": "*", "Host": "*",
        "HTTPMethod": "*", "URLPath": "*", "Version": 1,
        "SamplingRateBoost": {"MaxRate": 0.7, "CooldownWindowMinutes": 5}
    }});
    decode(body.to_string().as_bytes()).unwrap()
}

fn update(members: &Value) -> UpdateSamplingRuleRequest {
    let body = json!({ "SamplingRuleUpdate": members }).to_string();
    decode(body.as_bytes()).unwrap()
}

fn deletion(name: &str) -> DeleteSamplingRuleRequest {
    DeleteSamplingRuleRequest {
        rule_name: Some(name.to_owned()),
        ..DeleteSamplingRuleRequest::default()
    }
}

fn bytes(rules: &Rules) -> Vec<u8> {
    serde_json::to_vec(&rules.sampling().rules()).unwrap()
}

fn names(rules: &Rules) -> Vec<String> {
    let records = rules.sampling().rules().sampling_rule_records;
    let names = records.into_iter();
    names.map(|record| record.sampling_rule.rule_name).collect()
}

#[tokio::test]
async fn a_rule_is_answered_with_all_its_members_and_handed_out_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let rules = open(&store(&dir)).await;
    let made = rules.create(creation("pay", 5), at(0)).await.unwrap();
    let expected = json!({"SamplingRuleRecord": {
        "SamplingRule": {
            "RuleName": "pay",
            "RuleARN": "arn:aws:xray:us-east-1:000000000000:sampling-rule/pay",
            "ResourceARN": "*", "Priority": 5, "FixedRate": 0.3, "ReservoirSize": 2,
            "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*",
            "URLPath": "*", "Version": 1, "Attributes": {},
            "SamplingRateBoost": {"MaxRate": 0.7, "CooldownWindowMinutes": 5}
        },
        "CreatedAt": 1_704_067_200.0, "ModifiedAt": 1_704_067_200.0
    }});
    assert_eq!(serde_json::to_value(&made).unwrap(), expected);
    assert_eq!(
        rules.sampling().rules().sampling_rule_records[0],
        made.sampling_rule_record
    );
    let change = update(&json!({"RuleName": "pay", "Priority": 7}));
    let changed = rules.update(change, at(1)).await.unwrap();
    let record = &changed.sampling_rule_record;
    assert_eq!(record.sampling_rule.priority, 7);
    assert_eq!(
        record.sampling_rule.sampling_rate_boost, None,
        "an omitted boost is cleared"
    );
    let deleted = rules.delete(deletion("pay"), at(2)).await.unwrap();
    assert_eq!(deleted, changed, "as it was before it was deleted");
    assert_eq!(names(&rules), ["Default"]);
}

#[tokio::test]
async fn rules_and_the_time_of_their_last_change_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let rules = open(&store(&dir)).await;
    assert_eq!(
        rules.sampling().last_rule_modification(),
        Timestamp::default()
    );
    rules.create(creation("pay", 5), at(10)).await.unwrap();
    rules.create(creation("gone", 6), at(20)).await.unwrap();
    let change = update(&json!({"RuleName": "Default", "FixedRate": 0.1, "ReservoirSize": 3}));
    rules.update(change, at(30)).await.unwrap();
    rules.delete(deletion("gone"), at(40)).await.unwrap();
    let (before, sampling) = (bytes(&rules), rules.sampling());
    drop(rules);

    let rules = open(&store(&dir)).await;
    assert_eq!(bytes(&rules), before, "byte for byte");
    assert_eq!(names(&rules), ["pay", "Default"]);
    let last = rules.sampling().last_rule_modification();
    assert_eq!(last, at(40));
    assert_eq!(last, sampling.last_rule_modification());
    let targets = rules.sampling().targets(
        &decode_targets(r#"{"SamplingStatisticsDocuments":[]}"#),
        at(50),
    );
    assert_eq!(
        targets.last_rule_modification.0, 1_704_067_201,
        "rounded up"
    );
}

fn decode_targets(body: &str) -> radiograph_protocol::api::sampling::GetSamplingTargetsRequest {
    radiograph_protocol::api::sampling::GetSamplingTargetsRequest::parse(body.as_bytes()).unwrap()
}

#[tokio::test]
async fn what_is_refused_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let rules = open(&store(&dir)).await;
    rules.create(creation("pay", 5), at(0)).await.unwrap();
    let before = bytes(&rules);
    let text = |error: ServiceError| error.to_string();
    let exists = rules.create(creation("pay", 6), at(1)).await.unwrap_err();
    assert_eq!(
        text(exists),
        "InvalidRequestException: Sampling rule already exists"
    );
    let unknown = "InvalidRequestException: Sampling rule does not exist";
    let refused = rules.delete(deletion("gone"), at(1)).await.unwrap_err();
    assert_eq!(text(refused), unknown);
    let change =
        update(&json!({"RuleARN": "arn:aws:xray:us-east-1:123456789012:sampling-rule/pay"}));
    assert_eq!(
        text(rules.update(change, at(1)).await.unwrap_err()),
        unknown
    );
    for (refused, member) in [
        (
            rules
                .create(CreateSamplingRuleRequest::default(), at(1))
                .await,
            "SamplingRule",
        ),
        (
            rules
                .update(UpdateSamplingRuleRequest::default(), at(1))
                .await,
            "SamplingRuleUpdate",
        ),
    ] {
        let expected = format!("InvalidRequestException: {member} must not be null");
        assert_eq!(text(refused.unwrap_err()), expected);
    }
    let mut tagged = creation("tagged", 5);
    tagged.tags = Some(
        (0..51)
            .map(|n| radiograph_protocol::api::tags::Tag::new(n.to_string(), ""))
            .collect(),
    );
    let refused = rules.create(tagged, at(1)).await.unwrap_err();
    let kind = ApiErrorKind::TooManyTags {
        resource_name: "tagged".to_owned(),
    };
    assert!(
        matches!(&refused, ServiceError::Refused(error) if error.kind == kind),
        "{refused:?}"
    );
    rules.refresh(at(2)).await.unwrap();
    assert_eq!(bytes(&rules), before);
    assert_eq!(rules.sampling().last_rule_modification(), at(0));
}

#[tokio::test]
async fn rules_that_another_collector_changed_are_handed_out_after_a_refresh() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let (mine, theirs) = (open(&store).await, open(&store).await);
    theirs.create(creation("pay", 5), at(0)).await.unwrap();
    assert_eq!(names(&mine), ["Default"]);
    mine.refresh(at(1)).await.unwrap();
    assert_eq!(bytes(&mine), bytes(&theirs));
    mine.delete(deletion("pay"), at(2)).await.unwrap();
    theirs.refresh(at(3)).await.unwrap();
    assert_eq!(names(&theirs), ["Default"]);
    assert_eq!(theirs.sampling().last_rule_modification(), at(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rules_that_are_made_at_once_are_all_there_and_all_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let rules = open(&store(&dir)).await;
    let making: Vec<_> = (0..30)
        .map(|number| {
            let rules = rules.clone();
            let request = creation(&format!("{number:02}"), 1);
            tokio::spawn(async move { rules.create(request, at(number)).await })
        })
        .collect();
    let mut made = 0;
    for making in making {
        match making.await.unwrap() {
            Ok(_) => made += 1,
            Err(ServiceError::Refused(error)) => {
                assert_eq!(error.kind, ApiErrorKind::RuleLimitExceeded);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(made, 25);
    let handed_out = bytes(&rules);
    assert_eq!(names(&rules).len(), 26);
    rules.refresh(at(100)).await.unwrap();
    assert_eq!(bytes(&rules), handed_out, "nothing was left out");
}
