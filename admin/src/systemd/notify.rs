//! Tells systemd how far a server is: starting, ready, reloading, stopping, and that it still lives.
//!
//! Source: sd_notify(3). Each message is one datagram, a `NAME=value` a line. One that cannot be sent is
//! logged and not sent again: systemd draws its own conclusions. Never more than one message a second.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use super::peer::Peer;
use super::variable;

/// How often the status is told where no watchdog asks for more.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// How often a slow start or stop asks for more time, and for how much: what systemd grants by itself
/// is at least five times as long.
const EXTEND_EVERY: Duration = Duration::from_secs(5);
const EXTEND_BY: Duration = Duration::from_secs(60);

/// Characters of a status.
const STATUS_CHARS_MAX: usize = 500;

/// Whom a server tells, if anybody.
#[derive(Debug, Default)]
pub struct Notify {
    peer: Option<Peer>,
    /// How long systemd waits for a sign of life before it kills.
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the environment of this process asks for it.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of(variable, std::process::id())
    }

    /// As these variables ask a process of this id.
    fn of(variable: impl Fn(&str) -> Option<String>, id: u32) -> Self {
        let Some(address) = variable("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else {
            return Self::default();
        };
        let peer = Peer::at(&address);
        let peer = peer.inspect_err(warn_of).ok();
        let watchdog_is_ours =
            variable("WATCHDOG_PID").is_none_or(|text| text.parse().ok() == Some(id));
        let watchdog = variable("WATCHDOG_USEC")
            .and_then(|text| text.parse().ok())
            .filter(|micros| watchdog_is_ours && *micros > 0)
            .map(Duration::from_micros);
        Self { peer, watchdog }
    }

    /// Waits for a start of any length, which systemd would otherwise end after `TimeoutStartSec`: one that
    /// is ended begins anew, and gets no further.
    pub async fn starting<T>(&self, status: &str, start: impl Future<Output = T>) -> T {
        self.extending(start, || self.send(&[("STATUS", one_line(status))]))
            .await
    }

    /// The server serves.
    pub fn ready(&self, status: &str) {
        self.send(&[("READY", "1".to_owned()), ("STATUS", one_line(status))]);
    }

    /// The server reads its configuration again; [`Self::ready`] follows. `at` is the system's monotonic
    /// clock, by which systemd tells this reload from an earlier one.
    pub fn reloading(&self, at: Duration) {
        self.send(&[
            ("RELOADING", "1".to_owned()),
            ("MONOTONIC_USEC", at.as_micros().to_string()),
        ]);
    }

    /// The server ends; waits for it as long as it takes.
    pub async fn stopping<T>(&self, status: &str, stop: impl Future<Output = T>) -> T {
        let stopping = [("STOPPING", "1".to_owned()), ("STATUS", one_line(status))];
        self.extending(stop, || self.send(&stopping)).await
    }

    /// A sign of life, if the server is alive, and how it is.
    pub fn beat(&self, is_alive: bool, status: &str) {
        let mut message = vec![("STATUS", one_line(status))];
        if is_alive && self.watchdog.is_some() {
            message.push(("WATCHDOG", "1".to_owned()));
        }
        self.send(&message);
    }

    /// When to call [`Self::beat`]; within a tokio runtime. Whoever waits for it on the thread that does
    /// the work shows that this thread is not stuck.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        let every = self
            .watchdog
            .map_or(STATUS_EVERY, |each| (each / 2).min(STATUS_EVERY));
        Pulse(self.peer.as_ref().map(|_| {
            let mut interval = tokio::time::interval(every.max(Duration::from_millis(1)));
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        }))
    }

    async fn extending<T>(&self, work: impl Future<Output = T>, tell: impl FnOnce()) -> T {
        tell();
        if self.peer.is_none() {
            return work.await;
        }
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(EXTEND_EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) => self.send(&[("EXTEND_TIMEOUT_USEC", EXTEND_BY.as_micros().to_string())]),
            }
        }
    }

    fn send(&self, message: &[(&str, String)]) {
        let Some(peer) = &self.peer else { return };
        let lines = message
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"));
        if let Err(error) = peer.send(lines.collect::<String>().as_bytes()) {
            warn_of(&error);
        }
    }
}

fn warn_of(error: &io::Error) {
    tracing::warn!(%error, "systemd cannot be told how this process is");
}

/// A value ends with its line.
fn one_line(text: &str) -> String {
    let text = text.chars().take(STATUS_CHARS_MAX);
    text.map(|each| if each.is_control() { ' ' } else { each })
        .collect()
}

/// The moments for a sign of life.
#[derive(Debug)]
pub struct Pulse(Option<Interval>);

impl Pulse {
    /// Waits for the next one, for ever where nobody asks for it. May be given up without loss.
    pub async fn next(&mut self) {
        match &mut self.0 {
            Some(interval) => drop(interval.tick().await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
