//! `radiograph rules` against a real collector: what is listed, budgets given and taken away, and a rule
//! that a real rise of faults raises.

use std::process::{Command, Output};

use radiograph_tests::binaries::binary;
use radiograph_tests::protected::{Key, Protected, printed};
use radiograph_tests::{Collector, eventually, now};
use serde_json::{Value, json};

fn rules(url: &str, args: &[&str]) -> Command {
    let mut command = binary("radiograph");
    command.arg("rules").args(args).args(["--endpoint", url]);
    command
}

#[track_caller]
fn refused(output: &Output, text: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(text), "{said}");
}

fn shop_rule() -> Value {
    json!({"SamplingRule": {
        "RuleName": "shop", "ResourceARN": "*", "Priority": 10, "FixedRate": 0.1,
        "ReservoirSize": 2, "ServiceName": "shop", "ServiceType": "*", "Host": "*",
        "HTTPMethod": "*", "URLPath": "/cart/*", "Version": 1,
    }})
}

const DEFAULT: &str = "Default priority=10000 reservoir=1 rate=0.05";
const SHOP: &str = "shop priority=10 reservoir=2 rate=0.1 service=shop path=/cart/*";
const BUDGET: &str =
    "budget=50/s max-rate=0.8 cooldown=3m error-rate-increase=0.05 latency-factor=2.0";

#[test]
fn budgets_are_given_listed_and_taken_away() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let url = format!("http://{}", collector.address);
    let run = |args: &[&str]| rules(&url, args).output().unwrap();
    collector.api().ok("/CreateSamplingRule", &shop_rule());
    assert_eq!(printed(&run(&["list"])), format!("{SHOP}\n{DEFAULT}\n"));

    let give = ["budget", "shop", "--traces-per-second-max", "50"];
    let give = [&give[..], &["--max-rate", "0.8", "--cooldown-minutes", "3"]].concat();
    assert_eq!(printed(&run(&give)), format!("shop {BUDGET}\n"));
    let listed = printed(&run(&["list"]));
    assert_eq!(listed, format!("{SHOP} {BUDGET}\n{DEFAULT}\n"));
    let listed = printed(&run(&["list", "--json"]));
    let lines: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["SamplingRule"]["RuleName"], "shop");
    assert_eq!(lines[0]["AdaptiveSampling"]["TracesPerSecondMax"], 50);
    assert_eq!(lines[1].get("AdaptiveSampling"), None);

    let unknown = run(&["budget", "nope", "--traces-per-second-max", "50"]);
    refused(&unknown, "Sampling rule does not exist");
    let large = run(&["budget", "shop", "--traces-per-second-max", "1000001"]);
    let told = "TracesPerSecondMax must be between 1 and 1000000";
    refused(&large, told);
    refused(&run(&["budget", "shop"]), "--traces-per-second-max");
    let remove = ["budget", "shop", "--remove"];
    assert_eq!(printed(&run(&remove)), "shop has no budget\n");
    assert_eq!(printed(&run(&["list"])), format!("{SHOP}\n{DEFAULT}\n"));
    refused(&run(&remove), "Sampling rule has no adaptive sampling");
}

#[test]
fn readers_may_list_rules_and_administrators_alone_give_budgets() {
    let (collector, admin) = Protected::start();
    let read = Key::new(&collector.keys, "read");
    let url = collector.url();
    let run = |key: &Key, args: &[&str]| {
        let mut command = rules(&url, args);
        command.envs(key.variables());
        command.output().unwrap()
    };
    eventually("the reader's key", || {
        let listed = run(&read, &["list"]);
        (listed.stdout == format!("{DEFAULT}\n").as_bytes()).then_some(())
    });
    let give = ["budget", "Default", "--traces-per-second-max", "5"];
    refused(&run(&read, &give), "AccessDeniedException");
    let given = printed(&run(&admin, &give));
    assert!(given.starts_with("Default budget=5/s "), "{given}");
}

/// Requests to `shop`, some of which are faults, one a millisecond from `start`.
fn requests(start: f64, count: u32, is_fault: bool) -> Vec<String> {
    let requests = (0..count).map(|number| {
        let begun = start + f64::from(number) / 1000.0;
        let id = format!("{:08x}", begun.to_bits() >> 20 & 0xffff_ffff);
        json!({
            "trace_id": format!("1-{id}-{number:08x}{:016x}", begun.to_bits()),
            "id": format!("{:016x}", begun.to_bits()), "name": "shop",
            "start_time": begun, "end_time": begun + 0.01, "fault": is_fault,
        })
        .to_string()
    });
    requests.collect()
}

#[test]
fn a_rule_with_a_budget_is_shown_raised_while_its_service_is_in_trouble() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let url = format!("http://{}", collector.address);
    let api = collector.api();
    api.ok("/CreateSamplingRule", &shop_rule());
    let give = ["budget", "shop", "--traces-per-second-max", "50"];
    printed(&rules(&url, &give).output().unwrap());
    assert_eq!(api.put(&requests(now() - 400.0, 40, false)), json!([]));
    let raised = eventually("the rule to be raised", || {
        // a look takes the minute of now and the one before it
        assert_eq!(api.put(&requests(now(), 20, true)), json!([]));
        // and how far is decided by what clients say that they have to do
        let report = json!({
            "RuleName": "shop", "ClientID": "0a1b2c3d4e5f60718293a4b5", "Timestamp": now(),
            "RequestCount": 2, "SampledCount": 1, "BorrowCount": 0,
        });
        let reports = json!({"SamplingStatisticsDocuments": [report]});
        api.ok("/SamplingTargets", &reports);
        let listed = printed(&rules(&url, &["list"]).output().unwrap());
        // half of what the budget leaves beside the rule's own two
        listed.contains(" raised-reservoir=26 ").then_some(listed)
    });
    let row = raised.lines().next().unwrap();
    assert!(!row.contains(" raised-rate=0.1 "), "{row}");
    assert!(row.contains(" because=Errors of=shop value=1"), "{row}");
    assert!(row.ends_with(" was=0.0"), "{row}");
}
