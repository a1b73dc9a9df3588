//! The two bodies of PutTraceSegments: JSON, and framed documents from a Radiograph daemon
//! (`protocol::framing` has the contract).
//!
//! Bounds of a framed body: [`framing::BODY_BYTES_MAX`] bytes as sent and decompressed, as many
//! documents as [`framing::DOCUMENTS_MAX`]; what compression adds stands in `body::encoding`. Memory
//! grows with the bytes that are there, never with what a header claims. Bytes that are not UTF-8
//! become U+FFFD, as the daemon writes them into JSON; one byte may become three, so that the texts of
//! a call have at most 24 MiB. A body that is larger than
//! [`INLINE_BYTES_MAX`] is read on a thread of its own, since the largest take milliseconds.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use radiograph_protocol::api;
use radiograph_protocol::api::traces::PutTraceSegmentsRequest;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::framing::{self, FramingError, Offer};
use radiograph_protocol::limits::DOCUMENTS_PER_CALL_MAX;

/// Larger bodies are not read where they would hold up other requests.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// How a body has to be read, by its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, whatever media type it names: clients name all sorts, or none (`spec/api.md` section 1.2).
    Json,
    /// Framed documents.
    Framed,
}

impl Form {
    /// What the headers say.
    ///
    /// # Errors
    /// `UnsupportedMediaTypeException` for framed documents of another version; a daemon then sends
    /// JSON.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let media_type = media_type(headers);
        if !media_type.starts_with(framing::CONTENT_TYPE_FAMILY) {
            return Ok(Self::Json);
        }
        if media_type != framing::CONTENT_TYPE {
            return Err(unsupported(format!("{media_type} is not read here")));
        }
        Ok(Self::Framed)
    }

    /// For the operations that read JSON alone.
    ///
    /// # Errors
    /// `UnsupportedMediaTypeException` for anything else.
    pub(super) fn must_be_json(self) -> Result<(), ApiError> {
        match self {
            Self::Json => Ok(()),
            Self::Framed => {
                let message = "this operation reads JSON, not framed segments";
                Err(unsupported(message.to_owned()))
            }
        }
    }
}

/// The media type without parameters; empty when there is none that is text.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = value.split(';').next().unwrap_or("");
    media_type.trim().to_ascii_lowercase()
}

/// The documents of a call, as texts, and how many there may be.
pub(super) struct Documents {
    pub(super) texts: Vec<String>,
    pub(super) documents_max: usize,
}

/// Reads the body of a call.
///
/// # Errors
/// `SerializationException` when it is not what `form` says, `InvalidRequestException` when it has too many documents.
pub(super) async fn read(form: Form, body: Bytes) -> Result<Documents, ApiError> {
    if form == Form::Json {
        let request: PutTraceSegmentsRequest = api::decode(&body)?;
        return Ok(Documents {
            texts: api::required(request.trace_segment_documents, "TraceSegmentDocuments")?,
            documents_max: DOCUMENTS_PER_CALL_MAX,
        });
    }
    let texts = if body.len() <= INLINE_BYTES_MAX {
        framed_texts(&body)?
    } else {
        tokio::task::spawn_blocking(move || framed_texts(&body))
            .await
            .map_err(|_| stopping())??
    };
    Ok(Documents {
        texts,
        documents_max: framing::DOCUMENTS_MAX,
    })
}

fn framed_texts(body: &[u8]) -> Result<Vec<String>, ApiError> {
    let documents = framing::split(body, Offer::LARGEST).map_err(refusal)?;
    let texts = documents.into_iter().map(String::from_utf8_lossy);
    Ok(texts.map(Cow::into_owned).collect())
}

fn refusal(error: FramingError) -> ApiError {
    match error {
        FramingError::TornLength { .. } | FramingError::TornDocument { .. } => {
            serialization(format!("request body: {error}"))
        }
        FramingError::TooManyDocuments { documents_max } => {
            crate::ingest::too_many_documents(documents_max)
        }
        FramingError::TooManyBytes { bytes_max } => super::body::too_large(bytes_max),
    }
}

fn serialization(message: String) -> ApiError {
    ApiError {
        kind: ApiErrorKind::Serialization,
        message,
    }
}

fn unsupported(message: String) -> ApiError {
    ApiError {
        kind: ApiErrorKind::UnsupportedMediaType,
        message,
    }
}

fn stopping() -> ApiError {
    ApiError {
        kind: ApiErrorKind::ServiceUnavailable,
        message: "the collector is stopping".to_owned(),
    }
}

#[cfg(test)]
mod tests;
