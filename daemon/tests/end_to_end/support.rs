//! A daemon on free ports, a sender, and waiting.

use std::future::Future;
use std::net::UdpSocket;
use std::time::Duration;

use radiograph_daemon::config::{Destination, SamplingMode};
use radiograph_daemon::{Config, Counters, Daemon, DestinationCounters};

/// The header line of the Python SDK.
pub(crate) const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// Far beyond what any wait here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A configuration on free ports of this host.
pub(crate) fn config(endpoint: String) -> Config {
    Config {
        bind: "127.0.0.1:0".to_owned(),
        bind_tcp: "127.0.0.1:0".to_owned(),
        destinations: vec![Destination {
            endpoint: Some(endpoint),
            ..Destination::default()
        }],
        // The daemon's own sampling calls would stand between those that tests look at.
        sampling: SamplingMode::Off,
        ..Config::default()
    }
}

/// A started daemon.
pub(crate) async fn daemon(config: Config) -> Daemon {
    install_tls();
    radiograph_daemon::start(config).await.unwrap()
}

/// Installs the process's TLS provider; a second time changes nothing.
pub(crate) fn install_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Sends datagrams and waits until the daemon has read them all. It waits now and then before, too: a
/// kernel queue at its default size holds fewer than a test sends. Only one sender per daemon.
pub(crate) async fn send(daemon: &Daemon, datagrams: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let has_read = || {
        let counters = daemon.counters();
        counters.received + counters.ignored
    };
    let mut sent = has_read();
    for datagram in datagrams {
        socket
            .send_to(datagram.as_ref(), daemon.udp_address())
            .unwrap();
        sent += 1;
        if sent % 2 == 0 {
            until("the daemon reads", || has_read() == sent).await;
        }
    }
    until("the daemon has read all", || has_read() == sent).await;
}

/// What the only destination counts.
pub(crate) fn only(daemon: &Daemon) -> DestinationCounters {
    destination(&daemon.counters())
}

/// What the only destination counts in these counters.
pub(crate) fn destination(counters: &Counters) -> DestinationCounters {
    let [only] = counters.destinations.as_slice() else {
        panic!("not one destination: {counters}");
    };
    only.clone()
}

/// Documents with a number each, framed.
pub(crate) fn numbered(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{HEADER}{{\"id\":\"{number:016}\"}}"))
        .collect()
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_some(), "not within {DEADLINE:?}: {what}");
}

/// The future's value, unless it takes for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(DEADLINE, future).await.ok()
}

/// Waits until nothing is on its way, and checks that every datagram is accounted for.
pub(crate) async fn settled(daemon: &Daemon) -> Counters {
    until("nothing is held", || {
        let counters = daemon.counters();
        counters.waiting == 0 && counters.destinations.iter().all(|each| each.held == 0)
    })
    .await;
    let counters = daemon.counters();
    assert_adds_up(&counters);
    counters
}

/// Every datagram ends in exactly one counter, for each destination.
pub(crate) fn assert_adds_up(counters: &Counters) {
    for destination in &counters.destinations {
        assert_eq!(
            counters.unaccounted(&destination.name),
            Some(0),
            "{counters}"
        );
    }
}

/// The count of one reason or kind.
pub(crate) fn count(counts: &[(&'static str, u64)], label: &str) -> u64 {
    let found = counts.iter().find(|(each, _)| *each == label);
    found
        .map(|(_, count)| *count)
        .unwrap_or_else(|| panic!("no counter {label}"))
}
