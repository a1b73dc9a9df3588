//! What the collector answers to `/livez`, `/readyz` and `/metrics`, on an address of their own;
//! `radiograph_admin` serves it.
//!
//! It answers from before the store opens, which may take a while, until after the store is closed, so
//! that both can be watched. An address that nobody chose may be taken, by another collector for
//! instance: that is a warning, since a second one on a host must start.

mod ready;
mod text;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use radiograph_admin::process::Process;
use radiograph_admin::{Admin, Answers, Verdict, with_causes};
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tracing::{info, warn};

use self::ready::State;
use crate::clock;
use crate::config::AdminAddress;
use crate::metrics::Metrics;
use crate::sampling::Sampling;
use crate::settle::Settler;
use crate::store::Store;

/// A running admin server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct AdminServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    over: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// What the answers come from once the collector is put together.
pub(crate) struct Parts {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) settler: Settler,
    pub(crate) sampling: Arc<Sampling>,
    pub(crate) store: Arc<dyn Store>,
    /// The task that answers the X-Ray API.
    pub(crate) api: AbortHandle,
}

struct Shared {
    process: Process,
    parts: OnceLock<Parts>,
    is_stopping: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl AdminServer {
    /// Answers at the configured address; `None` when that is off, or the default and unusable.
    ///
    /// # Errors
    /// When an address that somebody chose is unusable.
    pub(crate) async fn start(address: &AdminAddress) -> io::Result<Option<Self>> {
        let Some(host_port) = address.address() else {
            return Ok(None);
        };
        let started = match listen(host_port).await {
            Ok(listener) => Self::serve(Admin::new(listener, clock::instant)),
            Err(error) => Err(error),
        };
        match started {
            Ok(server) => Ok(Some(server)),
            Err(error) if *address != AdminAddress::Default => Err(error),
            Err(error) => {
                let error = with_causes(&error);
                warn!(
                    error,
                    "no admin address: /metrics, /livez and /readyz are off"
                );
                Ok(None)
            }
        }
    }

    fn serve(admin: Admin) -> io::Result<Self> {
        let address = admin.address()?;
        let since_epoch = u64::try_from(clock::now().micros()).unwrap_or(0);
        let shared = Arc::new(Shared {
            process: Process::started(Duration::from_micros(since_epoch)),
            parts: OnceLock::new(),
            is_stopping: AtomicBool::new(false),
        });
        let (over, ended) = oneshot::channel();
        let answers = Arc::clone(&shared);
        let serving = tokio::spawn(admin.serve(answers, async move {
            // an error means that the server was dropped, which asks for the same
            drop(ended.await);
        }));
        info!(admin = %address, "collector answers /metrics, /livez and /readyz");
        Ok(Self {
            address,
            shared,
            over,
            serving,
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The collector is put together.
    pub(crate) fn started(&self, parts: Parts) {
        // it is put together once
        drop(self.shared.parts.set(parts));
    }

    /// The collector takes nothing more.
    pub(crate) fn stopping(&self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Ends when the last answer is given up or given.
    pub(crate) async fn stop(self) {
        drop(self.over);
        if self.serving.await.is_err() {
            warn!("the admin server ended in a panic");
        }
    }
}

/// `host:port`, of a host with several addresses the first of IPv4; without a host all interfaces.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let with_host = match address.strip_prefix(':') {
        Some(_) => format!("0.0.0.0{address}"),
        None => address.to_owned(),
    };
    let found: Vec<SocketAddr> = lookup_host(with_host).await?.collect();
    let ipv4 = found.iter().find(|each| each.is_ipv4());
    let address = ipv4.or_else(|| found.first()).copied();
    TcpListener::bind(address.ok_or(io::ErrorKind::AddrNotAvailable)?).await
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    fn state(&self) -> Option<State> {
        let parts = self.parts.get()?;
        Some(State {
            is_stopping: self.is_stopping(),
            is_serving: !parts.api.is_finished(),
            store: parts.store.health(),
            unsettled: parts.settler.waiting(),
            backlog: parts.store.backlog(),
        })
    }
}

impl Answers for Shared {
    fn live(&self) -> Verdict {
        ready::live(self.state().as_ref())
    }

    fn ready(&self) -> Verdict {
        ready::ready(self.state().as_ref())
    }

    fn metrics(&self) -> String {
        let counters = self.parts.get().map(|parts| parts.metrics.snapshot());
        let rules = self
            .parts
            .get()
            .map(|parts| parts.sampling.rules_usage(clock::now()));
        let state = self.state();
        text::metrics(
            &counters.unwrap_or_default(),
            &rules.unwrap_or_default(),
            state.as_ref(),
            &self.process.now(),
        )
    }
}

#[cfg(test)]
mod tests;
