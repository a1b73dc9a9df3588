//! A small HTTP server in the collector's place for tests of proxy and sampler: answers as the test
//! says and remembers every call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::call::Caller;
use crate::config::{Config, Destination};

/// Far beyond what any wait here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A call as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// How many calls came before it.
    pub(crate) number: usize,
    pub(crate) method: Method,
    /// With the query.
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
        }
    }
}

type Script = dyn Fn(&Call) -> Answer + Send + Sync;

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct TestServer {
    address: SocketAddr,
    script: Arc<Script>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl TestServer {
    pub(crate) fn start(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            script: Arc::new(script),
            calls: Arc::default(),
        };
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(server.clone().serve(listener));
        server
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Calls this server.
    pub(crate) async fn caller(&self) -> Caller {
        caller(self.address).await
    }

    async fn serve(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let server = self.clone();
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut calls = self.calls.lock().unwrap();
        let call = Call {
            number: calls.len(),
            method: head.method,
            path: head.uri.path_and_query().unwrap().to_string(),
            body,
        };
        let answer = (self.script)(&call);
        calls.push(call);
        Response::builder()
            .status(answer.status)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(answer.body)))
            .unwrap()
    }
}

/// Calls whatever listens at this address.
pub(crate) async fn caller(address: SocketAddr) -> Caller {
    // An error means that one is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let destination = Destination {
        endpoint: Some(format!("http://{address}")),
        ..Destination::default()
    };
    Caller::new(&destination, &Config::default()).await.unwrap()
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    assert!(waited.is_ok(), "not within {DEADLINE:?}: {what}");
}

/// The future's value, unless it takes for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(DEADLINE, future).await;
    waited.unwrap_or_else(|_| panic!("not within {DEADLINE:?}"))
}
