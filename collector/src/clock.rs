//! The one reader of the clock; everything else is handed the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use radiograph_protocol::timestamp::Timestamp;

/// The wall clock, as documents tell time.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the reader the others go through"
)]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// The monotonic clock, for waiting and measuring.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this module is the reader the others go through"
)]
pub fn instant() -> Instant {
    Instant::now()
}
