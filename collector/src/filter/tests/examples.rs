//! The worked examples of the specification: `spec/filter-expressions.md` section 9.

use super::traces::{SEVEN, seven};
use crate::filter::{GroupRef, parse, parse_group};

/// Each expression with the traces that it selects, in the order of the specification.
pub(crate) const EXAMPLES: [(&str, &str); 77] = [
    ("responsetime > 5", "T2"),
    ("duration >= 2 AND duration <= 3", "T7"),
    ("responsetime < 1", "T1 T3 T5"),
    ("ok", "T1 T2 T3 T6 T7"),
    ("!ok", "T4 T5"),
    ("ok = false", "T4 T5"),
    ("error", "T5"),
    ("fault", "T4"),
    ("throttle", "T4"),
    ("partial", "T6"),
    ("ok !partial duration <3", "T1 T3 T7"),
    ("inferred", "T1 T2 T4"),
    ("http.status = 200", "T1 T2 T3 T7"),
    ("http.status != 200", "T4 T5"),
    ("!(http.status = 200)", "T4 T5 T6"),
    (r#"http.url CONTAINS "/v2/""#, "T2 T4 T5"),
    (
        r#"http.url BEGINSWITH "http://shop.example.com/" AND http.url CONTAINS "/v2/" AND !service("api")"#,
        "T5",
    ),
    (r#"http.method = "POST""#, "T2 T4"),
    (r#"http.method = "post""#, ""),
    (r#"http.useragent BEGINSWITH "curl""#, "T1 T3"),
    (r#"http.useragent CONTAINS """#, "T1 T2 T3 T4"),
    ("http.useragent", "T1 T2 T3 T4"),
    (r#"http.clientip = "203.0.113.7""#, "T1"),
    ("user", "T1 T2 T6"),
    (r#"user = "alice" OR user = "bob""#, "T1 T2"),
    (r#"user != "alice""#, "T2 T6"),
    (r#"!(user = "alice")"#, "T2 T3 T4 T5 T6 T7"),
    (r#"USER CONTAINS "a""#, "T1 T6"),
    (r#"annotation.plan = "gold""#, "T1 T6"),
    (r#"Annotation[plan] = "gold""#, "T1 T6"),
    ("annotation.plan", "T1 T2 T6"),
    ("!annotation.plan", "T3 T4 T5 T7"),
    ("annotation.items > 5", "T2"),
    (r#"annotation.items = "3""#, ""),
    ("annotation.beta", "T1"),
    ("annotation.beta = false", "T5"),
    (
        r#"annotation.plan BEGINSWITH "s" OR annotation.items = 3"#,
        "T1 T2",
    ),
    (r#"availabilityzone = "us-east-1a""#, "T2"),
    (r#"instance.id BEGINSWITH "i-0""#, "T2 T3"),
    (r#"resource.arn ENDSWITH ":resize""#, "T7"),
    (r#"account.id = "111122223333""#, "T7"),
    (r#"service("api")"#, "T2 T3 T4"),
    (r#"service("api") { fault }"#, "T3 T4"),
    ("service() { fault }", "T3 T4"),
    ("service() { fault } AND !fault", "T3"),
    (r#"service("api") { responsetime > 1 AND fault }"#, "T4"),
    (r#"service("carts")"#, "T1"),
    (r#"service("DynamoDB")"#, ""),
    (
        r#"service(id(type: "AWS::DynamoDB::Table")) { throttle }"#,
        "T4",
    ),
    (r#"service("resize") { duration > 2.4 }"#, "T7"),
    (
        r#"service(id(name: "resize", type: "AWS::Lambda::Function")) { responsetime < 1 }"#,
        "T7",
    ),
    (r#"service("web") { root AND error }"#, "T5"),
    (r#"service("api") { root }"#, ""),
    (r#"service(id(account.id: "111122223333"))"#, "T7"),
    (r#"service(id(type: "remote"))"#, "T2"),
    (r#"edge("web", "api")"#, "T2 T3 T4"),
    (r#"edge("web", "api") { fault }"#, "T3 T4"),
    (r#"edge("web", "api") { responsetime > 1 }"#, "T2 T4"),
    (
        r#"edge(id(name: "web", type: "client"), id(name: "web", type: "AWS::ECS::Container")) { responsetime > 1 }"#,
        "T2 T4",
    ),
    (r#"edge("api", "web")"#, ""),
    ("edge() { throttle }", "T4"),
    (
        r#"edge("web", "api") { source.ok AND destination.fault }"#,
        "T3",
    ),
    (r#"rootcause.fault.service { name = "orders" }"#, "T4"),
    (
        r#"rootcause.fault.service { last and type = "AWS::DynamoDB::Table" }"#,
        "T4",
    ),
    (
        r#"rootcause.fault.entity { remote and name = "DynamoDB" }"#,
        "T4",
    ),
    (
        r#"rootcause.fault.exception { last and message = "rate exceeded" }"#,
        "T4",
    ),
    ("rootcause.fault.exception { name = StockError }", "T3"),
    ("rootcause.error.service { inferred }", "T4"),
    (
        "rootcause.responsetime.entity { last and coverage > 0.75 }",
        "T2 T4 T7",
    ),
    (
        r#"rootcause.responsetime.service { last and type = "AWS::Lambda::Function" }"#,
        "T7",
    ),
    ("rootcause.responsetime.entity { index > 2 }", "T2"),
    (
        r##"rootcause.json = #[{ "Services": [ { "Name": "resize", "EntityPath": [ { "Name": "resize" } ] }, { "EntityPath": [ { "Name": "resize" }, { "Name": "Initialization" } ] } ] }]"##,
        "T7",
    ),
    (r#"group.name = "slow" AND user = "bob""#, "T2"),
    (r#"group.name != "slow" AND service("api")"#, "T3 T4"),
    (r#"(fault OR error) AND http.url CONTAINS "v2""#, "T4 T5"),
    (r#"fault OR error AND http.method = "GET""#, "T4 T5"),
    ("user = alice", "T1"),
];

#[test]
fn every_worked_example_selects_its_traces() {
    let slow = parse_group("responsetime > 2").unwrap();
    let groups = |group: GroupRef<'_>| (group == GroupRef::Name("slow")).then(|| slow.clone());
    let traces = seven();
    for (row, (text, expected)) in EXAMPLES.iter().enumerate() {
        let expression = parse(text, groups).unwrap();
        let selected: Vec<&str> = SEVEN
            .into_iter()
            .zip(&traces)
            .filter(|(_, view)| expression.matches(view))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(selected.join(" "), *expected, "example {}: {text}", row + 1);
    }
}

#[test]
fn every_worked_example_reads_back_from_its_print() {
    let groups = |_: GroupRef<'_>| parse_group("responsetime > 2").ok();
    for (text, _) in EXAMPLES {
        let expression = parse(text, groups).unwrap();
        let printed = expression.to_string();
        assert_eq!(parse(&printed, groups), Ok(expression), "{text}\n{printed}");
    }
}
