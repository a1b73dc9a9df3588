//! One attempt to deliver a request, and why it failed.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url};

use crate::metrics::Failure;
use crate::retry;
use crate::upload::answer::{self, Verdict};

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
    /// The answer's body, of an accepted batch only.
    pub(crate) body: Vec<u8>,
}

/// A client for uploads and proxied calls.
///
/// Redirects are not followed: a redirected POST becomes a GET. No outbound proxy yet.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(ATTEMPT_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(8)
        .pool_idle_timeout(Duration::from_secs(90))
        .user_agent(concat!("radiograph-daemon/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .build()
}

/// Sends the request once.
pub(crate) async fn attempt(client: &Client, url: &Url, body: Bytes, timestamp: &str) -> Attempt {
    let request = client
        .post(url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header("x-amzn-xray-timestamp", timestamp)
        .body(body);
    match tokio::time::timeout(ATTEMPT_MAX, request.send()).await {
        Ok(Ok(response)) => answered(response).await,
        Ok(Err(error)) => unanswered(failure_of(&error), &error.without_url()),
        Err(elapsed) => unanswered(Failure::Timeout, &elapsed),
    }
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
    let retry_after = header(RETRY_AFTER.as_str()).and_then(retry::retry_after);
    let body = match tokio::time::timeout(ATTEMPT_MAX, read_bounded(&mut response)).await {
        Ok(Ok(body)) => body,
        // The status has decided already; only the list of unprocessed documents is missing.
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let code = answer::error_code(code_header.as_deref(), &body);
    let verdict = answer::verdict(status.as_u16(), code.as_deref());
    let text = match code {
        Some(code) => format!("{status}: {code}"),
        None => status.to_string(),
    };
    Attempt {
        verdict,
        retry_after,
        text,
        body,
    }
}

fn unanswered(failure: Failure, error: &dyn Error) -> Attempt {
    Attempt {
        verdict: Verdict::Retry(failure),
        retry_after: None,
        text: with_causes(error),
        body: Vec::new(),
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

/// An error and its causes in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn failure_of(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Timeout;
    }
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::ConnectionAborted => return Failure::ConnectionRefused,
                _ => {}
            }
        }
        // hyper-util has no type for it that one could ask for.
        if error.to_string().contains("dns error") {
            return Failure::UnknownHost;
        }
        cause = error.source();
    }
    Failure::Other
}
