//! What the daemon answers to `/livez`, `/readyz` and `/metrics`, on an address of their own, never on
//! port 2000; `radiograph_admin` serves it.
//!
//! Source: `spec/daemon.md` section 13.

mod ready;
mod text;

use std::net::SocketAddr;

use radiograph_admin::process::Process;
use radiograph_admin::{Admin, Verdict};
use socket2::Type;
use tokio::net::TcpListener;

use crate::clock;
use crate::listen::{self, ListenError};
use crate::metrics::Counters;
use crate::shutdown::{Phase, Watch};

/// What the answers tell, as of now.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) counters: Counters,
    /// What the kernel dropped, where it tells.
    pub(crate) kernel_drops: Option<u64>,
    /// Whether the receiving threads run.
    pub(crate) is_receiving: bool,
    /// What else keeps the daemon from its work, a line each: `spool: read-only`.
    pub(crate) troubles: Vec<String>,
}

/// The daemon's answers.
pub(crate) struct Answers<S> {
    state: S,
    process: Process,
    watch: Watch,
}

/// Listens on `host:port`, within a tokio runtime; the address has the port it got.
///
/// # Errors
/// When the address is unusable.
pub(crate) async fn bind(address: &str) -> Result<(Admin, SocketAddr), ListenError> {
    let address = listen::resolve(address).await?;
    let (socket, bound) = listen::bind(address, Type::STREAM)?;
    let listener = socket
        .listen(128)
        .and_then(|()| TcpListener::from_std(socket.into()))
        .map_err(|source| ListenError::Bind { address, source })?;
    Ok((Admin::new(listener, clock::now), bound))
}

/// Answers until the daemon is over; through the stop, too, so that the drain can be watched.
pub(crate) async fn serve<S>(admin: Admin, state: S, watch: Watch)
where
    S: Fn() -> State + Send + Sync + 'static,
{
    let answers = Answers {
        state,
        process: Process::started(clock::since_epoch()),
        watch: watch.clone(),
    };
    admin.serve(answers, watch.reached(Phase::Over)).await;
}

impl<S: Fn() -> State + Send + Sync + 'static> radiograph_admin::Answers for Answers<S> {
    fn live(&self) -> Verdict {
        ready::live(&(self.state)(), self.watch.has_reached(Phase::Stopping))
    }

    fn ready(&self) -> Verdict {
        ready::ready(&(self.state)(), self.watch.has_reached(Phase::Stopping))
    }

    fn metrics(&self) -> String {
        let state = (self.state)();
        text::metrics(&state.counters, state.kernel_drops, &self.process.now())
    }
}

#[cfg(test)]
mod tests;
