//! The window of a query, and how long it may be. Pure. Source: `spec/api.md` section 3.5.

use std::num::NonZeroU32;
use std::str::FromStr;

use radiograph_protocol::api::{RequestTime, required};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::limits::QUERY_WINDOW_HOURS_DEFAULT;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

/// How long the window of GetTraceSummaries and GetServiceGraph may be, in whole hours. AWS: 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowMax(Option<NonZeroU32>);

impl WindowMax {
    /// Windows of any length are answered.
    pub const NONE: Self = Self(None);
}

impl Default for WindowMax {
    fn default() -> Self {
        Self(NonZeroU32::new(QUERY_WINDOW_HOURS_DEFAULT))
    }
}

/// Why a text is no bound of windows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of hours, or 0 or none for no bound")]
pub struct WindowMaxError;

impl FromStr for WindowMax {
    type Err = WindowMaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::NONE);
        }
        let hours: u32 = text.parse().map_err(|_| WindowMaxError)?;
        Ok(Self(NonZeroU32::new(hours)))
    }
}

impl std::fmt::Display for WindowMax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(hours) => hours.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// The window `[start, end)` of a query that may be this long.
///
/// # Errors
/// `InvalidRequestException` with AWS's texts when it is missing, inverted or too long.
pub(crate) fn window(
    start: Option<RequestTime>,
    end: Option<RequestTime>,
    WindowMax(hours_max): WindowMax,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let (start, end) = in_order(start, end)?;
    let Some(hours) = hours_max else {
        return Ok((start, end));
    };
    let micros_max = i64::from(hours.get()).saturating_mul(3_600_000_000);
    if end.since(start) > Elapsed::from_micros(micros_max) {
        let message = format!("Time range cannot be longer than {hours} hours");
        return Err(ApiError::invalid_request(message));
    }
    Ok((start, end))
}

/// The window `[start, end)` of a query, of any length.
///
/// # Errors
/// `InvalidRequestException` with AWS's texts when it is missing or inverted.
pub(crate) fn in_order(
    start: Option<RequestTime>,
    end: Option<RequestTime>,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let RequestTime(start) = required(start, "StartTime")?;
    let RequestTime(end) = required(end, "EndTime")?;
    if start > end {
        return Err(ApiError::invalid_request(
            "End time cannot be earlier than start time",
        ));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_refuses_what_is_longer_with_its_own_number() {
        let lasting = |seconds: i64, bound: &str| {
            let at = |seconds| Some(RequestTime(Timestamp::from_seconds(seconds)));
            let found = window(
                at(1_700_000_000),
                at(1_700_000_000 + seconds),
                bound.parse().unwrap(),
            );
            found.map(|_| ()).map_err(|error| error.message)
        };
        let too_long = |hours: u32| Err(format!("Time range cannot be longer than {hours} hours"));
        let rows = [
            (6 * 3600, "6", Ok(())),
            (6 * 3600 + 1, "6", too_long(6)),
            (24 * 3600, "24", Ok(())),
            (24 * 3600 + 1, "24", too_long(24)),
            (1 << 40, "4294967295", Ok(())),
            (1 << 40, "0", Ok(())),
            (1 << 40, "none", Ok(())),
            (
                -1,
                "none",
                Err("End time cannot be earlier than start time".to_owned()),
            ),
        ];
        for (seconds, bound, expected) in rows {
            assert_eq!(
                lasting(seconds, bound),
                expected,
                "{seconds} s, at most {bound} h"
            );
        }
    }

    #[test]
    fn a_bound_is_written_as_it_is_read_and_nothing_else_is_one() {
        for text in ["6", "1", "none", "4294967295"] {
            assert_eq!(text.parse::<WindowMax>().unwrap().to_string(), text);
        }
        assert_eq!("0".parse(), Ok(WindowMax::NONE));
        assert_eq!("None".parse(), Ok(WindowMax::NONE));
        assert_eq!(WindowMax::default().to_string(), "6");
        for text in ["", "-1", "6h", "1.5", "4294967296"] {
            assert_eq!(text.parse::<WindowMax>(), Err(WindowMaxError), "{text:?}");
        }
    }
}
