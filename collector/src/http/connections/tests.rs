//! Every bound of a connection, met by a real one.
//!
//! Times are short where they are to be met and long where they are not; nothing waits for a length of
//! time, but for the server to act, until a deadline that only a hanging one reaches.

use std::io::{Read as _, Write as _};
use std::net::TcpStream as Client;

use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::channel::Channel;
use tokio::task::JoinHandle;

use super::super::tls::tests::Authority;
use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);
const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

const fn limits() -> Limits {
    Limits {
        connections_max: 10,
        handshake_within: DEADLINE,
        head_within: DEADLINE,
        taken_within: DEADLINE,
        taken_bytes_min: 64 << 10,
    }
}

struct Server {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(tls: Option<Arc<Tls>>, limits: Limits) -> Self {
        let router = Router::new()
            .route("/", post(async |body: Bytes| body))
            .route("/endless", post(async || Body::new(endless())))
            .route(
                "/peer",
                post(async |peer: axum::Extension<Peer>| peer.0.0.to_string()),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Arc::new(Metrics::default());
        let (stop, stopped) = oneshot::channel();
        let connections = Connections::new(router, tls, limits, Arc::clone(&metrics));
        Self {
            address,
            metrics,
            stop,
            serving: tokio::spawn(connections.serve(listener, stopped)),
        }
    }

    fn client(&self) -> Client {
        let client = Client::connect(self.address).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client
    }

    /// Waits until a bound was met as often.
    async fn met(&self, bound: &str, times: u64) {
        let met = async {
            while self.metrics.snapshot().connections_limited.get(bound) != Some(&times) {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, met).await;
        let counted = self.metrics.snapshot().connections_limited;
        in_time.unwrap_or_else(|_| panic!("{bound}: {counted:?}"));
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        let in_time = tokio::time::timeout(DEADLINE, self.serving).await;
        in_time.expect("stops").unwrap();
    }
}

/// A body without an end.
fn endless() -> Channel<Bytes, io::Error> {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        let piece = Bytes::from(vec![b'x'; 64 << 10]);
        while sender.send_data(piece.clone()).await.is_ok() {}
    });
    body
}

/// Status and body of the next answer, which has a length.
fn answer(client: &mut Client) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length = length.lines().next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, String::from_utf8(body).unwrap())
}

/// Everything until the server closes.
fn rest(client: &mut Client) -> String {
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_one_request_after_another() {
    let server = Server::start(None, limits()).await;
    let mut client = server.client();
    for _ in 0..3 {
        client.write_all(REQUEST).unwrap();
        assert_eq!(answer(&mut client), ("200".to_owned(), "{}".to_owned()));
    }
    let own = client.local_addr().unwrap().to_string();
    client
        .write_all(b"POST /peer HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&mut client), ("200".to_owned(), own));
    server.stop().await;
    assert_eq!(rest(&mut client), "", "closed at the stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let limits = Limits {
        head_within: SHORT,
        ..limits()
    };
    let server = Server::start(None, limits).await;
    let mut silent = server.client();
    let mut slow = server.client();
    slow.write_all(b"POST / HTTP/1.1\r\nHost:").unwrap();
    let mut idle = server.client();
    idle.write_all(REQUEST).unwrap();
    answer(&mut idle);
    for client in [&mut silent, &mut slow, &mut idle] {
        assert_eq!(rest(client), "");
    }
    server.met("head_time", 3).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(None, limits()).await;
    let mut client = server.client();
    client.write_all(b"POST / HTTP/1.1\r\nx: ").unwrap();
    client.write_all(&vec![b'x'; HEAD_BYTES_MAX]).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let limits = Limits {
        taken_within: SHORT,
        ..limits()
    };
    let server = Server::start(None, limits).await;
    let mut client = server.client();
    client
        .write_all(b"POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    server.met("taken_time", 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_is_never_cut_off_however_long_its_answer() {
    let limits = Limits {
        taken_within: SHORT,
        taken_bytes_min: 1,
        ..limits()
    };
    let server = Server::start(None, limits).await;
    let mut client = server.client();
    client
        .write_all(b"POST /endless HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut taken = vec![0; 64 << 20];
    client.read_exact(&mut taken).unwrap();
    drop(client);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_the_bound_waits_until_one_closes() {
    let limits = Limits {
        connections_max: 1,
        ..limits()
    };
    let server = Server::start(None, limits).await;
    let mut first = server.client();
    first.write_all(REQUEST).unwrap();
    answer(&mut first);
    server.met("full", 1).await;
    let mut second = server.client();
    second.write_all(REQUEST).unwrap();
    // the first is still served, and the second once it has gone
    first.write_all(REQUEST).unwrap();
    answer(&mut first);
    drop(first);
    assert_eq!(answer(&mut second).0, "200");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_at_a_stop() {
    let server = Server::start(None, limits()).await;
    let mut client = server.client();
    client.write_all(REQUEST).unwrap();
    answer(&mut client);
    let (first, second) = REQUEST.split_at(REQUEST.len() - 1);
    client.write_all(first).unwrap();
    let Server { stop, serving, .. } = server;
    stop.send(()).unwrap();
    client.write_all(second).unwrap();
    serving.await.unwrap();
    let rest = rest(&mut client);
    // the stop may have been seen before the head was
    assert!(rest.is_empty() || rest.ends_with("\r\n\r\n{}"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_hangs_is_cut_off() {
    let files = Authority::new().server_files();
    let limits = Limits {
        handshake_within: SHORT,
        ..limits()
    };
    let tls = Tls::load(files.tls.clone()).await.unwrap();
    let server = Server::start(Some(tls), limits).await;
    let mut silent = server.client();
    let mut torn = server.client();
    // the head of a record that does not come
    torn.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    assert_eq!(rest(&mut silent), "");
    assert_eq!(rest(&mut torn), "");
    server.met("handshake_time", 2).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_told_to_speak_tls() {
    let files = Authority::new().server_files();
    let tls = Tls::load(files.tls.clone()).await.unwrap();
    let server = Server::start(Some(tls), limits()).await;
    let mut client = server.client();
    client.write_all(REQUEST).unwrap();
    let (status, body) = answer(&mut client);
    assert_eq!(status, "400");
    let message = "this address speaks TLS: use https:// instead of http://";
    assert!(body.contains(message), "{body}");
    assert_eq!(rest(&mut client), "");
    drop(client);
    server.met("plain_http", 1).await;
    let mut noise = server.client();
    noise.write_all(&[0; 64]).unwrap();
    server.met("handshake", 1).await;
    server.stop().await;
}
