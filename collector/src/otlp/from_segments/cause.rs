//! Why a span failed: an event for each exception, or a reference to one told elsewhere.
//! Source: `spec/otel-mapping.md` section 11.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::Value;

use super::Sent;
use super::pairs::{Pairs, text_of};

/// Each exception of the cause, as of this time.
pub(super) fn events(sent: &Sent<'_>, nanos: u64) -> Vec<Event> {
    let exceptions = sent.value(&["cause", "exceptions"]);
    let exceptions = exceptions.and_then(Value::as_array).into_iter().flatten();
    let events = exceptions.map(|exception| {
        let mut pairs = Pairs::default();
        pairs.text("exception.type", text_of(exception, "type"));
        pairs.text("exception.message", text_of(exception, "message"));
        pairs.text("exception.stacktrace", stack(exception).as_deref());
        for (member, key) in [
            ("id", "aws.xray.exception.id"),
            ("remote", "aws.xray.exception.remote"),
            ("truncated", "aws.xray.exception.truncated"),
            ("skipped", "aws.xray.exception.skipped"),
            ("cause", "aws.xray.exception.cause"),
        ] {
            pairs.add(key, exception.get(member));
        }
        Event {
            time_unix_nano: nanos,
            name: "exception".to_owned(),
            attributes: pairs.into_vec(),
            dropped_attributes_count: 0,
        }
    });
    events.collect()
}

/// The id of an exception that another entity tells, in either spelling.
pub(super) fn reference<'s>(sent: &'s Sent<'_>) -> Option<&'s str> {
    let cause = sent.members.get("cause")?;
    let spelled = [cause.as_str(), text_of(cause, "id")];
    spelled.into_iter().flatten().next()
}

/// The stack as Java prints it; `None` without frames.
fn stack(exception: &Value) -> Option<String> {
    let frames = exception.get("stack")?.as_array()?;
    if frames.is_empty() {
        return None;
    }
    let kind = text_of(exception, "type").unwrap_or_default();
    let message = text_of(exception, "message").unwrap_or_default();
    let mut text = format!("{kind}: {message}\n");
    for frame in frames {
        let label = text_of(frame, "label").unwrap_or_default();
        let path = text_of(frame, "path").unwrap_or_default();
        let line = frame.get("line").and_then(Value::as_i64).unwrap_or(0);
        // writing to a text cannot fail
        let _written = writeln!(text, "\tat {label}({path}: {line})");
    }
    Some(text)
}
