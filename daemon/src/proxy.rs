//! TCP 2000: passes the SDKs' sampling calls to the endpoint.
//!
//! Source: `spec/daemon.md` section 5. AWS's daemon forwards any call with its own permissions; here
//! only the two calls that SDKs make are passed on, all else is refused with 403. Bounds: connections,
//! the size of a call and of its answer, and the time for each step; a slow client delays no other.

mod headers;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use reqwest::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::clock;
use crate::endpoint::Endpoint;
use crate::log_limit::LogLimit;
use crate::metrics::Metrics;
use crate::shutdown::{Phase, Watch};
use crate::upload::attempt;

/// The calls that are passed on.
const FORWARDED: [&str; 2] = ["/GetSamplingRules", "/SamplingTargets"];

/// Bytes of a call's body; 25 statistics documents are a hundredth of it.
const BODY_BYTES_MAX: usize = 1 << 20;

/// From the call's last byte to the answer's last one. The Java SDK itself waits 2 s.
const FORWARD_MAX: Duration = Duration::from_secs(2);

/// For a call's body to arrive.
const BODY_MAX: Duration = Duration::from_secs(5);

/// For a call's head to arrive; SDKs poll every ten seconds on one connection.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// Connections at once; more wait in the kernel.
const CONNECTIONS_MAX: usize = 256;

type Answer = Response<Full<Bytes>>;

/// The proxy stage.
pub(crate) struct Proxy {
    client: Client,
    endpoint: Endpoint,
    metrics: Arc<Metrics>,
    failures: LogLimit,
}

impl Proxy {
    pub(crate) fn new(client: Client, endpoint: Endpoint, metrics: Arc<Metrics>) -> Self {
        let failures = LogLimit::one_in_ten_seconds();
        Self {
            client,
            endpoint,
            metrics,
            failures,
        }
    }

    /// Serves connections until the daemon stops; those in progress are then cut, as AWS's are.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, watch: Watch) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = watch.reached(Phase::Stopping) => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (proxy, watch) = (Arc::clone(&self), watch.clone());
                    tokio::spawn(async move {
                        proxy.serve_connection(stream, watch).await;
                        drop(place);
                    });
                }
                Err(error) => self.note_accept_error(&error).await,
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, watch: Watch) {
        let service = service_fn(move |request| {
            let proxy = Arc::clone(&self);
            async move { Ok::<_, Infallible>(proxy.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            served = connection => {
                if let Err(error) = served {
                    tracing::debug!(%error, "Proxy connection ended early");
                }
            }
            () = watch.reached(Phase::Stopping) => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let Some(path) = FORWARDED.into_iter().find(|each| *each == path) else {
            return self.refuse();
        };
        if request.method() != Method::POST {
            return self.refuse();
        }
        let headers = headers::passed_on(request.headers());
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = match tokio::time::timeout(BODY_MAX, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                self.metrics.proxy_refused.add(1);
                let message = format!("the body is longer than {BODY_BYTES_MAX} bytes");
                return error_answer(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    &message,
                );
            }
            Ok(Err(_)) | Err(_) => {
                self.metrics.proxy_refused.add(1);
                let message = "the body did not arrive";
                return error_answer(
                    StatusCode::REQUEST_TIMEOUT,
                    "RequestTimeoutException",
                    message,
                );
            }
        };
        let call = self
            .client
            .post(self.endpoint.call(path))
            .headers(headers)
            .body(body);
        match tokio::time::timeout(FORWARD_MAX, forward(call)).await {
            Ok(Ok(answer)) => {
                self.metrics.proxy_forwarded.add(1);
                answer
            }
            Ok(Err(error)) => self.fail(&attempt::with_causes(&error.without_url())),
            Err(_) => self.fail("no answer within 2 s"),
        }
    }

    fn refuse(&self) -> Answer {
        self.metrics.proxy_refused.add(1);
        let message = "this proxy passes on POST /GetSamplingRules and POST /SamplingTargets only; \
                       send other calls to the collector itself";
        error_answer(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    fn fail(&self, reason: &str) -> Answer {
        self.metrics.proxy_failed.add(1);
        if let Some(suppressed) = self.failures.admit(clock::now(), 1) {
            tracing::warn!(
                error = reason,
                suppressed,
                "Endpoint did not answer a sampling call"
            );
        }
        let message = format!("the daemon's endpoint did not answer: {reason}");
        error_answer(StatusCode::BAD_GATEWAY, "ServiceUnavailable", &message)
    }

    async fn note_accept_error(&self, error: &io::Error) {
        if let Some(suppressed) = self.failures.admit(clock::now(), 1) {
            tracing::error!(%error, suppressed, "Accepting a connection failed");
        }
        // Out of file descriptors, most likely: trying at once would fail at once.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn forward(call: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let mut response = call.send().await?;
    let body = attempt::read_bounded(&mut response).await?;
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = response.status();
    *answer.headers_mut() = headers::passed_on(response.headers());
    Ok(answer)
}

/// An error as the X-Ray API words it (`spec/api.md` section 1.5).
fn error_answer(status: StatusCode, code: &'static str, message: &str) -> Answer {
    let body = serde_json::json!({ "__type": code, "Message": message });
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let error_type = HeaderName::from_static("x-amzn-errortype");
    headers.insert(error_type, HeaderValue::from_static(code));
    answer
}
