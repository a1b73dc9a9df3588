//! A small HTTP server in the collector's place: answers as the test says, remembers everything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use radiograph_protocol::framing;
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

/// A call as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// How many calls came before it.
    pub(crate) number: usize,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: &'static str,
}

/// The status alone, with an empty JSON object.
pub(crate) fn reply(status: u16) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: "{}",
    }
}

type Script = dyn Fn(&Call) -> Reply + Send + Sync;

/// An address that refuses connections until the sink is opened there.
pub(crate) struct Reserved(Socket);

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Sink {
    address: SocketAddr,
    script: Arc<Script>,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    calls: Vec<Call>,
    accepted: Vec<String>,
}

/// Takes a port without listening on it.
pub(crate) fn reserve() -> Reserved {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&address.into()).unwrap();
    Reserved(socket)
}

/// An address that accepts connections and resets them.
pub(crate) struct Resetting {
    reserved: Reserved,
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Resetting {
    /// Serves from now on.
    pub(crate) fn open(self, script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Sink {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.reserved.open(script)
    }
}

impl Reserved {
    /// Where the sink will be.
    pub(crate) fn url(&self) -> String {
        let address = self.0.local_addr().unwrap().as_socket().unwrap();
        format!("http://{address}")
    }

    /// Takes connections into the kernel's backlog and never answers, until the value is dropped.
    pub(crate) fn hang(self) -> Socket {
        self.0.listen(64).unwrap();
        self.0
    }

    /// Accepts connections and resets each, until the sink is opened.
    pub(crate) fn reset_connections(self) -> Resetting {
        self.0.listen(64).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (socket, over) = (self.0.try_clone().unwrap(), Arc::clone(&is_over));
        self.0.set_nonblocking(true).unwrap();
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                match socket.accept() {
                    // Closed with nothing lingering, a connection is reset.
                    Ok((connection, _)) => {
                        connection.set_linger(Some(Duration::ZERO)).unwrap();
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Resetting {
            reserved: self,
            is_over,
            thread,
        }
    }

    /// Listens from now on.
    pub(crate) fn open(self, script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Sink {
        self.0.listen(64).unwrap();
        self.0.set_nonblocking(true).unwrap();
        let address = self.0.local_addr().unwrap().as_socket().unwrap();
        let listener = TcpListener::from_std(self.0.into()).unwrap();
        let sink = Sink {
            address,
            script: Arc::new(script),
            log: Arc::default(),
        };
        tokio::spawn(sink.clone().serve(listener));
        sink
    }
}

impl Sink {
    /// A sink that listens at once.
    pub(crate) fn start(script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        reserve().open(script)
    }

    /// For the daemon's configuration.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.log.lock().unwrap().calls.clone()
    }

    /// The documents of calls that were answered with 200, sorted.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let mut accepted = self.log.lock().unwrap().accepted.clone();
        accepted.sort();
        accepted
    }

    async fn serve(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let sink = self.clone();
            let service = service_fn(move |request| {
                let sink = sink.clone();
                async move { Ok::<_, Infallible>(sink.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let headers = request.headers().clone();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut log = self.log.lock().unwrap();
        let call = Call {
            number: log.calls.len(),
            path,
            headers,
            body,
        };
        let reply = (self.script)(&call);
        if reply.status == 200 && call.path.ends_with("/TraceSegments") {
            log.accepted.extend(documents(&call));
        }
        log.calls.push(call);
        let mut response = Response::builder().status(reply.status);
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        response
            .body(Full::new(Bytes::from_static(reply.body.as_bytes())))
            .unwrap()
    }
}

/// Whether the documents stand in the body as they are (`docs/framed-segments.md`).
pub(crate) fn is_framed(call: &Call) -> bool {
    let content_type = call.headers.get("content-type");
    content_type.is_some_and(|value| value == framing::CONTENT_TYPE)
}

/// The documents of a PutTraceSegments call.
pub(crate) fn documents(call: &Call) -> Vec<String> {
    if is_framed(call) {
        assert_eq!(call.headers.get("content-encoding").unwrap(), "zstd");
        let body = zstd::bulk::decompress(&call.body, framing::BODY_BYTES_MAX).unwrap();
        let documents = framing::split(&body, framing::Offer::LARGEST).unwrap();
        let texts = documents.into_iter().map(String::from_utf8_lossy);
        return texts.map(std::borrow::Cow::into_owned).collect();
    }
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    let documents = body
        .get("TraceSegmentDocuments")
        .unwrap()
        .as_array()
        .unwrap();
    documents
        .iter()
        .map(|document| document.as_str().unwrap().to_owned())
        .collect()
}
