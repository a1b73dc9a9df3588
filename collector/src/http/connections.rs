//! Connections of the X-Ray API: taken one by one, each served by a task of its own until its client
//! leaves, is too slow, or the collector stops.
//!
//! Bounds are those of [`Limits`]; what meets one is counted by its name. Without a place for it a
//! connection waits in the kernel. At a stop none is taken any more, idle ones are closed, and requests
//! under way are answered.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use radiograph_admin::log_limit::LogLimit;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use self::paced::Paced;
use super::limits::{HEAD_BYTES_MAX, Limits};
use super::tls::Tls;
use crate::clock;
use crate::metrics::Metrics;

mod paced;
#[cfg(test)]
mod tests;

/// How long no connection is taken when the system has no room for one.
const NO_ROOM_WAIT: Duration = Duration::from_secs(1);

/// Who is at the other end; an extension of every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves connections.
pub(crate) struct Connections {
    router: Router,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    metrics: Arc<Metrics>,
    full: LogLimit,
    unaccepted: LogLimit,
    handshakes: LogLimit,
}

impl Connections {
    /// Requests on connections go to `router`.
    pub(crate) const fn new(
        router: Router,
        tls: Option<Arc<Tls>>,
        limits: Limits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            router,
            tls,
            limits,
            metrics,
            full: LogLimit::one_in_ten_seconds(),
            unaccepted: LogLimit::one_in_ten_seconds(),
            handshakes: LogLimit::one_in_ten_seconds(),
        }
    }

    /// Takes connections until `stopped` ends, and returns when the last one is closed. Dropping the
    /// future cuts them off.
    pub(crate) async fn serve(self, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
        let this = Arc::new(self);
        let places = Arc::new(Semaphore::new(this.limits.connections_max));
        let (stopping, is_stopping) = watch::channel(false);
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                // an error means that the collector was dropped, which asks for the same
                _ = &mut stopped => break,
                Some(ended) = open.join_next() => if ended.is_err() {
                    warn!("a connection ended in a panic");
                },
                (place, stream, remote) = this.next(&listener, &places) => {
                    let (this, is_stopping) = (Arc::clone(&this), is_stopping.clone());
                    open.spawn(this.connection(place, stream, remote, is_stopping));
                }
            }
        }
        drop(listener);
        stopping.send_replace(true);
        while open.join_next().await.is_some() {}
    }

    /// The next connection, once there is a place for it.
    async fn next(
        &self,
        listener: &TcpListener,
        places: &Arc<Semaphore>,
    ) -> (Option<OwnedSemaphorePermit>, TcpStream, SocketAddr) {
        if places.available_permits() == 0 {
            self.metrics.connection_limited("full");
            if let Some(suppressed) = self.full.admit(clock::instant(), 1) {
                let count = self.limits.connections_max;
                warn!(
                    count,
                    suppressed, "no more connections are taken until one closes"
                );
            }
        }
        // the semaphore is never closed
        let place = Arc::clone(places).acquire_owned().await.ok();
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => return (place, stream, remote),
                Err(error) => self.not_accepted(&error).await,
            }
        }
    }

    async fn not_accepted(&self, error: &io::Error) {
        // a client that left before it was taken
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
        ) {
            return;
        }
        if let Some(suppressed) = self.unaccepted.admit(clock::instant(), 1) {
            warn!(%error, suppressed, "a connection could not be taken");
        }
        tokio::time::sleep(NO_ROOM_WAIT).await;
    }

    /// One connection, to its end.
    async fn connection(
        self: Arc<Self>,
        place: Option<OwnedSemaphorePermit>,
        stream: TcpStream,
        remote: SocketAddr,
        mut is_stopping: watch::Receiver<bool>,
    ) {
        let _place = place;
        // answers are written whole; there is nothing to wait for
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%remote, %error, "a connection keeps its delay");
        }
        let Some(tls) = &self.tls else {
            return self.requests(stream, remote, is_stopping).await;
        };
        let shaken = tokio::select! {
            shaken = tls.handshake(stream, self.limits.handshake_within) => shaken,
            _ = is_stopping.changed() => return,
        };
        match shaken {
            Ok(stream) => self.requests(stream, remote, is_stopping).await,
            Err(error) => {
                self.metrics.connection_limited(error.reason());
                if let Some(suppressed) = self.handshakes.admit(clock::instant(), 1) {
                    error.tell(remote, suppressed);
                }
            }
        }
    }

    /// The requests of a connection, to its end.
    async fn requests<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        io: IO,
        remote: SocketAddr,
        mut is_stopping: watch::Receiver<bool>,
    ) {
        let inner = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(Peer(remote));
            inner.call(request)
        });
        let io = TokioIo::new(Paced::new(io, &self.limits));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_within)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = is_stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            if let Some(bound) = bound(&error) {
                self.metrics.connection_limited(bound);
            }
            debug!(%remote, error = radiograph_admin::with_causes(&error), "a connection broke");
        }
    }
}

/// The label of the bound that a connection met, if it is not its client that left.
fn bound(error: &hyper::Error) -> Option<&'static str> {
    if error.is_timeout() {
        return Some("head_time");
    }
    let source = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
    (source.kind() == io::ErrorKind::TimedOut).then_some("taken_time")
}
