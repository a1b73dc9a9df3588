//! The server behind an admin address.
//!
//! Plain HTTP/1.1, GET only, no authentication: by default this host alone can ask. Bounds: 32
//! connections, 5 s for a request's head, 10 s for a connection, which carries one answer; more
//! connections wait in the kernel.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::log_limit::LogLimit;
use crate::text;

/// Connections at once.
const CONNECTIONS_MAX: usize = 32;

/// For a request's head to arrive.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// From the first byte to the last one of the answer.
const CONNECTION_MAX: Duration = Duration::from_secs(10);

/// Lines that say `ok`, or else why not.
pub type Verdict = Result<String, String>;

/// What a server tells of itself, asked for with every request.
pub trait Answers: Send + Sync + 'static {
    /// `/livez`: the process works, or why a restart would help.
    ///
    /// # Errors
    /// The reasons.
    fn live(&self) -> Verdict;

    /// `/readyz`: it would do its work now, or why not.
    ///
    /// # Errors
    /// The reasons.
    fn ready(&self) -> Verdict;

    /// `/metrics`: [`text::Families`].
    fn metrics(&self) -> String;
}

impl<A: Answers> Answers for Arc<A> {
    fn live(&self) -> Verdict {
        (**self).live()
    }

    fn ready(&self) -> Verdict {
        (**self).ready()
    }

    fn metrics(&self) -> String {
        (**self).metrics()
    }
}

/// Each on a line of its own, whatever it holds.
pub fn lines(texts: impl Iterator<Item = String>) -> String {
    texts
        .map(|text| text.replace(char::is_control, " ") + "\n")
        .collect()
}

/// A server that nobody is served by yet.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    now: fn() -> Instant,
    head_max: Duration,
    connection_max: Duration,
}

type Answer = Response<Full<Bytes>>;

impl Admin {
    /// Serves those who connect to `listener`; `now` is the monotonic clock.
    #[must_use]
    pub const fn new(listener: TcpListener, now: fn() -> Instant) -> Self {
        Self {
            listener,
            now,
            head_max: HEAD_MAX,
            connection_max: CONNECTION_MAX,
        }
    }

    /// Where it listens, with the port it got.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `over` ends. That should be after the server's own end, so that the stop can be
    /// watched.
    pub async fn serve(self, answers: impl Answers, over: impl Future<Output = ()>) {
        let answers = Arc::new(answers);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let failures = LogLimit::one_in_ten_seconds();
        let mut over = pin!(over);
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&places) => accepted,
                () = &mut over => return,
            };
            match accepted {
                Ok((stream, place)) => {
                    let serving = serve_connection(
                        stream,
                        Arc::clone(&answers),
                        self.head_max,
                        self.connection_max,
                    );
                    tokio::spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    if let Some(suppressed) = failures.admit((self.now)(), 1) {
                        tracing::warn!(%error, suppressed, "Admin address cannot take a connection");
                    }
                    // Out of file descriptors, most likely: trying at once would fail at once.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, place))
    }
}

async fn serve_connection<A: Answers>(
    stream: TcpStream,
    answers: Arc<A>,
    head_max: Duration,
    connection_max: Duration,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&*answers, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_max)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(connection_max, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "Admin connection ended early"),
        Err(_) => tracing::debug!("Admin connection took too long"),
    }
}

fn answer(answers: &impl Answers, method: &Method, path: &str) -> Answer {
    if !matches!(path, "/livez" | "/readyz" | "/metrics") {
        let paths = "there are /livez, /readyz and /metrics\n";
        return plain(StatusCode::NOT_FOUND, paths.to_owned());
    }
    if method != Method::GET {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n".to_owned());
        let get = HeaderValue::from_static("GET");
        answer.headers_mut().insert(ALLOW, get);
        return answer;
    }
    match path {
        "/livez" => verdict(answers.live()),
        "/readyz" => verdict(answers.ready()),
        _ => {
            let mut answer = plain(StatusCode::OK, answers.metrics());
            let content_type = HeaderValue::from_static(text::CONTENT_TYPE);
            answer.headers_mut().insert(CONTENT_TYPE, content_type);
            answer
        }
    }
}

fn verdict(verdict: Verdict) -> Answer {
    match verdict {
        Ok(lines) => plain(StatusCode::OK, lines),
        Err(lines) => plain(StatusCode::SERVICE_UNAVAILABLE, lines),
    }
}

fn plain(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

#[cfg(test)]
mod tests;
