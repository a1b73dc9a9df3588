//! When a request was signed, in whole seconds, as `X-Amz-Date` and `Date` tell it.

use std::fmt;

use super::SKEW_SECONDS_MAX;

const FORM: &str = "%Y%m%dT%H%M%SZ";

/// Seconds since the epoch; prints as `20261121T123754Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SigningTime(i64);

impl SigningTime {
    /// A time from seconds since the epoch, which is printed within the years 1 to 9999.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Reads `X-Amz-Date`; `None` for any other form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let read = jiff::civil::DateTime::strptime(FORM, text).ok()?;
        let read = read.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        let time = Self(read.timestamp().as_second());
        // other spellings of the time would sign as another text
        (time.to_string() == text).then_some(time)
    }

    /// Reads `Date`: in the form of HTTP, or in that of `X-Amz-Date`.
    #[must_use]
    pub fn parse_date(text: &str) -> Option<Self> {
        let http = || jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
        Self::parse(text).or_else(|| Some(Self(http().ok()?.as_second())))
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// This time moved by so many seconds.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The day, `20261121`, as a scope names it.
    #[must_use]
    pub fn date(self) -> String {
        self.to_string()
            .chars()
            .take_while(|each| *each != 'T')
            .collect()
    }

    /// Whether a verifier whose clock says `now` takes it.
    #[must_use]
    pub const fn is_current(self, now: Self) -> bool {
        now.0.saturating_sub(self.0).unsigned_abs() <= SKEW_SECONDS_MAX.unsigned_abs()
    }
}

impl fmt::Display for SigningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        let time = jiff::Timestamp::from_second(self.0).unwrap_or(end);
        write!(f, "{}", time.strftime(FORM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: SigningTime = SigningTime::from_seconds(1_795_264_674);

    #[test]
    fn both_headers_tell_the_time() {
        assert_eq!(AT.to_string(), "20261121T123754Z");
        assert_eq!(AT.date(), "20261121");
        assert_eq!(SigningTime::parse("20261121T123754Z"), Some(AT));
        for date in ["Sat, 21 Nov 2026 12:37:54 GMT", "20261121T123754Z"] {
            assert_eq!(SigningTime::parse_date(date), Some(AT), "{date}");
        }
    }

    #[test]
    fn other_spellings_are_no_time() {
        for text in [
            "",
            "20261121T123754",
            "2026-11-21T12:37:54Z",
            "20261121t123754z",
            " 20261121T123754Z",
            "20261121T123754Z ",
            "20261131T123754Z",
            "20261121T123760Z",
            "2026112T1123754Z",
            "+0261121T123754Z",
            "99999999999999999999",
        ] {
            assert_eq!(SigningTime::parse(text), None, "{text}");
            assert_eq!(SigningTime::parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn five_minutes_either_way_are_current() {
        for (seconds, expected) in [
            (-301, false),
            (-300, true),
            (0, true),
            (300, true),
            (301, false),
        ] {
            assert_eq!(
                AT.plus_seconds(seconds).is_current(AT),
                expected,
                "{seconds}"
            );
        }
        let ends = [SigningTime(i64::MIN), SigningTime(i64::MAX)];
        assert!(!ends[0].is_current(ends[1]) && !ends[1].is_current(ends[0]));
        assert_eq!(ends.map(|end| end.to_string().len()), [17, 16]);
    }
}
