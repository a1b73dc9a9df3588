//! The system's monotonic clock as a number, so that sender and sink, two processes, agree on it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the system's start.
#[must_use]
pub(crate) fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

/// The same in nanoseconds.
#[must_use]
pub(crate) fn now_nanos() -> u64 {
    u64::try_from(now().as_nanos()).unwrap_or(u64::MAX)
}
