//! What clients may take, as command lines say it. Pure.

use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;

/// Far beyond what one collector answers; a bucket's token must last longer than the clock's step.
const RATE_MAX: u32 = 1_000_000;

/// A process may commonly have 1024 files open, and the store needs some of these.
const CONNECTIONS_DEFAULT: NonZeroUsize = NonZeroUsize::new(768).unwrap();

const CONNECTIONS_MAX: usize = 100_000;

/// Requests per second that one client may make; none for any number. Default none. A client is a key
/// where requests are signed, and an address where they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestRate(Option<NonZeroU32>);

/// Connections to the X-Ray API that may be open. Default 768; from 1 to 100 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionsMax(NonZeroUsize);

/// Why a text says nothing of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No rate.
    #[error("must be a number of requests per second from 1 to 1000000, or 0 or none for no limit")]
    Rate,
    /// No number of connections.
    #[error("must be a number of connections from 1 to 100000")]
    Connections,
}

impl RequestRate {
    /// Requests per second; `None` for any number.
    #[must_use]
    pub const fn per_second(self) -> Option<NonZeroU32> {
        self.0
    }
}

impl ConnectionsMax {
    /// As a number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0.get()
    }
}

impl Default for ConnectionsMax {
    fn default() -> Self {
        Self(CONNECTIONS_DEFAULT)
    }
}

impl FromStr for RequestRate {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self(None));
        }
        let number: u32 = text.parse().map_err(|_| LimitError::Rate)?;
        let is_sound = number <= RATE_MAX;
        is_sound
            .then_some(Self(NonZeroU32::new(number)))
            .ok_or(LimitError::Rate)
    }
}

impl FromStr for ConnectionsMax {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: NonZeroUsize = text.parse().map_err(|_| LimitError::Connections)?;
        let is_sound = number.get() <= CONNECTIONS_MAX;
        is_sound
            .then_some(Self(number))
            .ok_or(LimitError::Connections)
    }
}

impl std::fmt::Display for RequestRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("none"),
        }
    }
}

impl std::fmt::Display for ConnectionsMax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_or_none() {
        for (text, said) in [
            ("20", "20"),
            ("1000000", "1000000"),
            ("0", "none"),
            ("None", "none"),
        ] {
            assert_eq!(text.parse::<RequestRate>().unwrap().to_string(), said);
        }
        for text in ["", "-1", "1.5", "1000001", "20/s"] {
            assert_eq!(text.parse::<RequestRate>(), Err(LimitError::Rate), "{text}");
        }
        assert_eq!(RequestRate::default().to_string(), "none");
    }

    #[test]
    fn connections_are_counted_from_one() {
        for text in ["1", "768", "100000"] {
            assert_eq!(text.parse::<ConnectionsMax>().unwrap().to_string(), text);
        }
        for text in ["", "0", "none", "100001", "-1"] {
            let read = text.parse::<ConnectionsMax>();
            assert_eq!(read, Err(LimitError::Connections), "{text}");
        }
    }
}
