//! Expressions on traces that are odd: without a root, with several answers to one call, with keys
//! and values of every shape. Each expression is asked of each trace.

use serde_json::json;

use super::no_groups;
use super::traces::{entity, trace};
use crate::filter::parse;
use crate::trace::view::TraceView;

/// A subsegment whose parent is missing, of a Lambda function that faulted.
fn lonely() -> TraceView {
    let arn = "arn:aws:lambda:us-east-1:111122223333:function:resize";
    let members = json!({"type": "subsegment", "parent_id": "00000000000000ff",
        "aws": {"function_arn": arn}, "http": {"response": {"status": 500}},
        "annotations": {"cold": true}});
    trace(vec![entity(5, "handler", 0.0, Some(0.5), members)])
}

/// A call that two segments of one service answered, the second with a fault and two exceptions.
fn fan() -> TraceView {
    let call = json!({"namespace": "remote", "http": {"response": {"status": 500}}});
    let web = json!({"subsegments": [entity(2, "api", 0.1, Some(0.9), call)]});
    let well = json!({"parent_id": "0000000000000002", "origin": "AWS::EC2::Instance", "user": "u1",
        "aws": {"ec2": {"availability_zone": "z1", "instance_id": "i-1"},
            "ecs": {"availability_zone": "z2"}}});
    let exceptions = json!([
        {"id": "00000000000000e1", "type": "First", "message": "m1"},
        {"id": "00000000000000e2", "message": "m2"}]);
    let badly = json!({"parent_id": "0000000000000002", "origin": "AWS::EC2::Instance",
        "user": "u2", "fault": true, "aws": {"account_id": "1"},
        "cause": {"exceptions": exceptions}});
    trace(vec![
        entity(1, "web", 0.0, Some(1.0), web),
        entity(3, "api", 0.2, Some(0.4), well),
        entity(4, "api", 0.3, Some(0.5), badly),
    ])
}

/// Annotations and a user of every shape.
fn keys() -> TraceView {
    let deeper = json!({"annotations": {"mix": 3, "flag": true, "n": 2}});
    let members = json!({"user": "O\"Brien\\", "subsegments": [entity(2, "s", 0.1, Some(0.2), deeper)],
        "annotations": {"aws.local.operation": "GET /x", "with space": "caf\u{e9} \u{1f980}",
            "n": 1.5, "mix": "3", "flag": false, "neg": -2e3, "word": "a.b_c"}});
    trace(vec![entity(1, "svc", 0.0, Some(0.9), members)])
}

/// A root that is its own client, and the service it called.
fn synthetic() -> TraceView {
    let call = json!({"namespace": "remote", "http": {"request": {"url": "http://web/"}}});
    let canary = json!({"origin": "client::Synthetics",
        "subsegments": [entity(2, "web", 0.1, Some(0.2), call)]});
    let web = json!({"origin": "AWS::ECS::Container", "parent_id": "0000000000000002",
        "http": {"request": {"url": "http://10.0.0.1/"}}});
    trace(vec![
        entity(1, "canary", 0.0, Some(0.9), canary),
        entity(3, "web", 0.12, Some(0.18), web),
    ])
}

/// The consumer of a message, which is no root.
fn consumer() -> TraceView {
    let link = json!([{"trace_id": "1-6553f128-000000000000000000000006", "id": "6000000000000002",
        "attributes": {"aws.xray.reserved.reference_type": "parent"}}]);
    let members = json!({"origin": "AWS::Lambda", "links": link});
    trace(vec![entity(1, "worker", 0.0, Some(0.2), members)])
}

/// A service that calls itself and has not answered yet.
fn recursive() -> TraceView {
    let call = json!({"namespace": "remote"});
    let outer = json!({"subsegments": [entity(2, "loop", 0.1, Some(0.3), call)]});
    let inner = json!({"parent_id": "0000000000000002"});
    trace(vec![
        entity(1, "loop", 0.0, Some(0.8), outer),
        entity(3, "loop", 0.1, None, inner),
    ])
}

/// Times that are no whole milliseconds, and a throttled root.
fn rounded() -> TraceView {
    let members = json!({"http": {"request": {"method": ""}, "response": {"status": 429}}});
    trace(vec![entity(1, "r", 0.0, Some(1.2345), members)])
}

type Make = fn() -> TraceView;

const TRACES: [(&str, Make); 7] = [
    ("lonely", lonely),
    ("fan", fan),
    ("keys", keys),
    ("synthetic", synthetic),
    ("consumer", consumer),
    ("recursive", recursive),
    ("rounded", rounded),
];

const EVERY: &str = "lonely fan keys synthetic consumer recursive rounded";

const FLAGS: &[(&str, &str)] = &[
    ("", EVERY),
    (" \t\r\n", EVERY),
    ("ok", "fan keys synthetic consumer recursive"),
    ("OK", "fan keys synthetic consumer recursive"),
    ("ok = true", "fan keys synthetic consumer recursive"),
    ("ok != False", "fan keys synthetic consumer recursive"),
    ("ok = false", "rounded"),
    (r#"ok = "FALSE""#, "rounded"),
    ("!ok", "lonely rounded"),
    ("!!ok", "fan keys synthetic consumer recursive"),
    ("!ok = true", "lonely rounded"),
    ("error", "rounded"),
    ("throttle", "rounded"),
    ("fault", ""),
    ("fault OR error", "rounded"),
    ("fault error", ""),
    ("partial", "lonely recursive"),
    ("partial = true ok", "recursive"),
    ("inferred", ""),
    ("((((ok))) AND (!(partial)))", "fan keys synthetic consumer"),
    ("throttle OR partial AND ok", "recursive rounded"),
    ("(throttle OR partial) AND ok", "recursive"),
    ("throttle or (partial and !ok)", "lonely rounded"),
    ("!(ok OR throttle)", "lonely"),
];

const NUMBERS: &[(&str, &str)] = &[
    (
        "responsetime",
        "fan keys synthetic consumer recursive rounded",
    ),
    ("!responsetime", "lonely"),
    ("ResponseTime = 1.235", "rounded"),
    ("responsetime = 1235e-3", "rounded"),
    ("responsetime = 0.1235E+1", "rounded"),
    ("responsetime = 1.2345", ""),
    (
        "responsetime != 1.235",
        "fan keys synthetic consumer recursive",
    ),
    (
        "!(responsetime = 1.235)",
        "lonely fan keys synthetic consumer recursive",
    ),
    ("responsetime>=1", "fan rounded"),
    ("responsetime>1", "rounded"),
    ("responsetime<=0.2", "consumer"),
    ("responsetime<0.2", ""),
    (
        "responsetime > -1",
        "fan keys synthetic consumer recursive rounded",
    ),
    (
        "responsetime < 1e999",
        "fan keys synthetic consumer recursive rounded",
    ),
    ("duration", EVERY),
    ("duration = 0.5", "lonely"),
    ("http.status", "rounded"),
    ("http.status >= 4.29e2", "rounded"),
    ("http.status = 429.0", "rounded"),
    ("http.status = 500", ""),
    ("service() { http.status = 500 }", "lonely"),
    ("edge() { http.status = 500 }", "fan"),
    ("service() { responsetime = 0.2 }", "fan consumer"),
    ("service() { duration }", EVERY),
    ("service() { !duration }", "recursive"),
    ("service() { !responsetime }", "recursive"),
];

const TEXTS: &[(&str, &str)] = &[
    ("user", "fan keys"),
    ("!user", "lonely synthetic consumer recursive rounded"),
    (r#"user = "u1" AND user = "u2""#, "fan"),
    (r#"user != "u1""#, "fan keys"),
    (
        r#"!(user = "u1")"#,
        "lonely keys synthetic consumer recursive rounded",
    ),
    (r#"user = "U1""#, ""),
    ("user = u1", "fan"),
    ("user BEGINSWITH u", "fan"),
    (r#"user = "O\"Brien\\""#, "keys"),
    (r#"user CONTAINS "\"""#, "keys"),
    (r#"user EndsWith "\\""#, "keys"),
    (r#"user CONTAINS """#, "fan keys"),
    (r#"user = """#, ""),
    (r#"http.method = """#, "rounded"),
    ("http.method", "rounded"),
    (r#"http.method != "GET""#, "rounded"),
    ("http.url", ""),
    (r#"edge() { http.url = "http://web/" }"#, "synthetic"),
    (
        r#"edge() { destination.http.url = "http://10.0.0.1/" }"#,
        "synthetic",
    ),
    (
        r#"service("web") { http.url = "http://10.0.0.1/" }"#,
        "synthetic",
    ),
    (r#"account.id = "1""#, "fan"),
    ("account.id", "lonely fan"),
    (r#"account.id != "1""#, "lonely"),
    ("!account.id", "keys synthetic consumer recursive rounded"),
    (r#"availabilityzone = "z1""#, "fan"),
    (r#"availabilityZone = "z2""#, "fan"),
    (
        r#"availabilityzone CONTAINS "z" AND availabilityzone != "z1""#,
        "fan",
    ),
    (r#"instance.id = "i-1""#, "fan"),
    (
        r#"service() { availabilityzone = "z1" AND availabilityzone = "z2" }"#,
        "fan",
    ),
    (r#"service() { instance.id = "i-1" AND user = "u2" }"#, ""),
    ("resource.arn", ""),
];

const ANNOTATIONS: &[(&str, &str)] = &[
    (r#"annotation[aws.local.operation] = "GET /x""#, "keys"),
    (r#"annotation.aws.local.operation BEGINSWITH "GET""#, "keys"),
    (r#"Annotation[ with space ] CONTAINS "café""#, "keys"),
    (r#"annotation[with space] ENDSWITH "🦀""#, "keys"),
    (r#"annotation[with space] CONTAINS "é 🦀""#, "keys"),
    ("annotation[with space]", "keys"),
    ("annotation.n > 1.9", "keys"),
    ("annotation.n != 2", "keys"),
    ("annotation.n = 2 annotation.n = 15e-1", "keys"),
    (
        "!(annotation.n = 2)",
        "lonely fan synthetic consumer recursive rounded",
    ),
    ("annotation.mix = 3", "keys"),
    (r#"annotation.mix = "3""#, "keys"),
    (r#"annotation.mix != "3""#, ""),
    ("annotation.mix != 3", ""),
    ("annotation.mix = three", ""),
    ("annotation.mix >= 3", "keys"),
    ("annotation.word = a.b_c", "keys"),
    ("annotation.flag", "keys"),
    (
        "!annotation.flag",
        "lonely fan synthetic consumer recursive rounded",
    ),
    ("annotation.flag = false", "keys"),
    ("annotation.flag != true", "keys"),
    ("annotation.flag = TRUE", "keys"),
    (r#"annotation.flag = "true""#, ""),
    ("annotation.flag = 1", ""),
    ("annotation.N", ""),
    ("ANNOTATION.n", "keys"),
    ("annotation.neg = -2000", "keys"),
    ("annotation.neg <= -2E+3", "keys"),
    ("annotation.neg < -2000", ""),
    ("annotation.cold", "lonely"),
    ("annotation.cold != false", "lonely"),
    ("annotation.cold = false", ""),
];

const SERVICES: &[(&str, &str)] = &[
    ("service()", EVERY),
    (r#"service("resize")"#, "lonely"),
    (r#"service("handler")"#, ""),
    (r#"service("WEB")"#, ""),
    (
        r#"SERVICE(ID(NAME: "api", Type: "AWS::EC2::Instance"))"#,
        "fan",
    ),
    (r#"service(id(account.id: "1", name: "api")) { ok }"#, ""),
    (r#"service(id(name: "api")) { ok }"#, "fan"),
    (r#"service(id(account.id: "111122223333"))"#, "lonely"),
    (r#"service(id(type: ""))"#, "fan keys recursive rounded"),
    (
        r#"service(id(type: "client"))"#,
        "fan keys recursive rounded",
    ),
    (
        r#"service(id(type: "client")) { responsetime > 1 }"#,
        "rounded",
    ),
    (
        r#"service(id(type: "client")) { root AND name = "svc" }"#,
        "keys",
    ),
    (r#"service(id(type: "client", name: "web"))"#, "fan"),
    (r#"service(id(type: "client", account.id: "1"))"#, ""),
    (r#"service(id(type: "client::Synthetics"))"#, "synthetic"),
    (r#"service() { type = "client" }"#, ""),
    ("service() { fault }", "lonely fan"),
    ("service() { !ok }", "lonely fan rounded"),
    ("service() { ok = false }", "lonely fan rounded"),
    ("service() { throttle AND error }", "rounded"),
    ("service() { partial }", "recursive"),
    ("service() { inferred }", ""),
    ("service() { root }", "fan keys synthetic recursive rounded"),
    ("!service() { root }", "lonely consumer"),
    (
        "service() { !root }",
        "lonely fan synthetic consumer recursive",
    ),
    (r#"service("worker")"#, "consumer"),
    (r#"service("api") { user = "u1" AND fault }"#, ""),
    (
        r#"service("api") { (user = "u2" OR user = "u3") fault }"#,
        "fan",
    ),
    (
        r#"service("api") { user = "u1" } AND service("api") { fault }"#,
        "fan",
    ),
    (
        r#"service("api") { name = "api" AND type = "AWS::EC2::Instance" }"#,
        "fan",
    ),
    (r#"service() { type ENDSWITH "Function" }"#, "lonely"),
    ("service() { !type }", "fan keys recursive rounded"),
    ("service() { account.id }", "lonely fan"),
];

const EDGES: &[(&str, &str)] = &[
    ("edge()", "fan keys synthetic recursive rounded"),
    ("!edge()", "lonely consumer"),
    (r#"edge("web", "api") { destination.fault }"#, "fan"),
    (r#"edge("web", "api") { destination.ok }"#, "fan"),
    (
        r#"edge("web", "api") { destination.fault destination.user = "u1" }"#,
        "",
    ),
    (
        r#"edge("web", "api") { destination.ok AND destination.user = "u1" }"#,
        "fan",
    ),
    (r#"edge("web", "api") { fault AND source.ok }"#, "fan"),
    (r#"edge("web", "api") { ok }"#, ""),
    (
        r#"edge("web", "api") { responsetime = 0.8 duration = 0.8 }"#,
        "fan",
    ),
    (
        r#"edge("web", "api") { Destination.ResponseTime = 0.8 }"#,
        "",
    ),
    (r#"edge("web", "api") { source.responsetime = 1 }"#, "fan"),
    (
        r#"edge("web", id(type: "AWS::EC2::Instance", account.id: "1"))"#,
        "fan",
    ),
    (r#"edge("web", "web")"#, "fan"),
    (r#"edge(id(name: "web"), "web")"#, ""),
    (
        r#"edge(id(name: "web", type: "client"), id(name: "web"))"#,
        "fan",
    ),
    (r#"edge(id(type: "client"), "web") { ok }"#, "fan"),
    (r#"edge("web", id(type: "client"))"#, ""),
    (r#"edge("canary", "web")"#, "synthetic"),
    (
        r#"edge(id(type: "client::Synthetics"), "web") { source.root }"#,
        "synthetic",
    ),
    (r#"edge("loop", "loop") { partial }"#, ""),
    (
        r#"edge("loop", "loop") { destination.partial }"#,
        "recursive",
    ),
    (
        r#"edge(id(name: "loop", type: ""), "loop") { ok AND responsetime = 0.2 }"#,
        "recursive",
    ),
    ("edge() { source.ok }", "fan synthetic recursive"),
    ("edge() { source.ok = false }", ""),
    ("edge() { !source.ok }", "fan keys recursive rounded"),
    (
        "edge() { source.root destination.root = false }",
        "fan synthetic recursive",
    ),
    (
        r#"edge() { source.name = "web" destination.type BEGINSWITH "AWS::" }"#,
        "fan",
    ),
    ("edge() { throttle }", "rounded"),
    (r#"edge() { http.method = "" }"#, "rounded"),
];

const ROOT_CAUSES: &[(&str, &str)] = &[
    (r#"rootcause.fault.service { name = "resize" }"#, "lonely"),
    (
        r#"rootcause.fault.service { type = "AWS::Lambda::Function" first last }"#,
        "lonely",
    ),
    (
        r#"RootCause.Fault.Service { account.id = "111122223333" }"#,
        "lonely",
    ),
    (
        r#"rootcause.fault.service { last and name = "api" }"#,
        "fan",
    ),
    ("rootcause.fault.service { last and first }", "lonely"),
    ("rootcause.fault.service { first and !type }", "fan"),
    ("rootcause.fault.service { inferred }", ""),
    ("rootcause.fault.service { !inferred }", "lonely fan"),
    ("rootcause.fault.entity { index = 1 and remote }", "fan"),
    ("rootcause.fault.entity { index = 0 and remote }", ""),
    (
        "rootcause.fault.entity { index >= 2 and last and !remote }",
        "fan",
    ),
    (
        r#"rootcause.fault.exception { first and name = "First" }"#,
        "fan",
    ),
    (
        r#"rootcause.fault.exception { index = 1 last message = "m2" name = "" }"#,
        "fan",
    ),
    ("rootcause.fault.exception { index > 1 }", ""),
    (
        "rootcause.fault.exception { message ENDSWITH x OR message = m1 }",
        "fan",
    ),
    ("rootcause.error.service { name }", "rounded"),
    ("rootcause.error.exception { first }", ""),
    (
        r#"rootcause.responsetime.entity { coverage = 0.8 remote }"#,
        "fan",
    ),
    (
        "rootcause.responsetime.entity { first and coverage = 1 }",
        "fan",
    ),
    ("rootcause.responsetime.service { index = 0 }", "fan"),
    ("rootcause.json = #[{}]", "lonely fan rounded"),
    (
        "rootcause.json != #[{}]",
        "keys synthetic consumer recursive",
    ),
    ("rootcause.json = #[]", ""),
    (
        r#"rootcause.json = #[{"ClientImpacting": false, "Services": [{}, {}]}]"#,
        "fan",
    ),
    (
        r#"rootcause.json = #[{"ClientImpacting": true, "Services": [{}]}]"#,
        "fan rounded",
    ),
    (
        r#"rootcause.json = #[{"Nope": 1}, {"Services": [{"Type": ""}, {"Names": ["api"]}]}]"#,
        "fan",
    ),
    (
        r#"rootcause.json = #[{"Services": [{}, {"AccountId": "1", "Inferred": false}]}]"#,
        "fan",
    ),
    (
        r#"rootcause.json = #[{"Services": [{}, {"AccountId": null}]}]"#,
        "",
    ),
    (r#"rootcause.json = #[{"Services": {}}]"#, ""),
    (
        r#"rootcause.json = #[{"Services": [{}, {"EntityPath": [{"Exceptions": [{"Name": "First", "Message": "m1"}, {"Name": ""}]}]}]}]"#,
        "fan",
    ),
    (
        r#"rootcause.json = #[{"Services": [{}, {"EntityPath": [{"Exceptions": [{}]}]}]}]"#,
        "",
    ),
    (
        r#"rootcause.json = #[{"Services": [{"EntityPath": [{"Coverage": 1}, {"Coverage": 0.8, "Remote": true, "Name": "api"}]}]}]"#,
        "fan",
    ),
    (
        r#"rootcause.json = #[{"Services": [{"EntityPath": [{"Coverage": 0.9}, {}]}]}]"#,
        "",
    ),
];

#[track_caller]
fn assert_selected(rows: &[(&str, &str)]) {
    let traces: Vec<(&str, TraceView)> =
        TRACES.into_iter().map(|(name, of)| (name, of())).collect();
    for (text, expected) in rows {
        let expression = parse(text, no_groups).unwrap_or_else(|error| panic!("{text}: {error}"));
        let selected = |expression: &crate::filter::Expression| {
            let selected = traces.iter().filter(|(_, view)| expression.matches(view));
            let names: Vec<&str> = selected.map(|(name, _)| *name).collect();
            names.join(" ")
        };
        assert_eq!(selected(&expression), *expected, "{text}");
        let printed = expression.to_string();
        assert_eq!(
            parse(&printed, no_groups),
            Ok(expression),
            "{text}\n{printed}"
        );
    }
}

#[test]
fn flags_of_odd_traces() {
    assert_selected(FLAGS);
}

#[test]
fn numbers_of_odd_traces() {
    assert_selected(NUMBERS);
}

#[test]
fn texts_of_odd_traces() {
    assert_selected(TEXTS);
}

#[test]
fn annotations_of_odd_traces() {
    assert_selected(ANNOTATIONS);
}

#[test]
fn services_of_odd_traces() {
    assert_selected(SERVICES);
}

#[test]
fn edges_of_odd_traces() {
    assert_selected(EDGES);
}

#[test]
fn root_causes_of_odd_traces() {
    assert_selected(ROOT_CAUSES);
}
