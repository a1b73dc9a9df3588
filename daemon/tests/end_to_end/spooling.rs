//! With a spool: what cannot be delivered waits on disk, and nothing is lost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use radiograph_daemon::Config;
use radiograph_daemon::config::SpoolConfig;

use crate::sink::{self, Sink, reply};
use crate::support::{
    HEADER, assert_adds_up, config, count, daemon, destination, numbered, only, send, settled,
    until, within,
};

/// A configuration whose spool lies in this folder.
fn spooling(endpoint: String, folder: &Path) -> Config {
    Config {
        spool: Some(SpoolConfig {
            data_dir: folder.to_owned(),
            bytes_max: 64 << 20,
            age_max: Duration::from_secs(3600),
        }),
        ..config(endpoint)
    }
}

fn bodies(datagrams: &[String]) -> Vec<String> {
    datagrams
        .iter()
        .map(|datagram| datagram.replace(HEADER, ""))
        .collect()
}

#[tokio::test]
async fn an_outage_fills_the_spool_and_the_return_of_the_endpoint_empties_it() {
    let folder = tempfile::tempdir().unwrap();
    let reserved = sink::reserve();
    let daemon = daemon(spooling(reserved.url(), folder.path())).await;
    let datagrams = numbered(200);
    send(&daemon, &datagrams[..150]).await;
    until("they are on disk", || only(&daemon).spooled == 150).await;
    send(&daemon, &datagrams[150..]).await;
    until("all are on disk", || {
        let counters = only(&daemon);
        counters.spooled == 200 && counters.held == 0
    })
    .await;
    assert!(only(&daemon).spool_bytes > 0);
    assert_adds_up(&daemon.counters());
    let sink = reserved.open(|_| reply(200));
    until("the spool is empty", || {
        let counters = only(&daemon);
        counters.sent == 200 && counters.spooled == 0
    })
    .await;
    let counters = settled(&daemon).await;
    assert_eq!(destination(&counters).replayed, 200);
    assert_eq!(sink.accepted(), bodies(&datagrams));
    let up = only(&daemon);
    assert!(up.is_up && up.down_reason.is_none());
}

#[tokio::test]
async fn what_a_stopped_daemon_could_not_deliver_is_delivered_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let hanging = sink::reserve();
    let url = hanging.url();
    let hanging = hanging.hang();
    let first = Config {
        grace: Duration::from_millis(50),
        ..spooling(url, folder.path())
    };
    let first = daemon(first).await;
    let datagrams = numbered(1000);
    send(&first, &datagrams).await;
    let counters = within(first.stop()).await.unwrap();
    assert_adds_up(&counters);
    let stopped = destination(&counters);
    assert_eq!(
        (counters.received, stopped.spooled, stopped.held),
        (1000, 1000, 0),
        "{counters}"
    );
    drop(hanging);
    let sink = Sink::start(|_| reply(200));
    let second = daemon(spooling(sink.url(), folder.path())).await;
    until("the next one delivered all", || only(&second).sent == 1000).await;
    until("its spool is empty", || only(&second).spooled == 0).await;
    let counters = settled(&second).await;
    assert_eq!(destination(&counters).inherited, 1000);
    assert_eq!(sink.accepted(), bodies(&datagrams));
}

/// A stop meets a replay anywhere, also between a delivery and the disk's note of it: what is counted
/// as sent must not be counted as spooled as well.
#[tokio::test]
async fn each_daemon_stopped_in_the_middle_of_a_replay_counts_every_document_once() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = sink::reserve();
    let first = Config {
        grace: Duration::from_millis(50),
        ..spooling(nowhere.url(), folder.path())
    };
    let first = daemon(first).await;
    send(&first, &numbered(2000)).await;
    let mut left = destination(&within(first.stop()).await.unwrap()).spooled;
    assert_eq!(left, 2000);
    let sink = Sink::start(|_| reply(200));
    while left > 0 {
        let next = daemon(spooling(sink.url(), folder.path())).await;
        until("something is replayed", || only(&next).sent > 0).await;
        let counters = within(next.stop()).await.unwrap();
        assert_adds_up(&counters);
        let stopped = destination(&counters);
        assert_eq!(stopped.inherited, left);
        left = stopped.spooled;
    }
}

#[tokio::test]
async fn documents_beyond_the_memory_go_to_disk_while_the_endpoint_is_slow() {
    const DOCUMENTS: usize = 2000;
    const BUFFER_BYTES: usize = 400_000;
    let folder = tempfile::tempdir().unwrap();
    let is_fast = Arc::new(AtomicBool::new(false));
    let sink_is_fast = Arc::clone(&is_fast);
    let hanging = sink::reserve();
    let config = Config {
        buffer_bytes: BUFFER_BYTES,
        ..spooling(hanging.url(), folder.path())
    };
    let daemon = daemon(config).await;
    let datagrams: Vec<String> = (0..DOCUMENTS)
        .map(|number| format!("{HEADER}{number:08}{}", "x".repeat(1000)))
        .collect();
    for some in datagrams.chunks(50) {
        send(&daemon, some).await;
        until("they are routed", || daemon.counters().waiting == 0).await;
        until("memory keeps its bound", || {
            only(&daemon).held * 1008 <= u64::try_from(BUFFER_BYTES).unwrap()
        })
        .await;
    }
    let sink = hanging.open(move |_| {
        reply(if sink_is_fast.load(Ordering::SeqCst) {
            200
        } else {
            503
        })
    });
    is_fast.store(true, Ordering::SeqCst);
    let all = u64::try_from(DOCUMENTS).unwrap();
    until("all are delivered", || {
        let counters = only(&daemon);
        counters.sent == all && counters.spooled == 0
    })
    .await;
    let counters = settled(&daemon).await;
    assert_eq!(count(&destination(&counters).spilled, "buffer_full"), 0);
    assert_eq!(count(&counters.spilled, "buffer_full"), 0);
    let mut accepted = sink.accepted();
    accepted.dedup();
    assert_eq!(accepted, bodies(&datagrams));
}

#[tokio::test]
async fn a_spool_that_another_daemon_uses_leaves_documents_in_memory_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (first_away, second_away) = (sink::reserve(), sink::reserve());
    let first = daemon(spooling(first_away.url(), folder.path())).await;
    send(&first, numbered(1)).await;
    until("the first one uses the spool", || only(&first).spooled == 1).await;
    let second = daemon(spooling(second_away.url(), folder.path())).await;
    send(&second, numbered(5)).await;
    until("the second one knows its endpoint is away", || {
        count(&only(&second).failures, "connection_refused") >= 4
    })
    .await;
    assert_eq!((only(&second).held, only(&second).spooled), (5, 0));
    let sink = second_away.open(|_| reply(200));
    until("nothing was lost", || only(&second).sent == 5).await;
    assert_eq!(sink.accepted().len(), 5);
}
