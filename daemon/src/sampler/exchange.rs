//! One call of the sampler: a JSON body out, the body of a 200 back.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::call::{CallError, Caller};
use crate::proxy::answer::{self, UnreadableAnswer};

/// From the first byte sent to the last one read.
const CALL_MAX: Duration = Duration::from_secs(5);

/// Bytes of an answer; a rule takes 500.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    /// The call did not get through.
    #[error("call")]
    Call(#[from] CallError),
    /// It broke off, or was too long.
    #[error("answer")]
    Answer(#[from] UnreadableAnswer),
    /// Nothing complete came in time.
    #[error("no answer within {CALL_MAX:?}")]
    TimedOut,
    /// The server refused.
    #[error("status {0}")]
    Status(u16),
    /// The answer is none to this call.
    #[error("answer is not understood")]
    Shape(#[from] serde_json::Error),
}

/// Makes the call.
pub(super) async fn post(
    caller: &Caller,
    path: &str,
    body: impl Into<Bytes> + Send,
) -> Result<Bytes, ExchangeError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let exchange = async {
        let response = caller
            .call(Method::POST, path, headers, body.into())
            .await?;
        match response.status().as_u16() {
            200 => Ok(answer::read(response, ANSWER_BYTES_MAX).await?),
            status => Err(ExchangeError::Status(status)),
        }
    };
    let answered = tokio::time::timeout(CALL_MAX, exchange).await;
    answered.unwrap_or(Err(ExchangeError::TimedOut))
}
