//! Answers of the proxy: those of the endpoint, read whole within a bound, and its own errors.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

/// What goes back to the client.
pub(super) type Answer = Response<Full<Bytes>>;

/// An answer of the endpoint, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Without those that concern one connection.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// Whether the endpoint may well take the same call later.
    pub(super) fn is_outage(&self) -> bool {
        self.status.is_server_error() || matches!(self.status.as_u16(), 408 | 429)
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let mut answer = Self::new(Full::new(reply.body));
        *answer.status_mut() = reply.status;
        *answer.headers_mut() = reply.headers;
        answer
    }
}

/// Why the body of an answer cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableAnswer {
    /// It is longer than anybody wants to hold.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke.
    #[error("broken off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads the body of an answer, of so many bytes at most; never a part of it.
pub(crate) async fn read(
    response: reqwest::Response,
    bytes_max: usize,
) -> Result<Bytes, UnreadableAnswer> {
    let body = Limited::new(reqwest::Body::from(response), bytes_max);
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(UnreadableAnswer::TooLong(bytes_max)),
        Err(error) => Err(UnreadableAnswer::Broken(error)),
    }
}

/// An error as the X-Ray API words it (`spec/api.md` section 1.5).
pub(super) fn error(status: StatusCode, code: &'static str, message: &str) -> Answer {
    let body = serde_json::json!({ "__type": code, "Message": message });
    let mut answer = json(status, body.to_string());
    let error_type = HeaderName::from_static("x-amzn-errortype");
    answer
        .headers_mut()
        .insert(error_type, HeaderValue::from_static(code));
    answer
}

/// An answer of the daemon itself.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}
