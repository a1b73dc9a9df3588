//! What systemd and a server have to say to each other: readiness and watchdog, sockets that were bound
//! before the server started, and the journal.
//!
//! Nothing here is needed: without systemd's variables in the environment each part does nothing. Those
//! variables are read here alone, since they say who started the process, not how it is configured.
//! Sources: sd_notify(3), sd_listen_fds(3), systemd's "Native Journal Protocol".

pub mod journal;
pub mod notify;
pub mod passed;
mod peer;

pub use journal::Journal;
pub use notify::Notify;
pub use passed::{Passed, PassedError};

/// A variable that systemd sets; one that is no UTF-8 is none of its.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}
