//! The order of stopping, and the signals that ask for it.
//!
//! Phases only go forward. `Stopping`: receive reads the kernel queue empty and ends, the proxy
//! closes. `Draining`: nothing arrives any more, the last batch leaves. `Over`: the grace period has
//! passed; what is still held is given up and counted. Dropping the sender means `Over`.

use std::io;

use tokio::sync::watch;

/// How far the daemon is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    Stopping,
    Draining,
    Over,
}

/// Says which phase it is.
#[derive(Debug)]
pub(crate) struct Phases(watch::Sender<Phase>);

/// Sees which phase it is.
#[derive(Debug, Clone)]
pub(crate) struct Watch(watch::Receiver<Phase>);

/// A sender in `Running` and its watch.
pub(crate) fn phases() -> (Phases, Watch) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (Phases(sender), Watch(receiver))
}

impl Phases {
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.send_replace(phase);
    }
}

impl Watch {
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase || self.0.has_changed().is_err()
    }

    /// Waits until that phase or a later one.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.clone();
        let waited = receiver.wait_for(|now| *now >= phase).await;
        // An error is the dropped sender, which means `Over`.
        drop(waited);
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To deliver what there is and end; with the word of AWS's log line.
    Stop(&'static str),
    /// To read the configuration again and to open the log file again.
    Reload,
}

/// SIGINT, SIGTERM and SIGHUP, from the moment of installing on. The handlers stay in place until the
/// process ends, so that a second signal is ignored. SIGQUIT keeps its usual effect, a core dump.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Installs the handlers, within a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal and says what it asks for.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop("terminated"),
            _ = self.interrupt.recv() => Signal::Stop("interrupt"),
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// Ctrl-C; Windows has no signal to reload.
#[cfg(windows)]
#[derive(Debug)]
pub struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    /// Installs the handler, within a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for it.
    pub async fn next(&mut self) -> Signal {
        let _ended: Option<()> = self.0.recv().await;
        Signal::Stop("interrupt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_later_phase_and_a_dropped_sender_count_as_reached() {
        let (phases, watch) = phases();
        assert!(!watch.has_reached(Phase::Stopping));
        phases.enter(Phase::Draining);
        assert!(watch.has_reached(Phase::Stopping));
        watch.reached(Phase::Stopping).await;
        assert!(!watch.has_reached(Phase::Over));
        drop(phases);
        assert!(watch.has_reached(Phase::Over));
        watch.reached(Phase::Over).await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_hang_up_asks_to_reload_and_does_not_end_the_process() {
        let mut signals = Signals::install().unwrap();
        let own = std::process::id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-HUP", &own])
            .status();
        assert!(sent.unwrap().success());
        let signal = tokio::time::timeout(std::time::Duration::from_secs(60), signals.next());
        assert_eq!(signal.await, Ok(Signal::Reload));
    }
}
