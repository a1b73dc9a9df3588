//! What may stand in requests about retrievals. Pure. Source: `spec/api.md` section 5.1.

use radiograph_protocol::api::retrieval::StartTraceRetrievalRequest;
use radiograph_protocol::api::{RequestTime, distinct_trace_ids, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::limits::{RETRIEVAL_TOKEN_CHARS_MAX, RETRIEVAL_TRACE_IDS_MAX};
use radiograph_protocol::timestamp::Timestamp;

/// What is to be retrieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The traces, none twice.
    pub(super) trace_ids: Vec<TraceId>,
    /// Start of the window, inclusive.
    pub(super) start: Timestamp,
    /// End of the window, inclusive.
    pub(super) end: Timestamp,
}

/// The form of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Segments, as BatchGetTraces shows them.
    XRay,
    /// Spans in OTLP's JSON.
    Otel,
}

impl Format {
    /// # Errors
    /// `InvalidRequestException` when there is no such format.
    pub(super) fn read(name: Option<&str>) -> Result<Self, ApiError> {
        match name {
            None | Some("XRAY") => Ok(Self::XRay),
            Some("OTEL") => Ok(Self::Otel),
            Some(_) => {
                let message = "TraceFormat must be one of [XRAY, OTEL]";
                Err(ApiError::invalid_request(message))
            }
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::XRay => "XRAY",
            Self::Otel => "OTEL",
        }
    }
}

/// What a request asks for.
///
/// # Errors
/// `InvalidRequestException` for the first unsound member.
pub(super) fn checked(request: StartTraceRetrievalRequest) -> Result<Wanted, ApiError> {
    let texts = required(request.trace_ids, "TraceIds")?;
    let RequestTime(start) = required(request.start_time, "StartTime")?;
    let RequestTime(end) = required(request.end_time, "EndTime")?;
    if texts.len() > RETRIEVAL_TRACE_IDS_MAX {
        let message = format!("Exceeding maximum query size: {RETRIEVAL_TRACE_IDS_MAX}");
        return Err(ApiError::invalid_request(message));
    }
    if start > end {
        let message = "End time cannot be earlier than start time";
        return Err(ApiError::invalid_request(message));
    }
    Ok(Wanted {
        trace_ids: distinct_trace_ids(&texts)?,
        start,
        end,
    })
}

/// The token of a retrieval.
///
/// # Errors
/// `InvalidRequestException` when it is missing or longer than any token.
pub(super) fn checked_token(token: Option<String>) -> Result<String, ApiError> {
    let token = required(token, "RetrievalToken")?;
    if token.chars().count() > RETRIEVAL_TOKEN_CHARS_MAX {
        let message =
            format!("RetrievalToken must have {RETRIEVAL_TOKEN_CHARS_MAX} characters at most");
        return Err(ApiError::invalid_request(message));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::api::decode;

    use super::*;

    fn check(body: &str) -> Result<Wanted, String> {
        let request = decode(body.as_bytes()).map_err(|error| error.message)?;
        checked(request).map_err(|error| error.message)
    }

    fn with_ids(count: usize) -> String {
        let ids: Vec<String> = (0..count)
            .map(|number| format!("\"1-6592008a-{number:024x}\""))
            .collect();
        format!(
            r#"{{"TraceIds":[{}],"StartTime":1,"EndTime":1}}"#,
            ids.join(",")
        )
    }

    #[test]
    fn no_id_and_a_hundred_of_them_are_taken_and_a_window_may_be_one_instant() {
        for count in [0, 1, 100] {
            let wanted = check(&with_ids(count)).unwrap();
            assert_eq!(wanted.trace_ids.len(), count);
            assert_eq!(wanted.start, wanted.end);
        }
        let w3c = r#"{"TraceIds":["6592008a0f1e2d3c4b5a69788796a5b4"],"StartTime":1,"EndTime":2}"#;
        let id = TraceId::parse("1-6592008a-0f1e2d3c4b5a69788796a5b4").unwrap();
        assert_eq!(check(w3c).unwrap().trace_ids, [id]);
    }

    #[test]
    fn each_unsound_request_is_refused_by_name() {
        let id = "1-6592008a-000000000000000000000001";
        let rows = [
            ("{}".to_owned(), "TraceIds must not be null"),
            (
                r#"{"TraceIds":[]}"#.to_owned(),
                "StartTime must not be null",
            ),
            (
                r#"{"TraceIds":[],"StartTime":1}"#.to_owned(),
                "EndTime must not be null",
            ),
            (
                r#"{"TraceIds":[],"StartTime":1.1,"EndTime":1}"#.to_owned(),
                "End time cannot be earlier than start time",
            ),
            (with_ids(101), "Exceeding maximum query size: 100"),
            (
                r#"{"TraceIds":["x"],"StartTime":1,"EndTime":1}"#.to_owned(),
                "Invalid trace id x: incorrect id format",
            ),
            (
                format!(r#"{{"TraceIds":["{id}","{id}"],"StartTime":1,"EndTime":1}}"#),
                "Containing duplicate trace ids",
            ),
        ];
        for (body, message) in rows {
            assert_eq!(check(&body), Err(message.to_owned()), "{body}");
        }
    }

    #[test]
    fn tokens_and_formats_are_checked() {
        let message = |token: Option<String>| checked_token(token).map_err(|error| error.message);
        assert_eq!(
            message(None),
            Err("RetrievalToken must not be null".to_owned())
        );
        let longest = "t".repeat(1020);
        assert_eq!(message(Some(longest.clone())), Ok(longest.clone()));
        assert_eq!(
            message(Some(longest + "t")),
            Err("RetrievalToken must have 1020 characters at most".to_owned())
        );
        for (name, format) in [
            (None, Ok("XRAY")),
            (Some("XRAY"), Ok("XRAY")),
            (Some("OTEL"), Ok("OTEL")),
            (Some("xray"), Err("TraceFormat must be one of [XRAY, OTEL]")),
        ] {
            let read = Format::read(name).map(Format::name);
            let read = read.map_err(|error| error.message);
            assert_eq!(read, format.map_err(str::to_owned), "{name:?}");
        }
    }
}
