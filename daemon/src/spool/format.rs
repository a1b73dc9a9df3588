//! The layout of a spool file. Pure: bytes in, bytes out; all numbers are little-endian.
//!
//! ```text
//! file    = header record*
//! header  = magic "RGSPOOL" (7) | format version (1) | crc32c of these 8 (4)
//! record  = marker FF 'S' 'P' FE (4) | documents (4) | appended at, ms since the epoch (8)
//!         | raw length (4) | stored length (4) | crc32c of the payload (4)
//!         | crc32c of these 28 (4) | payload: one zstd frame
//! payload = (length (4) | document)*
//! ```
//!
//! Which damage each mark detects: the magic, a file that is none of ours; the version with its
//! checksum, a file of a later release, told from one with a flipped bit; the header's checksum, a
//! torn or flipped record header, before any of its lengths is believed; the payload's checksum, a
//! torn or flipped payload, before it is decompressed. The marker is no proof of anything: it is where
//! to look for the next record behind damage.

use std::io;

use radiograph_protocol::framing;

use crate::documents::Documents;

/// Version of this layout.
pub(super) const FORMAT_VERSION: u8 = 1;
/// Length of a file's header.
pub(super) const FILE_HEADER_BYTES: usize = 12;
/// Length of a record's header.
pub(super) const RECORD_HEADER_BYTES: usize = 32;
/// First bytes of every record.
pub(super) const MARKER: [u8; 4] = [0xFF, b'S', b'P', 0xFE];
/// A payload's length before compression at most, and what a reader allocates at most for one; a
/// bigger append becomes several records.
pub(super) const RAW_BYTES_MAX: usize = 8 << 20;
/// A payload's length on disk at most: zstd adds less than 1 % and 1 KiB to what it cannot compress.
pub(super) const STORED_BYTES_MAX: usize = RAW_BYTES_MAX + RAW_BYTES_MAX / 64 + 1024;
/// What a document costs in a payload beside its bytes.
pub(super) const DOCUMENT_OVERHEAD_BYTES: usize = framing::framed_bytes(0);

const MAGIC: [u8; 7] = *b"RGSPOOL";
/// Higher levels gain nothing on segments (`spec/storage.md` section 1).
const ZSTD_LEVEL: i32 = 1;

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileHeader {
    /// A spool file in this layout.
    Current,
    /// A spool file, undamaged, in a layout of another release.
    OtherVersion,
    /// No header of a spool file; the records behind it have marks of their own.
    Damaged,
}

/// The fixed part before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    /// How many documents the payload holds, at least one.
    pub(super) documents: u32,
    /// When it was appended, in milliseconds since the epoch.
    pub(super) time_ms: u64,
    /// Length of the payload decompressed, at most [`RAW_BYTES_MAX`].
    pub(super) raw_bytes: u32,
    /// Length of the payload on disk, at most [`STORED_BYTES_MAX`].
    pub(super) stored_bytes: u32,
    payload_crc: u32,
}

/// The header of a new file.
pub(super) fn file_header() -> [u8; FILE_HEADER_BYTES] {
    let mut bytes = Vec::with_capacity(FILE_HEADER_BYTES);
    bytes.extend(MAGIC);
    bytes.push(FORMAT_VERSION);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let mut header = [0; FILE_HEADER_BYTES];
    header.copy_from_slice(&bytes);
    header
}

/// Reads the first bytes of a file.
pub(super) fn read_file_header(bytes: &[u8]) -> FileHeader {
    let mut rest = bytes;
    let (Some(magic), Some([version]), Some(crc)) = (
        take::<7>(&mut rest),
        take::<1>(&mut rest),
        take_u32(&mut rest),
    ) else {
        return FileHeader::Damaged;
    };
    let expected = crc32c::crc32c_append(crc32c::crc32c(&magic), &[version]);
    match version {
        _ if magic != MAGIC || crc != expected => FileHeader::Damaged,
        FORMAT_VERSION => FileHeader::Current,
        _ => FileHeader::OtherVersion,
    }
}

impl RecordHeader {
    /// Reads a header; `None` unless marker, checksum and the numbers' bounds are right.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let fields = take::<28>(&mut rest)?;
        if take_u32(&mut rest)? != crc32c::crc32c(&fields) {
            return None;
        }
        let mut rest = fields.as_slice();
        let marker = take::<4>(&mut rest)?;
        let header = Self {
            documents: take_u32(&mut rest)?,
            time_ms: take(&mut rest).map(u64::from_le_bytes)?,
            raw_bytes: take_u32(&mut rest)?,
            stored_bytes: take_u32(&mut rest)?,
            payload_crc: take_u32(&mut rest)?,
        };
        let overhead = u64::from(header.documents) * (DOCUMENT_OVERHEAD_BYTES as u64);
        let is_sound = marker == MARKER
            && header.documents > 0
            && overhead <= u64::from(header.raw_bytes)
            && usize::try_from(header.raw_bytes).ok()? <= RAW_BYTES_MAX
            && usize::try_from(header.stored_bytes).ok()? <= STORED_BYTES_MAX;
        is_sound.then_some(header)
    }

    /// Length of the record, its header included.
    pub(super) fn record_bytes(&self) -> u64 {
        (RECORD_HEADER_BYTES as u64) + u64::from(self.stored_bytes)
    }

    /// Bytes of the documents alone.
    pub(super) fn document_bytes(&self) -> u64 {
        let overhead = u64::from(self.documents) * (DOCUMENT_OVERHEAD_BYTES as u64);
        u64::from(self.raw_bytes).saturating_sub(overhead)
    }

    /// The documents; `None` when this is not the payload that the header was written for.
    pub(super) fn documents_in(&self, payload: &[u8]) -> Option<Documents> {
        if u32::try_from(payload.len()) != Ok(self.stored_bytes)
            || crc32c::crc32c(payload) != self.payload_crc
        {
            return None;
        }
        let raw_bytes = usize::try_from(self.raw_bytes).ok()?;
        let raw = zstd::bulk::decompress(payload, raw_bytes).ok()?;
        if raw.len() != raw_bytes {
            return None;
        }
        let count = usize::try_from(self.documents).ok()?;
        Documents::from_framed(raw, count)
    }
}

/// Appends a record whose payload is `raw`, at most [`RAW_BYTES_MAX`] long.
///
/// # Errors
/// When the payload is longer, or the compressor has no memory.
pub(super) fn push_record(
    documents: u32,
    time_ms: u64,
    raw: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let payload = zstd::bulk::compress(raw, ZSTD_LEVEL)?;
    if raw.len() > RAW_BYTES_MAX || payload.len() > STORED_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut header = Vec::with_capacity(RECORD_HEADER_BYTES);
    header.extend(MARKER);
    header.extend(documents.to_le_bytes());
    header.extend(time_ms.to_le_bytes());
    header.extend(u32_of(raw.len())?.to_le_bytes());
    header.extend(u32_of(payload.len())?.to_le_bytes());
    header.extend(crc32c::crc32c(&payload).to_le_bytes());
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    out.reserve(header.len() + payload.len());
    out.extend(header);
    out.extend(payload);
    Ok(())
}

/// Takes the next `N` bytes off the front; `None` at the end.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// Takes a number off the front; `None` at the end.
pub(super) fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_le_bytes)
}

fn u32_of(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bodies: &[&[u8]]) -> Vec<u8> {
        let mut raw = Vec::new();
        for body in bodies {
            assert!(framing::push(&mut raw, body));
        }
        let mut out = Vec::new();
        push_record(u32::try_from(bodies.len()).unwrap(), 7, &raw, &mut out).unwrap();
        out
    }

    #[test]
    fn a_record_is_read_back_byte_for_byte() {
        let bodies: [&[u8]; 3] = [b"{}", b"", b"\xff\n"];
        let bytes = record(&bodies);
        let header = RecordHeader::read(&bytes).unwrap();
        assert_eq!((header.documents, header.time_ms), (3, 7));
        assert_eq!(header.document_bytes(), 4);
        assert_eq!(header.record_bytes(), bytes.len() as u64);
        let documents = header.documents_in(&bytes[RECORD_HEADER_BYTES..]).unwrap();
        assert_eq!(documents.iter().collect::<Vec<_>>(), bodies);
    }

    #[test]
    fn every_flipped_byte_of_a_record_is_noticed() {
        let good = record(&[b"{\"id\":\"a\"}"]);
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 0x20;
            let header = RecordHeader::read(&bytes);
            let documents = header.and_then(|h| h.documents_in(&bytes[RECORD_HEADER_BYTES..]));
            assert_eq!(documents, None, "byte {place}");
        }
    }

    #[test]
    fn lengths_beyond_the_bounds_are_refused_although_the_checksum_is_right() {
        let forged = |documents: u32, raw: u32, stored: u32| {
            let mut header = MARKER.to_vec();
            header.extend(documents.to_le_bytes());
            header.extend(7_u64.to_le_bytes());
            header.extend(raw.to_le_bytes());
            header.extend(stored.to_le_bytes());
            header.extend(0_u32.to_le_bytes());
            header.extend(crc32c::crc32c(&header).to_le_bytes());
            RecordHeader::read(&header)
        };
        assert!(forged(1, 4, 4).is_some());
        let cases = [
            ("no documents", 0, 4, 4),
            ("more documents than bytes", 2, 7, 4),
            ("raw length", 1, (8 << 20) + 1, 4),
            ("stored length", 1, 4, u32::MAX),
        ];
        for (name, documents, raw, stored) in cases {
            assert_eq!(forged(documents, raw, stored), None, "{name}");
        }
    }

    #[test]
    fn a_file_header_tells_damage_from_another_version() {
        let header = file_header();
        assert_eq!(read_file_header(&header), FileHeader::Current);
        let mut later = header;
        later[7] = 2;
        assert_eq!(read_file_header(&later), FileHeader::Damaged, "bit flip");
        let crc = crc32c::crc32c(&later[..8]).to_le_bytes();
        later[8..].copy_from_slice(&crc);
        assert_eq!(read_file_header(&later), FileHeader::OtherVersion);
        assert_eq!(read_file_header(&header[..11]), FileHeader::Damaged);
    }
}
