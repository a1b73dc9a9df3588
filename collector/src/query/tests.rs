//! Graphs: of a window, of a group, of a few traces.

use radiograph_protocol::api::RequestTime;
use radiograph_protocol::api::graph::Service;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::Value;

use super::sample::{T0, empty, group, message, visits, with};
use super::*;
use radiograph_proto_fixtures::{documents_of, example, same_numbers};

fn at(seconds: i64) -> Option<RequestTime> {
    Some(RequestTime(Timestamp::from_seconds(seconds)))
}

fn graph_request(start: i64, end: i64, group: Option<&str>) -> GetServiceGraphRequest {
    GetServiceGraphRequest {
        start_time: at(start),
        end_time: at(end),
        group_name: group.map(str::to_owned),
        group_arn: None,
    }
}

/// The graph of the window that the worked examples use, which is wide enough for [`visits`].
async fn graph_of(query: &Query, group: Option<&str>) -> Vec<Service> {
    let request = graph_request(T0 - 60, T0 + 1800, group);
    query.service_graph(request).await.unwrap().services
}

#[tokio::test]
async fn each_bad_request_for_a_graph_has_its_text() {
    let (query, _dir) = empty();
    let invalid = |text: &str| format!("InvalidRequestException: {text}");
    let good = || graph_request(T0, T0 + 60, None);
    let with_group = |name: Option<&str>, arn: Option<&str>| GetServiceGraphRequest {
        group_name: name.map(str::to_owned),
        group_arn: arn.map(str::to_owned),
        ..good()
    };
    let rows = [
        (
            graph_request(T0, T0 - 1, None),
            "End time cannot be earlier than start time",
        ),
        (
            graph_request(T0, T0 + 6 * 3600 + 1, None),
            "Time range cannot be longer than 6 hours",
        ),
        (
            GetServiceGraphRequest {
                start_time: None,
                ..good()
            },
            "StartTime must not be null",
        ),
        (
            GetServiceGraphRequest {
                end_time: None,
                ..good()
            },
            "EndTime must not be null",
        ),
        (with_group(Some("nope"), None), "Group not found."),
        (with_group(Some("default"), None), "Group not found."),
        (
            with_group(None, Some("arn:aws:xray:us-east-1:1:group/Default")),
            "Group not found.",
        ),
        (
            with_group(Some("Default"), Some("arn")),
            "Provide either GroupName or GroupARN",
        ),
        (
            with_group(Some(""), None),
            "Group name or ARN has an invalid length",
        ),
        (
            with_group(Some(&"x".repeat(33)), None),
            "Group name or ARN has an invalid length",
        ),
        (
            with_group(None, Some(&"x".repeat(401))),
            "Group name or ARN has an invalid length",
        ),
    ];
    for (request, text) in rows {
        assert_eq!(message(query.service_graph(request).await), invalid(text));
    }
}

#[tokio::test]
async fn a_window_of_any_length_is_answered_once_the_bound_is_lifted() {
    let (mut query, _dir) = with(&visits(2, 60.0)).await;
    query.window_max = "none".parse().unwrap();
    let request = graph_request(0, 2 * T0, None);
    let long = query.service_graph(request).await.unwrap();
    assert_eq!(long.services, graph_of(&query, None).await);
}

#[tokio::test]
async fn a_group_that_selects_every_trace_has_the_graph_of_all() {
    // more traces than a page of the fold, some of them across the ends of the window
    let (query, _dir) = with(&visits(700, 2.71)).await;
    group(&query, "everything", "service(\"shop\")").await;
    let windows = [
        (T0 - 60, T0 + 3600),
        (T0 + 61, T0 + 1000),
        (T0 + 299, T0 + 300),
    ];
    for (start, end) in windows {
        let graph = |group| query.service_graph(graph_request(start, end, group));
        let all = graph(None).await.unwrap();
        assert!(all.services.len() > 3, "{start} {end}");
        assert_eq!(
            graph(Some("everything")).await.unwrap(),
            all,
            "{start} {end}"
        );
        assert_eq!(graph(Some("Default")).await.unwrap(), all, "{start} {end}");
    }
}

#[tokio::test]
async fn a_group_shows_all_nodes_of_the_traces_that_belong_to_it() {
    let (query, _dir) = with(&visits(9, 10.0)).await;
    group(&query, "failing", "fault").await;
    group(&query, "elsewhere", "service(\"nowhere\")").await;
    let counts = |services: &[Service]| -> Vec<(String, Option<i64>)> {
        let count = |service: &Service| service.summary_statistics.map(|sum| sum.total_count);
        services
            .iter()
            .map(|one| (one.name.clone(), count(one)))
            .collect()
    };
    let named = |counts: [(&str, Option<i64>); 4]| counts.map(|(name, n)| (name.to_owned(), n));
    let failing = graph_of(&query, Some("failing")).await;
    // visits 0, 3 and 6
    let expected = [
        ("carts", Some(3)),
        ("pay", Some(3)),
        ("shop", Some(3)),
        ("shop", None),
    ];
    assert_eq!(counts(&failing), named(expected));
    assert_eq!(graph_of(&query, Some("elsewhere")).await, []);
    let arn = query.groups.load().await.unwrap().groups()[1].arn.clone();
    let by_arn = GetServiceGraphRequest {
        group_arn: Some(arn),
        ..graph_request(T0 - 60, T0 + 1800, None)
    };
    let by_arn = query.service_graph(by_arn).await.unwrap();
    assert_eq!(by_arn.services, [], "the first group by name is elsewhere");
    assert!(!by_arn.contains_old_group_versions);
}

#[tokio::test]
async fn a_group_counts_what_ended_before_its_trace_began() {
    // a function's initialization calls out before the function's own segment starts
    let document = r#"{"trace_id":"1-6553f128-000000000000000000000009","id":"9000000000000001","name":"resize","start_time":1700000100.5,"end_time":1700000101,"subsegments":[{"id":"9000000000000002","name":"config.test","namespace":"remote","start_time":1700000090,"end_time":1700000091}]}"#;
    let (query, _dir) = with(&[document.to_owned()]).await;
    group(&query, "functions", "service(\"resize\")").await;
    let graph = |group| query.service_graph(graph_request(T0, T0 + 60, group));
    let all = graph(None).await.unwrap();
    assert_eq!(all.services.len(), 2, "{all:?}");
    assert_eq!(graph(Some("functions")).await.unwrap(), all);
}

async fn trace_graph_of(query: &Query, ids: &[&str]) -> Value {
    let request = GetTraceGraphRequest {
        trace_ids: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
    };
    let answer = query.trace_graph(request).await.unwrap();
    same_numbers(&serde_json::to_value(answer.services).unwrap())
}

const PRODUCER: &str = "1-6553f128-000000000000000000000006";
const CONSUMER: &str = "1-6553f128-000000000000000000000007";

#[tokio::test]
async fn a_trace_graph_has_the_link_edges_among_the_traces_asked_for() {
    let example = example(5);
    let (query, _dir) = with(&documents_of(&example)).await;
    let expected = same_numbers(&example["services"]);
    assert_eq!(
        trace_graph_of(&query, &[PRODUCER, CONSUMER]).await,
        expected
    );
    assert_eq!(
        trace_graph_of(&query, &[CONSUMER, PRODUCER]).await,
        expected
    );
    for alone in [PRODUCER, CONSUMER] {
        let services = trace_graph_of(&query, &[alone]).await;
        assert_ne!(services, Value::Array(Vec::new()));
        assert!(
            !services.to_string().contains("EdgeType"),
            "{alone}: {services}"
        );
    }
    let unknown = "1-6553f128-0000000000000000000000ff";
    assert_eq!(
        trace_graph_of(&query, &[unknown]).await,
        Value::Array(Vec::new())
    );
}

#[tokio::test]
async fn the_trace_graphs_of_the_worked_examples() {
    for number in 1..=5 {
        let example = example(number);
        let documents = documents_of(&example);
        let ids: std::collections::BTreeSet<String> = documents
            .iter()
            .map(|text| {
                radiograph_protocol::segment::parse(text)
                    .unwrap()
                    .trace_id
                    .to_string()
            })
            .collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (query, _dir) = with(&documents).await;
        let expected = same_numbers(&example["services"]);
        assert_eq!(
            trace_graph_of(&query, &ids).await,
            expected,
            "example {number}"
        );
    }
}
