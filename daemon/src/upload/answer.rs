//! What an answer of the endpoint means for a batch. Pure.
//!
//! Source: `spec/daemon.md` section 4.3, its own choices; error codes as `spec/api.md` section 1.5.

use serde::Deserialize;

use crate::metrics::{Failure, Rejected};

/// What to do with the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was taken; single documents may be listed as unprocessed.
    Accepted,
    /// A later attempt may succeed.
    Retry(Failure),
    /// One of its documents is at fault; alone, a document is rejected for this reason.
    Split(Rejected),
    /// No attempt will succeed.
    Refused(Failure),
}

/// Error codes that ask for patience, whatever the status.
const THROTTLE_CODES: [&str; 8] = [
    "ThrottledException",
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// The meaning of a status and the error code that came with it.
pub(crate) fn verdict(status: u16, error_code: Option<&str>) -> Verdict {
    let failure = match status {
        400..500 => Failure::Http4xx,
        500..600 => Failure::Http5xx,
        _ => Failure::Other,
    };
    let is_throttle = error_code.is_some_and(|code| THROTTLE_CODES.contains(&code));
    match status {
        200..300 => Verdict::Accepted,
        _ if is_throttle => Verdict::Retry(failure),
        // 401 and 403 are for a person to repair, and the documents are still wanted then.
        401 | 403 | 408 | 425 | 429 | 500..600 => Verdict::Retry(failure),
        400 => Verdict::Split(Rejected::BadRequest),
        413 => Verdict::Split(Rejected::TooLarge),
        _ => Verdict::Refused(failure),
    }
}

/// The error code: from the header, cut at `:`, else from the body, cut up to `#`.
pub(crate) fn error_code(header: Option<&str>, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(rename = "__type", alias = "code")]
        code: String,
    }
    if let Some(header) = header {
        return header.split(':').next().map(str::to_owned);
    }
    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    body.code.rsplit('#').next().map(str::to_owned)
}

/// One entry of `UnprocessedTraceSegments`; any member may be missing or null.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Unprocessed {
    /// The document's id, if the endpoint could read it.
    #[serde(rename = "Id", default)]
    pub(crate) id: Option<String>,
    /// Why it was not taken.
    #[serde(rename = "ErrorCode", default)]
    pub(crate) error_code: Option<String>,
}

/// The documents that an accepted batch's answer lists as unprocessed; `None` when the answer cannot
/// be read.
pub(crate) fn unprocessed(body: &[u8]) -> Option<Vec<Unprocessed>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "UnprocessedTraceSegments", default)]
        unprocessed: Option<Vec<Unprocessed>>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(answer.unprocessed.unwrap_or_default())
}

/// The trace id of the rejected document, found among the documents of its batch; only the few that
/// are rejected pay for it.
pub(crate) fn trace_id_of<'a>(id: &str, bodies: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    #[derive(Deserialize)]
    struct Ids {
        id: String,
        trace_id: String,
    }
    bodies
        .filter_map(|body| serde_json::from_slice::<Ids>(body).ok())
        .find(|ids| ids.id == id)
        .map(|ids| ids.trace_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_codes_mean_what_the_specification_says() {
        use Failure::{Http4xx, Http5xx, Other};
        let cases = [
            (200, None, Verdict::Accepted),
            (202, Some("ThrottledException"), Verdict::Accepted),
            (400, None, Verdict::Split(Rejected::BadRequest)),
            (
                400,
                Some("InvalidRequestException"),
                Verdict::Split(Rejected::BadRequest),
            ),
            (400, Some("ThrottlingException"), Verdict::Retry(Http4xx)),
            (401, None, Verdict::Retry(Http4xx)),
            (403, None, Verdict::Retry(Http4xx)),
            (404, None, Verdict::Refused(Http4xx)),
            (408, None, Verdict::Retry(Http4xx)),
            (413, None, Verdict::Split(Rejected::TooLarge)),
            (425, None, Verdict::Retry(Http4xx)),
            (429, None, Verdict::Retry(Http4xx)),
            (302, None, Verdict::Refused(Other)),
            (500, None, Verdict::Retry(Http5xx)),
            (501, None, Verdict::Retry(Http5xx)),
            (503, Some("ServiceUnavailable"), Verdict::Retry(Http5xx)),
        ];
        for (status, code, meaning) in cases {
            assert_eq!(verdict(status, code), meaning, "{status} {code:?}");
        }
    }

    #[test]
    fn the_error_code_is_read_from_the_header_then_from_the_body() {
        let cases = [
            (Some("SlowDown:http://x"), "{}", Some("SlowDown")),
            (Some("A"), r#"{"__type":"B"}"#, Some("A")),
            (None, r#"{"__type":"ns#B","Message":"m"}"#, Some("B")),
            (None, r#"{"code":"C"}"#, Some("C")),
            (None, "<html>", None),
        ];
        for (header, body, code) in cases {
            assert_eq!(
                error_code(header, body.as_bytes()).as_deref(),
                code,
                "{header:?} {body}"
            );
        }
    }

    #[test]
    fn unprocessed_entries_are_read_with_null_and_missing_members() {
        let body = br#"{"UnprocessedTraceSegments":[{"Id":null,"ErrorCode":"ParseError","Message":"m"},{}]}"#;
        let entries = unprocessed(body).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].error_code.as_deref(), Some("ParseError"));
        for empty in [
            "{}",
            r#"{"UnprocessedTraceSegments":null}"#,
            r#"{"UnprocessedTraceSegments":[]}"#,
        ] {
            assert_eq!(unprocessed(empty.as_bytes()), Some(vec![]), "{empty}");
        }
        assert_eq!(unprocessed(b"<html>"), None);
    }

    #[test]
    fn the_trace_id_is_found_whatever_the_blanks() {
        let bodies: [&[u8]; 3] = [
            b"T1S",
            b"{\"id\":\"a\"}",
            b"{\"id\": \"b\", \"trace_id\": \"1-2-3\"}",
        ];
        assert_eq!(
            trace_id_of("b", bodies.into_iter()).as_deref(),
            Some("1-2-3")
        );
        assert_eq!(trace_id_of("a", bodies.into_iter()), None);
    }
}
