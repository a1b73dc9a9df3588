//! `POST /TraceSegments`: documents too big for a datagram, by TCP into the same queue.
//!
//! The body is that of PutTraceSegments. All documents are taken or none, and what they hold is the
//! collector's to judge, which is why none is ever listed as unprocessed here.
//! Source: `spec/daemon.md` section 5.1.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use radiograph_protocol::api::traces::PutTraceSegmentsRequest;
use radiograph_protocol::api::{decode, required};
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::limits::DOCUMENTS_PER_CALL_MAX;

use super::answer::{self, Answer};
use crate::documents::Documents;
use crate::intake::Intake;

/// Takes the documents of a body; the answer, and how many were taken.
pub(super) fn take(body: &[u8], intake: &Intake) -> (Answer, usize) {
    let documents = match documents_in(body) {
        Ok(documents) => documents,
        Err(error) => return (refused(&error), 0),
    };
    let count = documents.len();
    let is_hopeless = documents.byte_len() > intake.bytes_max();
    if count > 0 && intake.offer(documents).is_err() {
        return (if is_hopeless { too_big() } else { full() }, 0);
    }
    let taken = r#"{"UnprocessedTraceSegments":[]}"#;
    (answer::json(StatusCode::OK, taken), count)
}

/// To be tried again in a second: the queue is full, or the daemon about to stop.
pub(super) fn full() -> Answer {
    let message = "the daemon cannot take more documents now";
    let mut answer = answer::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        message,
    );
    answer
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn too_big() -> Answer {
    let message = "the documents are bigger than the daemon's buffer memory";
    answer::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        message,
    )
}

fn documents_in(body: &[u8]) -> Result<Documents, ApiError> {
    let request: PutTraceSegmentsRequest = decode(body)?;
    let texts = required(request.trace_segment_documents, "TraceSegmentDocuments")?;
    if texts.len() > DOCUMENTS_PER_CALL_MAX {
        return Err(ApiError::invalid_request(format!(
            "TraceSegmentDocuments must have at most {DOCUMENTS_PER_CALL_MAX} elements"
        )));
    }
    Ok(texts.iter().map(String::as_bytes).collect())
}

/// Every error of reading a body is the client's.
fn refused(error: &ApiError) -> Answer {
    debug_assert!(matches!(
        error.kind,
        ApiErrorKind::InvalidRequest | ApiErrorKind::Serialization
    ));
    answer::error(StatusCode::BAD_REQUEST, error.name(), &error.message)
}
