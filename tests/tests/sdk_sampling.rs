//! Real SDKs sample by rules that they fetch through the daemon, and their segments arrive with the
//! rule's name: the daemon passes on what an SDK has decided.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::process::Command;

use radiograph_tests::servers::Server;
use radiograph_tests::{Collector, Daemon, eventually, node, python};
use serde_json::{Value, json};

/// Calls the service until a segment of it has arrived that says which rule it was sampled by. The
/// first requests may be decided before the SDK has its rules; later ones find the reservoir's one
/// per second.
fn segment_with_a_rule(name: &'static str, mut command: Command) -> Value {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    // one port for both protocols, since SDKs take one address
    let daemon = Daemon::start_on_one_port(collector.address);
    command.env("AWS_XRAY_DAEMON_ADDRESS", daemon.udp.to_string());
    let mut service = Server::spawn(name, command);
    let url = format!(
        "http://127.0.0.1:{}/fine",
        service.value_behind("listening on ")
    );
    let client = reqwest::blocking::Client::builder().timeout(radiograph_tests::DEADLINE);
    let (api, client) = (collector.api(), client.build().unwrap());
    let now = now();
    let segment = eventually("a segment with its rule", || {
        assert_eq!(client.get(&url).send().unwrap().status().as_u16(), 200);
        let summaries = api.summaries(now - 3600.0, now + 3600.0);
        let ids: Vec<String> = summaries
            .iter()
            .map(|summary| summary["Id"].as_str().unwrap().to_owned())
            .collect();
        let traces = api.traces(&ids);
        let mut segments = traces
            .iter()
            .flat_map(|trace| trace["Segments"].as_array().unwrap());
        segments.find_map(|segment| {
            let xray = &segment["Document"]["aws"]["xray"];
            let rules = [&xray["sampling_rule_name"], &xray["rule_name"]];
            let is_there = rules.iter().any(|rule| rule.is_string());
            is_there.then(|| segment["Document"].clone())
        })
    });
    let printed = daemon.stop();
    assert!(!printed.contains("proxy_forwarded=0 "), "{printed}");
    segment
}

#[test]
fn the_python_sdk_samples_by_the_rules_it_gets_through_the_daemon() {
    let mut command = Command::new(python::bin().join("python"));
    command.arg("-u").arg(python::script("service.py"));
    command.arg("python-service");
    let segment = segment_with_a_rule("python-service", command);
    assert_eq!(segment["name"], json!("python-service"));
    let xray = &segment["aws"]["xray"];
    assert_eq!(xray["sampling_rule_name"], json!("Default"));
    assert_eq!(xray["sdk"], json!("X-Ray for Python"));
}

#[test]
fn the_node_sdk_samples_by_the_rules_it_gets_through_the_daemon() {
    let mut command = node::command("service.js");
    command.arg("node-service");
    let segment = segment_with_a_rule("node-service", command);
    assert_eq!(segment["name"], json!("node-service"));
    let xray = &segment["aws"]["xray"];
    assert_eq!(xray["rule_name"], json!("Default"));
    assert_eq!(xray["sdk"], json!("X-Ray for Node.js"));
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests read the clock for query windows"
)]
fn now() -> f64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.unwrap().as_secs_f64()
}
