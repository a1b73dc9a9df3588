//! `radiograph`: a collector and a daemon that sends to it, in one process.
//!
//! Start: collector, then the daemon, whose endpoint is the address the collector really got. Stop:
//! the daemon first, which delivers what it holds, then the collector. Where the collector wants keys or
//! client certificates, the daemon has a key of its own, and shows the collector's certificate.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use radiograph_collector::config::TlsFiles;
use radiograph_collector::keys::{AccessKey, Role};
use radiograph_collector::{StartError as CollectorError, clock};
use radiograph_daemon::config::{ClientCertificate, Destination};
use radiograph_daemon::{ListenError, StartError as DaemonError};

use crate::announcement::{Announcement, endpoint_url};
use crate::args::Servers;
use crate::output;

/// Runs both until `stop` ends.
///
/// # Errors
/// A sentence that names the address or directory and the flag that changes it.
pub(crate) async fn run(servers: Servers, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut config = servers.collector.clone().config();
    config.own_key = config
        .keys
        .is_some()
        .then(|| AccessKey::random(Role::Write));
    if let Some(tls) = &mut config.tls {
        tls.admits_own = true;
    }
    let own = Own {
        key: config.own_key.clone(),
        tls: config.tls.clone(),
    };
    let (is_protected, is_tls) = (own.key.is_some(), own.tls.is_some());
    let collector = radiograph_collector::start(config)
        .await
        .map_err(explain_collector)?;
    let daemon_config = daemon_config(servers, collector.address(), own);
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
        is_tls,
    });
    if announced.is_ok() {
        stop.await;
    }
    let counters = daemon.stop().await;
    tracing::info!(%counters, "daemon stopped");
    collector.stop().await;
    announced.context("standard output")
}

/// Asks the radiograph beside this process whether it lives: an image from scratch has no other program
/// to ask with. Two seconds at most.
///
/// # Errors
/// When there is no address to ask at.
pub(crate) fn check(servers: &Servers) -> anyhow::Result<ExitCode> {
    let admin = servers.collector.admin();
    let address = admin.address();
    let address = address.context("--healthcheck: the admin address is off; give it an address")?;
    Ok(radiograph_admin::health::check(address, clock::instant))
}

/// What the daemon may use because the collector is in its process.
struct Own {
    key: Option<AccessKey>,
    tls: Option<TlsFiles>,
}

fn daemon_config(servers: Servers, collector: SocketAddr, own: Own) -> radiograph_daemon::Config {
    // as they would stand in the environment of a daemon of its own
    let variables = own.key.into_iter().flat_map(|key| {
        [
            ("AWS_ACCESS_KEY_ID", key.id),
            ("AWS_SECRET_ACCESS_KEY", key.secret),
        ]
    });
    radiograph_daemon::Config {
        bind_tcp: servers.bind_tcp.unwrap_or_else(|| servers.bind.clone()),
        bind: servers.bind,
        destinations: vec![Destination {
            endpoint: Some(endpoint_url(collector, own.tls.is_some())),
            // it is this process that listens there, and its certificate need not be one for the
            // address of this host, nor of an authority that this host trusts
            no_verify_ssl: own.tls.is_some(),
            client_certificate: own.tls.map(|files| ClientCertificate {
                certificate: files.certificate,
                key: files.key,
            }),
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
        error @ (CollectorError::Tls(_) | CollectorError::Passed(_)) => anyhow::Error::new(error),
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
