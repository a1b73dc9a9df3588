//! Whatever spans hold, their documents pass the checks, and the same spans give the same bytes.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use radiograph_protocol::segment;
use serde_json::json;

use super::build::{pairs, read, request};
use crate::otlp::{decode_datagram_body, documents};

/// Keys that some rule reads, and any other.
const KEYS: &[&str] = &[
    "aws.span.kind",
    "aws.local.service",
    "aws.remote.service",
    "peer.service",
    "aws.service",
    "db.name",
    "db.system",
    "db.connection_string",
    "rpc.system",
    "rpc.method",
    "http.method",
    "http.url",
    "http.host",
    "http.status_code",
    "http.target",
    "net.peer.name",
    "net.peer.port",
    "client.address",
    "aws.dynamodb.table_names",
    "aws.lambda.invoked_arn",
    "aws.xray.annotations",
    "aws.xray.inprogress",
    "aws.xray.metadata.x",
    "aws.xray.metadata.default",
    "enduser.id",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "service.name",
    "cloud.platform",
    "host.id",
    "telemetry.sdk.language",
    "aws.log.group.arns",
    "aws.xray.exporter.config.index_all_attributes",
];

/// Texts that some rule tells apart, and any other.
const TEXTS: &[&str] = &[
    "LOCAL_ROOT",
    "aws-api",
    "mysql",
    "aws_ecs",
    "aws_lambda",
    "java",
    "python",
    "go",
    "dotnet",
    "nodejs",
    "AWS.SDK.",
    "jdbc:mysql://[",
    "{\"a\":{}}",
    "a\n\tat (:1)\nCaused by: \nCaused by:x: y\n\tat /(",
    "  File \"\", line 1, in \nDuring handling of the above exception, another exception occurred:",
    "    at (:1:2)\n    at :1)\n   at ) in :line \ngoroutine :\nx\n:1",
    "\u{0}\u{7f}\u{2028}\"\\",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(TEXTS).prop_map(str::to_owned),
        ".{0,20}",
        "[a-z:/@\\[\\](). \t\n]{0,40}",
        Just("é".repeat(300)),
    ]
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|text| Some(Held::StringValue(text))),
        any::<bool>().prop_map(|value| Some(Held::BoolValue(value))),
        any::<i64>().prop_map(|value| Some(Held::IntValue(value))),
        any::<f64>().prop_map(|value| Some(Held::DoubleValue(value))),
        vec(any::<u8>(), 0..5).prop_map(|bytes| Some(Held::BytesValue(bytes))),
        any::<i32>().prop_map(|index| Some(Held::StringValueStrindex(index))),
    ];
    leaf.prop_map(|value| AnyValue { value })
        .prop_recursive(4, 16, 4, |inner| {
            let array =
                vec(inner.clone(), 0..4).prop_map(|values| Held::ArrayValue(ArrayValue { values }));
            let list = vec((text(), inner), 0..4).prop_map(|members| {
                let values = members.into_iter().map(|(key, value)| pair(key, value));
                Held::KvlistValue(KeyValueList {
                    values: values.collect(),
                })
            });
            prop_oneof![array, list].prop_map(|value| AnyValue { value: Some(value) })
        })
}

fn pair(key: String, value: AnyValue) -> KeyValue {
    KeyValue {
        key,
        value: Some(value),
        ..KeyValue::default()
    }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![
        4 => proptest::sample::select(KEYS).prop_map(str::to_owned),
        1 => text(),
    ];
    let known = (key.clone(), text()).prop_map(|(key, text)| {
        let value = Some(Held::StringValue(text));
        pair(key, AnyValue { value })
    });
    let other = (key, value()).prop_map(|(key, value)| pair(key, value));
    vec(prop_oneof![known, other], 0..12)
}

fn event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![
        Just("exception".to_owned()),
        Just("HTTP request failure".to_owned()),
        text(),
    ];
    (name, any::<u64>(), attributes()).prop_map(|(name, time_unix_nano, attributes)| Event {
        time_unix_nano,
        name,
        attributes,
        dropped_attributes_count: 0,
    })
}

fn id(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), bytes),
        1 => Just(vec![0; bytes]),
        1 => vec(any::<u8>(), 0..20),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    (id(16), id(8), attributes()).prop_map(|(trace_id, span_id, attributes)| Link {
        trace_id,
        span_id,
        attributes,
        ..Link::default()
    })
}

fn span() -> impl Strategy<Value = Span> {
    (
        (id(16), id(8), prop_oneof![Just(Vec::new()), id(8)]),
        (text(), -1..8_i32, any::<u64>(), any::<u64>(), text()),
        attributes(),
        (vec(event(), 0..4), vec(link(), 0..4)),
        proptest::option::of((text(), -1..4_i32)),
    )
        .prop_map(|(ids, own, attributes, (events, links), status)| Span {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            name: own.0,
            kind: own.1,
            start_time_unix_nano: own.2,
            end_time_unix_nano: own.3,
            trace_state: own.4,
            attributes,
            events,
            links,
            status: status.map(|(message, code)| Status { message, code }),
            ..Span::default()
        })
}

proptest! {
    #[test]
    fn property_every_document_passes_the_checks(spans in vec(span(), 1..4), resource in attributes()) {
        let count = spans.len();
        let mut request = request(spans, json!({}));
        request.resource_spans[0].resource.as_mut().unwrap().attributes = resource;
        let converted = documents(&request);
        for text in &converted.documents {
            let parsed = segment::parse(text);
            prop_assert!(parsed.is_ok(), "{parsed:?}: {text}");
        }
        let made = count - converted.refused.spans();
        prop_assert!((made..=2 * made).contains(&converted.documents.len()));
    }

    #[test]
    fn property_the_same_spans_give_the_same_bytes(span in span()) {
        let sent = request(vec![span], json!({"service.name": "shop"}));
        let received = Message::decode(&*sent.encode_to_vec()).unwrap();
        prop_assert_eq!(documents(&sent), documents(&received));
    }

    #[test]
    fn property_the_order_of_different_attributes_does_not_matter(span in span()) {
        let own = pairs(json!({"a": 1, "b": "x", "http.method": "GET", "aws.xray.metadata.n": "{}"}));
        let reversed = own.iter().rev().cloned().collect();
        let of = |attributes| {
            let span = Span { attributes, ..span.clone() };
            documents(&request(vec![span], json!({})))
        };
        prop_assert_eq!(of(own), of(reversed));
    }

    #[test]
    fn property_no_text_makes_the_reader_panic(text in "(T1[SU])?([A-Za-z0-9+/]{4}){0,20}(=|==)?.?") {
        if let Ok(crate::otlp::OtlpBody::Sampled(converted)) = decode_datagram_body(&text) {
            read(&converted);
        }
    }
}
