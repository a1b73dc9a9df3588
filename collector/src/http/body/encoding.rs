//! `Content-Encoding` of request bodies, on every operation: gzip, zstd, or as it is.
//!
//! Bounds: a body decompresses to at most [`REQUEST_BODY_BYTES_MAX`] bytes, and beyond
//! [`RATIO_FREE_BYTES`] to at most [`RATIO_MAX`] times what was sent; zstd's window has at most
//! 2^[`WINDOW_LOG_MAX`] bytes. Decompression stops one byte beyond, so that memory grows with what is
//! taken and never with what a bomb would become. A gzip body is one member: thousands of empty ones
//! would cost time and say nothing. A body larger than [`INLINE_BYTES_MAX`] is decompressed on a thread
//! of its own, since the largest take milliseconds.

use std::io::Read;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::framing::WINDOW_LOG_MAX;
use radiograph_protocol::limits::REQUEST_BODY_BYTES_MAX;

use super::super::limits::{RATIO_FREE_BYTES, RATIO_MAX};
use super::too_large;

/// Larger bodies are not decompressed where they would hold up other requests. What a smaller one costs
/// at most is to fill 8 MiB, when it is a bomb.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// How a body was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all.
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// What the headers say.
    ///
    /// # Errors
    /// `UnsupportedMediaTypeException` for any other encoding, and for several on one another.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut found = Self::Identity;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            for name in value.split(',') {
                let encoding = match name.trim() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "zstd" => Self::Zstd,
                    other => return Err(unsupported(other)),
                };
                if found != Self::Identity {
                    return Err(unsupported(value.trim()));
                }
                found = encoding;
            }
        }
        Ok(found)
    }

    /// The body as it was before it was compressed. An empty one is empty whatever the headers say:
    /// pollers send none (`spec/api.md` section 1.2).
    ///
    /// # Errors
    /// `SerializationException` when it is not what the headers say, or grows beyond the ratio;
    /// `RequestEntityTooLarge` when it becomes larger than any body may be.
    pub(crate) async fn decoded(self, body: Bytes) -> Result<Bytes, ApiError> {
        if self == Self::Identity || body.is_empty() {
            return Ok(body);
        }
        if body.len() <= INLINE_BYTES_MAX {
            return self.decompressed(&body).map(Bytes::from);
        }
        let decoded = tokio::task::spawn_blocking(move || self.decompressed(&body)).await;
        decoded.map_err(|_| stopping())?.map(Bytes::from)
    }

    fn decompressed(self, body: &[u8]) -> Result<Vec<u8>, ApiError> {
        let by_ratio = body.len().saturating_mul(RATIO_MAX).max(RATIO_FREE_BYTES);
        let bytes_max = by_ratio.min(REQUEST_BODY_BYTES_MAX);
        let whole = match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => gunzip(body, bytes_max),
            Self::Zstd => unzstd(body, bytes_max),
        };
        let whole = whole.map_err(|error| {
            let name = self.name();
            serialization(format!("request body is not {name}: {error}"))
        })?;
        if whole.len() <= bytes_max {
            Ok(whole)
        } else if bytes_max == REQUEST_BODY_BYTES_MAX {
            Err(too_large(bytes_max))
        } else {
            Err(serialization(format!(
                "request body decompresses to more than {RATIO_MAX} times its length"
            )))
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// One byte more than may be, when there is more.
fn up_to(reader: impl Read, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    // a limit is some megabytes
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut whole)?;
    Ok(whole)
}

fn gunzip(body: &[u8], bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut decoder = flate2::bufread::GzDecoder::new(body);
    let whole = up_to(&mut decoder, bytes_max)?;
    if whole.len() <= bytes_max && !decoder.into_inner().is_empty() {
        return Err(std::io::Error::other("there are bytes after its end"));
    }
    Ok(whole)
}

fn unzstd(body: &[u8], bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    up_to(decoder, bytes_max)
}

fn unsupported(encoding: &str) -> ApiError {
    ApiError {
        kind: ApiErrorKind::UnsupportedMediaType,
        message: format!("encoding {encoding} is not read here"),
    }
}

fn serialization(message: String) -> ApiError {
    ApiError {
        kind: ApiErrorKind::Serialization,
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
