//! Insights found in documents that real services stored, settled and answer with.

use std::sync::Arc;

use radiograph_protocol::api::RequestTime;
use radiograph_protocol::api::groups::{
    CreateGroupRequest, InsightsConfiguration, UpdateGroupRequest,
};
use radiograph_protocol::api::insights::{
    GetInsightEventsRequest, GetInsightImpactGraphRequest, GetInsightRequest,
    GetInsightSummariesRequest, GetInsightSummariesResponse,
};
use radiograph_protocol::ids::TraceId;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::groups::Groups;
use crate::query::Query;
use crate::query::token::TokenKey;
use crate::query::window::WindowMax;
use crate::settle::settle;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::{Record, Store};

mod bounds;
mod refusals;

/// A full minute in epoch seconds.
const T0: i64 = 1_700_000_040;

/// Minutes without faults, and with.
const QUIET: i64 = 30;
const OUTAGE: i64 = 6;

const fn minute(number: i64) -> i64 {
    T0 + number * 60
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// A request to `shop`, which calls `pay`, which is at fault or not.
fn visit(number: i64, start: i64, is_fault: bool) -> [(TraceId, String); 2] {
    let bits = u128::try_from(number).unwrap() + 1;
    let trace_id = TraceId::from_bits(bits);
    let id = |place: i64| format!("{:016x}", number * 4 + place + 1);
    let [shop, call, pay] = [id(0), id(1), id(2)];
    let status = if is_fault { 500 } else { 200 };
    let outcome = format!(r#""fault":{is_fault},"http":{{"response":{{"status":{status}}}}}"#);
    let end = start + 1;
    let shop = format!(
        r#"{{"trace_id":"{trace_id}","id":"{shop}","name":"shop","start_time":{start},"end_time":{end},{outcome},
            "subsegments":[{{"id":"{call}","name":"pay.internal","namespace":"remote","start_time":{start},"end_time":{end},{outcome}}}]}}"#
    );
    let pay = format!(
        r#"{{"trace_id":"{trace_id}","id":"{pay}","parent_id":"{call}","name":"pay","start_time":{start},"end_time":{end},{outcome}}}"#
    );
    [(trace_id, shop), (trace_id, pay)]
}

fn insights_on(dir: &TempDir) -> Insights {
    let store = EmbeddedStore::open(dir.path(), Options::default()).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let (region, account) = ("us-east-1".to_owned(), "000000000000".to_owned());
    let groups = Groups::new(Arc::clone(&store), region, account);
    let key = TokenKey::new([1; 32]);
    let window_max = WindowMax::default();
    let query = Query::new(Arc::clone(&store), key.clone(), groups.clone(), window_max);
    Insights::new(store, groups, query, key, Arc::default())
}

const ENABLED: InsightsConfiguration = InsightsConfiguration {
    insights_enabled: true,
    notifications_enabled: false,
};

/// A store with an outage of `pay`, and two groups that have insights enabled: all traces, and those
/// of `shop`.
async fn outage() -> (Insights, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let insights = insights_on(&dir);
    let watched = CreateGroupRequest {
        group_name: Some("watched".to_owned()),
        filter_expression: Some("service(\"shop\")".to_owned()),
        insights_configuration: Some(ENABLED),
        ..CreateGroupRequest::default()
    };
    insights.groups.create(watched).await.unwrap();
    set_default(&insights, ENABLED).await;
    let (mut records, mut ids) = (Vec::new(), Vec::new());
    for number in 0..(QUIET + OUTAGE) * 8 {
        let (of_minute, place) = (number / 8, number % 8);
        let documents = visit(number, minute(of_minute) + place * 6, of_minute >= QUIET);
        ids.push(documents[0].0);
        records.extend(documents.map(|(trace_id, document)| Record { trace_id, document }));
    }
    insights.store.append(records).await.unwrap();
    assert_eq!(settle(&*insights.store, &ids).await.unwrap(), ids.len());
    (insights, dir)
}

async fn set_default(insights: &Insights, configuration: InsightsConfiguration) {
    let request = UpdateGroupRequest {
        group_name: Some("Default".to_owned()),
        insights_configuration: Some(configuration),
        ..UpdateGroupRequest::default()
    };
    insights.groups.update(request).await.unwrap();
}

/// When all minutes until this one are judged.
fn judging(until: i64) -> Timestamp {
    at(until + LATE_SECONDS_MAX)
}

fn asked(group: &str) -> GetInsightSummariesRequest {
    GetInsightSummariesRequest {
        start_time: Some(RequestTime(at(minute(0)))),
        end_time: Some(RequestTime(at(minute(120)))),
        group_name: Some(group.to_owned()),
        ..GetInsightSummariesRequest::default()
    }
}

async fn summaries(
    insights: &Insights,
    request: GetInsightSummariesRequest,
) -> Result<GetInsightSummariesResponse, String> {
    let answer = insights.summaries(request, at(minute(120))).await;
    answer.map_err(|error| error.to_string())
}

async fn listed(insights: &Insights, group: &str) -> Vec<Value> {
    let answer = summaries(insights, asked(group)).await.unwrap();
    assert_eq!(answer.next_token, None);
    let shown = answer.insight_summaries.iter();
    shown
        .map(|one| serde_json::to_value(one).unwrap())
        .collect()
}

#[tokio::test]
async fn an_outage_is_an_insight_of_each_group_that_sees_it_with_every_member() {
    let (insights, _dir) = outage().await;
    let end = minute(QUIET + OUTAGE);
    Detecting::new(insights.clone())
        .round(judging(end))
        .await
        .unwrap();
    for group in ["watched", "Default"] {
        let found = listed(&insights, group).await;
        assert_eq!(found.len(), 1, "{group}");
        let one = &found[0];
        let pay = json!({"Name": "pay", "Names": ["pay"]});
        let shop = json!({"Name": "shop", "Names": ["shop"]});
        let counts = json!({"FaultCount": 48, "OkCount": 0, "TotalCount": 48});
        let summary = format!(
            "The rate of faults in group {group} is higher than expected. 48 of 48 (100 %) \
             requests to the root cause service were faults, and 48 of 48 (100 %) requests from \
             clients. The root cause service is pay."
        );
        let groups = insights.groups.load().await.unwrap();
        let expected = json!({
            "InsightId": one["InsightId"],
            "GroupARN": groups.find(Some(group), None).unwrap().arn,
            "GroupName": group,
            "RootCauseServiceId": pay,
            "Categories": ["FAULT"],
            "State": "ACTIVE",
            "StartTime": at(minute(QUIET)),
            "EndTime": at(end),
            "Summary": summary,
            "ClientRequestImpactStatistics": counts,
            "RootCauseServiceRequestImpactStatistics": counts,
            "TopAnomalousServices": [{"ServiceId": pay}, {"ServiceId": shop}],
            "LastUpdateTime": at(end),
        });
        assert_eq!(*one, expected, "{group}");
        let insight_id = one["InsightId"].as_str().map(str::to_owned);
        let request = GetInsightRequest { insight_id };
        let alone = insights.insight(request).await.unwrap();
        let mut in_list = expected;
        in_list.as_object_mut().unwrap().remove("LastUpdateTime");
        assert_eq!(serde_json::to_value(alone.insight).unwrap(), in_list);
    }
}

#[tokio::test]
async fn an_insight_has_events_and_a_graph_of_who_is_affected() {
    let (insights, _dir) = outage().await;
    let end = minute(QUIET + OUTAGE);
    Detecting::new(insights.clone())
        .round(judging(end))
        .await
        .unwrap();
    let found = listed(&insights, "watched").await;
    let insight_id = found[0]["InsightId"].as_str().map(str::to_owned);
    let mut request = GetInsightEventsRequest {
        insight_id: insight_id.clone(),
        max_results: Some(1),
        next_token: None,
    };
    let mut times = Vec::new();
    loop {
        let page = insights.events(request.clone()).await.unwrap();
        assert_eq!(page.insight_events.len(), 1);
        assert_eq!(page.insight_events[0].top_anomalous_services.len(), 2);
        times.push(page.insight_events[0].event_time);
        if page.next_token.is_none() {
            break;
        }
        request.next_token = page.next_token;
    }
    // found after its second minute, and noted again when a minute was five minutes later
    assert_eq!(times, [at(minute(QUIET + 2))]);

    let request = |from: i64, until: i64| GetInsightImpactGraphRequest {
        insight_id: insight_id.clone(),
        start_time: Some(RequestTime(at(from))),
        end_time: Some(RequestTime(at(until))),
        next_token: None,
    };
    let graph = insights
        .impact_graph(request(T0, minute(60)))
        .await
        .unwrap();
    assert_eq!(graph.service_graph_start_time, at(minute(QUIET)));
    assert_eq!(graph.service_graph_end_time, at(end));
    let services = serde_json::to_value(graph.services).unwrap();
    let expected = json!([
        {"ReferenceId": 0, "Name": "pay", "Names": ["pay"], "Edges": []},
        {"ReferenceId": 1, "Name": "shop", "Names": ["shop"], "Edges": [{"ReferenceId": 0}]},
        {"ReferenceId": 2, "Name": "shop", "Names": ["shop"], "Type": "client", "Edges": [{"ReferenceId": 1}]},
    ]);
    assert_eq!(services, expected);
    let before = insights.impact_graph(request(T0, minute(1))).await.unwrap();
    assert_eq!(before.services, []);
    let refused = insights.impact_graph(request(T0, T0 + 6 * 3600 + 1)).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "InvalidRequestException: Time range cannot be longer than 6 hours"
    );
}

#[tokio::test]
async fn a_restart_goes_on_with_an_active_insight_and_closes_it_when_all_is_quiet() {
    let (insights, dir) = outage().await;
    let end = minute(QUIET + OUTAGE);
    let mut detecting = Detecting::new(insights.clone());
    detecting.round(judging(end - 120)).await.unwrap();
    let before = listed(&insights, "watched").await;
    assert_eq!(before[0]["State"], "ACTIVE");
    assert_eq!(before[0]["EndTime"], json!(at(end - 120)));
    drop((detecting, insights));

    let insights = insights_on(&dir);
    let mut detecting = Detecting::new(insights.clone());
    detecting.round(judging(end)).await.unwrap();
    detecting.round(judging(end)).await.unwrap();
    let after = listed(&insights, "watched").await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["InsightId"], before[0]["InsightId"]);
    assert_eq!(after[0]["ClientRequestImpactStatistics"]["FaultCount"], 48);
    detecting.round(judging(end + 600)).await.unwrap();
    let closed = listed(&insights, "watched").await;
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0]["InsightId"], before[0]["InsightId"]);
    assert_eq!(closed[0]["State"], "CLOSED");
    assert_eq!(closed[0]["EndTime"], json!(at(end)));
    assert_eq!(closed[0]["ClientRequestImpactStatistics"]["FaultCount"], 48);
    for (state, count) in [("ACTIVE", 0), ("CLOSED", 1)] {
        let request = GetInsightSummariesRequest {
            states: Some(vec![state.to_owned()]),
            ..asked("watched")
        };
        let found = summaries(&insights, request).await.unwrap();
        assert_eq!(found.insight_summaries.len(), count, "{state}");
    }
}

#[tokio::test]
async fn of_a_group_without_insights_there_are_none_and_what_was_active_is_closed() {
    let (insights, _dir) = outage().await;
    let end = minute(QUIET + OUTAGE);
    let mut detecting = Detecting::new(insights.clone());
    set_default(&insights, InsightsConfiguration::default()).await;
    detecting.round(judging(end)).await.unwrap();
    assert_eq!(listed(&insights, "Default").await.len(), 0);
    set_default(&insights, ENABLED).await;
    detecting.round(judging(end)).await.unwrap();
    assert_eq!(listed(&insights, "Default").await[0]["State"], "ACTIVE");
    set_default(&insights, InsightsConfiguration::default()).await;
    detecting.round(judging(end)).await.unwrap();
    assert_eq!(listed(&insights, "Default").await[0]["State"], "CLOSED");
    assert_eq!(listed(&insights, "watched").await[0]["State"], "ACTIVE");
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_does_not_stop_detection() {
    let (insights, _dir) = outage().await;
    let mut detecting = Detecting::new(insights.clone());
    detecting.round(judging(minute(1_000_000))).await.unwrap();
    detecting.round(judging(minute(QUIET))).await.unwrap();
    let end = minute(QUIET + OUTAGE);
    detecting.round(judging(end)).await.unwrap();
    assert_eq!(listed(&insights, "watched").await.len(), 1);
}

#[tokio::test]
async fn pages_of_insights_join_up_and_their_tokens_belong_to_the_query() {
    let (insights, _dir) = outage().await;
    let groups = insights.groups.load().await.unwrap();
    let group = groups.find(Some("watched"), None).unwrap();
    let of_group = OfGroup {
        name: group.name.clone(),
        arn: group.arn.clone(),
        filter_expression: None,
    };
    let root = crate::trace::node::NodeKey::client_of("x");
    let kept: Vec<Insight> = (0..5)
        .map(|number| Insight::new(of_group.clone(), root.clone(), minute(number)))
        .collect();
    kept::put(&*insights.store, &kept, minute(120))
        .await
        .unwrap();
    let request = |token: Option<&String>| GetInsightSummariesRequest {
        max_results: Some(2),
        next_token: token.cloned(),
        ..asked("watched")
    };
    let (mut starts, mut token) = (Vec::new(), None);
    loop {
        let page = summaries(&insights, request(token.as_ref())).await.unwrap();
        assert!(page.insight_summaries.len() <= 2);
        starts.extend(
            page.insight_summaries
                .iter()
                .map(|one| one.insight.start_time),
        );
        token = page.next_token;
        if token.is_none() {
            break;
        }
        let other = GetInsightSummariesRequest {
            next_token: token.clone(),
            ..asked("Default")
        };
        let refused = summaries(&insights, other).await;
        assert_eq!(
            refused,
            Err("InvalidRequestException: Invalid token".to_owned())
        );
    }
    let expected: Vec<Timestamp> = (0..5).rev().map(|number| at(minute(number))).collect();
    assert_eq!(starts, expected);
}
