//! The data path: receive ▶ queue ▶ batch ▶ upload, and the proxy beside it.
//!
//! `start` wires the stages, `stop` ends them in the same order, so that nothing that was received is
//! forgotten. A batch is begun only when an upload may begin: while the endpoint is away, documents
//! wait in the queue, where the byte budget bounds them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::Type;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::batch::Batch;
use crate::clock;
use crate::config::Config;
use crate::endpoint::{Endpoint, EndpointError};
use crate::listen::{self, ListenError};
use crate::metrics::{Counters, Metrics};
use crate::proxy::Proxy;
use crate::queue::{Document, Queue};
use crate::receive::socket::{self, Bound};
use crate::receive::{Limits, Receiver};
use crate::shutdown::{self, Phase, Phases, Watch};
use crate::upload::{Uploader, attempt};

/// A running daemon. Dropped instead of stopped, it gives up what it holds.
#[derive(Debug)]
pub struct Daemon {
    udp_address: SocketAddr,
    tcp_address: SocketAddr,
    metrics: Arc<Metrics>,
    queue: Arc<Queue>,
    grace: Duration,
    phases: Phases,
    receiver: thread::JoinHandle<()>,
    dispatcher: JoinHandle<()>,
    proxy: JoinHandle<()>,
}

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint is unusable.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The UDP address is unusable.
    #[error("udp address")]
    Udp(#[source] ListenError),
    /// The TCP address is unusable. AWS's daemon runs on without its proxy; a daemon whose sampling
    /// silently does not work helps nobody (`spec/daemon.md` section 2.3).
    #[error("tcp address")]
    Tcp(#[source] ListenError),
    /// No process-wide TLS provider was installed before.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The HTTP client cannot be built.
    #[error("http client")]
    Client(#[source] reqwest::Error),
    /// The system gives no thread or refuses the socket.
    #[error("receiving thread")]
    Receive(#[source] std::io::Error),
}

/// Starts a daemon on the calling runtime, which needs time and I/O.
///
/// Both addresses are bound when it returns. The process must have installed a TLS provider.
///
/// # Errors
/// [`StartError`] says which part of the configuration cannot be had.
pub async fn start(config: Config) -> Result<Daemon, StartError> {
    let endpoint = Endpoint::parse(&config.endpoint)?;
    let udp = listen::resolve(&config.bind)
        .await
        .map_err(StartError::Udp)?;
    let tcp = listen::resolve(&config.bind_tcp)
        .await
        .map_err(StartError::Tcp)?;
    let bound = socket::bind(udp).map_err(StartError::Udp)?;
    let (listener, tcp_address) = listen_tcp(tcp).map_err(StartError::Tcp)?;
    // reqwest panics without one.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(StartError::NoTlsProvider);
    }
    let client = attempt::client().map_err(StartError::Client)?;

    let metrics = Arc::new(Metrics::default());
    let queue = Arc::new(Queue::new(config.buffer_bytes));
    let (phases, watch) = shutdown::phases();
    let url = endpoint.call("/TraceSegments");
    let uploader = Arc::new(Uploader::new(
        client.clone(),
        url,
        Arc::clone(&metrics),
        watch.clone(),
    ));
    let proxy = Arc::new(Proxy::new(client, endpoint.clone(), Arc::clone(&metrics)));
    let receiver = Receiver {
        queue: Arc::clone(&queue),
        metrics: Arc::clone(&metrics),
        watch: watch.clone(),
        limits: Limits::default(),
    };
    log_start(&config, &endpoint, &bound, tcp_address);
    let udp_address = bound.address;
    let receiver = receiver.spawn(bound.socket).map_err(StartError::Receive)?;
    let dispatch = dispatch(
        Arc::clone(&queue),
        uploader,
        Arc::clone(&metrics),
        config.concurrency.get(),
        watch.clone(),
    );
    Ok(Daemon {
        udp_address,
        tcp_address,
        metrics,
        queue,
        grace: config.grace,
        phases,
        receiver,
        dispatcher: tokio::spawn(dispatch),
        proxy: tokio::spawn(proxy.serve(listener, watch)),
    })
}

impl Daemon {
    /// Where segments arrive, with the port it got.
    #[must_use]
    pub const fn udp_address(&self) -> SocketAddr {
        self.udp_address
    }

    /// Where the sampling proxy listens, with the port it got.
    #[must_use]
    pub const fn tcp_address(&self) -> SocketAddr {
        self.tcp_address
    }

    /// The counters now.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.metrics.counters(self.queue.held())
    }

    /// Stops receiving, delivers what was received, and gives up after [`Config::grace`]; the counters
    /// then say what was lost.
    pub async fn stop(self) -> Counters {
        self.phases.enter(Phase::Stopping);
        let receiver = tokio::task::spawn_blocking(move || self.receiver.join()).await;
        if !matches!(receiver, Ok(Ok(()))) {
            tracing::error!("Receiving thread ended abnormally");
        }
        self.phases.enter(Phase::Draining);
        let mut dispatcher = self.dispatcher;
        if tokio::time::timeout(self.grace, &mut dispatcher)
            .await
            .is_err()
        {
            self.phases.enter(Phase::Over);
            if dispatcher.await.is_err() {
                tracing::error!("Upload stage ended abnormally");
            }
        }
        if self.proxy.await.is_err() {
            tracing::error!("Proxy ended abnormally");
        }
        let counters = self.metrics.counters(self.queue.held());
        if counters.lost > 0 {
            tracing::error!(count = counters.lost, "Segments lost at shutdown");
        }
        counters
    }
}

/// Moves documents from the queue to the uploads until nothing more can come.
async fn dispatch(
    queue: Arc<Queue>,
    uploader: Arc<Uploader>,
    metrics: Arc<Metrics>,
    concurrency: usize,
    watch: Watch,
) {
    let places = Arc::new(Semaphore::new(concurrency));
    let mut uploads = JoinSet::new();
    let mut carried = None;
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = watch.reached(Phase::Over) => break,
        };
        let Some(batch) = next_batch(&queue, &mut carried, &watch).await else {
            break;
        };
        let uploader = Arc::clone(&uploader);
        uploads.spawn(async move {
            uploader.deliver(batch.into_documents()).await;
            drop(place);
        });
        while let Some(ended) = uploads.try_join_next() {
            note_upload_end(ended);
        }
    }
    while let Some(ended) = uploads.join_next().await {
        note_upload_end(ended);
    }
    while let Some(document) = carried.take().or_else(|| queue.pop()) {
        metrics.lost.add(1);
        drop(document);
    }
}

/// The next batch, once it is closed; `None` when the daemon is draining and the queue is empty.
/// `carried` is the document that did not fit into the batch before.
async fn next_batch(queue: &Queue, carried: &mut Option<Document>, watch: &Watch) -> Option<Batch> {
    let mut batch = Batch::default();
    loop {
        // Read first: what was queued before it was entered is then seen below.
        let is_draining = watch.has_reached(Phase::Draining);
        let now = clock::now();
        while let Some(document) = carried.take().or_else(|| queue.pop()) {
            if let Err(document) = batch.offer(document, now) {
                *carried = Some(document);
                return Some(batch);
            }
            if batch.is_full() {
                return Some(batch);
            }
        }
        let closes_at = batch.closes_at();
        if is_draining || closes_at.is_some_and(|at| now >= at) {
            return closes_at.map(|_| batch);
        }
        tokio::select! {
            () = queue.arrival() => {}
            () = async {
                match closes_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            } => {}
            () = watch.reached(Phase::Draining) => {}
        }
    }
}

fn note_upload_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "Upload ended abnormally");
    }
}

fn listen_tcp(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let (socket, bound) = listen::bind(address, Type::STREAM)?;
    let listening = socket
        .listen(1024)
        .and_then(|()| TcpListener::from_std(socket.into()));
    let listener = listening.map_err(|source| ListenError::Bind { address, source })?;
    Ok((listener, bound))
}

/// The lines that people's tooling matches (`spec/daemon.md` section 11), and ours.
fn log_start(config: &Config, endpoint: &Endpoint, bound: &Bound, tcp_address: SocketAddr) {
    // No setting is a secret: an endpoint with a password has been refused.
    tracing::info!("Configuration: {config:?}");
    let megabytes = config.buffer_bytes >> 20;
    tracing::info!("Using buffer memory limit of {megabytes} MB");
    // AWS's buffers are 64 KiB each; ours have no fixed size, the number is for those who read it.
    let segment_buffers = megabytes * 16;
    tracing::info!("{segment_buffers} segment buffers allocated");
    let region = &config.region;
    tracing::info!("Using region: {region}");
    tracing::info!("HTTP Proxy server using X-Ray Endpoint : {endpoint}");
    let granted = bound.receive_buffer_bytes;
    tracing::info!("Kernel granted a receive buffer of {granted} bytes");
    tracing::info!("Starting proxy http server on {tcp_address}");
    let udp_address = bound.address;
    tracing::info!("Listening for segments on udp {udp_address}");
}
