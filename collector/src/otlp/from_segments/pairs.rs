//! Attributes that are gathered one by one, each key once: of repeated keys the first counts.

use std::collections::HashSet;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value;

/// The attributes so far.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pairs: Vec<KeyValue>,
    keys: HashSet<String>,
}

impl Pairs {
    /// Adds an attribute if there is a value, `null` being none.
    pub(super) fn add(&mut self, key: &str, value: Option<&Value>) {
        if let Some(value) = value.and_then(held)
            && self.keys.insert(key.to_owned())
        {
            self.pairs.push(KeyValue {
                key: key.to_owned(),
                value: Some(AnyValue { value: Some(value) }),
                ..KeyValue::default()
            });
        }
    }

    /// Adds an attribute if there is a text.
    pub(super) fn text(&mut self, key: &str, text: Option<&str>) {
        self.add(key, text.map(Value::from).as_ref());
    }

    pub(super) fn into_vec(self) -> Vec<KeyValue> {
        self.pairs
    }
}

/// A member that is a text and not empty.
pub(super) fn text_of<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    let text = object.get(name)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// A JSON value as OTLP holds it. Whole numbers stay whole as far as OTLP's reach.
fn held(value: &Value) -> Option<Held> {
    let any = |value: &Value| AnyValue { value: held(value) };
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Held::BoolValue(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Held::IntValue(value),
            None => Held::DoubleValue(number.as_f64()?),
        },
        Value::String(text) => Held::StringValue(text.clone()),
        Value::Array(values) => Held::ArrayValue(ArrayValue {
            values: values.iter().map(any).collect(),
        }),
        Value::Object(members) => Held::KvlistValue(KeyValueList {
            values: members
                .iter()
                .map(|(key, value)| KeyValue {
                    key: key.clone(),
                    value: Some(any(value)),
                    ..KeyValue::default()
                })
                .collect(),
        }),
    })
}
