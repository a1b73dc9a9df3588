//! Headers and blocks: what is written is read, and what is damaged is told.

use super::*;

fn block(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    BlockEncoder::new()
        .unwrap()
        .push(Kind::Documents, raw, &mut out)
        .unwrap();
    out
}

fn header_of(block: &[u8]) -> Option<BlockHeader> {
    BlockHeader::read(block.first_chunk().unwrap())
}

/// Replaces a field and makes the checksum right again, as damage never does but a bug may.
fn forged(at: usize, field: u32) -> Option<BlockHeader> {
    let mut block = block(b"payload");
    block[at..at + 4].copy_from_slice(&field.to_le_bytes());
    let crc = crc32c::crc32c(&block[..20]);
    block[20..24].copy_from_slice(&crc.to_le_bytes());
    header_of(&block)
}

#[test]
fn headers_are_pinned_byte_for_byte() {
    assert_eq!(file_header(), *b"RGRLOG\n\x01\x06\x39\xCE\x5F");
    let block = block(b"");
    assert_eq!(block[..8], *b"\xFFRG\xFE\x01\0\0\0");
    assert_eq!(block[12..16], [0; 4], "raw length");
}

#[test]
fn a_block_gives_back_its_payload() {
    let raw = b"{\"id\":\"70de5b6f19ff9a0a\"}".repeat(100);
    let block = block(&raw);
    let header = header_of(&block).unwrap();
    assert_eq!(header.kind, Kind::Documents);
    let payload = &block[BLOCK_HEADER_BYTES..];
    assert!(header.fits(payload));
    assert_eq!(header.decompress(payload), Some(raw));
}

#[test]
fn every_flipped_bit_of_a_block_is_detected() {
    let intact = block(b"{\"name\":\"Scorekeep\"}");
    for bit in 0..intact.len() * 8 {
        let mut block = intact.clone();
        block[bit / 8] ^= 1 << (bit % 8);
        let is_accepted =
            header_of(&block).is_some_and(|header| header.fits(&block[BLOCK_HEADER_BYTES..]));
        assert!(!is_accepted, "bit {bit}");
    }
}

#[test]
fn a_file_of_a_later_release_is_told_from_a_damaged_one() {
    assert_eq!(read_file_header(&file_header()), FileHeader::Current);
    for at in 0..FILE_HEADER_BYTES {
        let mut header = file_header();
        header[at] ^= 4;
        assert_eq!(read_file_header(&header), FileHeader::Damaged, "byte {at}");
    }
    let mut later = file_header();
    later[7] = 2;
    let crc = crc32c::crc32c(&later[..8]);
    later[8..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(read_file_header(&later), FileHeader::OtherVersion(2));
}

#[test]
fn lengths_beyond_their_bounds_and_unknown_kinds_are_refused() {
    let compressed_max = u32::try_from(COMPRESSED_BYTES_MAX).unwrap();
    let raw_max = u32::try_from(RAW_BYTES_MAX).unwrap();
    assert_eq!(forged(4, 3), None, "kind");
    assert_eq!(forged(8, compressed_max + 1), None, "compressed length");
    assert_eq!(forged(12, raw_max + 1), None, "raw length");
    assert_eq!(
        forged(8, compressed_max).unwrap().compressed_bytes,
        compressed_max
    );
    assert_eq!(forged(12, raw_max).unwrap().raw_bytes, raw_max);
}

#[test]
fn a_frame_of_another_length_than_stated_is_refused() {
    let block = block(b"payload");
    let payload = &block[BLOCK_HEADER_BYTES..];
    for raw_bytes in [0, 6, 8] {
        assert_eq!(
            forged(12, raw_bytes).unwrap().decompress(payload),
            None,
            "{raw_bytes}"
        );
    }
}

#[test]
fn a_payload_that_is_too_large_is_not_written() {
    let mut out = Vec::new();
    let raw = vec![0; RAW_BYTES_MAX + 1];
    let refused = BlockEncoder::new()
        .unwrap()
        .push(Kind::Views, &raw, &mut out)
        .unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    assert!(out.is_empty());
}
