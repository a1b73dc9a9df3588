//! One attempt to deliver a request, and why it failed.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use radiograph_protocol::framing::{self, CONTENT_TYPE as FRAMED, OFFER_HEADER};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};

use crate::call::failure::with_causes;
use crate::call::{self, Caller};
use crate::clock;
use crate::metrics::Failure;
use crate::retry;
use crate::upload::answer::{self, Verdict};
use crate::upload::body::Format;

/// Until the answer's headers, connecting included (`spec/daemon.md` section 4.3); then the same
/// again for its body.
const ATTEMPT_MAX: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read; the answer to 50 bad documents is a hundredth of it.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// An answer, or what stands for it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) verdict: Verdict,
    /// The answer's `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// For the log: status and code, or the transport's error.
    pub(crate) text: String,
    /// Whether the destination does not read the form of the body.
    pub(crate) refuses_form: bool,
    /// The answer's body.
    pub(crate) body: Vec<u8>,
    /// The destination's offer to take framed documents; `None` when there was no answer at all.
    pub(crate) offer: Option<Option<HeaderValue>>,
    /// Whether other credentials may help.
    pub(crate) is_forbidden: bool,
}

/// Sends the request once.
pub(crate) async fn attempt(caller: &Caller, format: Format, body: Bytes) -> Attempt {
    let request = caller.call(Method::POST, "/TraceSegments", headers(format), body);
    match tokio::time::timeout(ATTEMPT_MAX, request).await {
        Ok(Ok(response)) => answered(response).await,
        Ok(Err(error)) => unanswered(call::failure_of(&error), &error),
        Err(elapsed) => unanswered(Failure::Timeout, &elapsed),
    }
}

fn headers(format: Format) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(3);
    match format {
        Format::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Format::Framed => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(FRAMED));
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        }
    }
    let timestamp = HeaderValue::from_str(&xray_timestamp(clock::since_epoch()));
    if let Ok(timestamp) = timestamp {
        headers.insert("x-amzn-xray-timestamp", timestamp);
    }
    headers
}

async fn answered(mut response: Response) -> Attempt {
    let status = response.status();
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let code_header = header("x-amzn-errortype").map(str::to_owned);
    let retry_after = header(RETRY_AFTER.as_str())
        .and_then(|value| retry::retry_after(value, clock::since_epoch()));
    let offer = response.headers().get(OFFER_HEADER).cloned();
    let body = match tokio::time::timeout(ATTEMPT_MAX, read_bounded(&mut response)).await {
        Ok(Ok(body)) => body,
        // The status has decided already; only the list of unprocessed documents is missing.
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let code = match status.is_success() {
        true => None,
        false => answer::error_code(code_header.as_deref(), &body),
    };
    let is_forbidden = answer::asks_for_credentials(status.as_u16(), code.as_deref());
    Attempt {
        verdict: answer::verdict(status.as_u16(), code.as_deref()),
        retry_after,
        text: match &code {
            Some(code) => format!("{status}: {code}"),
            None => status.to_string(),
        },
        refuses_form: status == StatusCode::UNSUPPORTED_MEDIA_TYPE
            || code.as_deref().is_some_and(framing::is_refusal),
        body,
        offer: Some(offer),
        is_forbidden,
    }
}

fn unanswered(failure: Failure, error: &dyn Error) -> Attempt {
    Attempt {
        verdict: Verdict::Retry(failure),
        retry_after: None,
        text: with_causes(error),
        refuses_form: false,
        body: Vec::new(),
        offer: None,
        is_forbidden: false,
    }
}

/// The answer's body up to the bound; what lies beyond is not read.
pub(crate) async fn read_bounded(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() >= ANSWER_BYTES_MAX {
            body.truncate(ANSWER_BYTES_MAX);
            break;
        }
    }
    Ok(body)
}

/// `X-Amzn-Xray-Timestamp`: epoch seconds with nine decimals.
pub(crate) fn xray_timestamp(since_epoch: Duration) -> String {
    format!(
        "{}.{:09}",
        since_epoch.as_secs(),
        since_epoch.subsec_nanos()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_has_nine_decimals() {
        let time = Duration::new(1_795_264_674, 181_157);
        assert_eq!(xray_timestamp(time), "1795264674.000181157");
    }
}
