//! The trace header: `X-Amzn-Trace-Id` in HTTP, `_X_AMZN_TRACE_ID` in Lambda, `AWSTraceHeader` in SQS.
//!
//! Source: `spec/segment-document.md` section 8. Read liberally (any order, any case of keys, blanks
//! around parts), written exactly, since the Go and Python SDKs match keys with case. A part that
//! cannot be read is as good as absent: callers of a service must not be able to break its tracing.

use std::fmt;

use crate::ids::{SegmentId, TraceId};

/// Bytes of parts that are not understood but passed on; the Node SDK's bound.
pub const OTHER_BYTES_MAX: usize = 256;

/// What a trace header says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceHeader {
    /// `Root`: the trace.
    pub root: Option<TraceId>,
    /// `Parent`: the caller's subsegment.
    pub parent: Option<SegmentId>,
    /// `Sampled`.
    pub sampled: Sampled,
    /// `Lineage` and the caller's own data, in order of appearance, as they were sent. `Self`, which
    /// load balancers add, is not among them.
    pub others: Vec<(String, String)>,
}

/// The sampling decision that a header carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sampled {
    /// `1`: record.
    Yes,
    /// `0`: do not record.
    No,
    /// `?`: the callee shall decide and tell in the response header.
    Requested,
    /// Absent or unreadable: nobody has decided.
    #[default]
    Undecided,
}

impl TraceHeader {
    /// Reads a header's value; never fails, see the module's head. Of repeated keys the first counts.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let mut header = Self::default();
        let mut other_bytes = 0;
        for part in value.split(';') {
            let Some((key, value)) = part.split_once('=') else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            if key.eq_ignore_ascii_case("Root") {
                header.root = header.root.or_else(|| TraceId::parse_any(value).ok());
            } else if key.eq_ignore_ascii_case("Parent") {
                header.parent = header.parent.or_else(|| SegmentId::parse(value).ok());
            } else if key.eq_ignore_ascii_case("Sampled") {
                if header.sampled == Sampled::Undecided {
                    header.sampled = Sampled::parse(value);
                }
            } else if !key.is_empty() && !key.eq_ignore_ascii_case("Self") {
                other_bytes += part.len();
                if other_bytes <= OTHER_BYTES_MAX {
                    header.others.push((key.to_owned(), value.to_owned()));
                }
            }
        }
        header
    }
}

impl fmt::Display for TraceHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = [
            self.root.map(|root| format!("Root={root}")),
            self.parent.map(|parent| format!("Parent={parent}")),
            self.sampled.digit().map(|digit| format!("Sampled={digit}")),
        ];
        let others = self
            .others
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let mut separator = "";
        for part in known.into_iter().flatten().chain(others) {
            write!(f, "{separator}{part}")?;
            separator = ";";
        }
        Ok(())
    }
}

impl Sampled {
    fn parse(value: &str) -> Self {
        match value {
            "1" => Self::Yes,
            "0" => Self::No,
            "?" => Self::Requested,
            _ => Self::Undecided,
        }
    }

    const fn digit(self) -> Option<char> {
        match self {
            Self::Yes => Some('1'),
            Self::No => Some('0'),
            Self::Requested => Some('?'),
            Self::Undecided => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "53995c3f42cd8ad8";

    #[test]
    fn a_header_is_read_liberally_and_written_exactly() {
        let full = format!("Root={ROOT};Parent={PARENT};Sampled=1");
        let cases = [
            ("exact", full.clone(), full.clone()),
            (
                "blanks",
                format!(" Root={ROOT} ; Parent = {PARENT} ; Sampled=1 "),
                full.clone(),
            ),
            (
                "other order",
                format!("Sampled=1;Parent={PARENT};Root={ROOT}"),
                full.clone(),
            ),
            (
                "other case",
                format!("root={ROOT};PARENT={PARENT};sampled=1"),
                full.clone(),
            ),
            (
                "empty parts",
                format!(";;Root={ROOT};Parent={PARENT};Sampled=1;"),
                full.clone(),
            ),
            (
                "first of repeated",
                format!("{full};Sampled=0;Root=1-0-0"),
                full,
            ),
            (
                "upper-case id",
                format!("Root={}", ROOT.to_uppercase()),
                format!("Root={ROOT}"),
            ),
            (
                "W3C id",
                format!("Root={}", ROOT.replace('-', "").split_off(1)),
                format!("Root={ROOT}"),
            ),
            (
                "asked to decide",
                format!("Root={ROOT};Sampled=?"),
                format!("Root={ROOT};Sampled=?"),
            ),
            (
                "undecided",
                format!("Root={ROOT};Sampled=yes"),
                format!("Root={ROOT}"),
            ),
            (
                "nothing readable",
                "Root=bogus;Parent=zz;garbage".to_owned(),
                String::new(),
            ),
        ];
        for (name, read, written) in cases {
            assert_eq!(TraceHeader::parse(&read).to_string(), written, "{name}");
        }
    }

    #[test]
    fn lineage_and_callers_data_are_passed_on_and_self_is_dropped() {
        let header = TraceHeader::parse(&format!(
            "Self=1-67891234-12456789abcdef012345678;Root={ROOT};Sampled=0;Lineage=25:fd0f4f3e:1|12:8ab9c1:0;CalledFrom=app"
        ));
        assert_eq!(
            header.to_string(),
            format!("Root={ROOT};Sampled=0;Lineage=25:fd0f4f3e:1|12:8ab9c1:0;CalledFrom=app")
        );
    }

    #[test]
    fn callers_data_is_bounded() {
        let value = format!("A={};B=1;Root={ROOT}", "x".repeat(OTHER_BYTES_MAX - 4));
        let header = TraceHeader::parse(&value);
        assert_eq!(header.others.len(), 1);
        assert_eq!(header.root, TraceId::parse(ROOT).ok());
    }

    #[test]
    fn recorded_headers_give_the_trace_that_the_sdk_answered_with() {
        let path = radiograph_proto_fixtures::root()
            .join("propagation/incoming_header_vs_response_header.jsonl");
        let text = std::fs::read_to_string(path).unwrap();
        let mut compared = 0;
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let sent = TraceHeader::parse(record["sent"].as_str().unwrap());
            let Some(answer) = record["response_header"].as_str() else {
                continue;
            };
            let answer = TraceHeader::parse(answer);
            // An unsampled request is answered with a dummy trace, a missing one with a new trace.
            if sent.root.is_some() && sent.sampled != Sampled::No {
                assert_eq!(answer.root, sent.root, "{line}");
                compared += 1;
            }
            if sent.sampled == Sampled::Requested {
                assert_eq!(answer.sampled, Sampled::Yes, "{line}");
            }
        }
        assert!(
            compared >= 8,
            "{compared} of the recorded answers name a sent trace"
        );
    }

    proptest! {
        #[test]
        fn property_no_value_makes_it_panic_and_what_is_written_reads_the_same(value in ".{0,400}") {
            let header = TraceHeader::parse(&value);
            prop_assert_eq!(TraceHeader::parse(&header.to_string()), header);
        }

        #[test]
        fn property_headers_round_trip(root in any::<u128>(), parent in 1_u64.., sampled in 0..4) {
            let header = TraceHeader {
                root: Some(TraceId::from_bits(root)),
                parent: SegmentId::from_bits(parent),
                sampled: [Sampled::Yes, Sampled::No, Sampled::Requested, Sampled::Undecided]
                    [usize::try_from(sampled).unwrap()],
                others: vec![("Lineage".to_owned(), "a87bd80c:1".to_owned())],
            };
            prop_assert_eq!(TraceHeader::parse(&header.to_string()), header);
        }
    }
}
