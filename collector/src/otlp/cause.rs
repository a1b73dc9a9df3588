//! Flags and cause: what the HTTP status, the status and the events of a span say of its failure.
//!
//! An event that becomes an exception does not reappear as metadata, unless it brought a stack trace
//! of which no frame could be read. Source: `spec/otel-mapping.md` section 5.

use opentelemetry_proto::tonic::trace::v1::span::Event;
use radiograph_protocol::segment::SentFlags;
use serde_json::Value;

use super::attributes::Attributes;
use super::http::STATUS;
use super::object::{Object, Used};
use super::span::ReadSpan;
use super::stack::{self, Frame};
use crate::derived_id::derived_id;

/// Where instrumentation from before the status message put it.
const STATUS_TEXT: &str = "http.status_text";

/// The `cause` block, and the events that are not wholly in it.
#[derive(Debug)]
pub(super) struct Cause<'a> {
    pub(super) object: Option<Object>,
    pub(super) other_events: Vec<&'a Event>,
}

/// `error`, `throttle` and `fault`. An HTTP status of 4xx or 5xx wins over the span's status.
pub(super) fn flags(span: &ReadSpan<'_>) -> SentFlags {
    let status = span.attributes.first_integer(&STATUS);
    match status {
        Some(400..=499) => SentFlags {
            error: true,
            throttle: status == Some(429),
            fault: false,
        },
        Some(500..=599) => SentFlags {
            fault: true,
            ..SentFlags::default()
        },
        _ => SentFlags {
            fault: span.is_error(),
            ..SentFlags::default()
        },
    }
}

/// Every exception the events tell of; without any, the message of an ERROR status.
pub(super) fn of<'a>(span: &ReadSpan<'a>, used: &mut Used) -> Cause<'a> {
    let mut exceptions = Exceptions {
        span,
        described: Vec::new(),
    };
    let mut other_events = Vec::new();
    for event in span.events() {
        if !exceptions.describe(event) {
            other_events.push(event);
        }
    }
    if exceptions.described.is_empty() && span.is_error() {
        let text = span.attributes.text(STATUS_TEXT);
        if span.status_message().is_none() && text.is_some() {
            used.insert(STATUS_TEXT);
        }
        if let Some(message) = span.status_message().or(text) {
            exceptions.add(Object::default().put("message", Some(message)));
        }
    }
    let object = Object::default()
        .put_array("exceptions", exceptions.described)
        .non_empty();
    Cause {
        object,
        other_events,
    }
}

struct Exceptions<'s, 'a> {
    span: &'s ReadSpan<'a>,
    described: Vec<Value>,
}

impl Exceptions<'_, '_> {
    /// Adds what an event tells; false when some of it is left for the metadata.
    fn describe(&mut self, event: &Event) -> bool {
        let attributes = Attributes::of(&event.attributes);
        match event.name.as_str() {
            "exception" => self.describe_exception(attributes),
            "HTTP request failure" if self.span.is_aws_api() => {
                self.describe_failed_attempt(event.time_unix_nano, attributes)
            }
            _ => false,
        }
    }

    fn describe_exception(&mut self, attributes: Attributes<'_>) -> bool {
        let text = attributes.text("exception.stacktrace");
        let language = self.span.resource.text("telemetry.sdk.language");
        let thrown = stack::read(language.unwrap_or_default(), text.unwrap_or_default());
        let has_frames = thrown.iter().any(|thrown| !thrown.stack.is_empty());
        let count = thrown.len();
        for (index, thrown) in thrown.into_iter().enumerate() {
            // the first is what the event describes, the others are told in its stack trace alone
            let (kind, message) = if index == 0 {
                (
                    attributes.text("exception.type"),
                    attributes.text("exception.message"),
                )
            } else {
                let message = Some(&*thrown.message).filter(|text| !text.is_empty());
                (Some(thrown.kind), message)
            };
            let cause = (index + 1 < count).then(|| self.id(self.described.len() + 1));
            let exception = Object::default()
                .put("type", kind)
                .put("message", message)
                .put("remote", Some(self.span.is_call()))
                .put("cause", cause)
                .put_array("stack", thrown.stack.iter().map(frame).collect());
            self.add(exception);
        }
        has_frames || text.is_none()
    }

    /// One attempt of an AWS SDK that was answered with an error.
    fn describe_failed_attempt(&mut self, nanos: u64, attributes: Attributes<'_>) -> bool {
        let status = attributes.integer("http.response.status_code");
        let message = attributes.text("aws.http.error_message");
        let Some((status, message)) = status.zip(message) else {
            return false;
        };
        let (seconds, micros) = (nanos / 1_000_000_000, nanos / 1000 % 1_000_000);
        let exception = Object::default()
            .put("type", Some("aws.http.error.event"))
            .put(
                "message",
                Some(format!("{status}@{seconds}.{micros:06}@{message}")),
            )
            .put("remote", Some(true));
        self.add(exception);
        true
    }

    fn add(&mut self, exception: Object) {
        let id = self.id(self.described.len());
        self.described.push(exception.put("id", Some(id)).into());
    }

    fn id(&self, index: usize) -> String {
        let (trace_id, id) = (self.span.trace_id, self.span.id);
        derived_id(&format!("exception:{trace_id}:{id}:{index}")).to_string()
    }
}

/// A line of 0 is an unknown one, as the exporter writes it.
fn frame(frame: &Frame<'_>) -> Object {
    let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Object::default()
        .put("path", non_empty(frame.path))
        .put("line", Some(frame.line))
        .put("label", non_empty(frame.label))
}
