//! Layout, every truncation, every flipped bit, round trips.

use proptest::prelude::*;

use super::*;

/// A chunk as its writer is given it.
type Given = (usize, usize, Vec<u8>);

fn written(chunks: &[Given], traces: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::begin(&mut out);
    for (documents, raw_bytes, payload) in chunks {
        assert!(writer.chunk(*documents, *raw_bytes, payload, &mut out));
    }
    let totals = writer.end(traces, &mut out);
    assert_eq!(totals.chunks, chunks.len() as u64);
    out
}

/// What a reader makes of bytes that come in pieces of this length.
fn read(bytes: &[u8], piece: usize) -> Result<(Vec<Given>, Totals), BundleError> {
    let mut reader = Reader::default();
    let (mut chunks, mut end) = (Vec::new(), None);
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(part) = reader.next_part()? {
            match part {
                Part::Chunk {
                    documents,
                    raw_bytes,
                    payload,
                } => chunks.push((documents, raw_bytes, payload)),
                Part::End(totals) => end = Some(totals),
            }
        }
    }
    reader.finish()?;
    Ok((chunks, end.unwrap()))
}

fn sample() -> Vec<u8> {
    written(&[(2, 30, b"payload".to_vec()), (1, 5, vec![0; 40])], 2)
}

#[test]
fn an_empty_bundle_is_whole() {
    let (chunks, totals) = read(&written(&[], 0), 1).unwrap();
    assert_eq!((chunks, totals), (Vec::new(), Totals::default()));
}

#[test]
fn the_layout_is_the_documented_one() {
    let bytes = sample();
    assert_eq!(&bytes[..12], b"\x89XRAY\r\n\x1a\x01\0\0\0");
    assert_eq!(&bytes[16..32], b"CHNK\x02\0\0\0\x1e\0\0\0\x07\0\0\0");
    assert_eq!(&bytes[40..47], b"payload");
    let footer = &bytes[bytes.len() - 64..];
    assert_eq!(&footer[..13], b"DONE\x02\0\0\0\0\0\0\0\x03");
    assert_eq!(bytes.len(), 16 + 24 + 7 + 24 + 40 + 64);
}

#[test]
fn a_bundle_cut_anywhere_is_truncated_however_it_comes() {
    let bytes = sample();
    for end in 0..bytes.len() {
        for piece in [1, 7, 4096] {
            let cut = read(&bytes[..end], piece).unwrap_err();
            let expected = BundleError::Truncated { bytes: end as u64 };
            assert_eq!(cut, expected, "cut at {end}");
        }
    }
}

#[test]
fn any_flipped_bit_is_noticed() {
    let bytes = sample();
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let error = read(&flipped, 4096).unwrap_err();
        let expected = match at {
            0..8 => BundleError::NotABundle,
            8..16 => BundleError::DamagedHeader,
            16..47 => BundleError::Damaged { offset: 16 },
            47..111 => BundleError::Damaged { offset: 47 },
            _ => BundleError::Damaged { offset: 111 },
        };
        assert_eq!(error, expected, "bit {bit} of byte {at}");
    }
}

/// The sample with other bytes at a place, and the checksum behind them made to fit.
fn forged(at: usize, bytes: &[u8], checksum_at: usize, from: usize) -> Vec<u8> {
    let mut forged = sample();
    forged[at..at + bytes.len()].copy_from_slice(bytes);
    let checksum = crc32c::crc32c(&forged[from..checksum_at]).to_le_bytes();
    forged[checksum_at..checksum_at + 4].copy_from_slice(&checksum);
    forged
}

#[test]
fn what_has_right_checksums_and_makes_no_sense_is_refused_by_name() {
    let outside = BundleError::OutOfBounds { offset: 16 };
    let rows = [
        (
            "version",
            forged(8, &[2, 0, 0, 0], 12, 0),
            BundleError::UnknownVersion { found: 2 },
        ),
        ("no documents", forged(20, &[0; 4], 36, 16), outside),
        (
            "too many documents",
            forged(20, &1001_u32.to_le_bytes(), 36, 16),
            outside,
        ),
        ("too many bytes", forged(24, &[0xff; 4], 36, 16), outside),
        (
            "too long a payload",
            forged(28, &[0xff; 4], 36, 16),
            outside,
        ),
        (
            "other documents than told",
            forged(20, &3_u32.to_le_bytes(), 36, 16),
            BundleError::DigestDiffers,
        ),
        (
            "another count in the footer",
            forged(115, &[9], 171, 111),
            BundleError::DigestDiffers,
        ),
        (
            "another digest",
            forged(140, &[9, 9], 171, 111),
            BundleError::DigestDiffers,
        ),
        (
            "a byte more",
            [sample(), vec![0]].concat(),
            BundleError::Trailing { offset: 175 },
        ),
        ("a text", b"{}".to_vec(), BundleError::NotABundle),
    ];
    for (row, bytes, expected) in rows {
        assert_eq!(read(&bytes, 4096).unwrap_err(), expected, "{row}");
    }
}

#[test]
fn a_missing_chunk_is_noticed() {
    let bytes = sample();
    let without = [&bytes[..16], &bytes[47..]].concat();
    assert_eq!(
        read(&without, 4096).unwrap_err(),
        BundleError::DigestDiffers
    );
}

#[test]
fn a_writer_refuses_what_no_reader_takes() {
    let mut out = Vec::new();
    let mut writer = Writer::begin(&mut out);
    let before = out.len();
    let (documents, bytes) = (DOCUMENTS_MAX as usize, RAW_BYTES_MAX as usize);
    for (documents, raw_bytes, payload) in [
        (0, 1, vec![0]),
        (documents + 1, 1, vec![0]),
        (1, 0, vec![0]),
        (1, bytes + 1, vec![0]),
        (1, 1, Vec::new()),
        (1, 1, vec![0; PAYLOAD_BYTES_MAX as usize + 1]),
    ] {
        assert!(!writer.chunk(documents, raw_bytes, &payload, &mut out));
    }
    assert_eq!(out.len(), before);
    assert!(writer.chunk(documents, bytes, &[0], &mut out));
}

proptest! {
    #[test]
    fn property_any_chunks_come_back_in_pieces_of_any_length(
        chunks in proptest::collection::vec(
            (1_usize..=1000, 1_usize..=8 << 20, proptest::collection::vec(any::<u8>(), 1..200)), 0..6),
        traces in any::<u64>(),
        piece in 1_usize..300,
    ) {
        let (found, totals) = read(&written(&chunks, traces), piece).unwrap();
        prop_assert_eq!(totals.traces, traces);
        let documents: usize = chunks.iter().map(|(documents, ..)| documents).sum();
        prop_assert_eq!(totals.documents, documents as u64);
        prop_assert_eq!(found, chunks);
    }

    #[test]
    fn property_what_is_read_from_any_bytes_is_written_as_the_same_bytes(
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
        piece in 1_usize..64,
    ) {
        let mut bytes = sample();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok((chunks, totals)) = read(&bytes, piece) {
            prop_assert_eq!(written(&chunks, totals.traces), bytes);
        }
    }
}
