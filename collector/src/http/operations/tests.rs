//! What real clients were recorded to send about groups, series, sampling rules and tags, carried out
//! one after another.

use radiograph_protocol::api::groups::GroupRequest;
use serde_json::{Value, json};

use super::*;
use crate::backup::Backup;
use crate::export::Export;
use crate::query::token::TokenKey;
use crate::query::window::WindowMax;
use crate::sampling::{ACCOUNT_DEFAULT, LEASE_DEFAULT, REGION_DEFAULT, Rules};
use crate::settle::Settler;
use crate::settle::schedule::Schedule;
use crate::store::Store;
use crate::store::embedded::{EmbeddedStore, Options};

mod account;

async fn services() -> (Services, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let embedded = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
    let store = Arc::clone(&embedded) as Arc<dyn Store>;
    let metrics = Arc::new(Metrics::default());
    let (region, account) = (REGION_DEFAULT.to_owned(), ACCOUNT_DEFAULT.to_owned());
    let groups = Groups::new(Arc::clone(&store), region, account);
    let query = Query::new(
        Arc::clone(&store),
        TokenKey::new([1; 32]),
        groups.clone(),
        WindowMax::default(),
    );
    let settler = Settler::new(Schedule::default());
    let home = (REGION_DEFAULT, ACCOUNT_DEFAULT);
    let rules = Rules::open(Arc::clone(&store), home, LEASE_DEFAULT, 25)
        .await
        .unwrap();
    let services = Services {
        transfer: Transfer::new(
            Export::new(Arc::clone(&store), groups.clone()),
            Backup::new(embedded),
        ),
        ingest: Ingest::new(Arc::clone(&store), settler, Arc::clone(&metrics)),
        pins: Pins::new(Arc::clone(&store), Arc::clone(&metrics)),
        insights: Insights::new(
            Arc::clone(&store),
            groups.clone(),
            query.clone(),
            TokenKey::new([1; 32]),
            Arc::clone(&metrics),
        ),
        query,
        tags: Tags::new(groups.clone(), rules.clone()),
        groups,
        adaptive: Adaptive::new(Arc::clone(&store), rules.sampling()),
        settings: Settings::new(Arc::clone(&store)),
        retrievals: Retrievals::new(Arc::clone(&store), TokenKey::new([1; 32])),
        sampling: rules.sampling(),
        rules,
        metrics,
        gate: Gate::default(),
        places: Arc::new(Semaphore::new(1)),
        other_places: Arc::new(Semaphore::new(1)),
    };
    (services, dir)
}

/// Path and body of a recorded request.
fn recorded(client: &str, scenario: &str) -> (String, Bytes) {
    let path = radiograph_proto_fixtures::root().join(format!("api/{client}.jsonl"));
    let lines = std::fs::read_to_string(path).unwrap();
    let mut lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.find(|line| line["scenario"] == scenario).unwrap();
    let text = |name: &str| line[name].as_str().unwrap().to_owned();
    (text("path"), text("body_utf8").into())
}

async fn answer(services: &Services, path: &str, body: Bytes) -> Value {
    let operation = Operation::of_path(path).unwrap();
    let answer = operation.carry_out(services, Form::Json, body).await;
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

#[tokio::test]
async fn the_recorded_life_of_a_group_is_answered_as_each_client_expects() {
    for client in ["boto3", "awscli", "aws-sdk-js-v3"] {
        let (services, _dir) = services().await;
        let ask = async |scenario: &str| {
            let (path, body) = recorded(client, scenario);
            answer(&services, &path, body).await
        };
        let default_group = json!({
            "GroupName": "Default",
            "GroupARN": "arn:aws:xray:us-east-1:000000000000:group/Default",
            "InsightsConfiguration": {"InsightsEnabled": false, "NotificationsEnabled": false},
        });
        let listed = json!({"Groups": [default_group.clone()]});
        assert_eq!(ask("GetGroups/min").await, listed, "{client}");

        let made = ask("CreateGroup/full").await;
        let arn = made["Group"]["GroupARN"].as_str().unwrap().to_owned();
        let group = |filter: &str| {
            json!({
                "GroupName": "slow",
                "GroupARN": arn,
                "FilterExpression": filter,
                "InsightsConfiguration": {"InsightsEnabled": true, "NotificationsEnabled": false},
            })
        };
        assert_eq!(
            made,
            json!({"Group": group("responsetime > 5")}),
            "{client}"
        );
        assert_eq!(ask("GetGroup/name").await, made, "{client}");
        let changed = json!({"Group": group("fault = true")});
        assert_eq!(ask("UpdateGroup/name").await, changed, "{client}");
        let listed = json!({"Groups": [default_group, group("fault = true")]});
        assert_eq!(ask("GetGroups/min").await, listed, "{client}");

        let series = ask("GetTimeSeriesServiceStatistics/full").await;
        let none = json!({
            "TimeSeriesServiceStatistics": [],
            "ContainsOldGroupVersions": false,
        });
        assert_eq!(series, none, "{client}");

        assert_eq!(ask("DeleteGroup/name").await, json!({}), "{client}");
        let slow = GroupRequest {
            group_name: Some("slow".to_owned()),
            ..GroupRequest::default()
        };
        let gone = services.groups.group(slow).await.unwrap_err().to_string();
        assert_eq!(gone, "InvalidRequestException: Group not found", "{client}");
    }
}

#[tokio::test]
async fn adaptive_sampling_of_a_rule_is_put_shown_and_deleted() {
    let (services, _dir) = services().await;
    let ask = async |operation: &str, body: Value| {
        let path = format!("/Radiograph{operation}AdaptiveSampling");
        answer(&services, &path, body.to_string().into()).await
    };
    let rule = json!({
        "RuleName": "Default", "TracesPerSecondMax": 20, "MaxRate": 0.5,
        "CooldownWindowMinutes": 10, "ErrorRateIncrease": 0.05, "LatencyFactor": 2.0,
        "FixedRate": 0.05, "ReservoirSize": 1,
    });
    let put = json!({"RuleName": "Default", "TracesPerSecondMax": 20, "MaxRate": 0.5});
    assert_eq!(ask("Put", put).await, json!({"AdaptiveSampling": rule}));
    assert_eq!(
        ask("Get", json!({})).await,
        json!({"AdaptiveSampling": [rule]})
    );
    assert_eq!(
        ask("Delete", json!({"RuleName": "Default"})).await,
        json!({})
    );
    assert_eq!(ask("Get", json!({})).await, json!({"AdaptiveSampling": []}));
}

#[tokio::test]
async fn the_recorded_life_of_a_sampling_rule_is_answered_as_each_client_expects() {
    for client in ["boto3", "awscli", "aws-sdk-js-v3"] {
        let (services, _dir) = services().await;
        let ask = async |scenario: &str| {
            let (path, body) = recorded(client, scenario);
            answer(&services, &path, body).await
        };
        let fresh = ask("GetSamplingRules/min").await;
        assert_eq!(ask("GetSamplingRules/token").await, fresh, "{client}");

        let made = ask("CreateSamplingRule/full").await["SamplingRuleRecord"].take();
        let arn = "arn:aws:xray:us-east-1:000000000000:sampling-rule/pay";
        let mut rule = json!({
            "RuleName": "pay", "RuleARN": arn, "ResourceARN": "*", "Priority": 5, "FixedRate": 1.0,
            "ReservoirSize": 10, "ServiceName": "*", "ServiceType": "*", "Host": "*",
            "HTTPMethod": "POST", "URLPath": "/pay/*", "Version": 1, "Attributes": {"k": "v"},
        });
        assert_eq!(made["SamplingRule"], rule, "{client}");
        assert_eq!(made["CreatedAt"], made["ModifiedAt"], "{client}");
        let tags = json!({ "ResourceARN": arn }).to_string().into();
        let listed = answer(&services, "/ListTagsForResource", tags).await;
        let expected = json!({"Tags": [{"Key": "team", "Value": "x"}]});
        assert_eq!(listed, expected, "{client}");

        let changed = ask("UpdateSamplingRule/partial").await["SamplingRuleRecord"].take();
        rule["Priority"] = json!(7);
        rule["FixedRate"] = json!(0.25);
        assert_eq!(changed["SamplingRule"], rule, "{client}");
        assert_eq!(changed["CreatedAt"], made["CreatedAt"], "{client}");
        let times = [&changed, &made].map(|record| record["ModifiedAt"].as_f64().unwrap());
        assert!(times[0] > times[1], "{client}: {times:?}");
        let default_rule = fresh["SamplingRuleRecords"][0].clone();
        let both = json!({"SamplingRuleRecords": [changed, default_rule]});
        assert_eq!(ask("GetSamplingRules/min").await, both, "{client}");
        let modified = services.sampling.last_rule_modification().seconds_f64();
        assert_eq!(modified.to_bits(), times[0].to_bits(), "{client}");

        let deleted = ask("DeleteSamplingRule/name").await;
        assert_eq!(deleted, json!({"SamplingRuleRecord": changed}), "{client}");
        assert_eq!(ask("GetSamplingRules/min").await, fresh, "{client}");
    }
}

#[tokio::test]
async fn the_recorded_tagging_of_a_group_that_is_not_there_names_it() {
    for client in ["boto3", "awscli", "aws-sdk-js-v3"] {
        let (services, _dir) = services().await;
        for scenario in [
            "TagResource/two",
            "UntagResource/one",
            "ListTagsForResource/one",
        ] {
            let (path, body) = recorded(client, scenario);
            let operation = Operation::of_path(&path).unwrap();
            assert_eq!(Some(operation.name()), scenario.split('/').next());
            let refused = operation.carry_out(&services, Form::Json, body).await;
            let Err(Failure::Theirs(error)) = refused else {
                panic!("{client} {scenario}: {refused:?}");
            };
            let resource_name = "arn:aws:xray:us-east-1:123456789012:group/slow/ABC".to_owned();
            assert_eq!(error.kind, ApiErrorKind::ResourceNotFound { resource_name });
        }
    }
}

#[tokio::test]
async fn recorded_requests_about_insights_that_nobody_found_are_refused() {
    let rows = [
        (
            "GetInsightSummaries/one",
            "Start time cannot be older than 30 days",
        ),
        ("GetInsight/one", "Insight not found"),
        ("GetInsightEvents/one", "Insight not found"),
        ("GetInsightImpactGraph/one", "Insight not found"),
    ];
    for client in ["boto3", "aws-sdk-js-v3"] {
        let (services, _dir) = services().await;
        for (scenario, text) in rows {
            let (path, body) = recorded(client, scenario);
            let operation = Operation::of_path(&path).unwrap();
            assert_eq!(Some(operation.name()), scenario.strip_suffix("/one"));
            let answer = operation.carry_out(&services, Form::Json, body).await;
            let Err(Failure::Theirs(error)) = answer else {
                panic!("{client} {scenario}: {answer:?}");
            };
            let expected = ApiError::invalid_request(text);
            assert_eq!(error, expected, "{client} {scenario}");
        }
    }
}
