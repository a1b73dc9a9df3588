//! A small HTTP server for tests, in the place of AWS's services, of a collector or of a proxy.
//!
//! One thread per connection and one request per connection; it speaks TLS when given a certificate.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and target, as in the request line.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    /// The value of the header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A running server; it ends with the test's process.
#[derive(Debug)]
pub(crate) struct StandIn {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

type Answer = Box<dyn Fn(&Seen) -> (u16, String) + Send + Sync>;

impl StandIn {
    /// Answers each request as the function says.
    pub(crate) fn start(answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::serve(None, Box::new(answer))
    }

    /// Answers 200 to each request, over TLS.
    pub(crate) fn start_tls(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        install_tls_provider();
        let tls = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key");
        Self::serve(Some(Arc::new(tls)), Box::new(|_| (200, String::new())))
    }

    fn serve(tls: Option<Arc<rustls::ServerConfig>>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, all) = (Arc::new(answer), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, all, tls) = (Arc::clone(&answer), Arc::clone(&all), tls.clone());
                thread::spawn(move || match tls {
                    None => exchange(stream, &answer, &all),
                    Some(tls) => {
                        let session = rustls::ServerConnection::new(tls).expect("a session");
                        let stream = rustls::StreamOwned::new(session, stream);
                        exchange(stream, &answer, &all);
                    }
                });
            }
        });
        Self { address, seen }
    }

    /// `http://127.0.0.1:port`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no thread panicked").clone()
    }
}

/// A request that ends early, as one over a refused certificate does, is not seen.
fn exchange(stream: impl Read + Write, answer: &Answer, all: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream);
    let Some(seen) = read(&mut reader) else {
        return;
    };
    let (status, body) = answer(&seen);
    all.lock().expect("no thread panicked").push(seen);
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let stream = reader.get_mut();
    let written = stream.write_all(format!("{head}{body}").as_bytes());
    // The client may have gone: what it got is for the test to say.
    drop(written.and_then(|()| stream.flush()));
}

fn read(reader: &mut impl BufRead) -> Option<Seen> {
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let line = next().filter(|line| !line.is_empty())?;
    let line = line.strip_suffix(" HTTP/1.1")?.to_owned();
    let mut headers = Vec::new();
    while let Some((name, value)) = next()?.split_once(':') {
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut seen = Seen {
        line,
        headers,
        body: String::new(),
    };
    let length = seen.header("content-length").map_or("0", |length| length);
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).ok()?;
    Some(seen)
}

/// As `main` does.
pub(crate) fn install_tls_provider() {
    // An error means that another test was first.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A port of this host that nobody listens on.
pub(crate) fn closed_port() -> u16 {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = address.expect("a free port").port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    port
}
