//! User, annotations and metadata (section 8).

use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::build::{child, event, only, only_of, pairs, read, request, root, with_events};
use crate::otlp::documents;

const INDEX_ALL: &str = "aws.xray.exporter.config.index_all_attributes";
const INDEXED: &str = "aws.xray.exporter.config.indexed_attributes";

#[test]
fn the_user_is_told_once() {
    let cases = [
        (
            json!({"enduser.id": "u1", "user.id": "u2"}),
            json!("u1"),
            json!({"user.id": "u2"}),
        ),
        (json!({"user.id": "u2"}), json!("u2"), Value::Null),
        (
            json!({"enduser.id": 7}),
            Value::Null,
            json!({"enduser.id": 7}),
        ),
    ];
    for (mut attributes, user, metadata) in cases {
        attributes["aws.xray.annotations"] = json!(["enduser.id"]);
        if user.is_null() {
            attributes["aws.xray.annotations"] = json!([]);
        }
        let document = only(root(SpanKind::Server, "x", attributes));
        assert_eq!(document["user"], user);
        assert_eq!(document["metadata"]["default"], metadata);
        assert!(document["annotations"].is_null());
    }
}

#[test]
fn an_attribute_is_an_annotation_when_it_is_named_configured_or_everything_is() {
    let attributes = json!({
        "text": "a", "int": 1, "double": 1.5, "bool": true, "list": ["a"], "map": {"a": 1}
    });
    let all = json!({"text": "a", "int": 1, "double": 1.5, "bool": true});
    let rest = json!({"list": ["a"], "map": {"a": 1}});
    let keys = json!(["text", "int", "double", "bool", "list", "map", "absent", 7]);

    let mut naming = attributes.clone();
    naming["aws.xray.annotations"] = keys.clone();
    let span = |attributes| child(SpanKind::Internal, "x", attributes);
    let ways = [
        only(span(naming)),
        only_of(span(attributes.clone()), json!({INDEXED: keys})),
        only_of(span(attributes.clone()), json!({INDEX_ALL: true})),
    ];
    for document in ways {
        assert_eq!(document["annotations"], all);
        assert_eq!(document["metadata"]["default"], rest);
    }
    let document = only_of(span(attributes.clone()), json!({INDEX_ALL: "true"}));
    assert!(document["annotations"].is_null());
    assert_eq!(document["metadata"]["default"], attributes);
}

#[test]
fn an_indexed_attribute_that_another_block_used_is_an_annotation_as_well() {
    let attributes = json!({
        "http.method": "GET", "rpc.method": "Get", "db.system": "mysql",
        "aws.xray.annotations": ["http.method", "rpc.method", "db.system"],
    });
    let document = only(child(SpanKind::Client, "x", attributes));
    let expected = json!({"http.method": "GET", "rpc.method": "Get", "db.system": "mysql"});
    assert_eq!(document["annotations"], expected);
    assert_eq!(document["http"]["request"]["method"], "GET");
    assert_eq!(document["aws"]["operation"], "Get");
    assert_eq!(document["sql"]["database_type"], "mysql");
}

#[test]
fn resource_attributes_are_on_segments_alone_under_their_prefix() {
    let resource = json!({
        "service.name": "shop", "host-name": "h", INDEXED: ["otel.resource.host-name", "host-name"]
    });
    let segment = only_of(root(SpanKind::Server, "x", json!({})), resource.clone());
    assert_eq!(
        segment["annotations"],
        json!({"otel.resource.host_name": "h"})
    );
    let metadata = json!({"otel.resource.service.name": "shop"});
    assert_eq!(segment["metadata"]["default"], metadata);
    let subsegment = only_of(child(SpanKind::Internal, "x", json!({})), resource);
    assert!(subsegment["annotations"].is_null());
    assert!(subsegment["metadata"]["default"].is_null());
}

#[test]
fn what_says_what_is_indexed_is_no_data_itself() {
    let resource = json!({"service.name": "shop", INDEX_ALL: true, INDEXED: ["a"]});
    let document = only_of(root(SpanKind::Server, "x", json!({})), resource);
    let expected = json!({"otel.resource.service.name": "shop"});
    assert_eq!(document["annotations"], expected);
    assert!(document["metadata"]["default"].is_null());
}

#[test]
fn keys_of_annotations_keep_ascii_letters_digits_and_dots() {
    let attributes = json!({
        "a-b.c_D/9é": 1, "aws.xray.annotations": ["a-b.c_D/9é"]
    });
    let document = only(root(SpanKind::Server, "x", attributes));
    assert_eq!(document["annotations"], json!({"a_b.c_D_9_": 1}));
}

#[test]
fn json_of_an_object_is_a_metadata_namespace() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(120), "]".repeat(120));
    let attributes = json!({
        "aws.xray.metadata.debug": "{\"a\":[1,{\"b\":null}]}",
        "aws.xray.metadata.Default": "{\"merged\":true}",
        "aws.xray.metadata.otel": "{\"own\":1,\"name\":\"theirs\"}",
        "aws.xray.metadata.text": "plain",
        "aws.xray.metadata.list": "[1]",
        "aws.xray.metadata.number": 7,
        "aws.xray.metadata.deep": deep.clone(),
    });
    let document = only(child(SpanKind::Internal, "compute", attributes));
    let expected = json!({
        "debug": {"a": [1, {"b": null}]},
        "default": {
            "merged": true, "aws.xray.metadata.text": "plain", "aws.xray.metadata.list": "[1]",
            "aws.xray.metadata.number": 7, "aws.xray.metadata.deep": deep,
        },
        "otel": {"own": 1, "name": "theirs", "kind": "INTERNAL"},
    });
    assert_eq!(document["metadata"], expected);
}

#[test]
fn what_x_ray_has_no_place_for_is_in_the_namespace_otel() {
    let span = Span {
        trace_state: "k=v".to_owned(),
        ..with_events(
            root(SpanKind::Server, "GET /cart?", json!({})),
            vec![event("cache-miss", json!({"k": "v"})), event("", json!({}))],
        )
    };
    let mut request = request(vec![span], json!({}));
    request.resource_spans[0].scope_spans[0].scope = Some(InstrumentationScope {
        name: "demo".to_owned(),
        version: "1.2".to_owned(),
        attributes: pairs(json!({"a": 1})),
        ..InstrumentationScope::default()
    });
    let document = &read(&documents(&request))[0];
    let expected = json!({"otel": {
        "name": "GET /cart?",
        "kind": "SERVER",
        "scope": {"name": "demo", "version": "1.2", "attributes": {"a": 1}},
        "events": [
            {"name": "cache-miss", "time": 1_700_000_040.5, "attributes": {"k": "v"}},
            {"time": 1_700_000_040.5},
        ],
        "trace_state": "k=v",
    }});
    assert_eq!(document["metadata"], expected);
    let bare = only(root(SpanKind::Unspecified, "", json!({})));
    assert!(bare["metadata"].is_null(), "empty members are left out");
}

/// A span with attributes that JSON literals cannot give.
fn holding(values: Vec<(&str, Option<Held>)>) -> Span {
    let attributes = values.into_iter().map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value }),
        ..KeyValue::default()
    });
    Span {
        attributes: attributes.collect(),
        ..child(SpanKind::Internal, "x", json!({}))
    }
}

#[test]
fn values_that_json_cannot_hold_become_text_and_are_never_annotations() {
    let document = only_of(
        holding(vec![
            ("nan", Some(Held::DoubleValue(f64::NAN))),
            ("up", Some(Held::DoubleValue(f64::INFINITY))),
            ("down", Some(Held::DoubleValue(f64::NEG_INFINITY))),
            ("bytes", Some(Held::BytesValue(vec![0, 255]))),
            ("least", Some(Held::IntValue(i64::MIN))),
            ("index", Some(Held::StringValueStrindex(1))),
            ("nothing", None),
        ]),
        json!({INDEX_ALL: true}),
    );
    let expected = json!({"nan": "NaN", "up": "Infinity", "down": "-Infinity", "bytes": "AP8="});
    assert_eq!(document["metadata"]["default"], expected);
    assert_eq!(document["annotations"], json!({"least": i64::MIN}));
}

#[test]
fn of_repeated_keys_the_first_counts() {
    let text = |text: &str| Some(Held::StringValue(text.to_owned()));
    let span = holding(vec![("k", text("a")), ("k", text("b"))]);
    assert_eq!(only(span.clone())["metadata"]["default"]["k"], "a");
    let indexed = only_of(span, json!({INDEX_ALL: true}));
    assert_eq!(indexed["annotations"]["k"], "a");
}

#[test]
fn values_nested_deeper_than_a_document_may_be_are_cut() {
    let mut value = json!(1);
    for _ in 0..200 {
        value = json!([value]);
    }
    let document = only(child(SpanKind::Internal, "x", json!({"deep": value})));
    let mut levels = 0;
    let mut kept = &document["metadata"]["default"]["deep"];
    while let Some(array) = kept.as_array() {
        levels += 1;
        kept = &array[0];
    }
    assert_eq!((levels, kept), (100, &Value::Null));
}
