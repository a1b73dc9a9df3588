//! Puts the services together, starts them in order, and stops them in the reverse order.
//!
//! Start: store (recovers what it holds), settling (takes up what was left), HTTP. Stop: HTTP takes
//! no new requests and answers those under way, settling stops, the store finishes its last commit.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use radiograph_admin::process::raise_open_files_max;
use radiograph_admin::systemd::passed::{self, Passed, PassedError};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use crate::admin::{AdminServer, Parts};
use crate::backup::Backup;
use crate::config::{Config, ExposureError};
use crate::export::Export;
use crate::groups::Groups;
use crate::http::{self, ApiServices, Connections, Gate, Limits, Tls, TlsError, Transfer};
use crate::ingest::Ingest;
use crate::insights::Insights;
use crate::insights::detecting::Detecting;
use crate::keys::{KeyRing, KeysError};
use crate::metrics::Metrics;
use crate::pins::Pins;
use crate::query::Query;
use crate::query::token::TokenKey;
use crate::retention::Retention;
use crate::retrieval::Retrievals;
use crate::sampling::{Adaptive, LEASE_DEFAULT, Rules};
use crate::settings::Settings;
use crate::settle::Settler;
use crate::settle::schedule::Schedule;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::{Store, StoreError};
use crate::tags::Tags;

/// How long requests under way may take once the collector is asked to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Why a collector did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours; `--listen` chooses another.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A socket that systemd passed is not the one that is configured, or of no use.
    #[error(transparent)]
    Passed(#[from] PassedError),
    /// The admin address is taken or not ours; `--admin` chooses another.
    #[error("cannot listen on {address} for /metrics, /livez and /readyz")]
    Admin {
        /// The address.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The files of TLS cannot be used; `--tls-cert`, `--tls-key` and `--tls-client-ca` name them.
    #[error("cannot speak TLS")]
    Tls(#[from] TlsError),
    /// The address is open to others, and nothing protects it.
    #[error(transparent)]
    Exposed(#[from] ExposureError),
    /// The file of access keys cannot be used; `--keys` names it.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The store did not open.
    #[error("cannot open the store in {path}")]
    Store {
        /// The data directory.
        path: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// A running collector.
pub struct Collector {
    address: SocketAddr,
    data_dir: PathBuf,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    settling: JoinHandle<()>,
    /// What runs beside the requests. Each may end at any point: what it left undone is done after the
    /// next start.
    background: JoinSet<()>,
    store: Arc<EmbeddedStore>,
    admin: Option<AdminServer>,
}

/// Starts a collector; it answers requests when this returns.
///
/// # Errors
/// When the store does not open or the address cannot be listened on.
pub async fn start(config: Config) -> Result<Collector, StartError> {
    start_on(config, Passed::default()).await
}

/// As [`start`], on the socket that was passed to this process, if any.
///
/// # Errors
/// As of [`start`], and when another address is configured than was passed.
pub async fn start_on(mut config: Config, passed: Passed) -> Result<Collector, StartError> {
    // the address first: a second collector should say so, not that the directory is in use
    let given = passed.connections_alone()?;
    if let Some(given) = &given {
        config.listen = passed_address(given, &config)?;
    }
    let (gate, tls) = entrance(&config).await?;
    let (listener, address) = listen(config.listen, given).await?;
    // before the store opens, which may take a while
    let admin = admin(&config).await?;
    // each sealed file stays open
    if let Err(error) = raise_open_files_max() {
        warn!(%error, "no more files can be open than the process was started with");
    }

    let failed = |source| StartError::Store {
        path: config.data_dir.display().to_string(),
        source,
    };
    let store = open(&config).await.map_err(failed)?;
    let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    let metrics = Arc::new(Metrics::default());
    let settler = Settler::new(Schedule::default());
    let settling = settler
        .start(Arc::clone(&shared), Arc::clone(&metrics))
        .await
        .map_err(failed)?;
    let services = services(&config, &store, &settler, &metrics, gate).await?;
    let mut background = JoinSet::new();
    let retention = Retention::new(
        Arc::clone(&store),
        settler.clone(),
        services.pins.clone(),
        (config.retention, config.retention_bytes),
    );
    background.spawn(retention.run());
    background.spawn(services.adaptive.clone().run());
    background.spawn(Detecting::new(services.insights.clone()).run());
    let is_tls = tls.is_some();
    if let Some(tls) = tls.clone() {
        background.spawn(tls.keep_current(http::RELOAD_EVERY));
    }
    let sampling = Arc::clone(&services.sampling);
    let (stop, stopped) = oneshot::channel();
    let connections = Connections::new(
        http::router(services, config.rate_limit),
        tls,
        Limits::new(config.connections_max.get()),
        Arc::clone(&metrics),
    );
    let serving = tokio::spawn(connections.serve(listener, stopped));
    if let Some(admin) = &admin {
        admin.started(Parts {
            metrics: Arc::clone(&metrics),
            settler,
            sampling,
            store: shared,
            api: serving.abort_handle(),
        });
    }
    let data_dir = config.data_dir;
    info!(address = %address, data_dir = %data_dir.display(), tls = is_tls, "collector listens for the X-Ray API");
    Ok(Collector {
        address,
        data_dir,
        metrics,
        stop,
        serving,
        settling,
        background,
        store,
        admin,
    })
}

/// Where a passed socket listens: never elsewhere than somebody configured.
fn passed_address(
    given: &std::net::TcpListener,
    config: &Config,
) -> Result<SocketAddr, PassedError> {
    let at = given.local_addr()?;
    if config.listen_is_explicit && !passed::is_served(config.listen, at) {
        return Err(PassedError::Differs {
            setting: "--listen (RADIOGRAPH_LISTEN)",
            configured: config.listen.to_string(),
            passed: at,
            unit: "radiograph-collector.socket",
        });
    }
    Ok(at)
}

/// The socket that was given, or one of our own.
async fn listen(
    address: SocketAddr,
    given: Option<std::net::TcpListener>,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let listening = |source| StartError::Listen { address, source };
    let listener = match given {
        Some(given) => TcpListener::from_std(given),
        None => TcpListener::bind(address).await,
    };
    let listener = listener.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    Ok((listener, address))
}

/// What lets requests in; keys are read again when they change, for as long as there is a gate.
fn gate(config: &Config) -> Result<Gate, KeysError> {
    let Some(path) = config.keys.clone() else {
        return Ok(Gate::default());
    };
    let keys = KeyRing::open(path, config.own_key.iter().cloned().collect())?;
    info!(
        count = keys.count(),
        "calls must be signed with an access key"
    );
    tokio::spawn(keys.follow());
    Ok(Gate::of(keys))
}

/// What answers the API.
async fn services(
    config: &Config,
    embedded: &Arc<EmbeddedStore>,
    settler: &Settler,
    metrics: &Arc<Metrics>,
    gate: Gate,
) -> Result<ApiServices, StartError> {
    let store = &(Arc::clone(embedded) as Arc<dyn Store>);
    let failed = |source| StartError::Store {
        path: config.data_dir.display().to_string(),
        source,
    };
    let home = (&*config.region, &*config.account_id);
    let rules_max = config.sampling_rules_max;
    let rules = Rules::open(Arc::clone(store), home, LEASE_DEFAULT, rules_max).await;
    let rules = rules.map_err(failed)?;
    let token_key = TokenKey::of(&**store).await.map_err(failed)?;
    let (region, account_id) = (config.region.clone(), config.account_id.clone());
    let groups = Groups::new(Arc::clone(store), region, account_id);
    let sampling = rules.sampling();
    let query = Query::new(
        Arc::clone(store),
        token_key.clone(),
        groups.clone(),
        config.query_window_max,
    );
    Ok(ApiServices {
        insights: Insights::new(
            Arc::clone(store),
            groups.clone(),
            query.clone(),
            token_key.clone(),
            Arc::clone(metrics),
        ),
        ingest: Ingest::new(Arc::clone(store), settler.clone(), Arc::clone(metrics)),
        query,
        transfer: Transfer::new(
            Export::new(Arc::clone(store), groups.clone()),
            Backup::new(Arc::clone(embedded)),
        ),
        tags: Tags::new(groups.clone(), rules.clone()),
        groups,
        pins: Pins::new(Arc::clone(store), Arc::clone(metrics)),
        adaptive: Adaptive::new(Arc::clone(store), Arc::clone(&sampling)),
        sampling,
        settings: Settings::new(Arc::clone(store)),
        retrievals: Retrievals::new(Arc::clone(store), token_key),
        rules,
        metrics: Arc::clone(metrics),
        gate,
        places: Arc::new(Semaphore::new(http::REQUESTS_MAX)),
        other_places: Arc::new(Semaphore::new(http::OTHER_REQUESTS_MAX)),
    })
}

async fn admin(config: &Config) -> Result<Option<AdminServer>, StartError> {
    let started = AdminServer::start(&config.admin).await;
    started.map_err(|source| StartError::Admin {
        address: config.admin.address().unwrap_or_default().to_owned(),
        source,
    })
}

/// Who is let in, and what is spoken with them.
async fn entrance(config: &Config) -> Result<(Gate, Option<Arc<Tls>>), StartError> {
    let protected = config.exposure;
    protected.check(config.listen, config.keys.is_some(), config.tls.is_some())?;
    let tls = match config.tls.clone() {
        Some(files) => Some(Tls::load(files).await?),
        None => None,
    };
    Ok((gate(config)?, tls))
}

async fn open(config: &Config) -> Result<Arc<EmbeddedStore>, StoreError> {
    let data_dir = config.data_dir.clone();
    let options = Options {
        seal_document_bytes: config.seal_bytes.get(),
        ..Options::default()
    };
    let open = move || EmbeddedStore::open(&data_dir, options);
    let store = tokio::task::spawn_blocking(open)
        .await
        .map_err(|_| StoreError::Closed)??;
    Ok(Arc::new(store))
}

impl Collector {
    /// Where the X-Ray API listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/livez`, `/readyz` and `/metrics` are answered, if anywhere.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminServer::address)
    }

    /// Where the data lies.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Whether the X-Ray API is answered.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        !self.serving.is_finished()
    }

    /// Whether the store takes documents.
    ///
    /// # Errors
    /// What it would refuse them with.
    pub fn store_health(&self) -> Result<(), StoreError> {
        self.store.health()
    }

    /// The collector's counters.
    #[must_use]
    pub fn metrics(&self) -> crate::metrics::Snapshot {
        self.metrics.snapshot()
    }

    /// Answers the requests under way, finishes the last commit, and closes the store.
    pub async fn stop(mut self) {
        if let Some(admin) = &self.admin {
            admin.stopping();
        }
        // nobody listening means that serving ended by itself
        let _told = self.stop.send(());
        let aborter = self.serving.abort_handle();
        if tokio::time::timeout(STOP_WITHIN, self.serving)
            .await
            .is_err()
        {
            warn!("requests were still under way and are cut off");
            aborter.abort();
        }
        self.background.abort_all();
        // what is not settled now is settled at the next start
        self.settling.abort();
        let store = self.store;
        if tokio::task::spawn_blocking(move || store.close())
            .await
            .is_err()
        {
            warn!("the store did not close cleanly; it recovers at the next start");
        }
        if let Some(admin) = self.admin {
            admin.stop().await;
        }
        info!(counters = ?self.metrics.snapshot(), "collector stopped");
    }
}
