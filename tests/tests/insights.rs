//! What falls beyond a bound of insights, as who runs a collector sees it: in `/metrics` and in the log.

use std::net::SocketAddr;

use radiograph_tests::api::http;
use radiograph_tests::servers::Server;
use radiograph_tests::{Api, eventually, now};
use serde_json::json;

/// Services that are at fault at once; ten insights of a group may be active.
const SERVICES: u32 = 12;

const COUNTER: &str = "radiograph_collector_insights_limited_total";

/// The requests of a minute: six to each of the services.
fn of_minute(minute: u32, first: f64) -> Vec<String> {
    let requests = (0..6 * SERVICES).map(|number| {
        let id = minute * 1000 + number + 1;
        let start = first + f64::from(minute * 60 + number / 2);
        let document = json!({
            "trace_id": format!("1-6553f12a-{id:024x}"), "id": format!("{id:016x}"),
            "name": format!("service-{:02}", number % SERVICES), "start_time": start,
            "end_time": start + 0.5, "fault": minute >= 15,
        });
        document.to_string()
    });
    requests.collect()
}

#[test]
fn services_without_an_insight_are_counted_and_told() {
    let data = tempfile::tempdir().unwrap();
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--data-dir",
        data.path().to_str().unwrap(),
    ];
    let mut server = Server::start("radiograph-collector", &args);
    let admin: SocketAddr = server.value_behind("admin=").parse().unwrap();
    let address = server.value_behind(" address=").parse().unwrap();
    let api = Api::new(address);
    // 15 minutes without faults and 3 of nothing else, until 3 minutes ago
    let seconds = now();
    let first = (seconds / 60.0).floor() * 60.0 - 21.0 * 60.0;
    let documents: Vec<String> = (0..18)
        .flat_map(|minute| of_minute(minute, first))
        .collect();
    for batch in documents.chunks(50) {
        assert_eq!(api.put(batch), json!([]));
    }
    eventually("settled traces", || {
        let found = api.summaries(seconds - 3600.0, seconds).len();
        (found == documents.len()).then_some(())
    });
    let metrics = || {
        let url = format!("http://{admin}/metrics");
        http().get(url).send().unwrap().text().unwrap()
    };
    assert!(
        !metrics().contains(&format!("{COUNTER}{{")),
        "{}",
        metrics()
    );
    let enabled = json!({"InsightsEnabled": true, "NotificationsEnabled": false});
    let group = json!({"GroupName": "Default", "InsightsConfiguration": enabled});
    api.ok("/UpdateGroup", &group);
    // two services in each minute from the second bad one on, which is when anomalies are certain; and
    // as long as nobody says that they are over
    let count: u64 = eventually("the counter", || {
        let text = metrics();
        let label = format!("{COUNTER}{{reason=\"insights_active\"}} ");
        text.lines()
            .find_map(|line| line.strip_prefix(&label)?.parse().ok())
    });
    assert!(count >= 4 && count.is_multiple_of(2), "{count}");
    let request = json!({
        "StartTime": seconds - 3600.0, "EndTime": seconds, "GroupName": "Default",
    });
    let insights = api.ok("/InsightSummaries", &request);
    let insights = insights
        .get("InsightSummaries")
        .and_then(|list| list.as_array());
    assert_eq!(insights.map(Vec::len), Some(10));
    let line = eventually("the line in the log", || {
        let printed = server.printed();
        let told = |line: &&str| line.contains("a bound of insights was met");
        printed.lines().find(told).map(str::to_owned)
    });
    assert!(line.contains("reason=\"insights_active\""), "{line}");
    assert!(line.contains("WARN"), "{line}");
}
