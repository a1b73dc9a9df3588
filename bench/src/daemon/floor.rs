//! The floor: the least program that does the daemon's whole job, without its guarantees.
//!
//! One thread. Receives in batches, naps a millisecond when nothing is there, compares the header
//! byte for byte, escapes the body into a request, and posts that by hand over one connection when 50
//! documents are in it or 50 ms have passed. No queue, no retry, no limits: whatever goes wrong ends
//! it, and the bench shows the loss.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use memchr::memmem;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};

use super::clock;
use super::documents::HEADER;

/// As AWS's API bounds a call.
const DOCUMENTS_MAX: usize = 50;
/// As Radiograph's daemon lets a document wait for others.
const AGE_MAX: Duration = Duration::from_millis(50);
/// Waking up is what costs (`spec/floors.md` section 1).
const NAP: Duration = Duration::from_millis(1);
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;
const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// Receives on one port and posts to another, both of the loopback address.
///
/// # Errors
/// Whatever goes wrong.
pub fn run(udp_port: u16, sink_port: u16) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], udp_port)))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let mut request = Request::new(sink_port)?;
    let mut buffers = vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    loop {
        let mut chunks = buffers.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        match state.recv(UdpSockRef::from(&socket), &mut slices, &mut metas) {
            Ok(count) => {
                for (slice, meta) in slices.iter().zip(&metas).take(count) {
                    let datagrams = slice.get(..meta.len).unwrap_or_default();
                    for datagram in datagrams.chunks(meta.stride.max(1)) {
                        request.add(datagram)?;
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(NAP),
            Err(error) => return Err(error.into()),
        }
        request.post_if_old()?;
    }
}

/// A request that is being filled, and the connection for it.
struct Request {
    stream: Option<TcpStream>,
    sink: SocketAddr,
    body: Vec<u8>,
    documents: usize,
    opened: Duration,
    answer: [u8; 4096],
}

impl Request {
    fn new(sink_port: u16) -> anyhow::Result<Self> {
        Ok(Self {
            stream: None,
            sink: SocketAddr::from(([127, 0, 0, 1], sink_port)),
            body: Vec::new(),
            documents: 0,
            opened: Duration::ZERO,
            answer: [0; 4096],
        })
    }

    fn add(&mut self, datagram: &[u8]) -> anyhow::Result<()> {
        let body = datagram.strip_prefix(HEADER).context("an unusual header")?;
        if self.documents == 0 {
            self.opened = clock::now();
            self.body
                .extend_from_slice(br#"{"TraceSegmentDocuments":["#);
        } else {
            self.body.push(b',');
        }
        json_escape_simd::escape_into(std::str::from_utf8(body)?, &mut self.body);
        self.documents += 1;
        if self.documents == DOCUMENTS_MAX {
            self.post()?;
        }
        Ok(())
    }

    fn post_if_old(&mut self) -> anyhow::Result<()> {
        if self.documents > 0 && clock::now() - self.opened >= AGE_MAX {
            self.post()?;
        }
        Ok(())
    }

    fn post(&mut self) -> anyhow::Result<()> {
        self.body.extend_from_slice(b"]}");
        let head = format!(
            "POST /TraceSegments HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.sink,
            self.body.len()
        );
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.sink)?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        let sent =
            stream.write_vectored(&[IoSlice::new(head.as_bytes()), IoSlice::new(&self.body)])?;
        let of_body = sent.checked_sub(head.len()).context("half a head sent")?;
        stream.write_all(self.body.get(of_body..).unwrap_or_default())?;
        let mut filled = 0;
        while memmem::find(self.answer.get(..filled).unwrap_or_default(), b"]}").is_none() {
            let count = stream.read(self.answer.get_mut(filled..).unwrap_or_default())?;
            anyhow::ensure!(count > 0, "no answer");
            filled += count;
        }
        anyhow::ensure!(self.answer.starts_with(b"HTTP/1.1 200"), "a refusal");
        self.body.clear();
        self.documents = 0;
        Ok(())
    }
}
