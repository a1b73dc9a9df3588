//! What a daemon is put together from: the parts that `super::start` wires.

use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Type;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::StartError;
use crate::admin::{self, State};
use crate::aws;
use crate::call::Caller;
use crate::call::failure::with_causes;
use crate::config::{self, Config};
use crate::destination::{Destination, Inbox, Spooler};
use crate::flush::Flush;
use crate::intake::Intake;
use crate::kernel::{self, KernelDrops};
use crate::listen::{self, ListenError};
use crate::metrics::{DestinationMetrics, Metrics};
use crate::shutdown::Watch;
use crate::spool;
use crate::telemetry::{Identity, Telemetry};
use crate::upload::Uploader;

/// Bytes left free in Lambda's `/tmp`, which is 512 MB by default and the function's.
const FREE_MIN_IN_LAMBDA: u64 = 32 << 20;

/// What every destination shares with the stages before it.
pub(super) struct Stages<'a> {
    pub(super) intake: &'a Arc<Intake>,
    pub(super) watch: &'a Watch,
    pub(super) flush: &'a Arc<Flush>,
}

/// A destination's way in, and what it counts.
pub(super) type Way = (Arc<Inbox>, Arc<DestinationMetrics>);

/// A task per destination, and the ways to them.
pub(super) fn destinations(
    config: &Config,
    callers: &[Caller],
    metrics: &[Arc<DestinationMetrics>],
    stages: &Stages<'_>,
) -> (JoinSet<()>, Vec<Way>) {
    let mut tasks = JoinSet::new();
    let mut ways = Vec::new();
    for ((caller, each), metrics) in callers.iter().zip(&config.destinations).zip(metrics) {
        let (caller, metrics) = (caller.clone(), Arc::clone(metrics));
        let destination = destination(config, each, caller, metrics, stages);
        ways.push((
            Arc::clone(&destination.inbox),
            Arc::clone(&destination.metrics),
        ));
        tasks.spawn(destination.run());
    }
    (tasks, ways)
}

fn destination(
    config: &Config,
    destination: &config::Destination,
    caller: Caller,
    metrics: Arc<DestinationMetrics>,
    stages: &Stages<'_>,
) -> Destination {
    let name = &destination.name;
    let spool = config.spool.as_ref().and_then(|spool| {
        let folder = spool::inspect::directory_of(&spool.data_dir, name);
        let limits = spool::Limits {
            bytes_max: spool.bytes_max,
            age_max: spool.age_max,
            free_min: match config.extension {
                Some(_) => FREE_MIN_IN_LAMBDA,
                None => spool::Limits::FREE_MIN_DEFAULT,
            },
        };
        let started = Spooler::start(folder, limits);
        started
            .inspect_err(
                |error| tracing::error!(%error, destination = name, "No thread for the spool"),
            )
            .ok()
    });
    Destination {
        name: name.clone(),
        inbox: Arc::new(Inbox::default()),
        uploader: Arc::new(Uploader::new(
            caller,
            Arc::clone(&metrics),
            stages.watch.clone(),
            Arc::clone(stages.flush),
            destination.concurrency.get(),
        )),
        metrics,
        spool,
        concurrency: destination.concurrency.get(),
        share: config.buffer_bytes / config.destinations.len().max(1),
        intake: Arc::clone(stages.intake),
        watch: stages.watch.clone(),
        flush: Arc::clone(stages.flush),
    }
}

/// The HTTP side of each destination, in their order.
pub(super) async fn callers(config: &Config) -> Result<Vec<Caller>, StartError> {
    let mut callers = Vec::with_capacity(config.destinations.len());
    for destination in &config.destinations {
        let caller = Caller::new(destination, config).await;
        callers.push(caller.map_err(|source| StartError::Destination {
            name: destination.name.clone(),
            source,
        })?);
    }
    Ok(callers)
}

/// The admin server. An address that nobody chose may be taken, by another daemon for instance: that
/// is a warning.
pub(super) async fn admin(
    config: &Config,
    metrics: &Arc<Metrics>,
    drops: Arc<KernelDrops>,
    watch: &Watch,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = &config.admin else {
        return Ok(None);
    };
    let (admin, address) = match admin::bind(address).await {
        Ok(bound) => bound,
        Err(error) if config.admin_is_explicit => return Err(StartError::Admin(error)),
        Err(error) => {
            let error = with_causes(&error);
            tracing::warn!(
                error,
                "No admin address: /metrics, /livez and /readyz are off"
            );
            return Ok(None);
        }
    };
    let metrics = Arc::clone(metrics);
    let state = move || State {
        counters: metrics.counters(),
        kernel_drops: drops.total(),
        is_receiving: metrics.is_receiving(),
        troubles: metrics.troubles(),
    };
    tokio::spawn(admin::serve(admin, state, watch.clone()));
    tracing::info!("Metrics and health on http://{address}");
    Ok(Some(address))
}

/// A task per destination that wants records; who this host is, is asked for meanwhile.
pub(super) fn telemetry(
    config: &Config,
    callers: Vec<Caller>,
    metrics: &Arc<Metrics>,
    watch: &Watch,
) -> JoinSet<Telemetry> {
    let mut tasks = JoinSet::new();
    let wanted = callers.into_iter().zip(&config.destinations).enumerate();
    for (index, (caller, _)) in wanted.filter(|(_, (_, destination))| destination.telemetry) {
        let (config, metrics, watch) = (config.clone(), Arc::clone(metrics), watch.clone());
        tasks.spawn(async move {
            let host = aws::identity(&config).await;
            let identity = Identity {
                hostname: host.hostname,
                instance_id: host.instance_id,
                resource_arn: config.resource_arn,
            };
            let telemetry = Telemetry::new(caller, identity, index);
            telemetry.run(move || metrics.counters(), watch).await
        });
    }
    tasks
}

/// Listens for the sampling proxy.
pub(super) fn listen_tcp(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let (socket, bound) = listen::bind(address, Type::STREAM)?;
    let listening = socket
        .listen(1024)
        .and_then(|()| TcpListener::from_std(socket.into()));
    let listener = listening.map_err(|source| ListenError::Bind { address, source })?;
    Ok((listener, bound))
}

/// What each destination counts, in their order.
pub(super) fn metrics(config: &Config) -> Vec<Arc<DestinationMetrics>> {
    let names = config.destinations.iter().map(|each| each.name.clone());
    names
        .map(|name| Arc::new(DestinationMetrics::new(name)))
        .collect()
}

/// The lines that people's tooling matches (`spec/daemon.md` section 11), and ours.
pub(super) fn log_start(config: &Config, callers: &[Caller], receive_buffer_bytes: usize) {
    let megabytes = config.buffer_bytes >> 20;
    tracing::info!("Using buffer memory limit of {megabytes} MB");
    // AWS's buffers are 64 KiB each; ours have no fixed size, the number is for those who read it.
    let segment_buffers = megabytes * 16;
    tracing::info!("{segment_buffers} segment buffers allocated");
    if let Some(primary) = callers.first() {
        let (region, endpoint) = (primary.region(), primary.endpoint());
        tracing::info!("Using region: {region}");
        tracing::info!("HTTP Proxy server using X-Ray Endpoint : {endpoint}");
    }
    for (caller, destination) in callers.iter().zip(&config.destinations) {
        let (endpoint, name) = (caller.endpoint(), &destination.name);
        let (region, identity) = (caller.region(), caller.identity());
        let spool = config.spool.as_ref().map_or_else(
            || "none, segments wait in memory alone".to_owned(),
            |spool| {
                let folder = spool::inspect::directory_of(&spool.data_dir, name);
                let megabytes = spool.bytes_max >> 20;
                let hours = spool.age_max.as_secs() / 3600;
                format!("{} ({megabytes} MB, {hours} h at most)", folder.display())
            },
        );
        tracing::info!(
            "Destination {name}: {endpoint}, region {region}, identity {identity}, spool {spool}"
        );
    }
    tracing::info!("Kernel granted a receive buffer of {receive_buffer_bytes} bytes");
    if let Some(advice) = kernel::advice(receive_buffer_bytes, kernel::rmem_max()) {
        tracing::warn!("{advice}");
    }
}
