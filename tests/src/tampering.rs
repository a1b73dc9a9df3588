//! Somebody on the way between a client and a server who changes what the client sent: each `aaaa` in a
//! request's body becomes `bbbb`. Heads and answers pass as they are, so nothing but the signature can
//! tell. It takes requests with a `Content-Length`, which is what AWS's clients send.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is changed.
pub const BEFORE: &str = "aaaa";

const AFTER: &str = "bbbb";

/// A listener in front of a server. Its threads end with the test's process.
pub struct Tampering {
    /// Where clients connect.
    pub address: SocketAddr,
    changed: Arc<AtomicUsize>,
}

impl Tampering {
    /// Listens in front of `server`.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("an address");
        let changed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&changed);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let counter = Arc::clone(&counter);
                thread::spawn(move || {
                    // either side may hang up whenever it likes
                    let _ended = pass(&client, server, &counter);
                });
            }
        });
        Self { address, changed }
    }

    /// Where clients are sent.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that were changed so far.
    pub fn changed(&self) -> usize {
        self.changed.load(Ordering::SeqCst)
    }
}

/// Passes the requests of a connection on, and their answers back.
fn pass(client: &TcpStream, server: SocketAddr, changed: &AtomicUsize) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || std::io::copy(&mut answers, &mut back));
    let mut requests = BufReader::new(client);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if requests.read_line(&mut head)? == 0 {
                return server.shutdown(std::net::Shutdown::Write);
            }
        }
        let mut body = vec![0; content_length(&head)];
        requests.read_exact(&mut body)?;
        let text = String::from_utf8(body).expect("JSON");
        let other = text.replace(BEFORE, AFTER);
        // counted before anybody can have an answer
        changed.fetch_add(usize::from(other != text), Ordering::SeqCst);
        server.write_all(head.as_bytes())?;
        server.write_all(other.as_bytes())?;
    }
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().expect("a number"))
    });
    length.unwrap_or(0)
}
