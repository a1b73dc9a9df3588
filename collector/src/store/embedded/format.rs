//! The layout of a log file. Pure: bytes in, bytes out; all numbers are little-endian.
//!
//! ```text
//! file   = header block*
//! header = magic "RGRLOG\n" (7) | format version (1) | crc32c of these 8 (4)
//! block  = marker FF 'R' 'G' FE (4) | kind (4) | compressed length (4) | raw length (4)
//!        | crc32c of the payload (4) | crc32c of these 20 (4) | payload: one zstd frame
//! ```
//!
//! Which damage each mark detects: the magic, a file that is none of ours; the version with its
//! checksum, a file of a later release, told from one with a flipped bit; the header's checksum, a
//! torn or flipped block header, before any of its lengths is believed; the payload's checksum, a
//! torn or flipped payload, before it is decompressed; the raw length, a frame that was written
//! wrong. The marker is no proof of anything: it is where to look for the next block behind damage.
//! It cannot be UTF-8, so that no document kept verbatim by the compressor can imitate a block.
//!
//! What a payload holds stands in [`super::payload`].

use std::io;

/// Version of this layout.
pub(super) const FORMAT_VERSION: u8 = 1;
/// Length of a file's header.
pub(super) const FILE_HEADER_BYTES: usize = 12;
/// Length of a block's header.
pub(super) const BLOCK_HEADER_BYTES: usize = 24;
/// First bytes of every block.
pub(super) const MARKER: [u8; 4] = [0xFF, b'R', b'G', 0xFE];
/// A payload's length before compression at most: room for the view of a trace of a few hundred
/// thousand segments, and what a reader allocates for one block at most.
pub(super) const RAW_BYTES_MAX: usize = 64 << 20;
/// A payload's length on disk at most: zstd adds less than 1 % and 1 KiB to what it cannot compress.
pub(super) const COMPRESSED_BYTES_MAX: usize = RAW_BYTES_MAX + RAW_BYTES_MAX / 64 + 1024;

const MAGIC: [u8; 7] = *b"RGRLOG\n";
/// Higher levels gain nothing on segments (`docs/adr/001-embedded-store.md`).
const ZSTD_LEVEL: i32 = 1;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Documents as they were sent.
    Documents,
    /// Views of traces.
    Views,
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileHeader {
    /// A log in this layout.
    Current,
    /// A log, undamaged, in a layout of another release.
    OtherVersion(u8),
    /// No header of a log.
    Damaged,
}

/// The fixed part before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// What the payload holds.
    pub(super) kind: Kind,
    /// Length of the payload on disk, at most [`COMPRESSED_BYTES_MAX`].
    pub(super) compressed_bytes: u32,
    /// Length of the payload decompressed, at most [`RAW_BYTES_MAX`].
    pub(super) raw_bytes: u32,
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
pub(super) fn read_file_header(bytes: &[u8; FILE_HEADER_BYTES]) -> FileHeader {
    let mut rest = bytes.as_slice();
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
        other => FileHeader::OtherVersion(other),
    }
}

impl Kind {
    const fn code(self) -> u32 {
        match self {
            Self::Documents => 1,
            Self::Views => 2,
        }
    }

    const fn of_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Documents),
            2 => Some(Self::Views),
            _ => None,
        }
    }
}

impl BlockHeader {
    /// Reads a header; `None` unless marker, checksum, kind and the lengths' bounds are right.
    pub(super) fn read(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let fields = take::<20>(&mut rest)?;
        if take_u32(&mut rest)? != crc32c::crc32c(&fields) {
            return None;
        }
        let mut rest = fields.as_slice();
        let marker = take::<4>(&mut rest)?;
        let header = Self {
            kind: Kind::of_code(take_u32(&mut rest)?)?,
            compressed_bytes: take_u32(&mut rest)?,
            raw_bytes: take_u32(&mut rest)?,
            payload_crc: take_u32(&mut rest)?,
        };
        let is_bounded = usize::try_from(header.compressed_bytes).ok()? <= COMPRESSED_BYTES_MAX
            && usize::try_from(header.raw_bytes).ok()? <= RAW_BYTES_MAX;
        (marker == MARKER && is_bounded).then_some(header)
    }

    /// Whether this is the payload that the header was written for.
    pub(super) fn fits(&self, payload: &[u8]) -> bool {
        u32::try_from(payload.len()) == Ok(self.compressed_bytes)
            && crc32c::crc32c(payload) == self.payload_crc
    }

    /// Decompresses a payload that [`Self::fits`]; `None` when it is no frame of the stated length.
    pub(super) fn decompress(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let raw_bytes = usize::try_from(self.raw_bytes).ok()?;
        super::decoder::decompress(payload, raw_bytes)
    }
}

/// Compresses payloads into blocks, reusing the compressor's working memory.
pub(super) struct BlockEncoder(zstd::bulk::Compressor<'static>);

impl BlockEncoder {
    /// An encoder.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new() -> io::Result<Self> {
        zstd::bulk::Compressor::new(ZSTD_LEVEL).map(Self)
    }

    /// Appends a block with this payload, at most [`RAW_BYTES_MAX`] long.
    ///
    /// # Errors
    /// When the payload is longer, or the compressor has no memory.
    pub(super) fn push(&mut self, kind: Kind, raw: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let payload = self.0.compress(raw)?;
        if raw.len() > RAW_BYTES_MAX || payload.len() > COMPRESSED_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "block is too large",
            ));
        }
        let mut fields = Vec::with_capacity(BLOCK_HEADER_BYTES);
        fields.extend(MARKER);
        fields.extend(kind.code().to_le_bytes());
        fields.extend(u32_of(payload.len())?.to_le_bytes());
        fields.extend(u32_of(raw.len())?.to_le_bytes());
        fields.extend(crc32c::crc32c(&payload).to_le_bytes());
        fields.extend(crc32c::crc32c(&fields).to_le_bytes());
        out.extend(fields);
        out.extend(payload);
        Ok(())
    }
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
mod tests;
