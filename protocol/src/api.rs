//! Request and answer shapes of the X-Ray API, a file per family of operations.
//!
//! Requests are read liberally: a member that is `null` counts as absent and unknown ones are
//! ignored (`spec/api.md` section 1.2). Answers follow section 1.4: lists and maps are always
//! present, whole numbers carry no decimal point.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::error::{ApiError, ApiErrorKind};
use crate::ids::TraceId;
use crate::limits::TRACE_ID_CHARS;
use crate::timestamp::Timestamp;

pub mod graph;
pub mod groups;
pub mod insights;
pub mod policies;
pub mod retrieval;
pub mod sampling;
pub mod series;
pub mod settings;
pub mod tags;
pub mod telemetry;
pub mod traces;

/// Reads a request body; an empty one counts as `{}`, as several pollers send it.
///
/// # Errors
/// `SerializationException` when the body is not JSON, not an object, or has a member of a wrong
/// JSON type.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let refused = |message: String| ApiError {
        kind: ApiErrorKind::Serialization,
        message,
    };
    // serde reads structs from arrays as well; the protocol does not
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(refused("request body is not a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| refused(format!("request body: {error}")))
}

/// The value of a required member.
///
/// # Errors
/// `InvalidRequestException` naming the member when it is absent.
pub fn required<T>(member: Option<T>, name: &str) -> Result<T, ApiError> {
    member.ok_or_else(|| ApiError::invalid_request(format!("{name} must not be null")))
}

/// A text in a request must have so many characters.
///
/// # Errors
/// `InvalidRequestException` that names the member and both bounds.
pub fn check_chars(
    text: &str,
    chars: &RangeInclusive<usize>,
    member: &str,
) -> Result<(), ApiError> {
    if chars.contains(&text.chars().count()) {
        return Ok(());
    }
    let (least, most) = (chars.start(), chars.end());
    let message = format!("{member} must have {least} to {most} characters");
    Err(ApiError::invalid_request(message))
}

/// A trace id in a request, in X-Ray's form or W3C's.
///
/// # Errors
/// `InvalidRequestException` that shows the text, cut where an id would end (spec/api.md).
pub fn trace_id(text: &str) -> Result<TraceId, ApiError> {
    TraceId::parse_any(text).map_err(|_| {
        let shown: String = text.chars().take(*TRACE_ID_CHARS.end()).collect();
        ApiError::invalid_request(format!("Invalid trace id {shown}: incorrect id format"))
    })
}

/// Trace ids of which each may be named once, in the order of the request.
///
/// # Errors
/// `InvalidRequestException` for a text that is no id, and for an id that comes twice (spec/api.md).
pub fn distinct_trace_ids(texts: &[String]) -> Result<Vec<TraceId>, ApiError> {
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        let id = trace_id(text)?;
        if ids.contains(&id) {
            return Err(ApiError::invalid_request("Containing duplicate trace ids"));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// A time in a request: epoch seconds, or an ISO 8601 text, which no SDK sends but people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTime(pub Timestamp);

impl<'de> Deserialize<'de> for RequestTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let time = match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Timestamp::from_seconds_f64(seconds),
            Written::Text(text) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .map(|time| Timestamp::from_micros(time.as_microsecond())),
        };
        time.map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a timestamp"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Request {
        start_time: Option<RequestTime>,
    }

    fn time(body: &str) -> Result<Option<RequestTime>, ApiErrorKind> {
        decode::<Request>(body.as_bytes())
            .map(|r| r.start_time)
            .map_err(|error| error.kind)
    }

    #[test]
    fn bodies_are_read_liberally() {
        let at = |seconds| Ok(Some(RequestTime(Timestamp::from_seconds(seconds))));
        assert_eq!(time(""), Ok(None));
        assert_eq!(time("{}"), Ok(None));
        assert_eq!(time(" {\"StartTime\":null,\"Other\":[1]}"), Ok(None));
        assert_eq!(time("{\"StartTime\":1704067200}"), at(1_704_067_200));
        assert_eq!(time("{\"StartTime\":1.7040672E9}"), at(1_704_067_200));
        assert_eq!(
            time("{\"StartTime\":\"2024-01-01T00:00:00Z\"}"),
            at(1_704_067_200)
        );
    }

    #[test]
    fn what_is_no_object_or_has_a_wrong_type_is_a_serialization_error() {
        for body in [
            "[]",
            "5",
            "null",
            "{",
            "not json",
            "{\"StartTime\":\"soon\"}",
            "{\"StartTime\":{}}",
        ] {
            assert_eq!(time(body), Err(ApiErrorKind::Serialization), "{body}");
        }
    }
}
