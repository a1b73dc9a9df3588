//! A Flask application of three services with the real X-Ray SDK, read back with boto3.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::process::Command;

use radiograph_tests::api::http;
use radiograph_tests::servers::Server;
use radiograph_tests::{Collector, Daemon, eventually, now, python};
use serde_json::{Value, json};

fn service(daemon: &Daemon, name: &'static str, next: Option<&str>) -> (Server, String) {
    let mut command = Command::new(python::bin().join("python"));
    command
        .arg("-u")
        .arg(python::script("service.py"))
        .arg(name)
        .args(next);
    command.env("AWS_XRAY_DAEMON_ADDRESS", daemon.udp.to_string());
    let mut server = Server::spawn(name, command);
    let port = server.value_behind("listening on ");
    (server, format!("http://127.0.0.1:{port}"))
}

/// boto3's view of everything between two times.
fn read_back(collector: &Collector, start: f64, end: f64, ids: &[String]) -> Value {
    let output = python::client("read_back.py", collector.address)
        .args([start.to_string(), end.to_string()])
        .args(ids)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn three_flask_services_are_read_back_with_boto3() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    // one port for both protocols, since SDKs take one address
    let daemon = Daemon::start_on_one_port(collector.address);
    let (_back, back_url) = service(&daemon, "back", None);
    let (_middle, middle_url) = service(&daemon, "middle", Some(&back_url));
    let (_front, front_url) = service(&daemon, "front", Some(&middle_url));
    let (api, client) = (collector.api(), http());
    let mut statuses = Vec::new();
    for (at, path) in ["fine", "missing", "boom"].into_iter().enumerate() {
        // the caller decides that these are sampled; the first is left to the SDK, whose reservoir
        // always has one for the first request of a second
        let mut request = client.get(format!("{front_url}/{path}"));
        if at > 0 {
            let header = format!("Root=1-6b01955{at}-00000000000000000000000{at};Sampled=1");
            request = request.header("X-Amzn-Trace-Id", header);
        }
        statuses.push(request.send().unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 404, 500]);

    let now = now();
    let (start, end) = (now - 3600.0, now + 3600.0);
    let summaries = eventually("three settled traces", || {
        let summaries = api.summaries(start, end);
        let settled = summaries
            .iter()
            .filter(|s| s["Revision"] == json!(3))
            .count();
        (settled == 3).then_some(summaries)
    });
    let ids: Vec<String> = summaries
        .iter()
        .map(|s| s["Id"].as_str().unwrap().to_owned())
        .collect();
    let read = read_back(&collector, start, end, &ids);

    assert_summaries(read["summaries"].as_array().unwrap());
    assert_eq!(read["traces"].as_array().unwrap().len(), 3);
    for trace in read["traces"].as_array().unwrap() {
        assert_eq!(trace["Segments"].as_array().unwrap().len(), 3, "{trace}");
    }
    assert_graph(read["trace_graph"].as_array().unwrap(), 1);
    assert_graph(read["service_graph"].as_array().unwrap(), 3);
    assert_eq!(
        read["rules"][0]["SamplingRule"]["RuleName"],
        json!("Default")
    );
    assert_searches(&read);
}

/// Filters, groups and time series over one good, one missing and one failed visit.
fn assert_searches(read: &Value) {
    let expected = json!({"ok": 1, "error": 1, "fault": 1, "service(\"back\") { fault }": 1,
        "edge(\"front\", \"middle\")": 3, "user = \"u-17\" AND !ok": 2});
    assert_eq!(read["filtered"], expected);
    assert_eq!(read["in_group"], json!(1));
    let message = "Error Location: line 1, position 12 : Invalid input symbol: 'duration < '";
    assert_eq!(read["filter_error"], json!(message));
    assert_graph(read["group_graph"].as_array().unwrap(), 1);
    assert_eq!(read["groups"], json!(["Default", "faulty"]));
    // the visits may lie in two minutes
    let sum = |series: &str, statistics: &str, member: &str| -> u64 {
        let points = read[series].as_array().unwrap().iter();
        points
            .map(|point| point[statistics].pointer(member).unwrap().as_u64().unwrap())
            .sum()
    };
    assert_eq!(sum("series", "EdgeSummaryStatistics", "/TotalCount"), 3);
    let faults = sum(
        "group_series",
        "ServiceSummaryStatistics",
        "/FaultStatistics/TotalCount",
    );
    assert_eq!(faults, 1);
}

fn assert_summaries(summaries: &[Value]) {
    let outcomes: BTreeSet<(u64, bool, bool)> = summaries
        .iter()
        .map(|s| {
            let flag = |name: &str| s[name].as_bool().unwrap();
            (
                s["Http"]["HttpStatus"].as_u64().unwrap(),
                flag("HasError"),
                flag("HasFault"),
            )
        })
        .collect();
    let expected = [(200, false, false), (404, true, false), (500, false, true)];
    assert_eq!(outcomes, BTreeSet::from(expected));
    for summary in summaries {
        assert_eq!(summary["Users"][0]["UserName"], json!("u-17"));
        assert_eq!(
            summary["Annotations"]["served_by"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
        assert_eq!(summary["EntryPoint"]["Name"], json!("front"));
        assert_eq!(summary["IsPartial"], json!(false));
    }
    let fault = summaries
        .iter()
        .find(|s| s["HasFault"] == json!(true))
        .unwrap();
    let culprit = &fault["FaultRootCauses"][0]["Services"][2];
    assert_eq!(
        culprit["EntityPath"][0]["Exceptions"][0]["Message"],
        json!("out of stock")
    );
}

fn assert_graph(services: &[Value], requests: u64) {
    let names: Vec<(Value, Value)> = services
        .iter()
        .map(|s| {
            (
                s["Name"].clone(),
                s.get("Type").cloned().unwrap_or(Value::Null),
            )
        })
        .collect();
    let expected = [
        (json!("back"), Value::Null),
        (json!("front"), Value::Null),
        (json!("front"), json!("client")),
        (json!("middle"), Value::Null),
    ];
    assert_eq!(names, expected);
    let total = &services[0]["SummaryStatistics"]["TotalCount"];
    assert_eq!(total, &json!(requests));
}
