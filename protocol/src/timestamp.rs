//! Points in time and spans of time as whole microseconds.
//!
//! An `f64` of epoch seconds resolves about 0.24 µs, so a microsecond is the finest unit that every
//! client's number survives. Source: `spec/traces-and-graph.md` section 1.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Microseconds since the Unix epoch; on the wire a JSON number of seconds with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest time that can be held.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be held.
    pub const MAX: Self = Self(i64::MAX);

    /// A time from whole microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A time from whole seconds since the epoch; saturates at the ends of the range.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// A time from epoch seconds with a fraction, rounded half up to microseconds; saturates at the
    /// ends of the range. `None` for NaN and the infinities.
    #[must_use]
    pub fn from_seconds_f64(seconds: f64) -> Option<Self> {
        seconds.is_finite().then(|| {
            // whole seconds apart: a product of a double this large is 0.25 µs coarse, which turns
            // …4 µs tenths into half a microsecond. Tenths first, as they are what senders wrote.
            let tenths = round_half_up(seconds.fract() * 1e7);
            let whole = round_half_up(seconds.trunc()).saturating_mul(MICROS_PER_SECOND);
            Self(whole.saturating_add((tenths + 5).div_euclid(10)))
        })
    }

    /// Whole microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Epoch seconds as the API writes them.
    #[must_use]
    pub fn seconds_f64(self) -> f64 {
        micros_as_seconds(self.0)
    }

    /// The last whole second at or before this time, in epoch seconds.
    #[must_use]
    pub const fn seconds_floor(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The first whole second at or after this time, in epoch seconds.
    #[must_use]
    pub const fn seconds_ceil(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND) + (self.0.rem_euclid(MICROS_PER_SECOND) != 0) as i64
    }

    /// The minute this time lies in: `floor(time / 60) · 60`, epoch seconds
    /// (`spec/traces-and-graph.md` section 7.1).
    #[must_use]
    pub const fn minute(self) -> Minute {
        Minute(self.0.div_euclid(60 * MICROS_PER_SECOND) * 60)
    }

    /// Time from `earlier` to this time; zero when `earlier` is later, since clocks differ and
    /// durations are clamped (`spec/segment-document.md` section 9).
    #[must_use]
    pub const fn since(self, earlier: Self) -> Elapsed {
        let micros = self.0.saturating_sub(earlier.0);
        Elapsed(if micros < 0 { 0 } else { micros })
    }

    /// This time moved by `micros` microseconds, saturating.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A span of time in whole microseconds, at least zero.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Elapsed(i64);

impl Elapsed {
    /// A span of whole microseconds; negative ones become zero.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < 0 { 0 } else { micros })
    }

    /// Whole microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds, rounded half up to milliseconds: how the API shows every duration
    /// (`spec/traces-and-graph.md` section 1).
    #[must_use]
    pub fn seconds_ms(self) -> f64 {
        millis_as_seconds(self.0.saturating_add(500).div_euclid(1000))
    }
}

/// The start of a minute in epoch seconds, always a multiple of 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Minute(i64);

impl Minute {
    /// Epoch seconds of the minute's start.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Whether the minute belongs to the window `[start, end)`, cut to whole minutes:
    /// `m + 60 > start` and `m < end` (`spec/traces-and-graph.md` section 7.5).
    #[must_use]
    pub const fn is_in(self, start: Timestamp, end: Timestamp) -> bool {
        let from = self.0.saturating_mul(MICROS_PER_SECOND);
        let until = self.0.saturating_add(60).saturating_mul(MICROS_PER_SECOND);
        until > start.0 && from < end.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.div_euclid(MICROS_PER_SECOND);
        write!(f, "{whole}.{:06}", self.0.rem_euclid(MICROS_PER_SECOND))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_f64(self.seconds_f64())
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let seconds = f64::deserialize(deserializer)?;
            Self::from_seconds_f64(seconds)
                .ok_or_else(|| serde::de::Error::custom("timestamp is not a finite number"))
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// Whole milliseconds as seconds; one division, so that 157 becomes the double nearest to 0.157.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a duration are far below 2^53"
)]
pub fn millis_as_seconds(millis: i64) -> f64 {
    millis as f64 / 1e3
}

#[expect(
    clippy::cast_precision_loss,
    reason = "epoch microseconds stay below 2^53 until 2255"
)]
fn micros_as_seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates, as documented"
)]
fn round_half_up(value: f64) -> i64 {
    (value + 0.5).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_numbers_are_rounded_half_up_to_microseconds() {
        let cases = [
            (1_795_264_534.876_857_5, 1_795_264_534_876_858),
            (1_700_000_041.7, 1_700_000_041_700_000),
            (0.000_000_5, 1),
            (-0.000_000_5, 0),
            (1e300, i64::MAX),
            (-1e300, i64::MIN),
        ];
        for (seconds, micros) in cases {
            assert_eq!(
                Timestamp::from_seconds_f64(seconds),
                Some(Timestamp(micros)),
                "{seconds}"
            );
        }
        assert_eq!(Timestamp::from_seconds_f64(f64::NAN), None);
    }

    #[test]
    fn durations_are_shown_in_seconds_rounded_half_up_to_milliseconds() {
        let cases = [
            (0, 0.0),
            (499, 0.0),
            (500, 0.001),
            (157_000, 0.157),
            (2_450_000, 2.45),
        ];
        for (micros, seconds) in cases {
            assert!(
                (Elapsed(micros).seconds_ms() - seconds).abs() < 1e-12,
                "{micros}"
            );
        }
    }

    #[test]
    fn a_negative_duration_is_zero() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Elapsed(0));
    }

    #[test]
    fn whole_seconds_round_outward() {
        let time = Timestamp(1_700_000_040_157_000);
        assert_eq!(
            (time.seconds_floor(), time.seconds_ceil()),
            (1_700_000_040, 1_700_000_041)
        );
        let whole = Timestamp::from_seconds(-3);
        assert_eq!((whole.seconds_floor(), whole.seconds_ceil()), (-3, -3));
        assert_eq!(Timestamp::MAX.seconds_ceil(), i64::MAX / 1_000_000 + 1);
    }

    #[test]
    fn windows_that_meet_on_a_full_minute_share_no_minute() {
        let minute = Timestamp::from_seconds(1_700_000_095).minute();
        assert_eq!(minute.seconds(), 1_700_000_040);
        let at = Timestamp::from_seconds;
        assert!(minute.is_in(at(1_700_000_040), at(1_700_000_100)));
        assert!(!minute.is_in(at(1_700_000_100), at(1_700_000_160)));
        assert!(!minute.is_in(at(1_699_999_980), at(1_700_000_040)));
        assert!(
            minute.is_in(at(1_700_000_050), at(1_700_000_051)),
            "narrow windows show whole minutes"
        );
    }

    proptest! {
        #[test]
        fn property_times_of_this_century_survive_json(micros in 0_i64..4_102_444_800_000_000) {
            let json = serde_json::to_string(&Timestamp(micros)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), Timestamp(micros));
        }
    }
}
