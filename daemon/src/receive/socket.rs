//! The UDP socket: its set-up, and datagrams off it in batches (recvmmsg on Linux).
//!
//! 32 buffers of 64 KiB: any datagram fits, none is cut; memory is touched as far as datagrams
//! reach. The kernel may coalesce equal-sized datagrams of one sender (GRO); they are taken apart
//! here.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use radiograph_protocol::limits::DATAGRAM_BYTES_MAX;
use socket2::Type;
use tokio::io::Interest;

use crate::listen::{self, ListenError};

/// What is asked of the kernel; it grants up to `net.core.rmem_max`. The default holds 92 datagrams
/// of 1 KB, and losses there appear in no counter (`spec/daemon.md` section 2.2).
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// A bound UDP socket that nobody reads yet.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) socket: std::net::UdpSocket,
    /// As configured, with the port it got.
    pub(crate) address: SocketAddr,
    /// The receive buffer that the kernel granted.
    pub(crate) receive_buffer_bytes: usize,
}

/// Binds the address; datagrams wait in the kernel until [`BatchSocket`] reads them.
pub(crate) fn bind(address: SocketAddr) -> Result<Bound, ListenError> {
    let (socket, address) = listen::bind(address, Type::DGRAM)?;
    // Refused where a sandbox forbids it; the daemon then works with what it has and says so.
    let asked = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    let granted = asked.and_then(|()| socket.recv_buffer_size());
    Ok(Bound {
        address,
        receive_buffer_bytes: granted.unwrap_or_default(),
        socket: socket.into(),
    })
}

/// Reads datagrams in batches.
pub(crate) struct BatchSocket {
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    buffers: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl BatchSocket {
    /// Must be called within a tokio runtime, which then waits for the socket.
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self {
            socket: tokio::net::UdpSocket::from_std(socket)?,
            state,
            buffers: vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX],
            metas: [RecvMeta::default(); BATCH_SIZE],
        })
    }

    /// Takes what is there, at most a batch, and shows each datagram. False when nothing was there.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let mut chunks = self.buffers.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let socket = UdpSockRef::from(&self.socket);
        // Not through tokio's `try_io`: that asks the kernel only after tokio has seen an event.
        let count = match self.state.recv(socket, &mut slices, &mut self.metas) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        for (slice, meta) in slices.iter().zip(&self.metas).take(count) {
            let bytes = slice.get(..meta.len).unwrap_or_default();
            if bytes.is_empty() {
                each(bytes);
            }
            let stride = if meta.stride == 0 {
                meta.len
            } else {
                meta.stride
            };
            for datagram in bytes.chunks(stride.max(1)) {
                each(datagram);
            }
        }
        Ok(count > 0)
    }

    /// Waits until there is something to receive; call it after [`Self::receive`] found nothing.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        // Forgets the readiness that `receive` has used up behind tokio's back, else the wait would
        // return at once. No event is lost: this thread's runtime sees new ones only while it waits.
        let forgotten: io::Result<()> = self
            .socket
            .try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
        debug_assert!(forgotten.is_err());
        self.socket.readable().await
    }
}
