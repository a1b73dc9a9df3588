//! The header by which a collector offers to take framed bodies, and its limits.
//!
//! `framed-v1;documents=1000;bytes=8388608`; several offers stand side by side, separated by commas,
//! and the sender chooses one that it knows. The header comes from outside: a sender never takes
//! limits above [`Offer::LARGEST`] from it, and none that would not fit every document.

use std::fmt;

use super::{BODY_BYTES_MAX, DOCUMENTS_MAX, framed_bytes};
use crate::limits::DATAGRAM_BYTES_MAX;

/// Header of the answers that carry the offer, as HTTP libraries write names.
pub const OFFER_HEADER: &str = "x-radiograph-segments";

/// The offer's name; another body gets another one.
const NAME: &str = "framed-v1";

/// Limits that a sender of framed bodies keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Documents in one body, at least 1.
    pub documents_max: usize,
    /// Bytes of one body, lengths included, both as sent and decompressed; any one datagram fits.
    pub bytes_max: usize,
}

impl Offer {
    /// What the collector offers, and the most that a sender makes use of.
    pub const LARGEST: Self = Self {
        documents_max: DOCUMENTS_MAX,
        bytes_max: BODY_BYTES_MAX,
    };

    /// The first offer in the header's value that this version can keep; `None` when there is none,
    /// and documents have to go as JSON. Both limits are required, unknown parameters and versions are
    /// ignored, and limits above [`Offer::LARGEST`] are cut to it.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        header.split(',').find_map(Self::parse_one)
    }

    fn parse_one(offer: &str) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let (mut documents_max, mut bytes_max) = (None, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let limit = match name {
                "documents" => &mut documents_max,
                "bytes" => &mut bytes_max,
                _ => continue,
            };
            // said twice is not said clearly
            if limit.replace(whole_number(value)?).is_some() {
                return None;
            }
        }
        let (documents_max, bytes_max) = (documents_max?, bytes_max?);
        if documents_max == 0 || bytes_max < framed_bytes(DATAGRAM_BYTES_MAX) {
            return None;
        }
        Some(Self {
            documents_max: documents_max.min(DOCUMENTS_MAX),
            bytes_max: bytes_max.min(BODY_BYTES_MAX),
        })
    }
}

/// The header's value.
impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            documents_max,
            bytes_max,
        } = self;
        write!(f, "{NAME};documents={documents_max};bytes={bytes_max}")
    }
}

/// Digits alone; what is too large for the machine is as large as the machine can say.
fn whole_number(digits: &str) -> Option<usize> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(usize::MAX))
}
