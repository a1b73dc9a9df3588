//! The demo against a socket: what it counts is what arrives, in order and without loss.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use radiograph_protocol::datagram;
use radiograph_protocol::segment::{self, Kind};

use super::NOW;
use crate::demo::{self, Options, Rate};

fn options(address: SocketAddr, traces: Option<u64>) -> Options {
    Options {
        daemon_address: address.to_string(),
        traces,
        rate: Rate(None),
        seed: Some(11),
    }
}

/// Reads datagrams until `expected` have come; an overdue one fails the test.
fn read(socket: &UdpSocket, expected: u64) -> Vec<Vec<u8>> {
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut buffer = vec![0; 65_536];
    (0..expected)
        .map(|_| {
            let length = socket.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_counted_arrives() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = options(socket.local_addr().unwrap(), Some(40));
    // a seed tells beforehand how much will come, so that the reader may run beside the sender
    let expected = shop_datagrams(40);
    let reader = tokio::task::spawn_blocking(move || read(&socket, expected));
    let summary = demo::run(&options, || NOW, std::future::pending())
        .await
        .unwrap();
    let received = reader.await.unwrap();

    assert_eq!(summary.traces, 40);
    assert_eq!(summary.datagrams, expected);
    assert_eq!(summary.refused, 0);
    let mut traces = HashSet::new();
    let mut segments = HashSet::new();
    for datagram in &received {
        let text = std::str::from_utf8(datagram::split(datagram).unwrap()).unwrap();
        let document = segment::parse(text).unwrap();
        traces.insert(document.trace_id);
        if document.kind == Kind::Segment && document.entity.end.is_some() {
            segments.insert((document.trace_id, document.entity.id));
        }
    }
    assert_eq!(traces.len(), 40);
    assert_eq!(u64::try_from(segments.len()).unwrap(), summary.segments);
    assert!(traces.contains(&summary.example.unwrap().0));
}

fn shop_datagrams(traces: usize) -> u64 {
    let datagrams = super::traces(11, traces)
        .iter()
        .map(|trace| trace.datagrams.len())
        .sum::<usize>();
    u64::try_from(datagrams).unwrap()
}

#[tokio::test]
async fn a_stop_ends_it_with_what_was_sent_so_far() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = options(socket.local_addr().unwrap(), None);
    let stop = std::future::ready(());
    let summary = demo::run(&options, || NOW, stop).await.unwrap();
    assert_eq!(summary.traces, 0);
    assert_eq!(
        summary.to_string(),
        format!(
            "sent 0 traces, 0 segments in 0 datagrams to {}",
            summary.address
        )
    );
    assert!(!summary.is_unheard());
}

#[tokio::test]
async fn when_nobody_listens_it_says_so() {
    let address = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let summary = demo::run(&options(address, Some(2)), || NOW, std::future::pending())
        .await
        .unwrap();
    assert_eq!(summary.refused, 2);
    assert!(summary.is_unheard());
    assert_eq!(summary.example, None);
}

#[tokio::test]
async fn an_unknown_host_is_an_error_that_names_the_flag() {
    let mut options = options("127.0.0.1:2000".parse().unwrap(), Some(1));
    options.daemon_address = "no-such-host.invalid:2000".to_owned();
    let error = demo::run(&options, || NOW, std::future::pending())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "--daemon-address no-such-host.invalid:2000: no such host"
    );
}
