//! `radiograph`: a collector and a daemon that sends to it, in one process.
//!
//! Start: collector, then the daemon, whose endpoint is the address the collector really got. Stop:
//! the daemon first, which delivers what it holds, then the collector.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;

use anyhow::Context;
use radiograph_collector::StartError as CollectorError;
use radiograph_collector::config::{AdminAddress, Exposure};
use radiograph_collector::keys::{AccessKey, Role};
use radiograph_daemon::config::Destination;
use radiograph_daemon::{ListenError, StartError as DaemonError};

use crate::announcement::{Announcement, endpoint_url};
use crate::args::Servers;
use crate::output;

/// Runs both until `stop` ends.
///
/// # Errors
/// A sentence that names the address or directory and the flag that changes it.
pub(crate) async fn run(servers: Servers, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let own_key = servers
        .keys
        .is_some()
        .then(|| AccessKey::random(Role::Write));
    let collector = radiograph_collector::start(collector_config(&servers, own_key.clone()))
        .await
        .map_err(explain_collector)?;
    let is_protected = servers.keys.is_some();
    let daemon_config = daemon_config(servers, collector.address(), own_key);
    let daemon = match radiograph_daemon::start(daemon_config).await {
        Ok(daemon) => daemon,
        Err(error) => {
            collector.stop().await;
            return Err(explain_daemon(error));
        }
    };
    let announced = output::line(Announcement {
        udp: daemon.udp_address(),
        tcp: daemon.tcp_address(),
        api: collector.address(),
        data: collector.data_dir().to_owned(),
        is_protected,
    });
    if announced.is_ok() {
        stop.await;
    }
    let counters = daemon.stop().await;
    tracing::info!(%counters, "daemon stopped");
    collector.stop().await;
    announced.context("standard output")
}

fn collector_config(servers: &Servers, own_key: Option<AccessKey>) -> radiograph_collector::Config {
    let default = radiograph_collector::Config::default();
    radiograph_collector::Config {
        listen: servers.listen,
        data_dir: servers.data_dir.clone().unwrap_or(default.data_dir),
        query_window_max: servers.query_window_max,
        sampling_rules_max: servers.sampling_rules_max,
        admin: servers.admin.clone().unwrap_or(AdminAddress::Default),
        retention: servers.retention,
        retention_bytes: servers.retention_bytes,
        seal_bytes: servers.seal_bytes,
        keys: servers.keys.clone(),
        own_key,
        exposure: Exposure {
            without_keys: servers.without_keys,
            without_tls: servers.without_tls,
        },
        ..radiograph_collector::Config::default()
    }
}

fn daemon_config(
    servers: Servers,
    collector: SocketAddr,
    key: Option<AccessKey>,
) -> radiograph_daemon::Config {
    // as they would stand in the environment of a daemon of its own
    let variables = key.into_iter().flat_map(|key| {
        [
            ("AWS_ACCESS_KEY_ID", key.id),
            ("AWS_SECRET_ACCESS_KEY", key.secret),
        ]
    });
    radiograph_daemon::Config {
        bind_tcp: servers.bind_tcp.unwrap_or_else(|| servers.bind.clone()),
        bind: servers.bind,
        destinations: vec![Destination {
            endpoint: Some(endpoint_url(collector)),
            ..Destination::default()
        }],
        variables: variables.collect(),
        ..radiograph_daemon::Config::default()
    }
}

fn explain_collector(error: CollectorError) -> anyhow::Error {
    match error {
        CollectorError::Listen { address, source } if source.kind() == ErrorKind::AddrInUse => {
            taken(address, "TCP", "--listen")
        }
        error @ CollectorError::Listen { .. } => anyhow::Error::new(error).context("--listen"),
        CollectorError::Admin { source, .. } => anyhow::Error::new(source).context("--admin"),
        error @ (CollectorError::Exposed(_) | CollectorError::Keys(_)) => anyhow::Error::new(error),
        error @ CollectorError::Store { .. } => anyhow::Error::new(error).context("--data-dir"),
        error @ CollectorError::Tls(_) => anyhow::Error::new(error),
    }
}

fn explain_daemon(error: DaemonError) -> anyhow::Error {
    match error {
        DaemonError::Udp(ListenError::Bind { address, source })
            if source.kind() == ErrorKind::AddrInUse =>
        {
            taken(address, "UDP", "--bind")
        }
        DaemonError::Tcp(ListenError::Bind { address, source })
            if source.kind() == ErrorKind::AddrInUse =>
        {
            taken(address, "TCP", "--bind-tcp")
        }
        DaemonError::Udp(error) => anyhow::Error::new(error).context("--bind"),
        DaemonError::Tcp(error) => anyhow::Error::new(error).context("--bind-tcp"),
        error => anyhow::Error::new(error).context("daemon"),
    }
}

fn taken(address: SocketAddr, protocol: &str, flag: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "address {address} ({protocol}) is taken by another process; choose another with {flag}"
    )
}
