//! Values as people write them: sizes, times, switches, addresses, words.
//!
//! Each reader says on failure what it allows, to be put behind the setting and its value.

use std::time::Duration;

pub(crate) use radiograph_admin::address::{address, address_or_off};
use reqwest::Url;

use crate::config::SamplingMode;

/// `4GiB`, `500MB`, or a plain number of bytes.
pub(crate) fn size(text: &str) -> Result<u64, &'static str> {
    const ALLOWED: &str =
        "write bytes, or a whole number with KB, MB, GB, TB, KiB, MiB, GiB or TiB";
    let (number, unit) = number_and_unit(text).ok_or(ALLOWED)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(ALLOWED),
    };
    number.checked_mul(factor).ok_or(ALLOWED)
}

/// `3d`, `12h`, `90m`, `30s`, or a plain number of seconds.
pub(crate) fn time(text: &str) -> Result<Duration, &'static str> {
    const ALLOWED: &str = "write seconds, or a whole number with s, m, h or d";
    let (number, unit) = number_and_unit(text).ok_or(ALLOWED)?;
    let factor: u64 = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(ALLOWED),
    };
    let seconds = number.checked_mul(factor).ok_or(ALLOWED)?;
    Ok(Duration::from_secs(seconds))
}

/// Digits, and what follows them after blanks.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|each: char| !each.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    Some((digits.parse().ok()?, unit.trim_start()))
}

/// The words that Go's flags, and so AWS's daemon, take for a boolean.
pub(crate) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// A whole number, negative ones included.
pub(crate) fn whole(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "write a whole number")
}

/// For which traces the daemon decides.
pub(crate) fn sampling_mode(text: &str) -> Result<SamplingMode, &'static str> {
    match text {
        "auto" => Ok(SamplingMode::Auto),
        "off" => Ok(SamplingMode::Off),
        "strict" => Ok(SamplingMode::Strict),
        _ => Err("write auto, off or strict"),
    }
}

/// The URL of an outbound proxy.
pub(crate) fn proxy_url(text: &str) -> Result<String, &'static str> {
    let is_right = Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    is_right
        .then(|| text.to_owned())
        .ok_or("write http://host:port or https://host:port")
}

/// A region's name, which becomes part of a host name.
pub(crate) fn region(text: &str) -> Result<String, &'static str> {
    let is_right = text.len() <= 64
        && text
            .bytes()
            .all(|each| each.is_ascii_alphanumeric() || each == b'-');
    is_right
        .then(|| text.to_owned())
        .ok_or("letters, digits and - are allowed, 64 at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_a_thousand_and_of_1024() {
        let cases = [
            ("0", Some(0)),
            ("1048576", Some(1 << 20)),
            ("7B", Some(7)),
            ("2KB", Some(2_000)),
            ("500MB", Some(500_000_000)),
            ("1GB", Some(1_000_000_000)),
            ("1TB", Some(1_000_000_000_000)),
            ("3KiB", Some(3 << 10)),
            ("3 mib", Some(3 << 20)),
            ("4GiB", Some(4 << 30)),
            ("1TiB", Some(1 << 40)),
            ("", None),
            ("GiB", None),
            ("-1", None),
            ("1.5GiB", None),
            ("4G", None),
            ("18446744073709551616", None),
            ("16777216TiB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text).ok(), bytes, "{text:?}");
        }
    }

    #[test]
    fn times_have_four_units() {
        let cases = [
            ("0", Some(0)),
            ("30", Some(30)),
            ("30s", Some(30)),
            ("90m", Some(5_400)),
            ("12h", Some(43_200)),
            ("3d", Some(259_200)),
            ("3 d", Some(259_200)),
            ("", None),
            ("d", None),
            ("3D", None),
            ("-3d", None),
            ("1w", None),
            ("18446744073709551615d", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                time(text).ok(),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
    }

    #[test]
    fn booleans_are_those_of_go() {
        for text in ["1", "t", "T", "true", "True", "TRUE"] {
            assert_eq!(boolean(text), Ok(true), "{text}");
        }
        for text in ["0", "f", "F", "false", "False", "FALSE"] {
            assert_eq!(boolean(text), Ok(false), "{text}");
        }
        for text in ["", "yes", "on", "tRUE", "2"] {
            assert_eq!(boolean(text), Err("write true or false"), "{text}");
        }
    }

    #[test]
    fn proxies_are_urls_with_scheme_and_host() {
        for text in ["http://p:3128", "https://p", "http://user:secret@p:1"] {
            assert_eq!(proxy_url(text).as_deref(), Ok(text));
        }
        for text in ["p:3128", "//p", "socks5://p:1", "http://", "http://p:x", ""] {
            assert!(proxy_url(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn regions_are_part_of_a_host_name() {
        for text in ["eu-west-1", "us-gov-east-1", "x"] {
            assert_eq!(region(text).as_deref(), Ok(text));
        }
        for text in ["eu west 1", "evil.example/", "é", &"a".repeat(65)] {
            assert!(region(text).is_err(), "{text:?}");
        }
    }
}
