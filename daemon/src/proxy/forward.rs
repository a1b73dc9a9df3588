//! Passing a call on to the endpoint, within a bound of time and of bytes.
//!
//! Source: `spec/daemon.md` sections 5.2 and 5.3.

use bytes::Bytes;
use hyper::{HeaderMap, Method, StatusCode};

use super::answer::{self, Answer, Reply};
use super::{BODY_BYTES_MAX, Proxy, headers};
use crate::call::failure::with_causes;
use crate::clock;

/// A call to pass on.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Proxy {
    /// The endpoint's answer, or why there is none.
    pub(super) async fn forward(&self, call: Call) -> Result<Reply, String> {
        let Call {
            method,
            path,
            headers,
            body,
        } = call;
        let forwarding = async {
            let called = self.caller.call(method, &path, headers, body).await;
            let response = called.map_err(|error| with_causes(&error))?;
            let (status, headers) = (response.status(), headers::passed_on(response.headers()));
            match answer::read(response, BODY_BYTES_MAX).await {
                Ok(body) => Ok(Reply {
                    status,
                    headers,
                    body,
                }),
                Err(error) => Err(with_causes(&error)),
            }
        };
        let forwarded = tokio::time::timeout(self.limits.forward_max, forwarding).await;
        let seconds = self.limits.forward_max.as_secs();
        let forwarded = forwarded.unwrap_or_else(|_| Err(format!("no answer within {seconds} s")));
        match &forwarded {
            Ok(_) => self.metrics.proxy_forwarded.add(1),
            Err(reason) => self.note_failure(reason),
        }
        forwarded
    }

    fn note_failure(&self, reason: &str) {
        self.metrics.proxy_failed.add(1);
        if let Some(suppressed) = self.failures.admit(clock::now(), 1) {
            tracing::warn!(
                error = reason,
                suppressed,
                "Endpoint did not answer a sampling call"
            );
        }
    }
}

/// The answer when the endpoint gave none.
pub(super) fn bad_gateway(reason: &str) -> Answer {
    let message = format!("the daemon's endpoint did not answer: {reason}");
    answer::error(StatusCode::BAD_GATEWAY, "ServiceUnavailable", &message)
}
