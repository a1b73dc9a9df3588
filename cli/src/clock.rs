//! The one reader of the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use radiograph_protocol::timestamp::Timestamp;

/// Now, by the system's clock; clocks before 1970 count as 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "this module is where the clock is read"
)]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
