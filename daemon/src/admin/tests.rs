//! The server over real sockets, with plain requests. Time-outs are shortened; nothing is timed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

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

async fn start(change: impl FnOnce(&mut Admin)) -> (SocketAddr, Phases) {
    let mut admin = Admin::bind("127.0.0.1:0").await.unwrap();
    change(&mut admin);
    let address = admin.address();
    let (phases, watch) = shutdown::phases();
    tokio::spawn(admin.serve(state, watch));
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
async fn each_path_and_method_has_its_answer() {
    let (address, _phases) = start(|_| {}).await;
    let cases = [
        ("GET /livez", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok\n"),
        (
            "GET /readyz",
            "HTTP/1.1 503 Service Unavailable\r\n",
            "\r\n\r\ndestination default: down for 12 s: connection refused\n",
        ),
        (
            "GET /livez?verbose=1",
            "HTTP/1.1 200 OK\r\n",
            "\r\n\r\nok\n",
        ),
        (
            "POST /livez",
            "HTTP/1.1 405 Method Not Allowed\r\n",
            "use GET\n",
        ),
        (
            "HEAD /metrics",
            "HTTP/1.1 405 Method Not Allowed\r\n",
            "\r\n\r\n",
        ),
        ("GET /", "HTTP/1.1 404 Not Found\r\n", "/metrics\n"),
        ("DELETE /livez/", "HTTP/1.1 404 Not Found\r\n", "/metrics\n"),
        ("GARBAGE", "HTTP/1.1 400 Bad Request\r\n", "\r\n\r\n"),
    ];
    for (line, status, end) in cases {
        let answer = ask(address, line).await;
        assert!(answer.starts_with(status), "{line}: {answer}");
        assert!(answer.ends_with(end), "{line}: {answer}");
    }
    assert!(
        ask(address, "POST /livez")
            .await
            .contains("\r\nallow: GET\r\n")
    );
}

#[tokio::test]
async fn metrics_have_the_type_of_the_format_and_the_counters_of_the_moment() {
    let (address, _phases) = start(|_| {}).await;
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
    let admin = Admin::bind("127.0.0.1:0").await.unwrap();
    let address = admin.address();
    let (phases, watch) = shutdown::phases();
    let serving = tokio::spawn(admin.serve(state, watch));
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
async fn a_head_that_does_not_come_ends_the_connection() {
    let (address, _phases) = start(|admin| admin.head_max = Duration::from_millis(1)).await;
    let answer = exchange(address, "GET /livez HTTP/1.1\r\nhost").await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_ended() {
    let (address, _phases) = start(|admin| admin.connection_max = Duration::from_millis(1)).await;
    assert_eq!(exchange(address, "").await, "");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let (address, _phases) = start(|_| {}).await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
        held.push(stream);
    }
    let mut late = TcpStream::connect(address).await.unwrap();
    late.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // Everything runs on this one thread: the server has had its turns, and would have answered.
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
    let early = late.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
    // The first of those that hold a place gives it up, by being answered.
    let mut first = held.remove(0);
    first.write_all(b"host: x\r\n\r\n").await.unwrap();
    let both = async { (rest(&mut first).await, rest(&mut late).await) };
    let (first, late) = tokio::time::timeout(DEADLINE, both).await.unwrap();
    assert!(first.ends_with("\r\n\r\nok\n"), "{first}");
    assert!(late.ends_with("\r\n\r\nok\n"), "{late}");
}

#[tokio::test]
async fn a_taken_address_and_one_without_a_port_are_refused() {
    let admin = Admin::bind("127.0.0.1:0").await.unwrap();
    let error = Admin::bind(&admin.address().to_string()).await.unwrap_err();
    assert!(matches!(error, ListenError::Bind { .. }), "{error}");
    let error = Admin::bind("2001").await.unwrap_err();
    assert!(matches!(error, ListenError::MissingPort { .. }), "{error}");
}
