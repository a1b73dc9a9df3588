//! Trace ids and segment ids, parsed once and then compared as numbers.
//!
//! Source: `spec/segment-document.md` section 8. Hex digits are accepted in either case and written
//! in lower case. The time inside a trace id is never interpreted: W3C ids carry random bits there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The 128 bits of a trace id, written `1-<8 hex>-<24 hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(u128);

/// A text that is no trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("trace id is not of the form 1-<8 hex digits>-<24 hex digits>")]
pub struct InvalidTraceId;

impl TraceId {
    /// The id with these bits; the first 32 are the time part of ids made by X-Ray SDKs.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits, in the order of the written digits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Reads the X-Ray form `1-<8 hex>-<24 hex>`, as documents carry it.
    ///
    /// # Errors
    /// [`InvalidTraceId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidTraceId> {
        let [b'1', b'-', time_and_random @ ..] = text.as_bytes() else {
            return Err(InvalidTraceId);
        };
        let (time, random) = time_and_random.split_at_checked(8).ok_or(InvalidTraceId)?;
        let [b'-', random @ ..] = random else {
            return Err(InvalidTraceId);
        };
        bits_of(time, random).map(Self).ok_or(InvalidTraceId)
    }

    /// Reads the X-Ray form or 32 plain hex digits (W3C), as read requests may carry either
    /// (`spec/api.md` section 1.7).
    ///
    /// # Errors
    /// [`InvalidTraceId`] for any other text.
    pub fn parse_any(text: &str) -> Result<Self, InvalidTraceId> {
        let w3c = text.as_bytes().split_at_checked(8);
        match w3c.and_then(|(time, random)| bits_of(time, random)) {
            Some(bits) => Ok(Self(bits)),
            None => Self::parse(text),
        }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "1-{:08x}-{:024x}",
            self.0 >> 96,
            self.0 & ((1 << 96) - 1)
        )
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_any(text)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse_any(&text).map_err(serde::de::Error::custom)
        } else {
            u128::deserialize(deserializer).map(Self)
        }
    }
}

/// The 64 bits of a segment's or subsegment's id, written as 16 hex digits; never zero.
///
/// Segments and subsegments share one space of ids per trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(u64);

/// A text that is no segment id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("segment id is not 16 hex digits, or all zero")]
pub struct InvalidSegmentId;

impl SegmentId {
    /// The id with all bits set.
    pub const MAX: Self = Self(u64::MAX);

    /// The id with these bits; `None` for zero, which no segment may have.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// The 64 bits, in the order of the written digits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Reads 16 hex digits.
    ///
    /// # Errors
    /// [`InvalidSegmentId`] for any other text, and for 16 zeros.
    pub fn parse(text: &str) -> Result<Self, InvalidSegmentId> {
        hex_bits::<16>(text.as_bytes())
            .and_then(Self::from_bits)
            .ok_or(InvalidSegmentId)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentId({self})")
    }
}

impl Serialize for SegmentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SegmentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        } else {
            let bits = u64::deserialize(deserializer)?;
            Self::from_bits(bits).ok_or_else(|| serde::de::Error::custom(InvalidSegmentId))
        }
    }
}

/// The bits of a trace id whose digits are 8 and 24 hex digits.
fn bits_of(time: &[u8], random: &[u8]) -> Option<u128> {
    let (high, low) = random.split_at_checked(8)?;
    let [time, high] = [hex_bits::<8>(time)?, hex_bits::<8>(high)?].map(u128::from);
    Some((time << 96) | (high << 64) | u128::from(hex_bits::<16>(low)?))
}

/// The value of exactly `DIGITS` hex digits (at most 16) of either case, else `None`.
fn hex_bits<const DIGITS: usize>(text: &[u8]) -> Option<u64> {
    let digits: &[u8; DIGITS] = text.try_into().ok()?;
    // every digit is looked up before any is judged: ids are random, and a branch for each digit
    // would be guessed wrong again and again
    let (bits, seen) = digits.iter().fold((0, 0), |(bits, seen), digit| {
        let value = DIGIT_VALUES
            .get(usize::from(*digit))
            .copied()
            .unwrap_or(NO_DIGIT);
        ((bits << 4) | u64::from(value), seen | value)
    });
    (seen < NO_DIGIT).then_some(bits)
}

const NO_DIGIT: u8 = 16;

/// The value of each byte as a hex digit.
#[expect(
    clippy::indexing_slicing,
    reason = "computed by the compiler, which checks it"
)]
const DIGIT_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn trace_id_is_read_in_any_case_and_written_in_lower_case() {
        let id = TraceId::parse("1-6592008A-0F1E2D3C4B5A69788796A5B4").unwrap();
        assert_eq!(id.to_string(), "1-6592008a-0f1e2d3c4b5a69788796a5b4");
    }

    #[test]
    fn w3c_trace_id_is_the_same_id() {
        let w3c = TraceId::parse_any("0f1e2d3c4b5a69788796a5b4c3d2e1f0").unwrap();
        assert_eq!(w3c.to_string(), "1-0f1e2d3c-4b5a69788796a5b4c3d2e1f0");
        assert_eq!(TraceId::parse_any(&w3c.to_string()), Ok(w3c));
    }

    #[test]
    fn other_texts_are_no_trace_ids() {
        for text in [
            "",
            "1",
            "1-",
            "2-6592008a-0f1e2d3c4b5a69788796a5b4",
            "1-6592008a0f1e2d3c4b5a69788796a5b4",
            "1-6592008-00f1e2d3c4b5a69788796a5b4",
            "1-6592008a-0f1e2d3c4b5a69788796a5b",
            "1-6592008a-0f1e2d3c4b5a69788796a5b4-",
            "1-6592008g-0f1e2d3c4b5a69788796a5b4",
            "1-+592008a-0f1e2d3c4b5a69788796a5b4",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "1-é592008-0f1e2d3c4b5a69788796a5b4",
        ] {
            assert_eq!(TraceId::parse(text), Err(InvalidTraceId), "{text:?}");
        }
    }

    #[test]
    fn segment_id_is_sixteen_hex_digits_and_not_zero() {
        assert_eq!(
            SegmentId::parse("3F1e0c2b9a8d7e6f").unwrap().to_string(),
            "3f1e0c2b9a8d7e6f"
        );
        for text in [
            "",
            "3f1e0c2b9a8d7e6",
            "3f1e0c2b9a8d7e6f0",
            "0000000000000000",
            "xxxxxxxxxxxxxxxx",
        ] {
            assert_eq!(SegmentId::parse(text), Err(InvalidSegmentId), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn property_ids_round_trip(trace in any::<u128>(), segment in 1_u64..) {
            let trace = TraceId::from_bits(trace);
            prop_assert_eq!(TraceId::parse(&trace.to_string()), Ok(trace));
            let segment = SegmentId::from_bits(segment).unwrap();
            prop_assert_eq!(SegmentId::parse(&segment.to_string()), Ok(segment));
        }

        #[test]
        fn property_no_text_makes_the_parsers_panic(text in ".*") {
            let _either = TraceId::parse_any(&text);
            let _either = SegmentId::parse(&text);
        }
    }
}
