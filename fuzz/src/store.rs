//! Logs of the embedded store: `collector::store::embedded`.

#![expect(
    clippy::panic,
    reason = "a target tells by panicking that something does not hold"
)]

use std::path::Path;

use radiograph_collector::store::StoreError;
use radiograph_collector::store::embedded::{FuzzedLog, fuzz_block, fuzz_log, fuzz_payloads};

/// First byte of an input whose rest is a log as it lies on disk; any but the next two means the same.
const LOG: u8 = b'L';
/// First byte of an input whose rest is the payload of an intact block of documents.
const DOCUMENTS: u8 = b'D';
/// First byte of an input whose rest is the payload of an intact block of views. No flip of a bit on a
/// disk makes one; a release with a fault may.
const VIEWS: u8 = b'V';

/// A log as it is found after a crash, or a block behind whose checksum is anything: opening tells what
/// is lost, all that was found can be read, and opening again finds the same and loses nothing more.
///
/// # Panics
/// When that does not hold.
pub fn store(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    let log = match *kind {
        DOCUMENTS | VIEWS => match fuzz_block(*kind == VIEWS, rest) {
            Ok(log) => log,
            Err(error) => panic!("no block: {error}"),
        },
        _ => rest.to_vec(),
    };
    let dir = match tempfile::tempdir() {
        Ok(dir) => dir,
        Err(error) => panic!("no directory to work in: {error}"),
    };
    let Some(found) = open(dir.path(), Some(&log)) else {
        return;
    };
    let (report, bytes) = (found.report, log.len() as u64);
    assert!(
        report.bytes_cut + report.bytes_damaged <= bytes,
        "{found:?}"
    );
    if *kind == DOCUMENTS || *kind == VIEWS {
        let blocks = report.blocks + report.regions_damaged + report.view_blocks_outdated;
        assert_eq!((blocks, report.bytes_cut), (1, 0), "{found:?}");
    }
    let again = open(dir.path(), None);
    let mut expected = found;
    expected.report.bytes_cut = 0;
    assert_eq!(again, Some(expected), "opened again it is another");
}

/// `None` for a log of another format version.
fn open(dir: &Path, log: Option<&[u8]>) -> Option<FuzzedLog> {
    match fuzz_log(dir, log) {
        Ok(found) => Some(found),
        Err(StoreError::Corrupt { reason, .. }) if reason.contains("format version") => None,
        Err(error) => panic!("a log that can be read does not open: {error:?}"),
    }
}

/// Seeds out of a log that a store has written: itself, and the payloads of its blocks.
pub(crate) fn seeds(path: &Path) -> Vec<Vec<u8>> {
    let log = std::fs::read(path).unwrap_or_default();
    let log = [&[LOG], log.as_slice()].concat();
    let payloads = fuzz_payloads(path).unwrap_or_default().into_iter();
    let payloads = payloads.map(|(is_views, raw)| {
        let kind = if is_views { VIEWS } else { DOCUMENTS };
        [&[kind], raw.as_slice()].concat()
    });
    payloads.chain([log]).collect()
}
