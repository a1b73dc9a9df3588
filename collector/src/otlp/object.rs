//! A JSON object that is built member by member; what is missing or empty is left out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keys of attributes that a block was read from; they do not reappear as metadata.
pub(super) type Used = BTreeSet<&'static str>;

/// The object so far. Members come out sorted by name, so equal spans give equal bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Adds a member if there is a value.
    pub(super) fn put<V: Into<Value>>(mut self, name: &str, value: Option<V>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Adds a member unless it is an empty object.
    pub(super) fn put_object(self, name: &str, value: impl Into<Map<String, Value>>) -> Self {
        let value = value.into();
        self.put(name, (!value.is_empty()).then_some(value))
    }

    /// Adds a member unless it is an empty array.
    pub(super) fn put_array<V: Into<Value>>(self, name: &str, values: Vec<V>) -> Self {
        let is_empty = values.is_empty();
        self.put(name, (!is_empty).then_some(values))
    }

    /// Adds all members of `other`.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// This object, unless it is empty.
    pub(super) fn non_empty(self) -> Option<Self> {
        (!self.0.is_empty()).then_some(self)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

impl From<Object> for Map<String, Value> {
    fn from(object: Object) -> Self {
        object.0
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Value::from(self.clone()).fmt(f)
    }
}
