//! The fuzz targets: what each parser must hold for any bytes whatever.
//!
//! Plain functions that panic where something does not hold. `tests/fuzz` has libFuzzer look for such
//! bytes; the tests here only show that the [`seeds`] it starts from, among them every input that
//! once failed, are held today. Not here: zstd and JSON, which are parsers of others.

use std::path::PathBuf;

use radiograph_protocol::datagram::{self, DatagramError};
use radiograph_protocol::framing::{self, Offer};

mod bundle;
mod document;
mod filter;
pub mod seeds;
mod sigv4;
mod store;

pub use bundle::bundle;
pub use document::document;
pub use filter::filter;
pub use sigv4::sigv4;
pub use store::store;

/// What is called with bytes, and panics when something does not hold.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 9] = [
    ("datagram", datagram),
    ("framing", framing),
    ("bundle", bundle),
    ("configuration", configuration),
    ("spool", spool),
    ("filter", filter),
    ("document", document),
    ("store", store),
    ("sigv4", sigv4),
];

/// The folder of this package.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A datagram: its body is what follows the first line feed, or the error names what is there.
///
/// # Panics
/// When that does not hold.
pub fn datagram(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (header, body) = (parts.next().unwrap_or_default(), parts.next());
    match datagram::split(bytes) {
        Ok(found) => {
            assert_eq!(Some(found), body, "the body is not what follows the header");
            assert!(!found.is_empty(), "the body is empty");
            assert!(header.contains(&b'{'), "the header is no object");
        }
        Err(DatagramError::Empty) => assert!(bytes.is_empty()),
        Err(DatagramError::NoSeparator) => assert!(body.is_none() && !bytes.is_empty()),
        Err(DatagramError::EmptyBody) => assert!(body.is_some_and(<[u8]>::is_empty)),
        Err(DatagramError::HeaderSyntax | DatagramError::Format | DatagramError::Version) => {
            assert!(body.is_some());
        }
    }
}

/// A framed body and an offer: what is read is written as the same bytes, and limits only refuse.
///
/// # Panics
/// When that does not hold.
pub fn framing(bytes: &[u8]) {
    let narrow = Offer {
        documents_max: 3,
        bytes_max: 64,
    };
    let all = framing::split(bytes, Offer::LARGEST);
    let few = framing::split(bytes, narrow);
    match &all {
        Ok(documents) => {
            let mut written = Vec::new();
            for document in documents {
                assert!(framing::push(&mut written, document));
            }
            assert_eq!(written, bytes, "written otherwise than read");
            let is_within =
                documents.len() <= narrow.documents_max && bytes.len() <= narrow.bytes_max;
            assert_eq!(few.is_ok(), is_within, "{few:?}");
        }
        Err(error) => assert!(few.is_err(), "{error} is gone with narrower limits"),
    }
    if let Some(offer) = std::str::from_utf8(bytes).ok().and_then(Offer::parse) {
        assert!((1..=framing::DOCUMENTS_MAX).contains(&offer.documents_max));
        assert!((1..=framing::BODY_BYTES_MAX).contains(&offer.bytes_max));
        assert_eq!(Offer::parse(&offer.to_string()), Some(offer));
    }
}

/// A configuration file: read and checked, or refused with a line; never a panic.
///
/// # Panics
/// When there is one.
pub fn configuration(bytes: &[u8]) {
    radiograph_daemon::config::fuzz_file(&String::from_utf8_lossy(bytes));
}

/// A file of the spool, as it is found after a crash.
///
/// # Panics
/// When reading does, or finds documents where there is no room for any.
pub fn spool(bytes: &[u8]) {
    let documents = radiograph_daemon::fuzz_record_reader(bytes);
    // one byte compressed makes many documents, but none come from nothing
    assert!(
        documents == 0 || bytes.len() > 12,
        "documents out of nothing"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_holds_for_all_of_them() {
        for (name, target) in TARGETS {
            let seeds = seeds::of(name);
            assert!(!seeds.is_empty(), "{name} has no seeds");
            for seed in seeds {
                target(&seed);
            }
        }
    }

    #[test]
    fn seeds_of_every_kind_are_there() {
        let accepted = seeds::of("datagram");
        let accepted = accepted.iter().filter(|seed| datagram::split(seed).is_ok());
        assert!(accepted.count() > 100, "recordings are missing");
        let framed = seeds::of("framing");
        let framed = framed
            .iter()
            .filter(|seed| framing::split(seed, Offer::LARGEST).is_ok());
        assert!(framed.count() > 10, "recordings are missing");
        let spooled = seeds::of("spool");
        let mut spooled = spooled
            .iter()
            .map(|seed| radiograph_daemon::fuzz_record_reader(seed));
        assert!(
            spooled.any(|documents| documents > 0),
            "no seed is a file of the spool"
        );
        for (target, _) in TARGETS {
            let kept = seeds::kept(target).unwrap().len();
            assert!(kept > 20, "{target} has {kept} kept inputs");
        }
        for (target, least) in [("document", 300), ("store", 4), ("bundle", 3)] {
            assert!(
                seeds::of(target).len() > least,
                "{target} misses recordings"
            );
        }
    }
}
