//! Traces to ask about: the seven of the specification, and some that are odd.

use serde_json::{Value, json};

use crate::trace::link::Producers;
use crate::trace::view::{TraceView, view};

/// Names of the seven traces of `spec/filter-expressions.md` section 9.
pub(super) const SEVEN: [&str; 7] = ["T1", "T2", "T3", "T4", "T5", "T6", "T7"];

/// Epoch seconds at which every trace begins.
const START: f64 = 1_700_000_040.0;

/// The view of a trace. Times in the documents are seconds from its start; what has no `trace_id`
/// gets one.
pub(super) fn trace(documents: Vec<Value>) -> TraceView {
    let texts: Vec<String> = documents
        .into_iter()
        .map(|mut document| {
            document["trace_id"] = json!("1-6553f128-0000000000000000000000aa");
            shift(&mut document);
            document.to_string()
        })
        .collect();
    view(texts.iter().map(String::as_str), &Producers::default()).unwrap()
}

fn shift(entity: &mut Value) {
    for time in ["start_time", "end_time"] {
        if let Some(seconds) = entity.get(time).and_then(Value::as_f64) {
            entity[time] = json!(START + seconds);
        }
    }
    for child in entity["subsegments"].as_array_mut().into_iter().flatten() {
        shift(child);
    }
    if entity["subsegments"].is_null() {
        entity.as_object_mut().unwrap().remove("subsegments");
    }
}

/// A part of a document with some members more.
pub(super) fn with(mut document: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("members are an object");
    };
    document.as_object_mut().unwrap().extend(members);
    document
}

/// A segment or subsegment; `end` is left out while it is in progress.
pub(super) fn entity(id: u64, name: &str, start: f64, end: Option<f64>, members: Value) -> Value {
    let entity = json!({"id": format!("{id:016x}"), "name": name, "start_time": start});
    let end = match end {
        Some(end) => json!({"end_time": end}),
        None => json!({"in_progress": true}),
    };
    with(with(entity, end), members)
}

fn web(end: Option<f64>, members: Value) -> Value {
    let web = entity(1, "web", 0.0, end, json!({"origin": "AWS::ECS::Container"}));
    with(web, members)
}

fn http(method: &str, path: &str, status: Option<u32>) -> Value {
    let url = format!("http://shop.example.com/{path}");
    let mut http = json!({"request": {"method": method, "url": url}});
    if let Some(status) = status {
        http["response"] = json!({"status": status});
    }
    http
}

fn api(end: f64, members: Value) -> Value {
    let origin = json!({"origin": "AWS::EC2::Instance", "parent_id": format!("{:016x}", 2)});
    with(
        with(entity(3, "api", 0.1, Some(end), origin), members),
        json!({}),
    )
}

/// The seven traces in order.
pub(crate) fn seven() -> Vec<TraceView> {
    vec![
        trace(cart()),
        trace(checkout()),
        trace(stock()),
        trace(orders()),
        trace(missing()),
        trace(report()),
        trace(resize()),
    ]
}

fn cart() -> Vec<Value> {
    let mut http = http("GET", "cart", Some(200));
    http["request"]["user_agent"] = json!("curl/8.5.0");
    http["request"]["client_ip"] = json!("203.0.113.7");
    let get = json!({"namespace": "aws", "aws": {"operation": "GetItem", "table_name": "carts"},
        "http": {"response": {"status": 200}}});
    let members = json!({"http": http, "user": "alice",
        "annotations": {"plan": "gold", "items": 3, "beta": true},
        "subsegments": [entity(2, "DynamoDB", 0.1, Some(0.12), get)]});
    vec![web(Some(0.25), members)]
}

fn checkout() -> Vec<Value> {
    let mut request = http("POST", "v2/checkout", Some(200));
    request["request"]["user_agent"] = json!("okhttp/4.12");
    request["request"]["client_ip"] = json!("198.51.100.4");
    let call = json!({"namespace": "remote", "http": {"response": {"status": 200}}});
    let members = json!({"http": request, "user": "bob",
        "annotations": {"plan": "silver", "items": 12},
        "subsegments": [entity(2, "api", 0.1, Some(6.1), call.clone())]});
    let aws = json!({"ec2": {"instance_id": "i-0aa1", "availability_zone": "us-east-1a"}});
    let pay = entity(4, "pay.example.net", 0.15, Some(5.95), call);
    let answer = json!({"aws": aws, "http": {"response": {"status": 200}}, "subsegments": [pay]});
    vec![web(Some(6.2), members), api(6.0, answer)]
}

fn stock() -> Vec<Value> {
    let mut request = http("GET", "stock", Some(200));
    request["request"]["user_agent"] = json!("curl/8.5.0");
    let call = json!({"namespace": "remote", "fault": true, "http": {"response": {"status": 500}}});
    let members = json!({"http": request, "subsegments": [entity(2, "api", 0.1, Some(0.8), call)]});
    let answer = json!({"fault": true, "http": {"response": {"status": 500}},
        "aws": {"ec2": {"instance_id": "i-0bb2", "availability_zone": "us-east-1b"}},
        "cause": {"exceptions": [{"id": format!("{:016x}", 9), "type": "StockError",
            "message": "out of sync"}]}});
    vec![web(Some(0.9), members), api(0.7, answer)]
}

fn orders() -> Vec<Value> {
    let mut request = http("POST", "v2/orders", Some(502));
    request["request"]["user_agent"] = json!("okhttp/4.12");
    let call = json!({"namespace": "remote", "fault": true, "http": {"response": {"status": 500}}});
    let members = json!({"http": request, "fault": true,
        "subsegments": [entity(2, "api", 0.1, Some(1.3), call)]});
    let put = json!({"namespace": "aws", "aws": {"operation": "PutItem", "table_name": "orders"},
        "http": {"response": {"status": 400}}, "error": true, "throttle": true, "fault": true,
        "cause": {"exceptions": [{"id": format!("{:016x}", 9), "message": "rate exceeded",
            "type": "ProvisionedThroughputExceededException"}]}});
    let answer = json!({"fault": true, "http": {"response": {"status": 500}},
        "subsegments": [entity(4, "DynamoDB", 0.2, Some(0.25), put)]});
    vec![web(Some(1.4), members), api(1.2, answer)]
}

fn missing() -> Vec<Value> {
    let request = http("GET", "v2/missing", Some(404));
    vec![web(
        Some(0.05),
        json!({"http": request, "error": true, "annotations": {"beta": false}}),
    )]
}

fn report() -> Vec<Value> {
    let request = http("GET", "report", None);
    vec![web(
        None,
        json!({"http": request, "user": "carol", "annotations": {"plan": "gold"}}),
    )]
}

fn resize() -> Vec<Value> {
    let arn = "arn:aws:lambda:us-east-1:111122223333:function:resize";
    let service = json!({"origin": "AWS::Lambda", "resource_arn": arn,
        "http": {"response": {"status": 200}}});
    let function = json!({"origin": "AWS::Lambda::Function", "parent_id": format!("{:016x}", 1),
        "aws": {"account_id": "111122223333"}, "subsegments": [
            entity(3, "Initialization", 0.15, Some(2.15), json!({})),
            entity(4, "Invocation", 2.2, Some(2.58), json!({}))]});
    vec![
        entity(1, "resize", 0.0, Some(2.5), service),
        entity(2, "resize", 2.2, Some(2.6), function),
    ]
}
