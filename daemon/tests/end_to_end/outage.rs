//! With an endpoint that fails for a while, or for longer than the memory lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use radiograph_daemon::{Config, Daemon};

use crate::sink::{self, Reply, Sink, reply};
use crate::support::{
    HEADER, config, count, daemon, destination, numbered, only, send, settled, until,
};

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
        ("404", reply(404), "http_4xx"),
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
        until(name, || only(&daemon).sent == 60).await;
        let counters = settled(&daemon).await;
        assert_eq!(
            count(&destination(&counters).failures, kind),
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
        count(&only(&daemon).failures, "connection_refused") >= 3
    })
    .await;
    assert_eq!(only(&daemon).held, 120);
    let sink = reserved.open(|_| reply(200));
    until("all are delivered", || only(&daemon).sent == 120).await;
    settled(&daemon).await;
    assert_eq!(sink.accepted(), bodies(&datagrams));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_counted_as_an_unknown_host() {
    let daemon = daemon(config("http://collector.invalid:2080".to_owned())).await;
    send(&daemon, numbered(1)).await;
    until("the attempt failed", || {
        let failures = only(&daemon).failures;
        failures.iter().any(|(_, count)| *count > 0)
    })
    .await;
    let counters = daemon.counters();
    assert_eq!(
        count(&destination(&counters).failures, "unknown_host"),
        1,
        "{counters}"
    );
}

#[tokio::test]
async fn an_endpoint_that_resets_connections_loses_nothing() {
    let reserved = sink::reserve();
    let daemon = daemon(config(reserved.url())).await;
    let resetting = reserved.reset_connections();
    send(&daemon, numbered(20)).await;
    until("connections were reset", || {
        let failures = only(&daemon).failures;
        failures.iter().map(|(_, count)| count).sum::<u64>() >= 2
    })
    .await;
    assert_eq!(only(&daemon).held, 20);
    let sink = resetting.open(|_| reply(200));
    until("all are delivered", || only(&daemon).sent == 20).await;
    settled(&daemon).await;
    assert_eq!(sink.accepted().len(), 20);
}

#[tokio::test]
async fn a_slow_endpoint_gets_everything() {
    let sink = Sink::start(|_| {
        // Blocks the test's only thread, the daemon with it: nothing is slower.
        std::thread::sleep(std::time::Duration::from_millis(100));
        reply(200)
    });
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, numbered(300)).await;
    until("all are delivered", || only(&daemon).sent == 300).await;
    settled(&daemon).await;
    assert_eq!(sink.accepted().len(), 300);
}

#[tokio::test]
async fn an_answer_that_is_no_json_still_means_that_the_documents_are_taken() {
    let sink = Sink::start(|_| Reply {
        body: "<html>",
        ..reply(200)
    });
    let daemon = daemon(config(sink.url())).await;
    send(&daemon, numbered(5)).await;
    until("they count as sent", || only(&daemon).sent == 5).await;
    settled(&daemon).await;
    assert_eq!(sink.accepted().len(), 5);
}

#[tokio::test]
async fn an_endpoint_that_accepts_and_hangs_is_a_timeout_and_loses_nothing() {
    let reserved = sink::reserve();
    let url = reserved.url();
    let hanging = reserved.hang();
    let daemon = daemon(config(url)).await;
    send(&daemon, numbered(1)).await;
    until("the attempt timed out", || {
        count(&only(&daemon).failures, "timeout") >= 1
    })
    .await;
    assert_eq!(only(&daemon).held, 1);
    drop(hanging);
}

#[tokio::test]
async fn without_a_spool_a_full_memory_drops_the_oldest_and_recovers() {
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
    // Three quarters of it may be used before the oldest are dropped.
    let config = Config {
        buffer_bytes: 256 * DOCUMENT_BYTES,
        ..config(sink.url())
    };
    let daemon = daemon(config).await;
    let datagrams: Vec<String> = (0..800)
        .map(|number| format!("{HEADER}{number:03}{}", "x".repeat(DOCUMENT_BYTES)))
        .collect();
    for some in datagrams.chunks(40) {
        send(&daemon, some).await;
        until("they are routed", || daemon.counters().waiting == 0).await;
    }
    until("the oldest are dropped", || {
        let counters = only(&daemon);
        counters.held > 0 && counters.held < 256 && counters.held + given_up(&daemon) == 800
    })
    .await;
    let dropped = given_up(&daemon);
    let kept = 800 - dropped;
    is_up.store(true, Ordering::SeqCst);
    until("what was held is delivered", || only(&daemon).sent == kept).await;
    settled(&daemon).await;
    // The newest are kept; which older ones, depends on what was on its way.
    let mut accepted = sink.accepted();
    accepted.dedup();
    assert_eq!(u64::try_from(accepted.len()).unwrap(), kept);
    let all = bodies(&datagrams);
    assert_eq!(accepted.last(), all.last());
    assert!(accepted.iter().all(|document| all.contains(document)));
    send(&daemon, datagrams.iter().take(1)).await;
    until("there is room again", || only(&daemon).sent == kept + 1).await;
    settled(&daemon).await;
    assert_eq!(given_up(&daemon), dropped);
}

/// Documents dropped for lack of memory, at the door or later.
fn given_up(daemon: &Daemon) -> u64 {
    let later = count(&only(daemon).spilled, "buffer_full");
    later + count(&daemon.counters().spilled, "buffer_full")
}
