//! What an answer of the endpoint means for a batch. Pure.
//!
//! Source: `spec/daemon.md` section 4.3, its own choices; error codes as `spec/api.md` section 1.5.

use serde::Deserialize;

use crate::metrics::{Failure, Refused};

/// What to do with the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was taken; single documents may be listed as unprocessed.
    Accepted,
    /// A later attempt may succeed: the answer says nothing about the documents.
    Retry(Failure),
    /// One of its documents is at fault; alone, a document is refused for this reason.
    Split(Refused),
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

/// Error codes that ask for other credentials; AWS answers some of them with 400.
const CREDENTIAL_CODES: [&str; 9] = [
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "UnrecognizedClientException",
];

/// The meaning of a status and the error code that came with it.
///
/// Beyond 400 and 413 an error is not the documents': a wrong address (404), missing permissions
/// (403) or a server's trouble are for somebody to repair, and the documents are still wanted then.
pub(crate) fn verdict(status: u16, error_code: Option<&str>) -> Verdict {
    let failure = match status {
        400..500 => Failure::Http4xx,
        500..600 => Failure::Http5xx,
        _ => Failure::Other,
    };
    let asks_for_patience = error_code.is_some_and(|code| THROTTLE_CODES.contains(&code));
    match status {
        200..300 => Verdict::Accepted,
        _ if asks_for_patience || asks_for_credentials(status, error_code) => {
            Verdict::Retry(failure)
        }
        400 => Verdict::Split(Refused::BadRequest),
        413 => Verdict::Split(Refused::TooLarge),
        _ => Verdict::Retry(failure),
    }
}

/// Whether fresh credentials may help.
pub(crate) fn asks_for_credentials(status: u16, error_code: Option<&str>) -> bool {
    matches!(status, 401 | 403) || error_code.is_some_and(|code| CREDENTIAL_CODES.contains(&code))
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

/// The trace id of a document, if it has one that can be read.
pub(crate) fn trace_id_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct TraceId {
        trace_id: String,
    }
    let document: TraceId = serde_json::from_slice(body).ok()?;
    Some(document.trace_id)
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
            (400, None, Verdict::Split(Refused::BadRequest)),
            (
                400,
                Some("InvalidRequestException"),
                Verdict::Split(Refused::BadRequest),
            ),
            (400, Some("ThrottlingException"), Verdict::Retry(Http4xx)),
            (401, None, Verdict::Retry(Http4xx)),
            (403, None, Verdict::Retry(Http4xx)),
            (400, Some("ExpiredTokenException"), Verdict::Retry(Http4xx)),
            (404, None, Verdict::Retry(Http4xx)),
            (408, None, Verdict::Retry(Http4xx)),
            (413, None, Verdict::Split(Refused::TooLarge)),
            (425, None, Verdict::Retry(Http4xx)),
            (429, None, Verdict::Retry(Http4xx)),
            (302, None, Verdict::Retry(Other)),
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
