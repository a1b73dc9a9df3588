//! Stopping: what was received is delivered, or counted as lost.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use radiograph_daemon::{Config, StartError};

use crate::sink::{self, Sink, reply};
use crate::support::{
    assert_adds_up, config, count, daemon, destination, install_tls, numbered, only, send, until,
    within,
};

#[tokio::test]
async fn stopping_reads_the_kernel_queue_empty_and_delivers_everything() {
    let sink = Sink::start(|_| reply(200));
    let daemon = daemon(config(sink.url())).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Few enough for a kernel queue of the default size.
    for datagram in numbered(100) {
        socket
            .send_to(datagram.as_bytes(), daemon.udp_address())
            .unwrap();
    }
    let counters = within(daemon.stop()).await.unwrap();
    assert_eq!(
        (counters.received, destination(&counters).sent),
        (100, 100),
        "{counters}"
    );
    assert_adds_up(&counters);
    assert_eq!(sink.accepted().len(), 100);
}

#[tokio::test]
async fn stopping_tries_once_more_at_once_instead_of_waiting_for_the_next_attempt() {
    let is_up = Arc::new(AtomicBool::new(false));
    let sink_is_up = Arc::clone(&is_up);
    let sink = Sink::start(move |_| {
        let mut answer = reply(if sink_is_up.load(Ordering::SeqCst) {
            200
        } else {
            503
        });
        // Beyond any deadline of these tests.
        answer.headers.push(("retry-after", "300"));
        answer
    });
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, numbered(10)).await;
    until("an attempt failed", || {
        count(&only(&daemon).failures, "http_5xx") >= 1
    })
    .await;
    is_up.store(true, Ordering::SeqCst);
    let counters = within(daemon.stop()).await.unwrap();
    assert_eq!(destination(&counters).sent, 10, "{counters}");
}

#[tokio::test]
async fn without_a_spool_what_cannot_be_delivered_within_the_grace_period_is_counted_as_given_up() {
    let hanging = sink::reserve();
    let url = hanging.url();
    let hanging = hanging.hang();
    let config = Config {
        grace: Duration::from_millis(50),
        ..config(url)
    };
    let daemon = daemon(config).await;
    // More than the requests in flight can hold.
    send(&daemon, numbered(1000)).await;
    let counters = within(daemon.stop()).await.unwrap();
    let given_up = count(&destination(&counters).spilled, "stopped");
    assert_eq!((counters.received, given_up), (1000, 1000), "{counters}");
    assert_adds_up(&counters);
    drop(hanging);
}

#[tokio::test]
async fn a_stopped_daemon_frees_both_addresses() {
    let sink = Sink::start(|_| reply(200));
    let first = daemon(config(sink.url())).await;
    let again = Config {
        bind: first.udp_address().to_string(),
        bind_tcp: first.tcp_address().to_string(),
        ..config(sink.url())
    };
    within(first.stop()).await.unwrap();
    let second = daemon(again).await;
    within(second.stop()).await.unwrap();
}

#[tokio::test]
async fn unusable_settings_are_refused_at_the_start() {
    install_tls();
    let sink = Sink::start(|_| reply(200));
    let running = daemon(config(sink.url())).await;
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = config(sink.url());
        change(&mut config);
        radiograph_daemon::start(config)
    };
    let udp = with(&|config| config.bind = running.udp_address().to_string()).await;
    assert!(matches!(udp, Err(StartError::Udp(_))), "{udp:?}");
    let tcp = with(&|config| config.bind_tcp = running.tcp_address().to_string()).await;
    assert!(matches!(tcp, Err(StartError::Tcp(_))), "{tcp:?}");
    let port = with(&|config| config.bind = "2000".to_owned()).await;
    assert!(matches!(port, Err(StartError::Udp(_))), "{port:?}");
    let none = with(&|config| config.destinations.clear()).await;
    assert!(matches!(none, Err(StartError::NoDestination)), "{none:?}");
    let endpoint = Some("ftp://collector".to_owned());
    let scheme = with(&|config| config.destinations[0].endpoint.clone_from(&endpoint)).await;
    assert!(
        matches!(scheme, Err(StartError::Destination { .. })),
        "{scheme:?}"
    );
}
