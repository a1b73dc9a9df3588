//! The harness of the end-to-end tests: real binaries on free ports, their addresses read from what
//! they print, answers compared by meaning.
//!
//! Nothing here waits for a length of time: [`eventually`] waits for a condition, with a deadline
//! that only a hanging process reaches.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test harness fails by panicking, with what it saw"
)]

pub mod api;
pub mod authority;
pub mod binaries;
pub mod kustomize;
pub mod manifests;
pub mod node;
pub mod packaged;
pub mod protected;
pub mod python;
pub mod servers;
pub mod tampering;

pub use api::{Answer, Api};
pub use servers::{Collector, Daemon};

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for any machine; reached only by what hangs.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until `attempt` gives a value, and returns it.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "the harness has no clock module to go through"
)]
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "waited in vain for: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Epoch seconds, for windows around what is sent now.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness has no clock module to go through"
)]
pub fn now() -> f64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.expect("after 1970").as_secs_f64()
}
