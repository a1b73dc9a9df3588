//! A span in OTLP's JSON: ids in hexadecimal, 64-bit numbers as texts, enums as numbers, empty members
//! left out. Source: OTLP 1.x, "JSON Protobuf Encoding".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use radiograph_protocol::hex::hex;
use serde_json::{Value, json};

use crate::otlp::object::Object;

/// The span, and its resource as one member more.
pub(super) fn span(span: &Span, resource: &[KeyValue]) -> Value {
    let parent = Some(hex(&span.parent_span_id)).filter(|parent| !parent.is_empty());
    let end = Some(span.end_time_unix_nano).filter(|end| *end != 0);
    let status = span.status.as_ref().map(|status| {
        let message = Some(status.message.as_str()).filter(|text| !text.is_empty());
        Object::default()
            .put("code", Some(status.code))
            .put("message", message)
    });
    Object::default()
        .put("traceId", Some(hex(&span.trace_id)))
        .put("spanId", Some(hex(&span.span_id)))
        .put("parentSpanId", parent)
        .put("name", Some(span.name.as_str()))
        .put("kind", Some(span.kind))
        .put(
            "startTimeUnixNano",
            Some(span.start_time_unix_nano.to_string()),
        )
        .put("endTimeUnixNano", end.map(|end| end.to_string()))
        .put_array("attributes", pairs(&span.attributes))
        .put_array("events", span.events.iter().map(event).collect())
        .put_array("links", span.links.iter().map(link).collect())
        .put("status", status)
        .put("resource", Some(json!({"attributes": pairs(resource)})))
        .into()
}

fn event(event: &Event) -> Object {
    Object::default()
        .put("timeUnixNano", Some(event.time_unix_nano.to_string()))
        .put("name", Some(event.name.as_str()))
        .put_array("attributes", pairs(&event.attributes))
}

fn link(link: &Link) -> Object {
    Object::default()
        .put("traceId", Some(hex(&link.trace_id)))
        .put("spanId", Some(hex(&link.span_id)))
        .put_array("attributes", pairs(&link.attributes))
}

fn pairs(pairs: &[KeyValue]) -> Vec<Value> {
    let pair = |pair: &KeyValue| json!({"key": pair.key, "value": value(pair.value.as_ref())});
    pairs.iter().map(pair).collect()
}

fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        None => json!({}),
        Some(Held::StringValue(text)) => json!({"stringValue": text}),
        Some(Held::BoolValue(value)) => json!({"boolValue": value}),
        Some(Held::IntValue(number)) => json!({"intValue": number.to_string()}),
        Some(Held::DoubleValue(number)) => json!({"doubleValue": number}),
        Some(Held::ArrayValue(array)) => {
            let values: Vec<Value> = array.values.iter().map(|any| value(Some(any))).collect();
            json!({"arrayValue": {"values": values}})
        }
        Some(Held::KvlistValue(list)) => json!({"kvlistValue": {"values": pairs(&list.values)}}),
        Some(Held::BytesValue(bytes)) => json!({"bytesValue": STANDARD.encode(bytes)}),
        // an index into a table of texts that traces do not have
        Some(Held::StringValueStrindex(_)) => json!({}),
    }
}
