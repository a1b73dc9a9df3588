//! The calls of Grafana's X-Ray data source with their parameters, and what it takes for granted in the
//! answers. Source: `spec/api.md` sections 3.5 to 3.9, 4.1, 4.6, 7 and 10.6.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use radiograph_tests::{Api, Collector, eventually, now};
use serde_json::{Value, json};

/// Epoch seconds at which the traces of these tests begin.
const START: f64 = 1_700_000_040.0;
const TRACES: u32 = 12;

fn trace_id(number: u32) -> String {
    format!("1-6553f128-{number:024x}")
}

/// A call of `web` that asks `api`, which asks a table; every third one fails there.
fn documents(number: u32) -> [String; 2] {
    let trace_id = trace_id(number);
    let start = START + f64::from(number);
    let is_fault = number.is_multiple_of(3);
    let status = if is_fault { 500 } else { 200 };
    let web = json!({
        "trace_id": trace_id, "id": "00000000000000a1", "name": "web", "origin": "AWS::ECS::Container",
        "start_time": start, "end_time": start + 0.5, "fault": is_fault,
        "http": {
            "request": {"url": "https://shop.test/cart", "method": "GET", "user_agent": "curl/8"},
            "response": {"status": status},
        },
        "subsegments": [{
            "id": "00000000000000b1", "name": "api", "namespace": "remote", "start_time": start + 0.1,
            "end_time": start + 0.4, "fault": is_fault, "http": {"response": {"status": status}},
        }],
    });
    let api = json!({
        "trace_id": trace_id, "id": "00000000000000a2", "parent_id": "00000000000000b1", "name": "api",
        "origin": "AWS::EC2::Instance", "start_time": start + 0.11, "end_time": start + 0.39,
        "fault": is_fault, "http": {"response": {"status": status}},
        "subsegments": [{
            "id": "00000000000000b2", "name": "orders", "namespace": "aws", "start_time": start + 0.2,
            "end_time": start + 0.3, "aws": {"operation": "GetItem", "table_name": "orders"},
        }],
    });
    [web.to_string(), api.to_string()]
}

/// A collector with these traces, and a group of the failed ones.
fn filled(dir: &std::path::Path) -> (Collector, Api) {
    let collector = Collector::start(dir);
    let api = collector.api();
    let documents: Vec<_> = (0..TRACES).flat_map(documents).collect();
    assert_eq!(api.put(&documents), json!([]));
    eventually("settled traces", || {
        let found = api.summaries(START - 60.0, START + 60.0).len();
        (found == TRACES as usize).then_some(())
    });
    let insights = json!({"InsightsEnabled": true, "NotificationsEnabled": false});
    let group = json!({
        "GroupName": "failed", "FilterExpression": "fault = true", "InsightsConfiguration": insights,
    });
    api.ok("/CreateGroup", &group);
    (collector, api)
}

fn list<'a>(answer: &'a Value, member: &str) -> &'a Vec<Value> {
    let found = answer[member].as_array();
    found.unwrap_or_else(|| panic!("no list {member} in {answer:#}"))
}

#[test]
fn save_and_test_works_on_an_empty_installation() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let groups = collector.api().ok("/Groups", &json!({}));
    assert_eq!(list(&groups, "Groups").len(), 1);
    assert_eq!(groups["Groups"][0]["GroupName"], "Default");
    assert!(groups["NextToken"].is_null(), "{groups}");
}

#[test]
fn the_trace_list_and_a_single_trace_have_what_is_read_without_a_check() {
    let data = tempfile::tempdir().unwrap();
    let (_collector, api) = filled(data.path());
    let filters = [
        (
            r#"service(id(name:"api",type:"AWS::EC2::Instance"))"#,
            TRACES,
        ),
        (r#"edge("web","api")"#, TRACES),
        (
            r#"(fault = true) AND (http.url CONTAINS "cart")"#,
            TRACES / 3,
        ),
        ("", TRACES),
    ];
    for (filter, expected) in filters {
        let request = json!({
            "StartTime": START - 60.0, "EndTime": START + 3600.0, "FilterExpression": filter,
        });
        let page = api.ok("/TraceSummaries", &request);
        let summaries = list(&page, "TraceSummaries");
        assert_eq!(summaries.len(), expected as usize, "{filter}");
        for summary in summaries {
            assert!(summary["Http"].is_object(), "{summary:#}");
            assert!(summary["Annotations"].is_object(), "{summary:#}");
            for causes in [
                "FaultRootCauses",
                "ErrorRootCauses",
                "ResponseTimeRootCauses",
            ] {
                for cause in list(summary, causes) {
                    assert_ne!(list(cause, "Services").len(), 0, "{summary:#}");
                    for service in list(cause, "Services") {
                        assert!(service["Name"].is_string() && service["Type"].is_string());
                    }
                }
            }
        }
    }
    let id = json!({"TraceIds": [trace_id(0)]});
    let traces = api.ok("/Traces", &id);
    assert_eq!(list(&traces, "Traces").len(), 1);
    let segments = list(&traces["Traces"][0], "Segments");
    assert_eq!(segments.len(), 3, "the two sent and the table's");
    let graph = api.ok("/TraceGraph", &id);
    assert_eq!(list(&graph, "Services").len(), 4, "{graph:#}");
}

#[test]
fn the_service_map_has_statistics_on_each_node_or_on_an_edge_to_it() {
    let data = tempfile::tempdir().unwrap();
    let (_collector, api) = filled(data.path());
    for group in ["Default", "failed"] {
        let request =
            json!({"StartTime": START - 60.0, "EndTime": START + 60.0, "GroupName": group});
        let graph = api.ok("/ServiceGraph", &request);
        let services = list(&graph, "Services");
        assert_eq!(services.len(), 4, "{graph:#}");
        for service in services {
            let edges = list(service, "Edges");
            if service["SummaryStatistics"].is_null() {
                assert!(
                    edges
                        .iter()
                        .any(|edge| edge["SummaryStatistics"].is_object())
                );
            } else {
                list(service, "DurationHistogram");
                list(service, "ResponseTimeHistogram");
            }
            for edge in edges {
                list(edge, "ResponseTimeHistogram");
                list(edge, "Aliases");
            }
        }
    }
}

#[test]
fn analytics_read_every_page_though_the_sampled_share_changes_between_them() {
    let data = tempfile::tempdir().unwrap();
    let (_collector, api) = filled(data.path());
    let (mut token, mut found, mut value) = (Value::Null, 0, 1.0);
    loop {
        let request = json!({
            "StartTime": START - 60.0, "EndTime": START + 3600.0, "FilterExpression": "",
            "TimeRangeType": "Event", "Sampling": true,
            "SamplingStrategy": {"Name": "FixedRate", "Value": value}, "NextToken": token,
        });
        let page = api.ok("/TraceSummaries", &request);
        found += list(&page, "TraceSummaries").len();
        token = page["NextToken"].clone();
        value = 0.999_999;
        if token.is_null() {
            break;
        }
    }
    assert_eq!(found, TRACES as usize);
}

#[test]
fn time_series_have_an_edge_or_a_service_in_every_period() {
    let data = tempfile::tempdir().unwrap();
    let (_collector, api) = filled(data.path());
    let selectors = [
        (
            r#"service(id(name:"api",type:"AWS::EC2::Instance"))"#,
            "ServiceSummaryStatistics",
            TRACES,
        ),
        (r#"edge("web","api")"#, "EdgeSummaryStatistics", TRACES),
        // the filter of a group stands for its traces
        ("fault = true", "EdgeSummaryStatistics", TRACES / 3),
    ];
    for (selector, member, expected) in selectors {
        // it asks for longer periods where the window is long
        for (period, seconds) in [(60, 21_600.0), (300, 86_400.0)] {
            let request = json!({
                "StartTime": START - 600.0, "EndTime": START - 600.0 + seconds, "Period": period,
                "EntitySelectorExpression": selector,
            });
            let series = api.ok("/TimeSeriesServiceStatistics", &request);
            let mut count = 0;
            for bucket in list(&series, "TimeSeriesServiceStatistics") {
                list(bucket, "ResponseTimeHistogram");
                count += bucket[member]["TotalCount"].as_u64().unwrap();
            }
            assert_eq!(count, u64::from(expected), "{selector} {period} {series:#}");
        }
    }
}

/// A request to `web` that is a fault or not.
fn request(number: u32, start: f64, is_fault: bool) -> String {
    let id = number + 1;
    let document = json!({
        "trace_id": format!("1-6553f129-{id:024x}"), "id": format!("{id:016x}"), "name": "web",
        "start_time": start, "end_time": start + 0.5, "fault": is_fault,
    });
    document.to_string()
}

#[test]
fn insights_are_asked_for_by_state_and_group() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let api = collector.api();
    // asked for the time that the panel shows; older than 30 days is refused
    let seconds = now();
    // 20 minutes without faults and 5 of nothing else, until 3 minutes ago
    let first = (seconds / 60.0).floor() * 60.0 - 28.0 * 60.0;
    let of_minute = |minute: u32| {
        let at = move |place: u32| first + f64::from(minute) * 60.0 + f64::from(place) * 6.0;
        (0..8).map(move |place| request(minute * 8 + place, at(place), minute >= 20))
    };
    let documents: Vec<String> = (0..25).flat_map(of_minute).collect();
    for batch in documents.chunks(50) {
        assert_eq!(api.put(batch), json!([]));
    }
    eventually("settled traces", || {
        let found = api.summaries(seconds - 3600.0, seconds).len();
        (found == documents.len()).then_some(())
    });
    let enabled = json!({"InsightsEnabled": true, "NotificationsEnabled": false});
    let group = json!({"GroupName": "Default", "InsightsConfiguration": enabled});
    api.ok("/UpdateGroup", &group);
    let asked = |state: &str| {
        let request = json!({
            "StartTime": seconds - 21_600.0, "EndTime": seconds, "States": [state],
            "GroupName": "Default",
        });
        let answer = api.ok("/InsightSummaries", &request);
        list(&answer, "InsightSummaries").clone()
    };
    let active = eventually("the insight", || {
        let active = asked("ACTIVE");
        (!active.is_empty()).then_some(active)
    });
    assert_eq!(active.len(), 1, "{active:#?}");
    for insight in &active {
        assert_eq!(insight["RootCauseServiceId"]["Name"], "web", "{insight:#}");
        let services = list(insight, "TopAnomalousServices");
        assert_eq!(services.len(), 1, "{insight:#}");
    }
    assert_eq!(asked("CLOSED"), Vec::<Value>::new());
}
