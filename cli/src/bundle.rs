//! What export and import share: chunks of a bundle as documents, and bundles that a collector sends.

use std::io::Read as _;

use anyhow::{Context, bail, ensure};
use radiograph_protocol::bundle::{Part, Reader, Totals};
use radiograph_protocol::framing::{self, Offer};

use crate::api::Stream;

/// As collectors compress chunks.
const ZSTD_LEVEL: i32 = 3;

/// The documents of a chunk.
///
/// # Errors
/// When the payload is not what the chunk says it is.
pub(crate) fn documents(
    documents: usize,
    raw_bytes: usize,
    payload: &[u8],
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut framed = Vec::new();
    let mut decoder = zstd::stream::read::Decoder::with_buffer(payload)?;
    decoder.window_log_max(framing::WINDOW_LOG_MAX)?;
    let limit = u64::try_from(raw_bytes)?.saturating_add(1);
    decoder
        .take(limit)
        .read_to_end(&mut framed)
        .context("a chunk of the bundle is not zstd")?;
    ensure!(
        framed.len() == raw_bytes,
        "a chunk of the bundle has another length than it says"
    );
    let found = framing::split(&framed, Offer::LARGEST).context("a chunk of the bundle")?;
    ensure!(
        found.len() == documents,
        "a chunk of the bundle has {} documents instead of {documents}",
        found.len()
    );
    Ok(found.into_iter().map(<[u8]>::to_vec).collect())
}

/// A compressed framed body of these documents.
///
/// # Errors
/// When zstd fails.
pub(crate) fn payload(documents: &[Vec<u8>]) -> anyhow::Result<Vec<u8>> {
    let mut framed = Vec::new();
    for document in documents {
        ensure!(
            framing::push(&mut framed, document),
            "a document is longer than 4 GiB"
        );
    }
    zstd::bulk::compress(&framed, ZSTD_LEVEL).context("compressing documents")
}

/// Reads a bundle that a collector sends to its end; `each` is handed its pieces as they come, and then
/// the parts that they complete.
///
/// # Errors
/// When the connection breaks, it is no whole bundle, or `each` fails.
pub(crate) async fn read(
    mut stream: Stream,
    mut each: impl FnMut(Piece<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Totals> {
    let (mut reader, mut end) = (Reader::default(), None);
    while let Some(bytes) = stream.next().await? {
        reader.push(&bytes);
        each(Piece::Bytes(&bytes))?;
        while let Some(part) = reader.next_part()? {
            match part {
                Part::Chunk {
                    documents,
                    raw_bytes,
                    payload,
                } => {
                    each(Piece::Chunk(documents, raw_bytes, payload))?;
                }
                Part::End(totals) => end = Some(totals),
            }
        }
    }
    reader.finish()?;
    match end {
        Some(totals) => Ok(totals),
        None => bail!("the bundle has no end"),
    }
}

/// What comes of a bundle.
pub(crate) enum Piece<'a> {
    /// Bytes as they came.
    Bytes(&'a [u8]),
    /// A chunk: its documents, their bytes, and these compressed.
    Chunk(usize, usize, Vec<u8>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_from_a_payload() {
        let given = vec![b"{}".to_vec(), Vec::new(), vec![b'a'; 1000]];
        let payload = payload(&given).unwrap();
        assert_eq!(documents(3, 1014, &payload).unwrap(), given);
    }

    #[test]
    fn a_chunk_that_is_not_what_it_says_is_refused_by_name() {
        let whole = payload(&[b"{}".to_vec()]).unwrap();
        for (row, count, raw_bytes, payload, expected) in [
            ("count", 2, 6, whole.clone(), "1 documents instead of 2"),
            ("shorter", 1, 7, whole.clone(), "another length"),
            ("longer", 1, 5, whole.clone(), "another length"),
            ("no zstd", 1, 6, b"{}".to_vec(), "not zstd"),
            (
                "torn",
                1,
                3,
                zstd::bulk::compress(b"abc", 3).unwrap(),
                "a chunk",
            ),
        ] {
            let error = format!("{:#}", documents(count, raw_bytes, &payload).unwrap_err());
            assert!(error.contains(expected), "{row}: {error}");
        }
    }
}
