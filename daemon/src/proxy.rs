//! TCP 2000: passes the SDKs' sampling calls to the endpoint, and takes documents too big for UDP.
//!
//! AWS's daemon forwards any call with its own permissions; here only the two calls that SDKs make are
//! passed on unless a setting restores AWS's behaviour, all else is refused with 403. While the
//! endpoint is down, rules come from the last good copy, and statistics wait for its return. Bounds:
//! connections, the size of a call and of its answer, of all calls together, and the time for each
//! step; a slow client delays no other.
//!
//! At a stop no connection is accepted any more and calls in progress are finished, until `Draining`
//! cuts them; when [`Proxy::serve`] has returned, no document comes from here.
//!
//! Source: `spec/daemon.md` section 5.

pub(crate) mod answer;
mod body;
mod documents;
mod forward;
mod headers;
mod rules;
mod sampling;
mod statistics;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use radiograph_protocol::limits::REQUEST_BODY_BYTES_MAX;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::call::Caller;
use crate::clock;
use crate::intake::Intake;
use crate::log_limit::LogLimit;
use crate::metrics::Metrics;
use crate::shutdown::{Phase, Watch};
use answer::Answer;
use body::{BodyError, Held};
use forward::{Call, bad_gateway};
use rules::RulesCopy;
use statistics::Unreported;

/// Bytes of a sampling call's body; 25 statistics documents are a hundredth of it.
const SAMPLING_BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes of any other call's body, and of any answer.
const BODY_BYTES_MAX: usize = REQUEST_BODY_BYTES_MAX;

/// The proxy stage.
#[derive(Debug)]
pub(crate) struct Proxy {
    caller: Caller,
    intake: Arc<Intake>,
    metrics: Arc<Metrics>,
    proxy_all: AtomicBool,
    rules: RulesCopy,
    unreported: Mutex<Unreported>,
    bodies: Arc<Semaphore>,
    limits: Limits,
    failures: LogLimit,
}

/// How much and how long; fields, so that tests can reach them.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at once; more wait in the kernel.
    connections_max: usize,
    /// Bytes of all calls' bodies together.
    bodies_bytes_max: usize,
    /// For a call's head to arrive; SDKs poll every ten seconds on one connection.
    head_max: Duration,
    /// For a call's body to arrive.
    body_max: Duration,
    /// From the call's last byte to the answer's last one. The Java SDK itself waits 2 s.
    forward_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            bodies_bytes_max: 32 << 20,
            head_max: Duration::from_secs(30),
            body_max: Duration::from_secs(5),
            forward_max: Duration::from_secs(2),
        }
    }
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Rules,
    Targets,
    Documents,
    /// Passed on as AWS's daemon does.
    Any,
    Refused,
}

impl Proxy {
    pub(crate) fn new(
        caller: Caller,
        intake: Arc<Intake>,
        metrics: Arc<Metrics>,
        proxy_all: bool,
    ) -> Self {
        Self::with_limits(caller, intake, metrics, proxy_all, Limits::default())
    }

    fn with_limits(
        caller: Caller,
        intake: Arc<Intake>,
        metrics: Arc<Metrics>,
        proxy_all: bool,
        limits: Limits,
    ) -> Self {
        Self {
            caller,
            intake,
            metrics,
            proxy_all: AtomicBool::new(proxy_all),
            rules: RulesCopy::default(),
            unreported: Mutex::default(),
            bodies: Arc::new(Semaphore::new(limits.bodies_bytes_max)),
            limits,
            failures: LogLimit::one_in_ten_seconds(),
        }
    }

    /// Whether any call is passed on, from now on.
    pub(crate) fn set_proxy_all(&self, proxy_all: bool) {
        self.proxy_all.store(proxy_all, Ordering::Relaxed);
    }

    /// Serves connections until the daemon drains.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, watch: Watch) {
        let places = Arc::new(Semaphore::new(self.limits.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => match place {
                    Ok(place) => (place, accept(&listener, &watch).await),
                    Err(_) => break,
                },
                () = watch.reached(Phase::Stopping) => break,
            };
            match accepted {
                (place, Some(Ok(stream))) => {
                    let (proxy, watch) = (Arc::clone(&self), watch.clone());
                    connections.spawn(async move {
                        proxy.serve_connection(stream, watch).await;
                        drop(place);
                    });
                }
                (_, Some(Err(error))) => self.note_accept_error(&error).await,
                (_, None) => break,
            }
            while connections.try_join_next().is_some() {}
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, watch: Watch) {
        let head_max = self.limits.head_max;
        let service = {
            let watch = watch.clone();
            service_fn(move |request| {
                let (proxy, watch) = (Arc::clone(&self), watch.clone());
                async move { Ok::<_, Infallible>(proxy.answer(request, &watch).await) }
            })
        };
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_max)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = watch.reached(Phase::Stopping) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    served = connection => served,
                    () = watch.reached(Phase::Draining) => return,
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "Proxy connection ended early");
        }
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>, watch: &Watch) -> Answer {
        let route = self.route(request.method(), request.uri().path());
        if route == Route::Refused {
            return self.refuse();
        }
        let (head, body) = request.into_parts();
        let bytes_max = match route {
            Route::Rules | Route::Targets => SAMPLING_BODY_BYTES_MAX,
            Route::Documents | Route::Any | Route::Refused => BODY_BYTES_MAX,
        };
        let held = match self.read(body, bytes_max).await {
            Ok(held) => held,
            Err(answer) => return answer,
        };
        if route == Route::Documents {
            return self.take_documents(&held.bytes, watch);
        }
        let path = match (route, head.uri.path_and_query()) {
            (Route::Any, Some(path)) => path.as_str(),
            _ => head.uri.path(),
        };
        let call = Call {
            method: head.method,
            path: path.to_owned(),
            headers: headers::passed_on(&head.headers),
            body: held.bytes.clone(),
        };
        match route {
            Route::Rules => self.answer_rules(call).await,
            Route::Targets => self.answer_targets(call).await,
            Route::Documents | Route::Any | Route::Refused => {
                let forwarded = self.forward(call).await;
                forwarded.map_or_else(|reason| bad_gateway(&reason), Answer::from)
            }
        }
    }

    fn route(&self, method: &Method, path: &str) -> Route {
        match path {
            "/GetSamplingRules" if method == Method::POST => Route::Rules,
            "/SamplingTargets" if method == Method::POST => Route::Targets,
            "/TraceSegments" if method == Method::POST => Route::Documents,
            _ if self.proxy_all.load(Ordering::Relaxed) => Route::Any,
            _ => Route::Refused,
        }
    }

    /// The body, or the answer to a client whose body cannot be had.
    async fn read(&self, body: Incoming, bytes_max: usize) -> Result<Held, Answer> {
        let reading = body::read(body, bytes_max, &self.bodies);
        let read = tokio::time::timeout(self.limits.body_max, reading).await;
        let error = match read {
            Ok(Ok(held)) => return Ok(held),
            Ok(Err(error)) => error,
            Err(_) => BodyError::Broken,
        };
        self.metrics.proxy_refused.add(1);
        Err(match error {
            BodyError::TooLong => answer::error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("the body is longer than {bytes_max} bytes"),
            ),
            BodyError::Busy => documents::full(),
            BodyError::Broken => answer::error(
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeoutException",
                "the body did not arrive",
            ),
        })
    }

    fn take_documents(&self, body: &[u8], watch: &Watch) -> Answer {
        // Whoever drains takes nothing out of the queue any more.
        let (answer, taken) = if watch.has_reached(Phase::Draining) {
            (documents::full(), 0)
        } else {
            documents::take(body, &self.intake)
        };
        self.metrics.received.add(taken);
        self.metrics.received_tcp.add(taken);
        self.metrics.waiting.add(taken);
        if !answer.status().is_success() {
            self.metrics.proxy_refused.add(1);
        }
        answer
    }

    fn refuse(&self) -> Answer {
        self.metrics.proxy_refused.add(1);
        let message = "this proxy passes on POST /GetSamplingRules and POST /SamplingTargets, and \
                       takes POST /TraceSegments; send other calls to the collector itself";
        answer::error(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    async fn note_accept_error(&self, error: &io::Error) {
        if let Some(suppressed) = self.failures.admit(clock::now(), 1) {
            tracing::error!(%error, suppressed, "Accepting a connection failed");
        }
        // Out of file descriptors, most likely: trying at once would fail at once.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The next connection; `None` once the daemon stops.
async fn accept(listener: &TcpListener, watch: &Watch) -> Option<io::Result<TcpStream>> {
    tokio::select! {
        accepted = listener.accept() => Some(accepted.map(|(stream, _)| stream)),
        () = watch.reached(Phase::Stopping) => None,
    }
}

#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
