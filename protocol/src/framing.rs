//! Framed segments: what a Radiograph daemon sends a Radiograph collector instead of JSON, once the
//! collector has offered to take it. The contract in words: `docs/framed-segments.md`.
//!
//! - **Offer.** The collector puts [`OFFER_HEADER`] into every answer of its API, errors included:
//!   `framed-v1;documents=1000;bytes=8388608`. The newest answer of a destination counts; one without
//!   an offer of a known version takes the offer back.
//! - **Body.** `POST /TraceSegments`, `Content-Type:` [`CONTENT_TYPE`], optionally
//!   `Content-Encoding: zstd` with a window of at most 2^[`WINDOW_LOG_MAX`] bytes: documents one after
//!   another, each its length (u32, little endian) and its bytes as they came in the datagram.
//! - **Answer.** That of PutTraceSegments. Who does not take the body after all names an error of
//!   which [`is_refusal`] is true; the same documents are then sent as JSON.
//!
//! The escape into JSON strings is the dearest step of a daemon, and grows with the document
//! (`spec/floors.md` section 2); here a document is copied. Compression is the business of the ends.
//! A body that ends between two documents is whole as far as this module can see: the length that
//! HTTP declares, or zstd's own end mark, tells that something is missing.

mod offer;

pub use offer::{OFFER_HEADER, Offer};

use crate::limits::REQUEST_BODY_BYTES_MAX;

/// Media type of a framed body; another version gets another one.
pub const CONTENT_TYPE: &str = "application/vnd.radiograph.segments.v1";

/// What all media types of framed bodies begin with, whatever their version.
pub const CONTENT_TYPE_FAMILY: &str = "application/vnd.radiograph.segments.";

/// Documents in one body: as many as 20 ordinary calls carry.
pub const DOCUMENTS_MAX: usize = 1000;

/// Bytes of one body, both as it is sent and decompressed.
pub const BODY_BYTES_MAX: usize = REQUEST_BODY_BYTES_MAX;

/// Logarithm of zstd's window, which the reader has to allocate: all of the largest body.
pub const WINDOW_LOG_MAX: u32 = 23;

/// Bytes in front of each document.
const LENGTH_BYTES: usize = 4;

/// Why a body is not what its media type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The body ends within the length of a document.
    #[error("length of document {index} has {found} bytes instead of {LENGTH_BYTES}")]
    TornLength {
        /// Place of the document, from 0.
        index: usize,
        /// Bytes there are.
        found: usize,
    },
    /// The body ends within a document.
    #[error("document {index} has {found} bytes instead of {length}")]
    TornDocument {
        /// Place of the document, from 0.
        index: usize,
        /// Bytes there are.
        found: usize,
        /// Bytes it says it has.
        length: u32,
    },
    /// More documents than were offered to be taken.
    #[error("more than {documents_max} documents")]
    TooManyDocuments {
        /// How many may be sent.
        documents_max: usize,
    },
    /// More bytes than were offered to be taken.
    #[error("more than {bytes_max} bytes")]
    TooManyBytes {
        /// How many may be sent.
        bytes_max: usize,
    },
}

/// Bytes that a document takes up in a body.
#[must_use]
pub const fn framed_bytes(document_bytes: usize) -> usize {
    document_bytes.saturating_add(LENGTH_BYTES)
}

/// Appends a document; false, and nothing done, when it is longer than its length can say (4 GiB).
#[must_use]
pub fn push(body: &mut Vec<u8>, document: &[u8]) -> bool {
    let Ok(length) = u32::try_from(document.len()) else {
        return false;
    };
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(document);
    true
}

/// The documents of a decompressed body, in order, borrowed from it. Allocates a place per document
/// that is there, never what a length claims.
///
/// # Errors
/// What does not fit the frame or the limits; nothing of such a body is to be used.
pub fn split(body: &[u8], limits: Offer) -> Result<Vec<&[u8]>, FramingError> {
    let Offer {
        documents_max,
        bytes_max,
    } = limits;
    if body.len() > bytes_max {
        return Err(FramingError::TooManyBytes { bytes_max });
    }
    let mut documents = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let index = documents.len();
        if index >= documents_max {
            return Err(FramingError::TooManyDocuments { documents_max });
        }
        let found = rest.len();
        let (length, after) = rest
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or(FramingError::TornLength { index, found })?;
        let length = u32::from_le_bytes(*length);
        let found = after.len();
        // where a length does not fit into memory, the document is not all there either
        let (document, after) = usize::try_from(length)
            .ok()
            .and_then(|length| after.split_at_checked(length))
            .ok_or(FramingError::TornDocument {
                index,
                found,
                length,
            })?;
        documents.push(document);
        rest = after;
    }
    Ok(documents)
}

/// Whether an error of this name, as it stands in `x-amzn-ErrorType`, says that the destination does
/// not read framed bodies, or not this one: send the documents as JSON and forget the offer. Other
/// errors say nothing about the form.
#[must_use]
pub fn is_refusal(error_name: &str) -> bool {
    matches!(
        error_name,
        "UnsupportedMediaTypeException" | "SerializationException"
    )
}

#[cfg(test)]
mod tests;
