//! When a log is sealed, as command lines say it. Pure.

use std::num::NonZeroU64;
use std::str::FromStr;

use super::retention::number_of_bytes;

const DEFAULT: u64 = 32_000_000;
/// Sealing makes a file; with less there would be one for every other request.
const MIN: u64 = 10_000;
/// What is to be sealed is held in memory.
const MAX: u64 = 1_000_000_000;

/// Bytes of documents at which a log is sealed. Default 32 MB; from 10 kB to 1 GB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealBytes(u64);

/// The text is no such size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a size from 10000 to 1GB, as in 64MB")]
pub struct SealBytesError;

impl SealBytes {
    /// As a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Default for SealBytes {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl FromStr for SealBytes {
    type Err = SealBytesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = number_of_bytes(text).flatten().map_or(0, NonZeroU64::get);
        let is_sound = (MIN..=MAX).contains(&bytes);
        is_sound.then_some(Self(bytes)).ok_or(SealBytesError)
    }
}

impl std::fmt::Display for SealBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1_000_000) => write!(f, "{}MB", bytes / 1_000_000),
            bytes => bytes.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_within_bounds_are_read_and_others_refused() {
        for (text, bytes) in [
            ("64MB", 64_000_000),
            ("10000", 10_000),
            ("1GB", 1_000_000_000),
        ] {
            let read: SealBytes = text.parse().unwrap();
            assert_eq!(read.get(), bytes, "{text}");
            assert_eq!(read.to_string().parse(), Ok(read), "{text}");
        }
        for text in ["", "none", "0", "9999", "2GB", "64 Mb", "-1"] {
            assert_eq!(text.parse::<SealBytes>(), Err(SealBytesError), "{text}");
        }
    }
}
