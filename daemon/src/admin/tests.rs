//! The server over real sockets, with plain requests; nothing is timed.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::metrics::DestinationCounters;
use crate::shutdown::{self, Phases};

/// Far beyond what any wait here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn state() -> State {
    State {
        is_receiving: true,
        kernel_drops: Some(3),
        counters: Counters {
            received: 5,
            destinations: vec![DestinationCounters {
                name: "default".to_owned(),
                down_reason: Some("down for 12 s: connection refused".to_owned()),
                ..DestinationCounters::default()
            }],
            ..Counters::default()
        },
        ..State::default()
    }
}

async fn start() -> (SocketAddr, Phases) {
    let (admin, address) = bind("127.0.0.1:0").await.unwrap();
    let (phases, watch) = shutdown::phases();
    tokio::spawn(serve(admin, state, watch));
    (address, phases)
}

/// Everything that comes back for these bytes until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    };
    tokio::time::timeout(DEADLINE, exchange).await.unwrap()
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends an answer, too.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

async fn ask(address: SocketAddr, line: &str) -> String {
    exchange(address, &format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n")).await
}

#[tokio::test]
async fn metrics_have_the_type_of_the_format_and_the_counters_of_the_moment() {
    let (address, _phases) = start().await;
    let answer = ask(address, "GET /metrics").await;
    let content_type = "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(answer.contains(content_type), "{answer}");
    for line in [
        "radiograph_daemon_segments_received_total{transport=\"udp\"} 5",
        "radiograph_daemon_kernel_dropped_datagrams_total 3",
        "radiograph_daemon_destination_up{destination=\"default\"} 0",
    ] {
        assert!(answer.lines().any(|each| each == line), "{line}: {answer}");
    }
}

#[tokio::test]
async fn the_stop_is_told_and_the_server_ends_with_the_daemon() {
    let (admin, address) = bind("127.0.0.1:0").await.unwrap();
    let (phases, watch) = shutdown::phases();
    let serving = tokio::spawn(serve(admin, state, watch));
    phases.enter(Phase::Draining);
    let answer = ask(address, "GET /readyz").await;
    assert!(answer.contains("\r\n\r\nstopping\n"), "{answer}");
    assert!(
        ask(address, "GET /livez")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    drop(phases);
    tokio::time::timeout(DEADLINE, serving)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_taken_address_and_one_without_a_port_are_refused() {
    let (_admin, address) = bind("127.0.0.1:0").await.unwrap();
    let error = bind(&address.to_string()).await.unwrap_err();
    assert!(matches!(error, ListenError::Bind { .. }), "{error}");
    let error = bind("2001").await.unwrap_err();
    assert!(matches!(error, ListenError::MissingPort { .. }), "{error}");
}
