//! The sink: stands for X-Ray or a Radiograph collector, answers at once and counts what arrives.
//!
//! A thread per connection, blocking reads, one search for marks per body: it must cost far less than
//! what it measures. It can be told to refuse, to hang and to delay. Offering framed bodies, it plays
//! the collector: `docs/framed-segments.md` is the contract.

mod connection;
pub(crate) mod control;
pub(crate) mod tally;

use std::io::{self, BufRead as _, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};

use super::proc;
use tally::Tally;

/// How often a waiting thread looks whether the mode has changed.
const LOOK: Duration = Duration::from_millis(50);

/// How the sink behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// Takes everything at once.
    Answer,
    /// Takes everything after so many milliseconds.
    Delay(u64),
    /// Reads requests and never answers them.
    Hang,
    /// Nobody listens, and what was connected is closed.
    Refuse,
}

/// What the driver says to the sink, a line each; every command is answered by a line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Behave so from now on.
    Become(Mode),
    /// How many different documents have arrived; answered by the number.
    Count,
    /// How many of the documents from the first number up to the second, not included, have arrived;
    /// answered by the number.
    Arrived(u32, u32),
    /// What is known of the documents from the first number up to the second, not included;
    /// answered by a [`tally::Summary`].
    Summary(u32, u32),
}

/// What the sink's threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    mode: Mutex<Mode>,
    changed: Condvar,
    tally: Mutex<Tally>,
    offers_framed: bool,
}

impl Shared {
    fn new(offers_framed: bool) -> Self {
        Self {
            mode: Mutex::new(Mode::Answer),
            changed: Condvar::new(),
            tally: Mutex::default(),
            offers_framed,
        }
    }

    fn mode(&self) -> Mode {
        *locked(&self.mode)
    }

    /// Waits until the sink no longer hangs.
    fn wait_while_hanging(&self) {
        let waiting = self
            .changed
            .wait_while(locked(&self.mode), |mode| *mode == Mode::Hang);
        drop(waiting);
    }
}

/// A poisoned lock is one whose thread failed, and a bench shows wrong counts then.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sink's process: prints its port, then obeys commands until its standard input ends.
///
/// # Errors
/// When it cannot listen, or the driver says something that is no command.
pub fn run(offers_framed: bool) -> anyhow::Result<()> {
    proc::pin(proc::DRIVER_CORES)?;
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    // Threads of connections live as long as the process.
    let shared: &Shared = Box::leak(Box::new(Shared::new(offers_framed)));
    say(&address.port())?;
    thread::spawn(move || accept(listener, address, shared));
    for line in io::stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Command::Become(mode) => {
                *locked(&shared.mode) = mode;
                shared.changed.notify_all();
                say(&())?;
            }
            Command::Count => say(&locked(&shared.tally).unique())?,
            Command::Arrived(from, to) => say(&locked(&shared.tally).arrived(from, to))?,
            Command::Summary(from, to) => {
                let summary = locked(&shared.tally).summary(from, to);
                say(&summary)?;
            }
        }
    }
    Ok(())
}

fn say(answer: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    Ok(output.flush()?)
}

/// Accepting gives up now and then, to look at the mode.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_read_timeout(Some(LOOK))?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

fn accept(listener: TcpListener, address: SocketAddr, shared: &'static Shared) {
    let mut listener = Some(listener);
    loop {
        if shared.mode() == Mode::Refuse {
            listener = None;
            thread::sleep(LOOK);
            continue;
        }
        if listener.is_none() {
            // Until the closed one's port is free again.
            listener = listen(address).ok();
        }
        let accepted = listener.as_ref().map(TcpListener::accept);
        match accepted {
            Some(Ok((stream, _))) => {
                thread::spawn(move || connection::serve(stream, shared));
            }
            // A time-out, or a connection that has gone again.
            Some(Err(_)) => {}
            None => thread::sleep(LOOK),
        }
    }
}
