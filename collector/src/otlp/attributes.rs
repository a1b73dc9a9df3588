//! Attributes as OTLP carries them: read by key, and turned into JSON.
//!
//! Of repeated keys the first counts. Values of another type than asked for are absent, as in the
//! exporter. What JSON cannot hold becomes text: NaN and the infinities under the names that
//! protobuf's own JSON gives them, bytes in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use serde_json::{Map, Number, Value};

/// Levels of nesting that are kept of an attribute's value. With the levels around it a document
/// stays below [`radiograph_protocol::limits::DOCUMENT_DEPTH_MAX`].
pub(super) const DEPTH_MAX: usize = 100;

/// The attributes of a span, resource, event or link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a>(&'a [KeyValue]);

impl<'a> Attributes<'a> {
    pub(super) const fn of(pairs: &'a [KeyValue]) -> Self {
        Self(pairs)
    }

    /// All that have a value, in the sender's order.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'a str, &'a AnyValue)> {
        self.0.iter().filter_map(|pair| {
            let value = pair.value.as_ref()?.value.as_ref()?;
            Some((pair.key.as_str(), value))
        })
    }

    pub(super) fn value(self, key: &str) -> Option<&'a AnyValue> {
        self.iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value)
    }

    /// The text under `key`, unless empty.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        match self.value(key) {
            Some(AnyValue::StringValue(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The text under the first of `keys` that has one.
    pub(super) fn first_text(self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// The integer under `key`; older instrumentation sends ports and statuses as text.
    pub(super) fn integer(self, key: &str) -> Option<i64> {
        match self.value(key)? {
            AnyValue::IntValue(value) => Some(*value),
            AnyValue::StringValue(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn first_integer(self, keys: &[&str]) -> Option<i64> {
        keys.iter().find_map(|key| self.integer(key))
    }

    /// Whether the Boolean under `key` is true.
    pub(super) fn is_true(self, key: &str) -> bool {
        matches!(self.value(key), Some(AnyValue::BoolValue(true)))
    }

    /// The texts in the array under `key`; `None` when there is no array.
    pub(super) fn texts(self, key: &str) -> Option<Vec<&'a str>> {
        let Some(AnyValue::ArrayValue(array)) = self.value(key) else {
            return None;
        };
        let texts = array.values.iter().filter_map(|value| match &value.value {
            Some(AnyValue::StringValue(text)) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        });
        Some(texts.collect())
    }

    /// All of them as one JSON object.
    pub(super) fn to_json(self) -> Map<String, Value> {
        object(self.0, DEPTH_MAX)
    }
}

/// The JSON of a value; `None` for a value without one.
pub(super) fn json(value: &AnyValue) -> Option<Value> {
    json_within(value, DEPTH_MAX)
}

/// The value of an annotation: text, Boolean or finite number.
pub(super) fn annotation(value: &AnyValue) -> Option<Value> {
    match value {
        AnyValue::StringValue(_) | AnyValue::BoolValue(_) | AnyValue::IntValue(_) => json(value),
        AnyValue::DoubleValue(number) => Number::from_f64(*number).map(Value::Number),
        _ => None,
    }
}

fn json_within(value: &AnyValue, levels: usize) -> Option<Value> {
    Some(match value {
        AnyValue::StringValue(text) => Value::String(text.clone()),
        AnyValue::BoolValue(value) => Value::Bool(*value),
        AnyValue::IntValue(value) => Value::from(*value),
        AnyValue::DoubleValue(value) => double(*value),
        AnyValue::BytesValue(bytes) => Value::String(STANDARD.encode(bytes)),
        AnyValue::ArrayValue(array) => {
            let levels = levels.checked_sub(1)?;
            let elements = array.values.iter().map(|element| {
                let value = element.value.as_ref();
                value.and_then(|value| json_within(value, levels))
            });
            // a missing element is null, so that the others keep their places
            Value::Array(elements.map(Option::unwrap_or_default).collect())
        }
        AnyValue::KvlistValue(list) => Value::Object(object(&list.values, levels.checked_sub(1)?)),
        // an index into a table of strings that traces do not have
        AnyValue::StringValueStrindex(_) => return None,
    })
}

fn object(pairs: &[KeyValue], levels: usize) -> Map<String, Value> {
    let mut members = Map::new();
    for (key, value) in Attributes::of(pairs).iter() {
        if let Some(value) = json_within(value, levels) {
            members.entry(key).or_insert(value);
        }
    }
    members
}

fn double(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::from("NaN"),
        None if value > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}
