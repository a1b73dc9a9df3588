//! The user, and the attributes that become annotations. Source: `spec/otel-mapping.md` section 8.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use serde_json::{Map, Value};

use super::attributes::{Attributes, annotation};
use super::documents::Role;
use super::object::Used;
use super::span::ReadSpan;

/// Prefix of what this module and `metadata` call a resource's attributes.
pub(super) const RESOURCE: &str = "otel.resource.";

/// Resource attributes by which a sender says what is indexed.
const INDEX_ALL: &str = "aws.xray.exporter.config.index_all_attributes";
const INDEXED: &str = "aws.xray.exporter.config.indexed_attributes";

/// The attribute in which a span names those of its own that are annotations.
const NAMED: &str = "aws.xray.annotations";

/// Where the user may stand.
const USER: [&str; 2] = ["enduser.id", "user.id"];

/// What a service segment does not repeat of the call it stands beside.
const OF_THE_CALL: [&str; 4] = [
    "aws.remote.service",
    "aws.remote.operation",
    "remoteTarget",
    "K8s.RemoteNamespace",
];

/// Which keys are indexed.
#[derive(Debug)]
pub(super) struct Indexed<'a> {
    all: bool,
    keys: BTreeSet<&'a str>,
    /// Keys that never become annotations, since they were only told to say something else.
    never: Vec<&'static str>,
}

impl<'a> Indexed<'a> {
    /// What the span and its resource say.
    pub(super) fn of(span: &ReadSpan<'a>, used: &mut Used) -> Self {
        let named = span.attributes.texts(NAMED);
        if named.is_some() {
            used.insert(NAMED);
        }
        let configured = span.resource.texts(INDEXED).unwrap_or_default();
        let mut never = vec![NAMED];
        if span.is_in_progress() {
            never.push(super::span::IN_PROGRESS);
        }
        never.extend(user_key(span));
        Self {
            all: span.resource.is_true(INDEX_ALL),
            keys: configured
                .into_iter()
                .chain(named.unwrap_or_default())
                .collect(),
            never,
        }
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        (self.all || self.keys.contains(key)) && !self.never.contains(&key)
    }
}

/// The user, who is not repeated elsewhere.
pub(super) fn user<'a>(span: &ReadSpan<'a>, used: &mut Used) -> Option<&'a str> {
    let key = user_key(span)?;
    used.insert(key);
    span.attributes.text(key)
}

fn user_key(span: &ReadSpan<'_>) -> Option<&'static str> {
    USER.into_iter()
        .find(|key| span.attributes.text(key).is_some())
}

/// The annotations: also of attributes that another block was read from.
pub(super) fn of(span: &ReadSpan<'_>, role: Role, indexed: &Indexed<'_>) -> Map<String, Value> {
    let mut annotations = Map::new();
    for (key, value) in span.attributes.iter() {
        let is_of_another = role == Role::Service && OF_THE_CALL.contains(&key);
        if !is_of_another
            && indexed.contains(key)
            && let Some(value) = annotation(value)
        {
            annotations.entry(rewritten(key)).or_insert(value);
        }
    }
    if role.is_segment() {
        for (key, value) in described(span.resource) {
            let key = format!("{RESOURCE}{key}");
            if indexed.contains(&key)
                && let Some(value) = annotation(value)
            {
                annotations.entry(rewritten(&key)).or_insert(value);
            }
        }
    }
    annotations
}

/// The attributes that describe a resource; those that say what is indexed are no data themselves.
pub(super) fn described<'a>(
    resource: Attributes<'a>,
) -> impl Iterator<Item = (&'a str, &'a AnyValue)> {
    let attributes = resource.iter();
    attributes.filter(|(key, _)| ![INDEX_ALL, INDEXED].contains(key))
}

/// The key as X-Ray allows it.
fn rewritten(key: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let chars = key.chars();
    chars.map(|c| if allowed(c) { c } else { '_' }).collect()
}
