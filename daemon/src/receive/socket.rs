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

/// What is asked of the kernel: room for a burst of 10,000 documents of 1 KB, each of which is charged
/// 2.3 KB there. Without a privilege it grants up to `net.core.rmem_max`. The default holds 92
/// datagrams of 1 KB, and losses there appear in the kernel's drop counter alone (`spec/daemon.md`
/// section 2.2).
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;

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
    let asked = forced(&socket).or_else(|_| socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES));
    let granted = asked.and_then(|()| socket.recv_buffer_size());
    Ok(Bound {
        address,
        receive_buffer_bytes: granted.unwrap_or_default(),
        socket: socket.into(),
    })
}

/// A socket that is bound already, at this address. Its buffer may be larger than this process could
/// ask for, so it is asked for with the privilege alone.
pub(crate) fn taken(socket: std::net::UdpSocket, address: SocketAddr) -> Bound {
    let socket = socket2::Socket::from(socket);
    let is_forced = forced(&socket).is_ok();
    tracing::debug!(is_forced, "Socket was passed to this process");
    Bound {
        address,
        receive_buffer_bytes: socket.recv_buffer_size().unwrap_or_default(),
        socket: socket.into(),
    }
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The kernel's queue was empty.
    Nothing,
    /// It is empty now, most likely.
    Some,
    /// As much as one read can bring; more may wait.
    Full,
}

/// With `CAP_NET_ADMIN` the system's limit does not count.
#[cfg(target_os = "linux")]
fn forced(socket: &socket2::Socket) -> io::Result<()> {
    rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER_BYTES)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn forced(_: &socket2::Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Tells the kernel not to write beside each datagram when, for which address and with which marks it
/// came: quinn-udp asks for it, nobody here reads it, and it costs a tenth of receiving. Where it
/// cannot be told, receiving works as well.
#[cfg(target_os = "linux")]
fn without_notes(socket: &std::net::UdpSocket) {
    use nix::sys::socket::{setsockopt, sockopt};
    let told = [
        setsockopt(socket, sockopt::ReceiveTimestampns, &false),
        setsockopt(socket, sockopt::Ipv4PacketInfo, &false),
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &false),
        setsockopt(socket, sockopt::IpRecvTos, &false),
        setsockopt(socket, sockopt::Ipv6RecvTClass, &false),
    ];
    let refused = told.iter().filter(|told| told.is_err()).count();
    tracing::debug!(refused, "Notes beside datagrams switched off");
}

#[cfg(not(target_os = "linux"))]
fn without_notes(_: &std::net::UdpSocket) {}

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
        without_notes(&socket);
        Ok(Self {
            socket: tokio::net::UdpSocket::from_std(socket)?,
            state,
            buffers: vec![0; BATCH_SIZE * DATAGRAM_BYTES_MAX],
            metas: [RecvMeta::default(); BATCH_SIZE],
        })
    }

    /// Takes what is there, at most a batch, and shows each datagram.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<Found> {
        let mut chunks = self.buffers.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let socket = UdpSockRef::from(&self.socket);
        // Not through tokio's `try_io`: that asks the kernel only after tokio has seen an event.
        let count = match self.state.recv(socket, &mut slices, &mut self.metas) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Found::Nothing),
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
        Ok(match count {
            0 => Found::Nothing,
            BATCH_SIZE.. => Found::Full,
            _ => Found::Some,
        })
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
