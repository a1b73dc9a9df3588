//! The daemon's one reader of the clock; everything else takes `now` as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The monotonic clock, for ages and deadlines.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one reader of the clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock since the Unix epoch, for headers and log lines; zero before 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one reader of the clock"
)]
pub(crate) fn since_epoch() -> Duration {
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}
