//! Requests and answers about pins, which X-Ray has not: in the form of its API, and what may stand in
//! them. Pure.

use radiograph_protocol::api::{self, RequestTime, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::count::Held;
use super::pin_set::{Pin, Pinned};
use crate::filter;
use crate::groups::group_set::refused;

/// Trace ids in a pin at most.
pub const TRACE_IDS_MAX: usize = 100;
/// Characters of a note at most.
pub const NOTE_CHARS_MAX: usize = 500;

/// Request of CreatePin: trace ids, or a window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatePinRequest {
    /// The traces to keep.
    pub trace_ids: Option<Vec<String>>,
    /// Start of the window, inclusive.
    pub start_time: Option<RequestTime>,
    /// End of the window, exclusive.
    pub end_time: Option<RequestTime>,
    /// Which traces of the window; all without one.
    pub filter_expression: Option<String>,
    /// Why, for people.
    pub note: Option<String>,
}

/// Request of DeletePin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletePinRequest {
    /// The pin; required.
    pub pin_id: Option<u64>,
}

/// Answer of CreatePin.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatePinResponse {
    /// The new pin.
    pub pin: ShownPin,
}

/// Answer of DeletePin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletePinResponse {}

/// Answer of Pins.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PinsResponse {
    /// All of them, in the order of their making.
    pub pins: Vec<ShownPin>,
}

/// A pin as answers show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownPin {
    /// To delete it by.
    pub pin_id: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The traces, unless it is a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_ids: Option<Vec<TraceId>>,
    /// Start of its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// End of its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// Which traces of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_expression: Option<String>,
    /// Traces that it holds now.
    pub trace_count: u64,
    /// Length of their documents.
    pub bytes: u64,
    /// Whether everything was counted; else there may be more.
    pub is_count_complete: bool,
}

impl ShownPin {
    /// A pin and what it holds.
    #[must_use]
    pub(super) fn new(pin: Pin, held: Held) -> Self {
        let mut shown = Self {
            pin_id: pin.id,
            created_at: pin.created,
            note: pin.note,
            trace_ids: None,
            start_time: None,
            end_time: None,
            filter_expression: None,
            trace_count: held.traces,
            bytes: held.bytes,
            is_count_complete: held.is_complete,
        };
        match pin.what {
            Pinned::Traces(trace_ids) => shown.trace_ids = Some(trace_ids),
            Pinned::Window {
                start,
                end,
                filter_expression,
            } => {
                shown.start_time = Some(start);
                shown.end_time = Some(end);
                shown.filter_expression = filter_expression;
            }
        }
        shown
    }
}

impl DeletePinRequest {
    /// The pin that is meant.
    ///
    /// # Errors
    /// `InvalidRequestException` when none is given.
    pub(super) fn id(&self) -> Result<u64, ApiError> {
        required(self.pin_id, "PinId")
    }
}

/// What a request wants to be pinned, and its note.
///
/// # Errors
/// `InvalidRequestException` for the first unsound member.
pub(super) fn checked(request: CreatePinRequest) -> Result<(Pinned, Option<String>), ApiError> {
    let refused = |message: &str| Err(ApiError::invalid_request(message));
    let note = note(request.note)?;
    let has_window = request.start_time.is_some() || request.end_time.is_some();
    let Some(trace_ids) = request.trace_ids else {
        if !has_window {
            return refused("Provide either TraceIds or StartTime and EndTime");
        }
        let RequestTime(start) = required(request.start_time, "StartTime")?;
        let RequestTime(end) = required(request.end_time, "EndTime")?;
        if start >= end {
            return refused("End time must be later than start time");
        }
        let filter_expression = filter_expression(request.filter_expression)?;
        let window = Pinned::Window {
            start,
            end,
            filter_expression,
        };
        return Ok((window, note));
    };
    if has_window {
        return refused("Provide either TraceIds or StartTime and EndTime");
    }
    if request.filter_expression.is_some() {
        return refused("FilterExpression requires StartTime and EndTime");
    }
    Ok((Pinned::Traces(ids(&trace_ids)?), note))
}

fn ids(texts: &[String]) -> Result<Vec<TraceId>, ApiError> {
    if texts.is_empty() {
        return Err(ApiError::invalid_request("Zero trace ids provided"));
    }
    if texts.len() > TRACE_IDS_MAX {
        let message = format!("Exceeding maximum number of trace ids in a pin: {TRACE_IDS_MAX}");
        return Err(ApiError::invalid_request(message));
    }
    api::distinct_trace_ids(texts)
}

/// A filter that is given has to be one. It may not name a group, which may change or go while the pin
/// stays.
fn filter_expression(text: Option<String>) -> Result<Option<String>, ApiError> {
    let text = text.filter(|text| !text.trim().is_empty());
    if let Some(text) = &text {
        filter::parse_group(text).map_err(|error| refused(&error))?;
    }
    Ok(text)
}

fn note(note: Option<String>) -> Result<Option<String>, ApiError> {
    let note = note.filter(|note| !note.trim().is_empty());
    if note
        .as_ref()
        .is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX)
    {
        let message = format!("Note must have {NOTE_CHARS_MAX} characters at most");
        return Err(ApiError::invalid_request(message));
    }
    Ok(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use radiograph_protocol::api::decode;

    fn check(body: &str) -> Result<(Pinned, Option<String>), String> {
        let request = decode(body.as_bytes()).map_err(|error| error.message)?;
        checked(request).map_err(|error| error.message)
    }

    #[test]
    fn each_unsound_request_is_refused_by_name() {
        let many: Vec<String> = (0..=TRACE_IDS_MAX)
            .map(|number| format!("\"1-6592008a-{number:024x}\""))
            .collect();
        let many = format!("{{\"TraceIds\":[{}]}}", many.join(","));
        let note = format!(
            "{{\"TraceIds\":[\"1-6592008a-000000000000000000000001\"],\"Note\":\"{}\"}}",
            "x".repeat(NOTE_CHARS_MAX + 1)
        );
        let either = "Provide either TraceIds or StartTime and EndTime";
        let id = "1-6592008a-000000000000000000000001";
        let rows = [
            ("{}", either),
            ("{\"TraceIds\":[],\"StartTime\":1}", either),
            ("{\"TraceIds\":[]}", "Zero trace ids provided"),
            (
                "{\"TraceIds\":[\"x\"]}",
                "Invalid trace id x: incorrect id format",
            ),
            ("{\"StartTime\":1}", "EndTime must not be null"),
            ("{\"EndTime\":1}", "StartTime must not be null"),
            (
                "{\"StartTime\":1,\"EndTime\":1}",
                "End time must be later than start time",
            ),
            (
                &format!("{{\"TraceIds\":[\"{id}\",\"{id}\"]}}"),
                "Containing duplicate trace ids",
            ),
            (
                &format!("{{\"TraceIds\":[\"{id}\"],\"FilterExpression\":\"fault\"}}"),
                "FilterExpression requires StartTime and EndTime",
            ),
            (&many, "Exceeding maximum number of trace ids in a pin: 100"),
            (&note, "Note must have 500 characters at most"),
        ];
        for (body, message) in rows {
            assert_eq!(check(body), Err(message.to_owned()), "{body}");
        }
        for filter in ["fault =", "group.name = \\\"x\\\""] {
            let body =
                format!("{{\"StartTime\":1,\"EndTime\":2,\"FilterExpression\":\"{filter}\"}}");
            assert!(check(&body).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_blank_note_or_filter_is_none() {
        let body = r#"{"StartTime":1,"EndTime":2.5,"FilterExpression":" ","Note":"  "}"#;
        let window = Pinned::Window {
            start: Timestamp::from_seconds(1),
            end: Timestamp::from_micros(2_500_000),
            filter_expression: None,
        };
        assert_eq!(check(body), Ok((window, None)));
    }
}
