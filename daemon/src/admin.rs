//! `/livez`, `/readyz` and `/metrics` on an address of their own, never on port 2000.
//!
//! Source: `spec/daemon.md` section 13. Plain HTTP/1.1, GET only, no authentication: by default this
//! host alone can ask. Bounds: 32 connections, 5 s for a request's head, 10 s for a connection, which
//! carries one answer; more connections wait in the kernel.

mod process;
mod ready;
mod text;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::Type;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::clock;
use crate::listen::{self, ListenError};
use crate::log_limit::LogLimit;
use crate::metrics::Counters;
use crate::shutdown::{Phase, Watch};
use process::Process;

/// Connections at once.
const CONNECTIONS_MAX: usize = 32;

/// For a request's head to arrive.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// From the first byte to the last one of the answer.
const CONNECTION_MAX: Duration = Duration::from_secs(10);

/// What the answers tell, as of now.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) counters: Counters,
    /// What the kernel dropped, where it tells.
    pub(crate) kernel_drops: Option<u64>,
    /// Whether the receiving threads run.
    pub(crate) is_receiving: bool,
    /// What else keeps the daemon from its work, a line each: `spool: read-only`.
    pub(crate) troubles: Vec<String>,
}

/// A server that nobody is served by yet.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    head_max: Duration,
    connection_max: Duration,
}

struct Answers<S> {
    state: S,
    process: Process,
    watch: Watch,
}

type Answer = Response<Full<Bytes>>;

impl Admin {
    /// Listens on `host:port`, within a tokio runtime.
    ///
    /// # Errors
    /// When the address is unusable.
    pub(crate) async fn bind(address: &str) -> Result<Self, ListenError> {
        let address = listen::resolve(address).await?;
        let (socket, bound) = listen::bind(address, Type::STREAM)?;
        let listener = socket
            .listen(128)
            .and_then(|()| TcpListener::from_std(socket.into()))
            .map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self {
            listener,
            address: bound,
            head_max: HEAD_MAX,
            connection_max: CONNECTION_MAX,
        })
    }

    /// Where it listens, with the port it got.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the daemon is over; through the stop, too, so that the drain can be watched.
    pub(crate) async fn serve<S>(self, state: S, watch: Watch)
    where
        S: Fn() -> State + Send + Sync + 'static,
    {
        let answers = Arc::new(Answers {
            state,
            process: Process::started(clock::since_epoch()),
            watch: watch.clone(),
        });
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let failures = LogLimit::one_in_ten_seconds();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&places) => accepted,
                () = watch.reached(Phase::Over) => return,
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
                    if let Some(suppressed) = failures.admit(clock::now(), 1) {
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
    ) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(std::io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, place))
    }
}

async fn serve_connection<S>(
    stream: TcpStream,
    answers: Arc<Answers<S>>,
    head_max: Duration,
    connection_max: Duration,
) where
    S: Fn() -> State + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answers.answer(request.method(), request.uri().path());
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

impl<S: Fn() -> State> Answers<S> {
    fn answer(&self, method: &Method, path: &str) -> Answer {
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
        let state = (self.state)();
        let is_stopping = self.watch.has_reached(Phase::Stopping);
        match path {
            "/livez" => verdict(ready::live(&state, is_stopping)),
            "/readyz" => verdict(ready::ready(&state, is_stopping)),
            _ => {
                let text = text::metrics(&state.counters, state.kernel_drops, &self.process.now());
                let mut answer = plain(StatusCode::OK, text);
                answer
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE));
                answer
            }
        }
    }
}

fn verdict(verdict: Result<String, String>) -> Answer {
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
