//! Metadata: every attribute that found no other place, and what X-Ray has no place for at all.
//! Source: `spec/otel-mapping.md` section 8.
//!
//! Of members that meet under one name the first counts: attributes of the span in their order, then
//! those of its resource. An event is `{"name", "time", "attributes"}`, its time in epoch seconds.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use serde_json::{Map, Value};

use super::annotations::{Indexed, RESOURCE, described};
use super::attributes::{Attributes, DEPTH_MAX, annotation, json};
use super::documents::Role;
use super::object::{Object, Used};
use super::span::{ReadSpan, seconds};

/// Prefix of an attribute whose value is the JSON text of a whole namespace.
const NAMESPACE: &str = "aws.xray.metadata.";

const DEFAULT: &str = "default";

type Namespaces = BTreeMap<String, Map<String, Value>>;

/// The namespaces with their members. A service segment beside a call only has its resource.
pub(super) fn of(
    span: &ReadSpan<'_>,
    role: Role,
    indexed: &Indexed<'_>,
    used: &Used,
    other_events: &[&Event],
) -> Map<String, Value> {
    let mut namespaces = Namespaces::new();
    if role != Role::Service {
        add_attributes(&mut namespaces, span, indexed, used);
        add(&mut namespaces, "otel", lost(span, other_events));
    }
    if role.is_segment() {
        add_resource(&mut namespaces, span.resource, indexed);
    }
    namespaces
        .into_iter()
        .filter(|(_, members)| !members.is_empty())
        .map(|(name, members)| (name, Value::Object(members)))
        .collect()
}

fn add(namespaces: &mut Namespaces, name: &str, members: impl Into<Map<String, Value>>) {
    let namespace = namespaces.entry(name.to_owned()).or_default();
    for (key, value) in members.into() {
        namespace.entry(key).or_insert(value);
    }
}

fn add_attributes(
    namespaces: &mut Namespaces,
    span: &ReadSpan<'_>,
    indexed: &Indexed<'_>,
    used: &Used,
) {
    for (key, value) in span.attributes.iter() {
        let is_annotation = indexed.contains(key) && annotation(value).is_some();
        if is_annotation || used.contains(key) {
            continue;
        }
        let Some(value) = json(value) else { continue };
        match namespace_in(key, &value) {
            Some((name, members)) if name.eq_ignore_ascii_case(DEFAULT) => {
                add(namespaces, DEFAULT, members);
            }
            Some((name, members)) => add(namespaces, name, members),
            None => add(namespaces, DEFAULT, Object::default().put(key, Some(value))),
        }
    }
}

fn add_resource(namespaces: &mut Namespaces, resource: Attributes<'_>, indexed: &Indexed<'_>) {
    for (key, value) in described(resource) {
        let name = format!("{RESOURCE}{key}");
        let is_annotation = indexed.contains(&name) && annotation(value).is_some();
        if is_annotation {
            continue;
        }
        add(
            namespaces,
            DEFAULT,
            Object::default().put(&name, json(value)),
        );
    }
}

/// A namespace given as JSON text; `None` for an attribute that is no such thing, is no object, or
/// nests deeper than a document may.
fn namespace_in<'a>(key: &'a str, value: &Value) -> Option<(&'a str, Map<String, Value>)> {
    let name = key.strip_prefix(NAMESPACE)?;
    let members: Map<String, Value> = serde_json::from_str(value.as_str()?).ok()?;
    let is_shallow = members.values().all(|value| is_within(value, DEPTH_MAX));
    is_shallow.then_some((name, members))
}

fn is_within(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return false;
    };
    match value {
        Value::Array(elements) => elements.iter().all(|value| is_within(value, below)),
        Value::Object(members) => members.values().all(|value| is_within(value, below)),
        _ => true,
    }
}

/// What the exporter loses.
fn lost(span: &ReadSpan<'_>, other_events: &[&Event]) -> Object {
    let events = other_events.iter().map(|event| {
        Object::default()
            .put("name", non_empty(&event.name))
            .put("time", Some(seconds(event.time_unix_nano)))
            .put_object("attributes", Attributes::of(&event.attributes).to_json())
    });
    Object::default()
        .put("name", non_empty(span.name))
        .put("kind", kind(span.kind))
        .put_object("scope", scope(span))
        .put_array("events", events.collect())
        .put("trace_state", span.trace_state())
}

fn scope(span: &ReadSpan<'_>) -> Object {
    let Some(scope) = span.scope else {
        return Object::default();
    };
    Object::default()
        .put("name", non_empty(&scope.name))
        .put("version", non_empty(&scope.version))
        .put_object("attributes", Attributes::of(&scope.attributes).to_json())
}

const fn kind(kind: SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Unspecified => None,
        SpanKind::Internal => Some("INTERNAL"),
        SpanKind::Server => Some("SERVER"),
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
    }
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
