//! The data path: receive ▶ intake ▶ route ▶ destination ▶ upload or spool; the proxy beside it.
//!
//! `start` wires the stages, `stop` ends them in the same order, so that nothing that was received is
//! forgotten.

mod parts;
mod sockets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use radiograph_admin::systemd::{Passed, PassedError};
use tokio::task::{JoinHandle, JoinSet};

use crate::call::CallerError;
use crate::call::failure::with_causes;
use crate::config::Config;
use crate::flush::{Flush, Flusher};
use crate::intake::Intake;
use crate::kernel::KernelDrops;
use crate::listen::ListenError;
use crate::log_limit::LogLimit;
use crate::metrics::{Counters, Metrics};
use crate::proxy::Proxy;
use crate::receive::{Limits, Receiver};
use crate::route::Router;
use crate::sampler::Sampler;
use crate::shutdown::{self, Phase, Phases};
use crate::telemetry::Telemetry;

/// A running daemon. Dropped instead of stopped, it gives up what it holds.
pub struct Daemon {
    udp_address: SocketAddr,
    tcp_address: SocketAddr,
    metrics: Arc<Metrics>,
    grace: Duration,
    phases: Phases,
    receiver: thread::JoinHandle<()>,
    router: JoinHandle<()>,
    destinations: JoinSet<()>,
    proxy: Arc<Proxy>,
    proxy_task: JoinHandle<()>,
    sampler: Arc<Sampler>,
    admin_address: Option<SocketAddr>,
    telemetry: JoinSet<Telemetry>,
    flusher: Flusher,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon")
            .field("udp_address", &self.udp_address)
            .field("tcp_address", &self.tcp_address)
            .finish_non_exhaustive()
    }
}

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A destination is unusable.
    #[error("destination {name}")]
    Destination {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: CallerError,
    },
    /// The UDP address is unusable.
    #[error("udp address")]
    Udp(#[source] ListenError),
    /// The TCP address is unusable. AWS's daemon runs on without its proxy; a daemon whose sampling
    /// silently does not work helps nobody (`spec/daemon.md` section 2.3).
    #[error("tcp address")]
    Tcp(#[source] ListenError),
    /// A socket that systemd passed is not the one that is configured.
    #[error(transparent)]
    Passed(#[from] PassedError),
    /// The admin address that somebody chose is unusable.
    #[error("admin address")]
    Admin(#[source] ListenError),
    /// No process-wide TLS provider was installed before.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The configuration names no destination.
    #[error("no destination is configured")]
    NoDestination,
    /// The system gives no thread or refuses the socket.
    #[error("receiving thread")]
    Receive(#[source] std::io::Error),
}

/// Starts a daemon on the calling runtime, which needs time and I/O.
///
/// Both addresses are bound when it returns, and segments are received from the first moment on, also
/// while a region is still asked for. The process must have installed a TLS provider.
///
/// # Errors
/// [`StartError`] says which part of the configuration cannot be had.
pub async fn start(config: Config) -> Result<Daemon, StartError> {
    start_on(config, Passed::default()).await
}

/// As [`start`], on the sockets that were passed to this process, if any.
///
/// # Errors
/// As of [`start`], and when another address is configured than was passed.
pub async fn start_on(config: Config, passed: Passed) -> Result<Daemon, StartError> {
    let sockets = sockets::open(&config, passed).await?;
    let (bound, tcp_address) = (sockets.datagrams, sockets.tcp_address);
    // reqwest panics without one.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(StartError::NoTlsProvider);
    }
    let all_metrics = parts::metrics(&config);
    let metrics = Arc::new(Metrics::new(all_metrics.clone()));
    let intake = Arc::new(Intake::new(config.buffer_bytes));
    let (phases, watch) = shutdown::phases();
    let flush = Arc::new(Flush::default());
    let drops = Arc::new(KernelDrops::of([&bound.socket]));
    let (udp_address, receive_buffer_bytes) = (bound.address, bound.receive_buffer_bytes);
    let receiver = Receiver {
        intake: Arc::clone(&intake),
        metrics: Arc::clone(&metrics),
        watch: watch.clone(),
        flush: Arc::clone(&flush),
        limits: Limits::default(),
        receive_buffer_bytes,
    };
    let receiver = receiver.spawn(bound.socket).map_err(StartError::Receive)?;

    let callers = parts::callers(&config).await?;
    let primary = callers.first().ok_or(StartError::NoDestination)?.clone();
    parts::log_start(&config, &callers, receive_buffer_bytes);
    tokio::spawn(Arc::clone(&drops).watch(watch.clone()));
    let admin_address = parts::admin(&config, &metrics, drops, &watch).await?;
    let sampler = Arc::new(Sampler::new(config.sampling, primary.clone()));
    let stages = parts::Stages {
        intake: &intake,
        watch: &watch,
        flush: &flush,
    };
    let (destinations, inboxes) = parts::destinations(&config, &callers, &all_metrics, &stages);
    let router = Router {
        intake: Arc::clone(&intake),
        sampler: Arc::clone(&sampler),
        metrics: Arc::clone(&metrics),
        destinations: inboxes,
        malformed: LogLimit::ten_per_minute(),
        flush: Arc::clone(&flush),
    };
    tokio::spawn(Arc::clone(&sampler).run(watch.clone()));
    let passed_on = Arc::clone(&metrics);
    let proxy = Arc::new(Proxy::new(primary, intake, passed_on, config.proxy_all));
    let flusher = Flusher {
        flush,
        metrics: Arc::clone(&metrics),
        callers: callers.clone(),
    };
    let telemetry = parts::telemetry(&config, callers, &metrics, &watch);
    tracing::info!("Starting proxy http server on {tcp_address}");
    tracing::info!("Listening for segments on udp {udp_address}");
    Ok(Daemon {
        udp_address,
        tcp_address,
        metrics,
        grace: config.grace,
        phases,
        receiver,
        router: tokio::spawn(router.run(watch.clone())),
        destinations,
        proxy_task: tokio::spawn(Arc::clone(&proxy).serve(sockets.connections, watch)),
        proxy,
        sampler,
        admin_address,
        telemetry,
        flusher,
    })
}

/// For sampling calls that are under way at a stop.
const PROXY_GRACE: Duration = Duration::from_secs(1);

impl Daemon {
    /// Takes over the settings that a running daemon can change: sampling mode, proxy and grace
    /// period ([`crate::config::changes`] says which others need a restart), and reads the files of
    /// certificates again.
    pub fn reload(&mut self, config: &Config) {
        self.sampler.set_mode(config.sampling);
        self.proxy.set_proxy_all(config.proxy_all);
        self.grace = config.grace;
        for (caller, destination) in self.flusher.callers.iter().zip(&config.destinations) {
            if let Err(error) = caller.renew() {
                let (name, error) = (&destination.name, with_causes(&error));
                tracing::error!(
                    destination = name,
                    error,
                    "Certificates are not read again; the old ones stay"
                );
            }
        }
    }

    /// Makes a stop deliver for no longer than that.
    pub(crate) fn limit_grace(&mut self, grace: Duration) {
        self.grace = self.grace.min(grace);
    }

    /// What empties the memory while the daemon goes on.
    pub(crate) fn flusher(&self) -> Flusher {
        self.flusher.clone()
    }

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

    /// Where `/livez`, `/readyz` and `/metrics` are, with the port it got.
    #[must_use]
    pub const fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Whether segments are received: the thread that does it runs.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.metrics.is_receiving()
    }

    /// The counters now.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.metrics.counters()
    }

    /// Stops receiving, delivers what was received for [`Config::grace`], and spools what is left; the
    /// counters then say what was given up.
    pub async fn stop(mut self) -> Counters {
        self.phases.enter(Phase::Stopping);
        let receiver = tokio::task::spawn_blocking(move || self.receiver.join()).await;
        if !matches!(receiver, Ok(Ok(()))) {
            tracing::error!("Receiving thread ended abnormally");
        }
        // Calls under way end now; what one of them brought must be there before the router ends.
        if tokio::time::timeout(PROXY_GRACE, &mut self.proxy_task)
            .await
            .is_err()
        {
            self.proxy_task.abort();
        }
        self.phases.enter(Phase::Draining);
        if self.router.await.is_err() {
            tracing::error!("Route stage ended abnormally");
        }
        let ended = tokio::time::timeout(self.grace, all(&mut self.destinations)).await;
        if ended.is_err() {
            self.phases.enter(Phase::Over);
            all(&mut self.destinations).await;
        }
        let counters = self.metrics.counters();
        let mut last = JoinSet::new();
        while let Some(ended) = self.telemetry.join_next().await {
            match ended {
                Ok(mut telemetry) => {
                    let counters = counters.clone();
                    last.spawn(async move { telemetry.last(counters).await });
                }
                Err(error) => tracing::error!(%error, "Telemetry ended abnormally"),
            }
        }
        all(&mut last).await;
        counters
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "A task ended abnormally");
        }
    }
}
