//! A datagram of the daemon's UDP port: a header line, LF, and a body nobody looks into here.
//!
//! Source: `spec/daemon.md` section 2.1; every row of its table stands in the tests. The first LF
//! separates; later ones belong to the body. Two spellings of the header, those of the SDKs, are
//! recognised by comparing bytes; any other is read as JSON at about 15 times the cost.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// What the Python, Node, .NET and Ruby SDKs and Envoy send.
const HEADER_COMPACT: &[u8] = br#"{"format":"json","version":1}"#;

/// What the Java and Go SDKs send.
const HEADER_SPACED: &[u8] = br#"{"format": "json", "version": 1}"#;

/// Why a datagram carries no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DatagramError {
    /// Zero bytes. The AWS daemon ignores such datagrams without counting them.
    #[error("datagram is empty")]
    Empty,
    /// No LF anywhere.
    #[error("no line feed between header and body")]
    NoSeparator,
    /// The first line is not one JSON object.
    #[error("header is not a JSON object")]
    HeaderSyntax,
    /// `format` is missing or names another format.
    #[error("header's format is not json")]
    Format,
    /// `version` is missing or anything but the integer 1.
    #[error("header's version is not 1")]
    Version,
    /// The header is followed by nothing.
    #[error("body is empty")]
    EmptyBody,
}

impl DatagramError {
    /// The label under which it is counted; stable.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty_datagram",
            Self::NoSeparator => "no_separator",
            Self::HeaderSyntax => "header_syntax",
            Self::Format => "header_format",
            Self::Version => "header_version",
            Self::EmptyBody => "empty_body",
        }
    }
}

/// The body of a datagram whose header line is in order: at least one byte, any bytes.
///
/// # Errors
/// [`DatagramError`] says what is wrong with the frame; the body is never the reason unless it is
/// empty.
pub fn split(datagram: &[u8]) -> Result<&[u8], DatagramError> {
    let body = match after_usual_header(datagram) {
        Some(body) => body,
        None => after_checked_header(datagram)?,
    };
    if body.is_empty() {
        return Err(DatagramError::EmptyBody);
    }
    Ok(body)
}

fn after_usual_header(datagram: &[u8]) -> Option<&[u8]> {
    let usual = [HEADER_COMPACT, HEADER_SPACED];
    let after = usual
        .into_iter()
        .find_map(|header| datagram.strip_prefix(header))?;
    after.strip_prefix(b"\n")
}

fn after_checked_header(datagram: &[u8]) -> Result<&[u8], DatagramError> {
    if datagram.is_empty() {
        return Err(DatagramError::Empty);
    }
    let mut parts = datagram.splitn(2, |byte| *byte == b'\n');
    let (Some(header), Some(body)) = (parts.next(), parts.next()) else {
        return Err(DatagramError::NoSeparator);
    };
    let Ok(members) = serde_json::from_slice::<HeaderMembers>(header) else {
        return Err(DatagramError::HeaderSyntax);
    };
    if !matches!(&members.format, Value::String(text) if text.eq_ignore_ascii_case("json")) {
        return Err(DatagramError::Format);
    }
    // `1.0` is no integer to AWS's parser either.
    if members.version.as_u64() != Some(1) {
        return Err(DatagramError::Version);
    }
    Ok(body)
}

/// The two members that count; absent ones are null, which is refused like any other wrong value.
///
/// Read by hand, since serde's derive refuses duplicates and compares names with case.
#[derive(Default)]
struct HeaderMembers {
    format: Value,
    version: Value,
}

impl<'de> Deserialize<'de> for HeaderMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = HeaderMembers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMembers, A::Error> {
        let mut members = HeaderMembers::default();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value::<Value>()?;
            if name.eq_ignore_ascii_case("format") {
                members.format = value;
            } else if name.eq_ignore_ascii_case("version") {
                members.version = value;
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = "{\"id\":\"a\"}";

    #[test]
    fn frames_that_the_aws_daemon_accepts_are_accepted() {
        let cases = [
            ("compact", r#"{"format":"json","version":1}"#),
            ("spaced", r#"{"format": "json", "version": 1}"#),
            ("CR before LF", "{\"format\":\"json\",\"version\":1}\r"),
            (
                "any case and blanks",
                r#" {"format" : "JSON" , "VERSION" : 1 } "#,
            ),
            ("other order", r#"{"version":1,"format":"json"}"#),
            (
                "extra members",
                r#"{"format":"json","version":1,"x":{"version":[2]}}"#,
            ),
            (
                "last duplicate right",
                r#"{"format":"x","Format":"json","version":2,"version":1}"#,
            ),
            ("escaped name", r#"{"format":"json","ver\u0073ion":1}"#),
        ];
        for (name, header) in cases {
            let datagram = format!("{header}\n{BODY}");
            assert_eq!(split(datagram.as_bytes()), Ok(BODY.as_bytes()), "{name}");
        }
    }

    #[test]
    fn any_body_of_one_byte_or_more_is_accepted() {
        let bodies: [(&str, &[u8]); 5] = [
            ("starts with LF", b"\n{}"),
            ("one blank", b" "),
            ("pretty-printed", b"{\n \"id\": 1\n}\n"),
            ("OTLP", b"T1SCuwH"),
            ("not UTF-8", b"\xff\xfe"),
        ];
        for (name, body) in bodies {
            for header in [HEADER_COMPACT, HEADER_SPACED] {
                let datagram = [header, b"\n", body].concat();
                assert_eq!(split(&datagram), Ok(body), "{name}");
            }
        }
    }

    #[test]
    fn frames_that_the_aws_daemon_rejects_are_rejected_with_the_reason() {
        use DatagramError::*;
        let cases: [(&str, &[u8], DatagramError); 14] = [
            ("empty", b"", Empty),
            ("no LF", br#"{"format":"json","version":1}{}"#, NoSeparator),
            ("header alone, no LF", HEADER_COMPACT, NoSeparator),
            (
                "nothing after LF",
                b"{\"format\":\"json\",\"version\":1}\n",
                EmptyBody,
            ),
            (
                "nothing after LF, spaced",
                b"{\"format\": \"json\", \"version\": 1}\n",
                EmptyBody,
            ),
            (
                "nothing after CR LF",
                b"{\"format\":\"json\",\"version\":1}\r\n",
                EmptyBody,
            ),
            ("LF first", b"\n{}", HeaderSyntax),
            ("LF alone", b"\n", HeaderSyntax),
            ("not JSON", b"hello\n{}", HeaderSyntax),
            (
                "not UTF-8",
                b"{\"format\":\"\xff\",\"version\":1}\n{}",
                HeaderSyntax,
            ),
            ("an array", b"[\"json\",1]\n{}", HeaderSyntax),
            ("a number", b"1\n{}", HeaderSyntax),
            (
                "text after it",
                b"{\"format\":\"json\",\"version\":1} x\n{}",
                HeaderSyntax,
            ),
            (
                "byte-order mark",
                b"\xef\xbb\xbf{\"format\":\"json\",\"version\":1}\n{}",
                HeaderSyntax,
            ),
        ];
        for (name, datagram, error) in cases {
            assert_eq!(split(datagram), Err(error), "{name}");
        }
    }

    #[test]
    fn headers_of_another_format_or_version_are_rejected_with_the_reason() {
        use DatagramError::*;
        let cases: [(&str, &[u8], DatagramError); 8] = [
            (
                "version 2",
                b"{\"format\":\"json\",\"version\":2}\n{}",
                Version,
            ),
            (
                "version 1.0",
                b"{\"format\":\"json\",\"version\":1.0}\n{}",
                Version,
            ),
            (
                "version text",
                b"{\"format\":\"json\",\"version\":\"1\"}\n{}",
                Version,
            ),
            (
                "version null",
                b"{\"format\":\"json\",\"version\":null}\n{}",
                Version,
            ),
            ("version missing", b"{\"format\":\"json\"}\n{}", Version),
            ("format missing", b"{\"version\":1}\n{}", Format),
            (
                "format duplicate",
                b"{\"format\":\"json\",\"format\":\"x\",\"version\":1}\n{}",
                Format,
            ),
            (
                "version duplicate",
                b"{\"format\":\"json\",\"version\":1,\"version\":2}\n{}",
                Version,
            ),
        ];
        for (name, datagram, error) in cases {
            assert_eq!(split(datagram), Err(error), "{name}");
        }
    }

    #[test]
    fn every_recorded_datagram_is_accepted() {
        for recording in radiograph_proto_fixtures::recordings() {
            for datagram in &recording.datagrams {
                let (_, body) = datagram.split_once('\n').unwrap();
                assert_eq!(
                    split(datagram.as_bytes()),
                    Ok(body.as_bytes()),
                    "{}",
                    recording.name
                );
            }
        }
    }

    proptest! {
        #[test]
        fn property_no_datagram_makes_it_panic(datagram in any::<Vec<u8>>()) {
            let _either = split(&datagram);
        }

        #[test]
        fn property_a_body_comes_back_byte_for_byte(
            spaced in any::<bool>(),
            body in proptest::collection::vec(any::<u8>(), 1..300),
        ) {
            let header = if spaced { HEADER_SPACED } else { HEADER_COMPACT };
            let datagram = [header, b"\n", &body].concat();
            prop_assert_eq!(split(&datagram), Ok(body.as_slice()));
        }
    }
}
