//! What the rig shares with those who send and watch: books, tally, relay, and the way to the daemon.
//!
//! A datagram is entered into the books in the same moment in which it is sent, so that a kill falls
//! before it or after it. Locks are taken in the order door, tally, books, and never across an await.

use std::fs;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use super::books::Books;
use super::counts::{Counts, kernel_drops};
use super::relay::Relay;
use super::tally::Tally;

/// What senders and watchers share with the rig.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) books: Mutex<Books>,
    pub(super) tally: Mutex<Tally>,
    pub(super) relay: Relay,
    door: Mutex<Option<Door>>,
    socket: UdpSocket,
}

/// Where datagrams go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    /// The daemon's number in the books.
    pub(super) life: usize,
    pub(super) udp: SocketAddr,
    /// Where its counters are.
    pub(super) admin: SocketAddr,
}

impl Shared {
    /// With empty books and no daemon yet.
    ///
    /// # Errors
    /// There is no socket to send from.
    pub(super) fn new(relay: Relay) -> anyhow::Result<Self> {
        Ok(Self {
            books: Mutex::default(),
            tally: Mutex::default(),
            relay,
            door: Mutex::default(),
            socket: UdpSocket::bind("127.0.0.1:0").context("UDP socket")?,
        })
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The daemon that runs now.
    pub(super) fn door(&self) -> Option<Door> {
        *self.lock_door()
    }

    /// Sends a datagram and enters it into the books; false while there is no daemon.
    ///
    /// # Errors
    /// The socket refuses it for another reason than that nobody listens.
    pub(super) fn send(&self, number: u64, datagram: &str) -> io::Result<bool> {
        let door = self.lock_door();
        let Some(Door { life, udp, .. }) = *door else {
            return Ok(false);
        };
        self.socket.send_to(datagram.as_bytes(), udp)?;
        self.books().sent(life, number);
        Ok(true)
    }

    /// Datagrams that the kernel has dropped at this daemon's socket.
    pub(super) fn drops(&self, door: Door, counts: Option<Counts>) -> u64 {
        match fs::read_to_string("/proc/net/udp") {
            Ok(table) => kernel_drops(&table, door.udp.port()),
            // only Linux has that table; what the daemon has noticed itself is the next best
            Err(_) => counts.map_or(0, |counts| counts.kernel_dropped),
        }
    }

    /// The daemon that runs now, which neither comes nor goes meanwhile.
    pub(super) fn lock_door(&self) -> MutexGuard<'_, Option<Door>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
