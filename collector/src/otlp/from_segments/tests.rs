//! Documents in, spans out, and those turned into documents again. Spans are compared as OTLP's JSON.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::otlp::documents;
use crate::trace::generate;
use crate::trace::stitch::{parse_all, stitch};

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// The spans of these documents.
fn exported(documents: &[String]) -> Vec<ExportedSpan> {
    let parsed = parse_all(documents.iter().map(String::as_str));
    spans(&stitch(&parsed).unwrap(), &parsed, 0..usize::MAX)
}

/// The span of one entity, as JSON.
fn only(document: &Value) -> Value {
    let [span] = &*exported(&[document.to_string()]) else {
        panic!("{document} is no single span");
    };
    serde_json::from_str(&span.json()).unwrap()
}

/// The documents that spans become again.
fn returned(spans: &[ExportedSpan]) -> Vec<Value> {
    let resource_spans = spans.iter().map(|exported| ResourceSpans {
        resource: Some(Resource {
            attributes: exported.resource.clone(),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: vec![exported.span.clone()],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    });
    let request = ExportTraceServiceRequest {
        resource_spans: resource_spans.collect(),
    };
    let converted = documents(&request);
    assert_eq!(converted.refused.spans(), 0);
    let documents = converted.documents.iter();
    documents
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

/// A segment with these members as well.
fn segment(members: Value) -> Value {
    let mut segment = json!({
        "trace_id": TRACE, "id": "00000000000000a1", "name": "shop",
        "start_time": 1_700_000_040.1, "end_time": 1_700_000_041.5,
    });
    let Value::Object(members) = members else {
        panic!("members are an object");
    };
    segment.as_object_mut().unwrap().extend(members);
    segment
}

/// A subsegment sent on its own, with these members as well.
fn subsegment(members: Value) -> Value {
    let mut subsegment = segment(members);
    subsegment["type"] = json!("subsegment");
    subsegment["parent_id"] = json!("00000000000000ff");
    subsegment
}

/// The value of an attribute in a list of OTLP's JSON.
fn attribute<'s>(list: &'s Value, key: &str) -> Option<&'s Value> {
    let mut pairs = list.as_array()?.iter();
    Some(&pairs.find(|pair| pair["key"] == key)?["value"])
}

#[test]
fn a_span_is_written_as_otlp_writes_it() {
    let document = subsegment(json!({
        "name": "pay", "namespace": "remote", "fault": true,
        "http": {"response": {"status": 503}},
        "cause": "00000000000000ee",
        "annotations": {"tier": "gold", "share": 0.5, "deep": {"a": [1, null]}},
        "links": [{"trace_id": TRACE, "id": "00000000000000b1", "attributes": {"why": true}}],
    }));
    let trace = "6592008a0f1e2d3c4b5a69788796a5b4";
    let expected = json!({
        "traceId": trace,
        "spanId": "00000000000000a1",
        "parentSpanId": "00000000000000ff",
        "name": "pay",
        "kind": 3,
        "startTimeUnixNano": "1700000040100000000",
        "endTimeUnixNano": "1700000041500000000",
        "attributes": [
            {"key": "aws.xray.fault", "value": {"boolValue": true}},
            {"key": "http.status_code", "value": {"intValue": "503"}},
            {"key": "deep", "value": {"kvlistValue": {"values": [
                {"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}, {}]}}},
            ]}}},
            {"key": "share", "value": {"doubleValue": 0.5}},
            {"key": "tier", "value": {"stringValue": "gold"}},
            {"key": "aws.xray.annotations", "value": {"arrayValue": {"values": [
                {"stringValue": "share"}, {"stringValue": "tier"},
            ]}}},
        ],
        "links": [{
            "traceId": trace,
            "spanId": "00000000000000b1",
            "attributes": [{"key": "why", "value": {"boolValue": true}}],
        }],
        "status": {"code": 2, "message": "00000000000000ee"},
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "pay"}},
            {"key": "cloud.provider", "value": {"stringValue": "unknown"}},
        ]},
    });
    assert_eq!(only(&document), expected);
}

#[test]
fn an_unfinished_root_has_neither_end_nor_parent_nor_status() {
    let mut document = segment(json!({"in_progress": true}));
    document.as_object_mut().unwrap().remove("end_time");
    let span = only(&document);
    let expected = json!([{"key": "aws.xray.inprogress", "value": {"boolValue": true}}]);
    assert_eq!(span["attributes"], expected);
    for member in ["endTimeUnixNano", "parentSpanId", "status", "events"] {
        assert_eq!(span.get(member), None, "{member}");
    }
}

#[test]
fn the_kind_follows_the_namespace_then_the_document() {
    let client_ip = json!({"http": {"request": {"client_ip": "10.0.0.1"}}});
    let rows = [
        (segment(json!({})), SpanKind::Server),
        (segment(json!({"namespace": "remote"})), SpanKind::Client),
        (subsegment(json!({})), SpanKind::Internal),
        (subsegment(client_ip), SpanKind::Server),
        (subsegment(json!({"namespace": "aws"})), SpanKind::Client),
        (subsegment(json!({"namespace": "remote"})), SpanKind::Client),
        (
            subsegment(json!({"namespace": "local"})),
            SpanKind::Internal,
        ),
        (subsegment(json!({"namespace": "odd"})), SpanKind::Internal),
    ];
    for (document, kind) in rows {
        let kind: i32 = kind.into();
        assert_eq!(only(&document)["kind"], kind, "{document}");
    }
}

#[test]
fn each_flag_and_each_cause_makes_the_status_an_error() {
    let status = |code: i64| json!({"http": {"response": {"status": code}}});
    let rows = [
        (json!({}), false),
        (json!({"error": false, "fault": false}), false),
        (status(200), false),
        (status(404), true),
        (status(500), true),
        (json!({"error": true}), true),
        (json!({"throttle": true}), true),
        (json!({"fault": true}), true),
        (json!({"cause": {"exceptions": []}}), true),
        (json!({"cause": {"id": "00000000000000ee"}}), true),
    ];
    for (members, is_error) in rows {
        let span = only(&segment(members.clone()));
        assert_eq!(span["status"]["code"] == 2, is_error, "{members}");
    }
    let by_object = only(&segment(json!({"cause": {"id": "00000000000000ee"}})));
    assert_eq!(by_object["status"]["message"], "00000000000000ee");
}

/// Each row: members of a subsegment, and the attribute that they become.
fn assert_attributes(rows: impl IntoIterator<Item = (Value, &'static str, Value)>) {
    for (members, key, expected) in rows {
        let span = only(&subsegment(members.clone()));
        let found = attribute(&span["attributes"], key);
        assert_eq!(found, Some(&expected), "{key}: {members}");
    }
}

fn text(text: &str) -> Value {
    json!({"stringValue": text})
}

fn int(number: i64) -> Value {
    json!({"intValue": number.to_string()})
}

#[test]
fn each_member_of_a_request_becomes_its_attribute() {
    let yes = || json!({"boolValue": true});
    let http = |block: &str, member: &str, value: Value| json!({"http": {block: {member: value}}});
    assert_attributes([
        (
            http("request", "method", json!("GET")),
            "http.method",
            text("GET"),
        ),
        (http("request", "url", json!("/a")), "http.url", text("/a")),
        (
            http("request", "user_agent", json!("u")),
            "http.user_agent",
            text("u"),
        ),
        (
            http("request", "client_ip", json!("::1")),
            "http.client_ip",
            text("::1"),
        ),
        (
            http("request", "x_forwarded_for", json!(true)),
            "aws.xray.x_forwarded_for",
            yes(),
        ),
        (
            http("response", "content_length", json!(-1)),
            "http.response_content_length",
            int(-1),
        ),
        (
            http("request", "traced", json!(true)),
            "aws.xray.traced",
            yes(),
        ),
        (json!({"throttle": true}), "aws.xray.throttle", yes()),
        (json!({"error": true}), "aws.xray.error", yes()),
        (json!({"user": "u1"}), "enduser.id", text("u1")),
        (
            json!({"metadata": {"n": {"a": [1]}}}),
            "aws.xray.metadata.n",
            text(r#"{"a":[1]}"#),
        ),
    ]);
}

#[test]
fn each_member_of_a_called_resource_becomes_its_attribute() {
    let aws = |member: &str, value: Value| json!({"aws": {member: value}});
    let sql = |member: &str, value: &str| json!({"sql": {member: value}});
    let two = json!({"arrayValue": {"values": [text("t"), text("u")]}});
    assert_attributes([
        (json!({"namespace": "aws"}), "aws.service", text("shop")),
        (aws("account_id", json!("1")), "aws.account_id", text("1")),
        (
            aws("operation", json!("GetItem")),
            "aws.operation",
            text("GetItem"),
        ),
        (aws("region", json!("r")), "aws.region", text("r")),
        (aws("request_id", json!("q")), "aws.request_id", text("q")),
        (
            aws("queue_url", json!("https://q")),
            "aws.queue_url",
            text("https://q"),
        ),
        (aws("table_name", json!("t")), "aws.table_name", text("t")),
        (
            aws("table_names", json!(["t", "u"])),
            "aws.dynamodb.table_names",
            two,
        ),
        (aws("bucket_name", json!("b")), "aws.s3.bucket", text("b")),
        (aws("topic_arn", json!("a")), "aws.sns.topic.arn", text("a")),
        (
            aws("function_name", json!("f")),
            "faas.invoked_name",
            text("f"),
        ),
        (aws("retries", json!(2)), "aws.xray.retries", int(2)),
        (sql("database_type", "mysql"), "db.system", text("mysql")),
        (
            sql("sanitized_query", "select ?"),
            "db.statement",
            text("select ?"),
        ),
        (sql("user", "u"), "db.user", text("u")),
    ]);
    // of a segment the account is the resource's
    let of_segment = only(&segment(aws("account_id", json!("1"))));
    assert_eq!(attribute(&of_segment["attributes"], "aws.account_id"), None);
    let account = attribute(&of_segment["resource"]["attributes"], "cloud.account.id");
    assert_eq!(account, Some(&text("1")));
}

#[test]
fn the_url_of_a_database_is_split_at_its_last_part_if_it_has_one() {
    let rows = [
        (
            "postgresql://db1:5432/orders",
            None,
            "postgresql://db1:5432",
            Some("orders"),
        ),
        (
            "jdbc:mysql://db1/shop",
            None,
            "jdbc:mysql://db1",
            Some("shop"),
        ),
        (
            "postgresql://db1:5432/",
            None,
            "postgresql://db1:5432/",
            None,
        ),
        ("postgresql://db1", None, "postgresql://db1", None),
        ("orders", None, "orders", None),
        (
            "SELECT shop",
            Some("mysql://db1/shop"),
            "mysql://db1",
            Some("shop"),
        ),
        ("", Some("Data Source=db1"), "Data Source=db1", None),
    ];
    for (url, connection, to, database) in rows {
        let sql = json!({"sql": {"url": url, "connection_string": connection}});
        let span = only(&subsegment(sql));
        let text = |key| {
            let value = attribute(&span["attributes"], key);
            value.and_then(|value| value["stringValue"].as_str())
        };
        assert_eq!(text("db.connection_string"), Some(to), "{url}");
        assert_eq!(text("db.name"), database, "{url}");
    }
}

#[test]
fn each_exception_is_an_event() {
    let span = only(&segment(json!({"cause": {"exceptions": [
        {
            "id": "00000000000000e1", "type": "Oops", "message": "boom", "remote": true,
            "truncated": 3, "skipped": 1, "cause": "00000000000000e2",
            "stack": [{"path": "a.js", "line": 7, "label": "f"}, {"label": "native", "line": null}],
        },
        {"id": "00000000000000e2"},
    ]}})));
    let text = |text: &str| json!({"stringValue": text});
    let expected = json!([
        {"key": "exception.type", "value": text("Oops")},
        {"key": "exception.message", "value": text("boom")},
        {
            "key": "exception.stacktrace",
            "value": text("Oops: boom\n\tat f(a.js: 7)\n\tat native(: 0)\n"),
        },
        {"key": "aws.xray.exception.id", "value": text("00000000000000e1")},
        {"key": "aws.xray.exception.remote", "value": {"boolValue": true}},
        {"key": "aws.xray.exception.truncated", "value": {"intValue": "3"}},
        {"key": "aws.xray.exception.skipped", "value": {"intValue": "1"}},
        {"key": "aws.xray.exception.cause", "value": text("00000000000000e2")},
    ]);
    let events = span["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["name"], "exception");
    assert_eq!(events[0]["timeUnixNano"], span["endTimeUnixNano"]);
    assert_eq!(events[0]["attributes"], expected);
}

#[test]
fn the_resource_is_that_of_the_segment_that_a_subsegment_belongs_to() {
    let mut shop = segment(json!({"service": {"version": "1.2"}, "origin": "AWS::ECS::Fargate"}));
    shop["subsegments"] = json!([{
        "id": "00000000000000a2", "name": "inside", "start_time": 1_700_000_040.2,
        "end_time": 1_700_000_040.3,
    }]);
    let mut streamed = subsegment(json!({"id": "00000000000000a3", "name": "streamed"}));
    streamed["parent_id"] = json!("00000000000000a2");
    let spans = exported(&[shop.to_string(), streamed.to_string()]);
    let spans: Vec<Value> = spans
        .iter()
        .map(|span| serde_json::from_str(&span.json()).unwrap())
        .collect();
    let parents: Vec<_> = spans
        .iter()
        .map(|span| (span["name"].clone(), span.get("parentSpanId").cloned()))
        .collect();
    let expected = [
        (json!("shop"), None),
        (json!("streamed"), Some(json!("00000000000000a2"))),
        (json!("inside"), Some(json!("00000000000000a1"))),
    ];
    assert_eq!(parents, expected);
    for span in spans {
        assert_eq!(
            span["resource"]["attributes"],
            json!([
                {"key": "service.name", "value": {"stringValue": "shop"}},
                {"key": "service.version", "value": {"stringValue": "1.2"}},
                {"key": "cloud.provider", "value": {"stringValue": "aws"}},
                {"key": "cloud.platform", "value": {"stringValue": "aws_ecs"}},
                {"key": "aws.ecs.launchtype", "value": {"stringValue": "fargate"}},
            ])
        );
    }
}

#[test]
fn a_segment_survives_being_a_span() {
    let blocks = json!({
        "ec2": {"instance_id": "i-1", "availability_zone": "z", "instance_size": "m", "ami_id": "a"},
        "eks": {"cluster_name": "c", "pod": "p", "container_id": "d"},
        "cloudwatch_logs": [{"log_group": "/g", "arn": "arn:aws:logs:r:1:log-group:/g"}],
        "xray": {"sdk": "opentelemetry for java", "sdk_version": "1.2", "auto_instrumentation": false},
        "account_id": "111122223333",
    });
    let document = segment(json!({
        "parent_id": "00000000000000ff",
        "origin": "AWS::EC2::Instance",
        "user": "u1",
        "service": {"version": "7"},
        "error": false, "throttle": false, "fault": true,
        "http": {
            "request": {
                "method": "GET", "url": "https://shop.example.com/cart?a=b", "user_agent": "ua",
                "client_ip": "10.0.0.1", "x_forwarded_for": true,
            },
            "response": {"status": 503},
        },
        "aws": blocks,
        "annotations": {"tier": "gold", "count": 3, "share": 0.5, "is_new": false},
        "links": [{"trace_id": TRACE, "id": "00000000000000b1", "attributes": {"why": "x"}}],
    }));
    let [back] = &*returned(&exported(&[document.to_string()])) else {
        panic!("one document");
    };
    let mut back = back.clone();
    // what a document says of having been a span
    back.as_object_mut().unwrap().remove("metadata");
    assert_eq!(back, document);
}

#[test]
fn metadata_and_causes_survive_being_a_span() {
    let stack = json!([
        {"path": "Shop.java", "line": 7, "label": "shop.Cart.add"},
        {"path": "Shop.java", "line": 0, "label": "shop.Main.main"},
    ]);
    let document = subsegment(json!({
        "namespace": "remote",
        "metadata": {"default": {"a": {"b": [1, null]}}, "mine": {"c": "d"}},
        "cause": {"exceptions": [
            {"id": "00000000000000e1", "type": "Oops", "message": "boom", "remote": true, "stack": stack},
        ]},
        "aws": {"xray": {"sdk": "opentelemetry for java"}},
    }));
    let [back] = &*returned(&exported(&[document.to_string()])) else {
        panic!("one document");
    };
    assert_eq!(back["metadata"]["mine"], document["metadata"]["mine"]);
    let default = &back["metadata"]["default"];
    assert_eq!(default["a"], document["metadata"]["default"]["a"]);
    assert_eq!(back["fault"], true);
    // exceptions get new ids
    let mut exception = back["cause"]["exceptions"][0].clone();
    exception["id"] = json!("00000000000000e1");
    assert_eq!(exception, document["cause"]["exceptions"][0]);
}

#[test]
fn each_origin_survives_being_a_span() {
    for origin in [
        "AWS::AppRunner::Service",
        "AWS::EKS::Container",
        "AWS::ElasticBeanstalk::Environment",
        "AWS::ECS::Container",
        "AWS::ECS::EC2",
        "AWS::ECS::Fargate",
        "AWS::EC2::Instance",
        "AWS::Lambda::Function",
    ] {
        let arn = "arn:aws:lambda:r:1:function:f";
        let document = segment(json!({"origin": origin, "resource_arn": arn}));
        let back = returned(&exported(&[document.to_string()])).remove(0);
        assert_eq!(back["origin"], origin);
        let is_function = origin == "AWS::Lambda::Function";
        assert_eq!(back.get("resource_arn").is_some(), is_function, "{origin}");
    }
}

#[test]
fn odd_members_are_passed_over() {
    let document = segment(json!({
        "name": "shop",
        "http": "none", "aws": [1], "sql": 5, "cause": 7, "metadata": [], "annotations": "x",
        "links": [{"trace_id": "x"}, 5], "service": "v", "user": 5, "origin": {},
    }));
    let span = only(&document);
    assert_eq!(span.get("links"), None);
    assert_eq!(span.get("status"), None);
    let user = json!([{"key": "enduser.id", "value": {"intValue": "5"}}]);
    assert_eq!(span["attributes"], user);
}

#[test]
fn places_choose_spans_by_start_and_id() {
    let texts: Vec<String> = (1..=5)
        .map(|number| segment(json!({"id": format!("{number:016x}")})).to_string())
        .collect();
    let parsed = parse_all(texts.iter().map(String::as_str));
    let trace = stitch(&parsed).unwrap();
    let ids = |places: Range<usize>| -> Vec<u64> {
        let spans = spans(&trace, &parsed, places);
        spans.iter().map(|span| span.id.bits()).collect()
    };
    assert_eq!(ids(0..2), [1, 2]);
    assert_eq!(ids(2..9), [3, 4, 5]);
    assert_eq!(ids(5..9), [0_u64; 0]);
}

proptest! {
    #[test]
    fn property_identity_and_times_survive_being_a_span(trace in generate::trace()) {
        prop_assume!(!trace.documents.is_empty());
        let parsed = parse_all(trace.documents.iter().map(String::as_str));
        let stitched = stitch(&parsed).unwrap();
        let spans = spans(&stitched, &parsed, 0..usize::MAX);
        prop_assert_eq!(spans.len(), stitched.members().count());
        for ((_, member), span) in stitched.members().zip(&spans) {
            let json: Value = serde_json::from_str(&span.json()).unwrap();
            prop_assert_eq!(json["spanId"].as_str(), Some(&*member.entity.id.to_string()));
            let back = returned(std::slice::from_ref(span));
            prop_assert_eq!(back.len(), 1, "{:?}", back);
            let text = back[0].to_string();
            let [again] = &*parse_all([text.as_str()]) else {
                panic!("{text} is no document");
            };
            let (again, entity) = (&again.document, member.entity);
            prop_assert_eq!(again.trace_id, stitched.trace_id);
            prop_assert_eq!(again.entity.id, entity.id);
            prop_assert_eq!(again.parent_id, member.parent_id);
            prop_assert_eq!(again.entity.start, entity.start);
            prop_assert_eq!(again.entity.end, entity.end);
            prop_assert_eq!(&again.entity.annotations, &entity.annotations);
            if entity.sql.is_none() {
                prop_assert_eq!(&again.entity.name, &entity.name);
            }
        }
    }
}
