//! The attributes of a span: its request, what it called, annotations and metadata.
//! Source: `spec/otel-mapping.md` section 11.

use serde_json::Value;

use super::Sent;
use super::pairs::{Pairs, text_of};

pub(super) fn http(sent: &Sent<'_>, pairs: &mut Pairs) {
    for (block, member, key) in [
        ("request", "method", "http.method"),
        ("request", "url", "http.url"),
        ("request", "user_agent", "http.user_agent"),
        ("request", "client_ip", "http.client_ip"),
        ("request", "x_forwarded_for", "aws.xray.x_forwarded_for"),
        ("response", "status", "http.status_code"),
        ("response", "content_length", "http.response_content_length"),
    ] {
        pairs.add(key, sent.value(&["http", block, member]));
    }
}

/// What is called. Of a segment's own block the account is the resource's.
pub(super) fn aws(sent: &Sent<'_>, pairs: &mut Pairs) {
    if sent.member.entity.namespace.as_deref() == Some("aws") {
        pairs.add("aws.service", sent.value(&["name"]));
    }
    if !sent.member.is_segment {
        pairs.add("aws.account_id", sent.value(&["aws", "account_id"]));
    }
    for (member, key) in [
        ("operation", "aws.operation"),
        ("region", "aws.region"),
        ("request_id", "aws.request_id"),
        ("queue_url", "aws.queue_url"),
        ("table_name", "aws.table_name"),
        ("table_names", "aws.dynamodb.table_names"),
        ("bucket_name", "aws.s3.bucket"),
        ("topic_arn", "aws.sns.topic.arn"),
        ("function_name", "faas.invoked_name"),
        ("retries", "aws.xray.retries"),
    ] {
        pairs.add(key, sent.value(&["aws", member]));
    }
}

pub(super) fn sql(sent: &Sent<'_>, pairs: &mut Pairs) {
    let Some(sql) = sent.members.get("sql") else {
        return;
    };
    pairs.text("db.system", text_of(sql, "database_type"));
    pairs.text("db.statement", text_of(sql, "sanitized_query"));
    pairs.text("db.user", text_of(sql, "user"));
    // drivers without URLs, and what was a span before, tell the place as a connection string
    let given = ["url", "connection_string"].map(|member| text_of(sql, member));
    let split = given.into_iter().flatten().find_map(split);
    if let Some((connection, database)) = split {
        pairs.text("db.connection_string", Some(connection));
        pairs.text("db.name", Some(database));
    } else {
        let [url, connection] = given;
        pairs.text("db.connection_string", url.or(connection));
    }
}

/// A URL before the last part of its path, and that part; `None` when it has none.
fn split(url: &str) -> Option<(&str, &str)> {
    let (connection, database) = url.rsplit_once('/')?;
    let (_, place) = connection.split_once("://")?;
    (!place.is_empty() && !database.is_empty()).then_some((connection, database))
}

/// The annotations under their own keys, and the list of those keys by which they are known.
pub(super) fn annotations(sent: &Sent<'_>, pairs: &mut Pairs) {
    let annotations = sent.members.get("annotations").and_then(Value::as_object);
    let mut keys = Vec::new();
    for (key, value) in annotations.into_iter().flatten() {
        pairs.add(key, Some(value));
        if value.is_string() || value.is_number() || value.is_boolean() {
            keys.push(Value::from(key.as_str()));
        }
    }
    if !keys.is_empty() {
        pairs.add("aws.xray.annotations", Some(&Value::Array(keys)));
    }
}

/// Each namespace as the JSON text of its members.
pub(super) fn metadata(sent: &Sent<'_>, pairs: &mut Pairs) {
    let metadata = sent.members.get("metadata").and_then(Value::as_object);
    for (namespace, members) in metadata.into_iter().flatten() {
        let key = format!("aws.xray.metadata.{namespace}");
        pairs.text(&key, Some(&members.to_string()));
    }
}
