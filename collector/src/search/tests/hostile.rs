//! Damaged bytes: a named error or other rows, never a panic. Checksums keep most of it away.

use std::io;
use std::ops::Range;

use super::*;

const QUESTIONS: [&str; 12] = [
    "ok",
    "!fault",
    "responsetime > 0.3",
    "duration != 0.25",
    "http.status = 200",
    "user = \"alice\"",
    "http.url CONTAINS \"v2\"",
    "annotation.items > 5",
    "service(\"api\") { fault }",
    "edge(\"web\", \"api\") { source.ok }",
    "rootcause.fault.service { name = \"orders\" }",
    "service(id(type: \"client\")) { !ok }",
];

/// Asks everything of bytes that may be anything.
fn ask(bytes: &[u8]) {
    let Ok(index) = Index::open(bytes, bytes.len() as u64) else {
        return;
    };
    for text in QUESTIONS {
        let found = Plan::of(&read(text)).candidates(&index, 0..100);
        assert!(found.is_ok_and(|found| found.rows.len() <= 100) || !bytes.is_empty());
    }
    let places: Vec<u32> = (0..100).collect();
    if let Ok(merged) = merge(&[(&index, &places)], 100) {
        assert!(!merged.is_empty());
    }
}

proptest! {
    #[test]
    fn property_no_bytes_make_a_search_panic(
        noise: Vec<u8>,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        ask(&noise);
        let mut bytes = built(&seven());
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            let cut = cut.index(bytes.len());
            bytes.drain(..cut);
        }
        ask(&bytes);
    }
}

#[test]
fn what_is_no_index_is_refused() {
    let whole = built(&seven());
    let mut other_format = whole.clone();
    let root = u32::from_le_bytes(*other_format[whole.len() - 8..].first_chunk().unwrap());
    let root_at = whole.len() - 8 - root as usize;
    other_format[root_at] += 1;
    for bytes in [&[][..], b"rgix", &whole[..whole.len() - 1], &other_format] {
        let refused = Index::open(bytes, bytes.len() as u64).err().unwrap();
        assert_eq!(refused.to_string(), "the search index is damaged: its root");
    }
}

/// Fails for everything but the root.
struct Failing<'a>(&'a [u8], u64);

impl Source for Failing<'_> {
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        match range.start < self.1 {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => self.0.read(range),
        }
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_answer() {
    let bytes = built(&seven());
    let root = u32::from_le_bytes(*bytes[bytes.len() - 8..].first_chunk().unwrap());
    let root_at = bytes.len() as u64 - 8 - u64::from(root);
    let source = Failing(&bytes, root_at);
    let index = Index::open(&source, bytes.len() as u64).unwrap();
    let failed = Plan::of(&read("ok"))
        .candidates(&index, 0..7)
        .err()
        .unwrap();
    assert_eq!(failed.to_string(), "reading the search index");
}
