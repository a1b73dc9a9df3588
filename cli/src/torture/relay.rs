//! The way from the daemon to the collector: a TCP relay that can refuse, reset, stall, and cut an
//! answer in the middle. It always listens at one address, wherever the collector is.
//!
//! Per connection two buffers of 64 KiB; connections are as many as the daemon opens.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::plan::CutMode;

const BUFFER_BYTES: usize = 64 << 10;

/// What the connections have to know.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    collector: Option<SocketAddr>,
    cut: Option<CutMode>,
    /// Counts the cuts, so that the end of one does not end the next.
    cuts: u64,
}

impl State {
    /// The `number`th cut is over; whether it still was the one there is.
    fn end(&mut self, number: u64) -> bool {
        let is_latest = self.cuts == number;
        self.cut = self.cut.filter(|_| !is_latest);
        is_latest
    }
}

/// A listening relay. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl Relay {
    /// Listens on a free port of this host; nobody is behind it yet.
    ///
    /// # Errors
    /// There is no port to be had.
    pub(super) async fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port")?;
        let address = listener.local_addr().context("a port")?;
        let (state, states) = watch::channel(State::default());
        tokio::spawn(serve(listener, states));
        Ok(Self { address, state })
    }

    /// Where the daemon sends to.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the collector is now, if it is.
    pub(super) fn set_collector(&self, collector: Option<SocketAddr>) {
        self.state.send_modify(|state| state.collector = collector);
    }

    /// Where the collector is now.
    pub(super) fn collector(&self) -> Option<SocketAddr> {
        self.state.borrow().collector
    }

    /// Cuts connections for so long; returns at once.
    pub(super) fn cut(&self, mode: CutMode, lasts: Duration) {
        let mut cut = 0;
        self.state.send_modify(|state| {
            state.cut = Some(mode);
            state.cuts += 1;
            cut = state.cuts;
        });
        let state = self.state.clone();
        tokio::spawn(async move {
            sleep(lasts).await;
            state.send_if_modified(|state| state.end(cut));
        });
    }

    /// Ends whatever cut there is.
    pub(super) fn heal(&self) {
        self.state.send_modify(|state| state.cut = None);
    }
}

async fn serve(listener: TcpListener, states: watch::Receiver<State>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(relay(stream, states.clone()));
            }
            // out of files, or a connection that is gone already
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Passes one connection's bytes on until either side ends it or it is cut.
async fn relay(mut daemon: TcpStream, mut states: watch::Receiver<State>) {
    // whatever way it ends, it ends hard: an orderly end is only one of the ends that happen
    let is_hard = daemon.set_zero_linger().is_ok();
    let state = *states.borrow_and_update();
    let Some(collector) = state
        .collector
        .filter(|_| state.cut != Some(CutMode::Refuse))
    else {
        return;
    };
    let Ok(mut collector) = TcpStream::connect(collector).await else {
        return;
    };
    if !is_hard || daemon.set_nodelay(true).is_err() || collector.set_nodelay(true).is_err() {
        return;
    }
    let mut asked = vec![0; BUFFER_BYTES];
    let mut answered = vec![0; BUFFER_BYTES];
    // bytes of answers passed since the present cut began
    let mut passed = 0_usize;
    loop {
        let state = *states.borrow_and_update();
        if state.cut == Some(CutMode::Stall) {
            if states.changed().await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            // a cut concerns every byte that comes after it
            biased;
            changed = states.changed() => {
                let is_cut = |mode| matches!(mode, Some(CutMode::Refuse | CutMode::Reset));
                let now = *states.borrow();
                if changed.is_err() || (now.cuts != state.cuts && is_cut(now.cut)) {
                    return;
                }
                passed = 0;
            }
            read = daemon.read(&mut asked) => {
                let bytes = asked.get(..read.unwrap_or(0)).unwrap_or_default();
                if bytes.is_empty() || collector.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = collector.read(&mut answered) => {
                let mut bytes = answered.get(..read.unwrap_or(0)).unwrap_or_default();
                let is_last = match state.cut {
                    Some(CutMode::MidAnswer { bytes: most }) => {
                        let room = most.saturating_sub(passed).min(bytes.len());
                        let is_cut = room < bytes.len();
                        bytes = bytes.get(..room).unwrap_or_default();
                        is_cut
                    }
                    _ => false,
                };
                passed += bytes.len();
                if daemon.write_all(bytes).await.is_err() || is_last || bytes.is_empty() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
