//! Real SDKs sample by rules that they fetch through the daemon, and their segments arrive with the
//! rule's name: the daemon passes on what an SDK has decided.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::process::Command;

use radiograph_tests::api::http;
use radiograph_tests::servers::Server;
use radiograph_tests::{Collector, Daemon, eventually, node, now, python};
use serde_json::{Value, json};

/// A service with an SDK, a daemon that it asks for rules, and a collector that has them.
struct Sampled {
    collector: Collector,
    daemon: Daemon,
    url: String,
    client: reqwest::blocking::Client,
    /// Of the collector.
    _data: tempfile::TempDir,
    _service: Server,
}

impl Sampled {
    fn start(name: &'static str, mut command: Command) -> Self {
        let data = tempfile::tempdir().unwrap();
        let collector = Collector::start(data.path());
        // one port for both protocols, since SDKs take one address
        let daemon = Daemon::start_on_one_port(collector.address);
        command.env("AWS_XRAY_DAEMON_ADDRESS", daemon.udp.to_string());
        let mut service = Server::spawn(name, command);
        let port = service.value_behind("listening on ");
        Self {
            collector,
            daemon,
            url: format!("http://127.0.0.1:{port}/fine"),
            client: http(),
            _data: data,
            _service: service,
        }
    }

    /// Calls the service once.
    fn call(&self) {
        let answer = self.client.get(&self.url).send().unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Calls the service and asks it whether it sampled the call.
    fn is_sampled(&self) -> bool {
        let call = self.client.get(&self.url);
        let answer = call.header("X-Amzn-Trace-Id", "Sampled=?").send().unwrap();
        let header = answer.headers()["X-Amzn-Trace-Id"].to_str().unwrap();
        assert!(header.contains("Sampled="), "{header}");
        header.contains("Sampled=1")
    }
}

/// Calls the service until a segment of it has arrived that says which rule it was sampled by. The
/// first requests may be decided before the SDK has its rules; later ones find the reservoir's one
/// per second.
fn segment_with_a_rule(name: &'static str, command: Command) -> Value {
    let sampled = Sampled::start(name, command);
    let api = sampled.collector.api();
    let now = now();
    let segment = eventually("a segment with its rule", || {
        sampled.call();
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
    let printed = sampled.daemon.stop();
    assert!(!printed.contains("proxy_forwarded=0 "), "{printed}");
    segment
}

/// While the service runs, a rule is made that samples all of its calls, and then changed to sample
/// none: the SDK does the one and then the other.
fn obeys_a_rule_that_changes(name: &'static str, command: Command) {
    // in a row; by the Default rule as many samples are as good as impossible
    const CALLS: usize = 20;
    let sampled = Sampled::start(name, command);
    let api = sampled.collector.api();
    let all_are = |wanted: bool| {
        let is_as_wanted = |_| sampled.is_sampled() == wanted;
        (0..CALLS).all(is_as_wanted).then_some(())
    };
    let rule = json!({
        "RuleName": "changing", "ResourceARN": "*", "Priority": 1, "FixedRate": 1.0, "ReservoirSize": 100,
        "ServiceName": name, "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*",
        "Version": 1,
    });
    api.ok("/CreateSamplingRule", &json!({"SamplingRule": rule}));
    eventually("all calls are sampled", || all_are(true));
    let change = json!({"RuleName": "changing", "FixedRate": 0.0, "ReservoirSize": 0});
    api.ok(
        "/UpdateSamplingRule",
        &json!({"SamplingRuleUpdate": change}),
    );
    eventually("no call is sampled", || all_are(false));
    let printed = sampled.daemon.stop();
    assert!(!printed.contains("proxy_forwarded=0 "), "{printed}");
}

fn python_service(name: &str) -> Command {
    let mut command = Command::new(python::bin().join("python"));
    command
        .arg("-u")
        .arg(python::script("service.py"))
        .arg(name);
    command
}

fn node_service(name: &str) -> Command {
    let mut command = node::command("service.js");
    command.arg(name);
    command
}

#[test]
fn the_python_sdk_samples_by_the_rules_it_gets_through_the_daemon() {
    let segment = segment_with_a_rule("python-service", python_service("python-service"));
    assert_eq!(segment["name"], json!("python-service"));
    let xray = &segment["aws"]["xray"];
    assert_eq!(xray["sampling_rule_name"], json!("Default"));
    assert_eq!(xray["sdk"], json!("X-Ray for Python"));
}

#[test]
fn the_node_sdk_samples_by_the_rules_it_gets_through_the_daemon() {
    let segment = segment_with_a_rule("node-service", node_service("node-service"));
    assert_eq!(segment["name"], json!("node-service"));
    let xray = &segment["aws"]["xray"];
    assert_eq!(xray["rule_name"], json!("Default"));
    assert_eq!(xray["sdk"], json!("X-Ray for Node.js"));
}

#[test]
fn the_python_sdk_obeys_a_rule_that_changes_while_it_runs() {
    obeys_a_rule_that_changes("changed-python", python_service("changed-python"));
}

#[test]
fn the_node_sdk_obeys_a_rule_that_changes_while_it_runs() {
    obeys_a_rule_that_changes("changed-node", node_service("changed-node"));
}
