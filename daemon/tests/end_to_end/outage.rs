//! With an endpoint that fails for a while, or for longer than the memory lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use radiograph_daemon::Config;

use crate::sink::{self, Reply, Sink, reply};
use crate::support::{HEADER, config, count, daemon, numbered, send, settled, until};

fn bodies(datagrams: &[String]) -> Vec<String> {
    datagrams
        .iter()
        .map(|datagram| datagram.replace(HEADER, ""))
        .collect()
}

#[tokio::test]
async fn documents_sent_while_the_endpoint_fails_are_delivered_once_it_recovers() {
    let throttle_code = Reply {
        headers: vec![("x-amzn-ErrorType", "ThrottledException:")],
        ..reply(400)
    };
    let retry_after = Reply {
        headers: vec![("Retry-After", "1")],
        ..reply(429)
    };
    let cases = [
        ("500", reply(500), "http_5xx"),
        ("503", reply(503), "http_5xx"),
        ("403", reply(403), "http_4xx"),
        ("408", reply(408), "http_4xx"),
        ("throttled with 400", throttle_code, "http_4xx"),
        ("throttled with Retry-After", retry_after, "http_4xx"),
    ];
    for (name, failure, kind) in cases {
        let sink = Sink::start(move |call| {
            if call.number < 2 {
                failure.clone()
            } else {
                reply(200)
            }
        });
        let daemon = daemon(config(sink.url())).await;
        let datagrams = numbered(60);
        send(&daemon, &datagrams).await;
        until(name, || daemon.counters().sent == 60).await;
        let counters = settled(&daemon).await;
        assert_eq!(
            count(&counters.upload_failures, kind),
            2,
            "{name}: {counters}"
        );
        assert_eq!(sink.accepted(), bodies(&datagrams), "{name}");
    }
}

#[tokio::test]
async fn documents_sent_while_the_endpoint_refuses_connections_are_delivered_once_it_listens() {
    let reserved = sink::reserve();
    let daemon = daemon(config(reserved.url())).await;
    let datagrams = numbered(120);
    send(&daemon, &datagrams).await;
    until("connections were refused", || {
        count(&daemon.counters().upload_failures, "connection_refused") >= 3
    })
    .await;
    assert_eq!(daemon.counters().held, 120);
    let sink = reserved.open(|_| reply(200));
    until("all are delivered", || daemon.counters().sent == 120).await;
    settled(&daemon).await;
    assert_eq!(sink.accepted(), bodies(&datagrams));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_counted_as_an_unknown_host() {
    let daemon = daemon(config("http://collector.invalid:2080".to_owned())).await;
    send(&daemon, numbered(1)).await;
    until("the attempt failed", || {
        let failures = daemon.counters().upload_failures;
        failures.iter().any(|(_, count)| *count > 0)
    })
    .await;
    let counters = daemon.counters();
    assert_eq!(
        count(&counters.upload_failures, "unknown_host"),
        1,
        "{counters}"
    );
}

#[tokio::test]
async fn an_endpoint_that_accepts_and_hangs_is_a_timeout_and_loses_nothing() {
    let reserved = sink::reserve();
    let url = reserved.url();
    let hanging = reserved.hang();
    let daemon = daemon(config(url)).await;
    send(&daemon, numbered(1)).await;
    until("the attempt timed out", || {
        count(&daemon.counters().upload_failures, "timeout") >= 1
    })
    .await;
    assert_eq!(daemon.counters().held, 1);
    drop(hanging);
}

#[tokio::test]
async fn a_full_queue_spills_what_does_not_fit_and_recovers() {
    const DOCUMENT_BYTES: usize = 1000;
    let is_up = Arc::new(AtomicBool::new(false));
    let sink_is_up = Arc::clone(&is_up);
    let sink = Sink::start(move |_| {
        reply(if sink_is_up.load(Ordering::SeqCst) {
            200
        } else {
            500
        })
    });
    // Room for ten documents and their overhead, not for an eleventh.
    let config = Config {
        buffer_bytes: 11 * DOCUMENT_BYTES,
        ..config(sink.url())
    };
    let daemon = daemon(config).await;
    let datagram = format!("{HEADER}{}", "x".repeat(DOCUMENT_BYTES));
    send(&daemon, vec![&datagram; 100]).await;
    let counters = daemon.counters();
    assert_eq!(
        (counters.received, counters.held, counters.spilled),
        (100, 10, 90)
    );
    is_up.store(true, Ordering::SeqCst);
    until("what was held is delivered", || {
        daemon.counters().sent == 10
    })
    .await;
    settled(&daemon).await;
    send(&daemon, [&datagram]).await;
    until("there is room again", || daemon.counters().sent == 11).await;
    let counters = settled(&daemon).await;
    assert_eq!(counters.spilled, 90);
}
