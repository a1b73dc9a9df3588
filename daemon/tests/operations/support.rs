//! A daemon on free ports, an HTTP sink that remembers, and waiting.

use std::convert::Infallible;
use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use radiograph_daemon::config::Destination;
use radiograph_daemon::{Config, Daemon};
use tokio::net::TcpListener;

/// Far beyond what any wait here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The future's value, unless it takes for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(DEADLINE, future).await;
    waited.unwrap_or_else(|_| panic!("not within {DEADLINE:?}"))
}

/// A daemon with an admin address that sends to `endpoint`.
pub(crate) async fn daemon(endpoint: String) -> Daemon {
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = Config {
        bind: "127.0.0.1:0".to_owned(),
        bind_tcp: "127.0.0.1:0".to_owned(),
        admin: Some("127.0.0.1:0".to_owned()),
        resource_arn: "arn:aws:ec2:eu-west-1:1:instance/i".to_owned(),
        destinations: vec![Destination {
            endpoint: Some(endpoint),
            ..Destination::default()
        }],
        ..Config::default()
    };
    radiograph_daemon::start(config).await.unwrap()
}

/// Sends datagrams and waits until the daemon has read them.
pub(crate) async fn send(daemon: &Daemon, datagrams: &[&str]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let before = daemon.counters().received;
    for datagram in datagrams {
        socket
            .send_to(datagram.as_bytes(), daemon.udp_address())
            .unwrap();
    }
    let sent = u64::try_from(datagrams.len()).unwrap();
    within(async {
        while daemon.counters().received < before + sent {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Answers every call with 200 and an empty object, and remembers path and body.
#[derive(Clone)]
pub(crate) struct Sink {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            calls: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                let service = service_fn(move |request| {
                    let sink = sink.clone();
                    async move { Ok::<_, Infallible>(sink.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        sink
    }

    /// For the daemon's configuration.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bodies of the calls to this path.
    pub(crate) fn bodies(&self, path: &str) -> Vec<Bytes> {
        let calls = self.calls.lock().unwrap();
        let to_path = calls.iter().filter(|(each, _)| each == path);
        to_path.map(|(_, body)| body.clone()).collect()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.calls.lock().unwrap().push((path, body));
        Response::new(Full::new(Bytes::from_static(b"{}")))
    }
}
