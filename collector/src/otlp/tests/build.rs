//! Builds spans from literals, and reads the documents they become.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use radiograph_protocol::segment;
use serde_json::{Value, json};

use crate::otlp::{Converted, documents};

pub(super) const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";
pub(super) const START: u64 = 1_700_000_040_000_000_000;

const TRACE_BYTES: u128 = 0x6592_008a_0f1e_2d3c_4b5a_6978_8796_a5b4;

/// A root of one second.
pub(super) fn root(kind: SpanKind, name: &str, attributes: Value) -> Span {
    Span {
        trace_id: TRACE_BYTES.to_be_bytes().to_vec(),
        span_id: id_bytes(0xa1),
        name: name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: START,
        end_time_unix_nano: START + 1_000_000_000,
        attributes: pairs(attributes),
        ..Span::default()
    }
}

/// The same under the parent `a1`, with the id `a2`.
pub(super) fn child(kind: SpanKind, name: &str, attributes: Value) -> Span {
    Span {
        span_id: id_bytes(0xa2),
        parent_span_id: id_bytes(0xa1),
        ..root(kind, name, attributes)
    }
}

pub(super) fn id_bytes(id: u64) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

pub(super) fn hex(id: u64) -> String {
    format!("{id:016x}")
}

pub(super) fn failed(span: Span, message: &str) -> Span {
    let status = Status {
        message: message.to_owned(),
        code: StatusCode::Error.into(),
    };
    Span {
        status: Some(status),
        ..span
    }
}

pub(super) fn event(name: &str, attributes: Value) -> Event {
    Event {
        time_unix_nano: START + 500_000_000,
        name: name.to_owned(),
        attributes: pairs(attributes),
        dropped_attributes_count: 0,
    }
}

pub(super) fn with_events(span: Span, events: Vec<Event>) -> Span {
    Span { events, ..span }
}

/// A link to the entity with this id in the same trace.
pub(super) fn link(id: u64, attributes: Value) -> Link {
    Link {
        trace_id: TRACE_BYTES.to_be_bytes().to_vec(),
        span_id: id_bytes(id),
        attributes: pairs(attributes),
        ..Link::default()
    }
}

/// The members of a JSON object as attributes.
pub(super) fn pairs(object: Value) -> Vec<KeyValue> {
    let Value::Object(members) = object else {
        panic!("attributes are an object");
    };
    let pairs = members.into_iter().map(|(key, value)| KeyValue {
        key,
        value: Some(any(value)),
        ..KeyValue::default()
    });
    pairs.collect()
}

fn any(value: Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(value) => Some(Held::BoolValue(value)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(value) => Held::IntValue(value),
            None => Held::DoubleValue(number.as_f64().unwrap()),
        }),
        Value::String(text) => Some(Held::StringValue(text)),
        Value::Array(values) => Some(Held::ArrayValue(ArrayValue {
            values: values.into_iter().map(any).collect(),
        })),
        Value::Object(_) => Some(Held::KvlistValue(KeyValueList {
            values: pairs(value),
        })),
    };
    AnyValue { value }
}

pub(super) fn request(spans: Vec<Span>, resource: Value) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: pairs(resource),
        ..Resource::default()
    };
    let of_scope = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        }],
    }
}

/// The documents of spans, none of which is refused.
pub(super) fn convert(spans: Vec<Span>, resource: Value) -> Vec<Value> {
    let converted = documents(&request(spans, resource));
    assert_eq!(converted.refused.spans(), 0);
    read(&converted)
}

/// The documents as JSON, each one checked as PutTraceSegments checks it.
pub(super) fn read(converted: &Converted) -> Vec<Value> {
    let documents = converted.documents.iter().map(|text| {
        let parsed = segment::parse(text);
        assert!(parsed.is_ok(), "{parsed:?}: {text}");
        serde_json::from_str(text).unwrap()
    });
    documents.collect()
}

/// The one document of a span of a resource.
pub(super) fn only_of(span: Span, resource: Value) -> Value {
    let mut documents = convert(vec![span], resource);
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0)
}

/// The one document of a span.
pub(super) fn only(span: Span) -> Value {
    only_of(span, json!({}))
}

/// Both documents of a span of the service `shop`: the service's segment and the call.
pub(super) fn both(span: Span) -> [Value; 2] {
    convert(vec![span], json!({"service.name": "shop"}))
        .try_into()
        .unwrap()
}
