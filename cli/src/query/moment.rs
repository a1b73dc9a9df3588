//! Points in time on the command line: so long ago, or a date.

use std::time::Duration;

use radiograph_protocol::api::RequestTime;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::json;

use crate::time_span::time_span;

/// What is allowed, for the message.
const FORM: &str =
    "a time is how long ago (30m, 6h, 7d), now, or a date such as 2026-01-31T12:00:00Z";

/// The longest time ago: what is longer is a slip.
const DAYS_MAX: u32 = 3660;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long before now.
    Ago(Duration),
    /// Then.
    At(Timestamp),
}

impl Moment {
    /// The time it is, seen from now.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(span) => {
                let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                now.plus_micros(micros.saturating_neg())
            }
        }
    }
}

/// Reads `now`, `90s`, `30m`, `6h`, `7d`, or a date as ISO 8601 writes it.
///
/// # Errors
/// A sentence saying what is allowed.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if text.eq_ignore_ascii_case("now") {
        return Ok(Moment::Ago(Duration::ZERO));
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse().ok()) {
        let seconds = u64::from(days) * 24 * 3600;
        let is_sound = (1..=DAYS_MAX).contains(&days);
        return is_sound
            .then(|| Moment::Ago(Duration::from_secs(seconds)))
            .ok_or_else(|| FORM.to_owned());
    }
    if let Ok(span) = time_span(text) {
        return Ok(Moment::Ago(span));
    }
    match serde_json::from_value(json!(text)) {
        Ok(RequestTime(time)) => Ok(Moment::At(time)),
        Err(_) => Err(FORM.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let now = Timestamp::from_seconds(1_700_000_000);
        for (text, seconds) in [
            ("now", 1_700_000_000),
            ("90s", 1_699_999_910),
            ("1h", 1_699_996_400),
            ("7d", 1_699_395_200),
            ("2023-11-14T22:13:20Z", 1_700_000_000),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ] {
            let found = moment(text).map(|moment| moment.before(now));
            assert_eq!(found, Ok(Timestamp::from_seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_forms() {
        for text in ["", "0d", "4000d", "-1h", "yesterday", "2023-11-14", "5 h"] {
            assert_eq!(moment(text), Err(FORM.to_owned()), "{text}");
        }
    }
}
