//! Bundles: `protocol::bundle`.

use radiograph_protocol::bundle::{BundleError, Part, Reader, Totals, Writer};

/// A bundle in pieces: read to its end and written as the same bytes, or refused for the same reason
/// however it is cut into pieces. The first byte is how long the pieces are.
///
/// # Panics
/// When that does not hold.
pub fn bundle(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let at_once = read(bytes, bytes.len().max(1));
    let in_pieces = read(bytes, usize::from(*piece).max(1));
    assert_eq!(at_once, in_pieces, "pieces make a difference");
    if let Ok((written, totals)) = at_once {
        assert_eq!(written, bytes, "written otherwise than read");
        assert!(totals.documents >= totals.chunks, "{totals:?}");
    }
}

/// What was read, written again.
fn read(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Totals), BundleError> {
    let (mut reader, mut written) = (Reader::default(), Vec::new());
    let mut writer = Writer::begin(&mut written);
    let mut end = None;
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(part) = reader.next_part()? {
            match part {
                Part::Chunk {
                    documents,
                    raw_bytes,
                    payload,
                } => assert!(
                    writer.chunk(documents, raw_bytes, &payload, &mut written),
                    "a chunk was read that cannot be written"
                ),
                Part::End(totals) => end = Some(totals),
            }
        }
    }
    reader.finish()?;
    let told = end.unwrap_or_default();
    let totals = writer.end(told.traces, &mut written);
    assert_eq!(totals, told);
    Ok((written, totals))
}

/// Bundles of these chunks, each payload for one document, with several lengths of pieces before.
pub(crate) fn seeds(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (count, piece) in [(0, 1), (1, 7), (3, 64), (payloads.len(), 255)] {
        let mut bundle = vec![piece];
        let mut header = Vec::new();
        let mut writer = Writer::begin(&mut header);
        for payload in payloads.iter().take(count) {
            assert!(
                writer.chunk(1, payload.len().max(1), payload, &mut header),
                "a seed is no chunk"
            );
        }
        writer.end(u64::from(piece), &mut header);
        bundle.extend(header);
        seeds.push(bundle);
    }
    seeds
}
