//! Calls of the collector's own: framed documents, and answers that are streams.

use std::time::Duration;

use radiograph_protocol::framing;
use reqwest::{RequestBuilder, Response, header};
use serde_json::Value;

use super::{Api, ApiError, odd, refused};

/// How long a stream may be silent: the collector may look at many traces before one is selected.
const SILENCE_MAX: Duration = Duration::from_secs(600);

/// How long a stream may be as a whole. Not "for ever", which the client has no word for.
const STREAM_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// An answer that comes in pieces.
#[derive(Debug)]
pub(crate) struct Stream {
    path: &'static str,
    response: Response,
}

impl Stream {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, or nothing came for ten minutes.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let path = self.path;
        match tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(|piece| piece.to_vec())),
            Ok(Err(source)) => Err(ApiError::NoAnswer { path, source }),
            Err(_) => Err(odd(path, "it stopped coming")),
        }
    }
}

impl Api {
    /// A call that is answered by a stream.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn stream(
        &self,
        path: &'static str,
        body: String,
    ) -> Result<Stream, ApiError> {
        let call = self.post(path, "application/json", body.into_bytes());
        let call = call.timeout(STREAM_MAX);
        let response = checked(path, call).await?;
        Ok(Stream { path, response })
    }

    /// PutTraceSegments with a framed body that zstd has compressed; `UnprocessedTraceSegments` as it
    /// came.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn put_framed(&self, payload: Vec<u8>) -> Result<Vec<Value>, ApiError> {
        const PATH: &str = "/TraceSegments";
        let call = self
            .post(PATH, framing::CONTENT_TYPE, payload)
            .header(header::CONTENT_ENCODING, "zstd");
        let no_answer = |source| ApiError::NoAnswer { path: PATH, source };
        let body = checked(PATH, call)
            .await?
            .bytes()
            .await
            .map_err(no_answer)?;
        let mut answer: Value =
            serde_json::from_slice(&body).map_err(|_| odd(PATH, "it is not JSON"))?;
        match answer.get_mut("UnprocessedTraceSegments").map(Value::take) {
            Some(Value::Array(unprocessed)) => Ok(unprocessed),
            _ => Err(odd(PATH, "there is no list UnprocessedTraceSegments")),
        }
    }
}

/// The answer, if it is a success.
async fn checked(path: &'static str, call: RequestBuilder) -> Result<Response, ApiError> {
    let no_answer = |source| ApiError::NoAnswer { path, source };
    let response = call.send().await.map_err(no_answer)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await.map_err(no_answer)?;
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    Err(refused(path, status.as_u16(), body.as_ref()))
}
