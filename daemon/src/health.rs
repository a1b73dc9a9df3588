//! `radiograph-daemon --healthcheck`: asks the daemon beside it whether it lives.
//!
//! Source: `spec/daemon.md` section 13: an image from scratch has no other program to ask with. No
//! runtime and no HTTP client, so that it costs a container next to nothing. Two seconds at most.

use std::process::ExitCode;

use crate::clock;

/// Asks `/livez` of the admin address, `host:port` as configured. 0 when the daemon lives, else 1 and
/// a line on standard error.
#[must_use]
pub fn check(address: &str) -> ExitCode {
    radiograph_admin::health::check(address, clock::now)
}
