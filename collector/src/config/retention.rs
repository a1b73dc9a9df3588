//! How much is kept: by age and by bytes, as command lines say it. Pure.

use std::num::NonZeroU64;
use std::str::FromStr;

use radiograph_protocol::timestamp::Timestamp;

const DAYS_DEFAULT: u64 = 30;
const HOUR_SECONDS: u64 = 3600;

/// How old what is stored may become, in whole hours; none for any age. Default 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionAge(Option<NonZeroU64>);

/// How much may be stored, in bytes; none for as much as there is room. Default none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionBytes(Option<NonZeroU64>);

/// Why a text says nothing of retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// No age.
    #[error("must be a number of days or hours, as in 30d or 36h, or 0 or none to keep everything")]
    Age,
    /// No size.
    #[error("must be a size, as in 500MB, 20GB or 1TB, or 0 or none for no bound")]
    Bytes,
}

impl RetentionAge {
    /// The time before which what arrived is dropped; `None` when nothing is.
    #[must_use]
    pub fn drop_before(self, now: Timestamp) -> Option<Timestamp> {
        let seconds = self.0?.get().saturating_mul(HOUR_SECONDS);
        let micros = i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000);
        Some(now.plus_micros(micros.saturating_neg()))
    }
}

impl RetentionBytes {
    /// The time before which what arrived is dropped, so that of these files, given oldest first as end
    /// of arrival and length, no more than the bound is left; `None` when nothing is. What may still
    /// arrive in at `now` stays.
    #[must_use]
    pub fn drop_before(self, files: &[(Timestamp, u64)], now: Timestamp) -> Option<Timestamp> {
        let bytes_max = self.0?.get();
        let mut left = files
            .iter()
            .fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let mut before = None;
        for (end, bytes) in files {
            if left <= bytes_max || *end > now {
                break;
            }
            left = left.saturating_sub(*bytes);
            before = Some(*end);
        }
        before
    }
}

impl RetentionBytes {
    /// The bound; `None` for none.
    #[must_use]
    pub fn bytes_max(self) -> Option<u64> {
        self.0.map(NonZeroU64::get)
    }
}

impl Default for RetentionAge {
    fn default() -> Self {
        Self(NonZeroU64::new(DAYS_DEFAULT * 24))
    }
}

impl FromStr for RetentionAge {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("d", 24), ("h", 1), ("", 24)];
        number(text, &units).map(Self).ok_or(RetentionError::Age)
    }
}

impl FromStr for RetentionBytes {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        number_of_bytes(text).map(Self).ok_or(RetentionError::Bytes)
    }
}

impl std::fmt::Display for RetentionAge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.map(NonZeroU64::get) {
            Some(hours) if hours.is_multiple_of(24) => write!(f, "{}d", hours / 24),
            Some(hours) => write!(f, "{hours}h"),
            None => f.write_str("none"),
        }
    }
}

impl std::fmt::Display for RetentionBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(bytes) => bytes.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// A size; the inner `None` for 0 and none.
pub(super) fn number_of_bytes(text: &str) -> Option<Option<NonZeroU64>> {
    let units = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("", 1),
    ];
    number(text, &units)
}

/// A number with the first of these units that it ends in; the inner `None` for 0 and none.
fn number(text: &str, units: &[(&str, u64)]) -> Option<Option<NonZeroU64>> {
    if text.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    let (digits, unit) = units
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let number: u64 = digits.trim_end().parse().ok()?;
    Some(NonZeroU64::new(number.checked_mul(unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 1_795_269_600;

    #[test]
    fn ages_and_sizes_are_read_and_said() {
        for (text, said) in [
            ("30d", "30d"),
            ("7", "7d"),
            ("48h", "2d"),
            ("36h", "36h"),
            ("none", "none"),
            ("0", "none"),
        ] {
            assert_eq!(text.parse::<RetentionAge>().unwrap().to_string(), said);
        }
        for (text, said) in [
            ("20GB", "20000000000"),
            ("1 TB", "1000000000000"),
            ("5000", "5000"),
            ("None", "none"),
        ] {
            assert_eq!(text.parse::<RetentionBytes>().unwrap().to_string(), said);
        }
        assert_eq!(RetentionAge::default().to_string(), "30d");
    }

    #[test]
    fn what_is_no_age_or_size_is_refused() {
        for text in [
            "",
            "d",
            "-1d",
            "1.5h",
            "30 days",
            "99999999999999999999d",
            "30m",
        ] {
            assert_eq!(
                text.parse::<RetentionAge>(),
                Err(RetentionError::Age),
                "{text}"
            );
        }
        for text in ["", "GB", "1.5GB", "20GiB", "99999999999TB", "-1"] {
            assert_eq!(
                text.parse::<RetentionBytes>(),
                Err(RetentionError::Bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn an_age_tells_the_time_before_which_things_are_dropped() {
        let now = Timestamp::from_seconds(HOUR);
        let age: RetentionAge = "2h".parse().unwrap();
        assert_eq!(
            age.drop_before(now),
            Some(Timestamp::from_seconds(HOUR - 7200))
        );
        assert_eq!(
            "none".parse::<RetentionAge>().unwrap().drop_before(now),
            None
        );
        let for_ever: RetentionAge = "700000000000000000d".parse().unwrap();
        assert_eq!(
            for_ever
                .drop_before(now)
                .map(|time| time < Timestamp::MIN.plus_micros(HOUR * 2_000_000)),
            Some(true)
        );
    }

    #[test]
    fn the_oldest_files_go_until_the_rest_has_room() {
        let at = |hours: i64| Timestamp::from_seconds(HOUR + hours * 3600);
        let files = [(at(1), 10), (at(1), 10), (at(2), 10), (at(3), 10)];
        let dropped = |bytes: &str, now| {
            let bytes: RetentionBytes = bytes.parse().unwrap();
            bytes.drop_before(&files, now)
        };
        assert_eq!(dropped("40", at(3)), None);
        assert_eq!(dropped("35", at(3)), Some(at(1)));
        assert_eq!(dropped("15", at(3)), Some(at(2)));
        assert_eq!(dropped("1", at(3)), Some(at(3)));
        assert_eq!(dropped("1", at(2)), Some(at(2)), "the hour of now stays");
        assert_eq!(dropped("none", at(9)), None);
    }
}
