//! The daemon's one reader of the clock; everything else takes `now` as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use radiograph_protocol::timestamp::Timestamp;

/// The monotonic clock, for ages and deadlines.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the one reader of the clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The system's monotonic clock since its start, as systemd reads it; zero where there is none.
pub(crate) fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let read = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
        read.map_or(Duration::ZERO, Duration::from)
    }
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
}

/// The wall clock, as the API counts it.
pub(crate) fn timestamp() -> Timestamp {
    let micros = since_epoch().as_micros();
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The wall clock in milliseconds since the Unix epoch, as the spool notes it.
pub(crate) fn epoch_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
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
