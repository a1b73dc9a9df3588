//! How blocks and sections stand in a sealed file. Pure; all numbers are little-endian.
//!
//! ```text
//! file   = header frame* footer
//! header = magic "RGRSEA\n" (7) | format version (1) | arrival start (8) | arrival end (8)
//!        | crc32c of these 24 (4)
//! frame  = marker FF 'R' 'S' FE (4) | kind (4) | payload length (4) | raw length (4)
//!        | crc32c of the payload (4) | crc32c of these 20 (4) | payload
//! payload = number of streams (1) | (length here (4) | raw length (4))* | streams
//! footer = magic "RGRSEAL\n" (8) | offset of the directory's frame (8) | its length (4)
//!        | crc32c of these 20 (4)
//! ```
//!
//! A stream is a zstd frame, or the bytes themselves where both lengths are the same. What is alike is
//! kept in streams of its own, so that ids, which nothing compresses, do not spoil the text beside
//! them. Which damage each mark detects stands in [`super::super::format`], whose blocks these resemble;
//! they are other ones, so that neither reader takes the other's file for its own.

use std::io;

use radiograph_protocol::timestamp::Timestamp;

use super::super::decoder::decompress;
use super::super::format::{COMPRESSED_BYTES_MAX, RAW_BYTES_MAX, take, take_u32};

/// Version of this layout.
pub(super) const FORMAT_VERSION: u8 = 1;
/// Length of the file's header.
pub(super) const HEADER_BYTES: usize = 28;
/// Length of the footer.
pub(super) const FOOTER_BYTES: usize = 24;
/// Length of what stands before a payload.
pub(super) const FRAME_HEADER_BYTES: usize = 24;
const HEADER_LENGTH: u32 = 24;
/// First bytes of every frame.
pub(super) const MARKER: [u8; 4] = [0xFF, b'R', b'S', 0xFE];
/// All streams of a frame decompressed, at most: an entry of the greatest length and what stands
/// beside it.
pub(super) const FRAME_RAW_BYTES_MAX: usize = RAW_BYTES_MAX + (1 << 20);
const PAYLOAD_BYTES_MAX: usize = COMPRESSED_BYTES_MAX + (2 << 20);

const MAGIC: [u8; 7] = *b"RGRSEA\n";
const FOOTER_MAGIC: [u8; 8] = *b"RGRSEAL\n";
const STREAM_HEADER_BYTES: usize = 8;

/// What a frame holds, by number, so that those of later releases can be passed over.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(super) struct Kind(pub(super) u32);

impl Kind {
    /// Documents, by trace id.
    pub(super) const DOCUMENTS: Self = Self(1);
    /// Views, newest first.
    pub(super) const VIEWS: Self = Self(2);
    /// Where the blocks of documents are.
    pub(super) const DOCUMENT_BLOCKS: Self = Self(3);
    /// Where the blocks of views are.
    pub(super) const VIEW_BLOCKS: Self = Self(4);
    /// The sum of all views' contributions.
    pub(super) const TOTALS: Self = Self(5);
    /// The Bloom filter over the trace ids.
    pub(super) const BLOOM: Self = Self(6);
    /// Traces whose view replaces an earlier partition's.
    pub(super) const CARRIED: Self = Self(7);
    /// Links of the views.
    pub(super) const LINKS: Self = Self(8);
    /// Where all sections are; the last frame.
    pub(super) const DIRECTORY: Self = Self(9);
    /// The search indexes over the views, in frames of [`super::terms::FRAME_BYTES`].
    pub(super) const SEARCH: Self = Self(10);
    /// Rows and frames of each search index.
    pub(super) const INDEX_EXTENTS: Self = Self(11);
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileHeader {
    /// A sealed file in this layout, and when its documents arrived: `[start, end)`.
    Current(Timestamp, Timestamp),
    /// A sealed file, undamaged, in a layout of another release.
    OtherVersion(u8),
    /// No header of a sealed file.
    Damaged,
}

/// The fixed part before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// What the payload holds.
    pub(super) kind: Kind,
    /// Length of the payload.
    pub(super) payload_bytes: u32,
    raw_bytes: u32,
    payload_crc: u32,
}

/// The header of a file whose documents arrived in `[start, end)`.
pub(super) fn file_header(start: Timestamp, end: Timestamp) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(FORMAT_VERSION);
    bytes.extend(start.micros().to_le_bytes());
    bytes.extend(end.micros().to_le_bytes());
    push_crc(&mut bytes, 0);
    bytes
}

/// Reads the first bytes of a file.
pub(super) fn read_file_header(bytes: &[u8; HEADER_BYTES]) -> FileHeader {
    let mut rest = bytes.as_slice();
    let (Some(magic), Some([version]), Some(start), Some(end), Some(crc)) = (
        take::<7>(&mut rest),
        take::<1>(&mut rest),
        take(&mut rest).map(i64::from_le_bytes),
        take(&mut rest).map(i64::from_le_bytes),
        take_u32(&mut rest),
    ) else {
        return FileHeader::Damaged;
    };
    let (fields, _) = bytes.split_at(HEADER_BYTES - 4);
    match version {
        _ if magic != MAGIC || crc != crc32c::crc32c(fields) => FileHeader::Damaged,
        FORMAT_VERSION => {
            FileHeader::Current(Timestamp::from_micros(start), Timestamp::from_micros(end))
        }
        other => FileHeader::OtherVersion(other),
    }
}

/// The footer of a file whose directory is there.
pub(super) fn footer(directory_offset: u64, directory_bytes: u32) -> Vec<u8> {
    let mut bytes = FOOTER_MAGIC.to_vec();
    bytes.extend(directory_offset.to_le_bytes());
    bytes.extend(directory_bytes.to_le_bytes());
    push_crc(&mut bytes, 0);
    bytes
}

/// Reads a footer: offset and length of the directory's frame; `None` when it is damaged.
pub(super) fn read_footer(bytes: &[u8; FOOTER_BYTES]) -> Option<(u64, u32)> {
    let mut rest = bytes.as_slice();
    let fields = take::<20>(&mut rest)?;
    let crc = take_u32(&mut rest)?;
    let mut rest = fields.as_slice();
    let magic = take::<8>(&mut rest)?;
    let place = (u64::from_le_bytes(take(&mut rest)?), take_u32(&mut rest)?);
    (magic == FOOTER_MAGIC && crc == crc32c::crc32c(&fields)).then_some(place)
}

impl FrameHeader {
    /// Reads a header; `None` unless marker, checksum and the lengths' bounds are right.
    pub(super) fn read(bytes: &[u8; FRAME_HEADER_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let fields = take::<20>(&mut rest)?;
        if take_u32(&mut rest)? != crc32c::crc32c(&fields) {
            return None;
        }
        let mut rest = fields.as_slice();
        let marker = take::<4>(&mut rest)?;
        let header = Self {
            kind: Kind(take_u32(&mut rest)?),
            payload_bytes: take_u32(&mut rest)?,
            raw_bytes: take_u32(&mut rest)?,
            payload_crc: take_u32(&mut rest)?,
        };
        let is_bounded = usize::try_from(header.payload_bytes).ok()? <= PAYLOAD_BYTES_MAX
            && usize::try_from(header.raw_bytes).ok()? <= FRAME_RAW_BYTES_MAX;
        (marker == MARKER && is_bounded).then_some(header)
    }

    /// Length of the whole frame.
    pub(super) const fn frame_bytes(&self) -> u32 {
        self.payload_bytes.saturating_add(HEADER_LENGTH)
    }

    /// Whether this is the payload that the header was written for.
    pub(super) fn fits(&self, payload: &[u8]) -> bool {
        u32::try_from(payload.len()) == Ok(self.payload_bytes)
            && crc32c::crc32c(payload) == self.payload_crc
    }

    /// The streams of a payload that [`Self::fits`], decompressed; `None` when they are not of the
    /// stated lengths.
    pub(super) fn streams(&self, payload: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (count, mut rest) = payload.split_first()?;
        let heads = super::numbers::take_bytes(
            &mut rest,
            usize::from(*count).checked_mul(STREAM_HEADER_BYTES)?,
        )?;
        let mut raw_left = usize::try_from(self.raw_bytes).ok()?;
        let mut streams = Vec::with_capacity(usize::from(*count));
        let mut heads = heads;
        while !heads.is_empty() {
            let stored_bytes = usize::try_from(take_u32(&mut heads)?).ok()?;
            let raw_bytes = usize::try_from(take_u32(&mut heads)?).ok()?;
            raw_left = raw_left.checked_sub(raw_bytes)?;
            let stored = super::numbers::take_bytes(&mut rest, stored_bytes)?;
            let raw = if stored_bytes == raw_bytes {
                stored.to_vec()
            } else {
                decompress(stored, raw_bytes)?
            };
            streams.push(raw);
        }
        (rest.is_empty() && raw_left == 0).then_some(streams)
    }
}

/// Compresses streams into frames, reusing the compressor's working memory.
pub(super) struct FrameEncoder(zstd::bulk::Compressor<'static>);

impl FrameEncoder {
    /// An encoder.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new() -> io::Result<Self> {
        zstd::bulk::Compressor::new(1).map(Self)
    }

    /// Appends a frame with these streams, compressed at this zstd level, and returns its length.
    ///
    /// # Errors
    /// When the streams are longer than [`FRAME_RAW_BYTES_MAX`] together, or there is no memory.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        level: i32,
        streams: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> io::Result<u32> {
        self.0.set_compression_level(level)?;
        let raw_bytes: usize = streams.iter().map(|stream| stream.len()).sum();
        let count = u8::try_from(streams.len()).map_err(|_| too_large())?;
        let mut heads = vec![count];
        let mut body = Vec::new();
        for stream in streams {
            let compressed = self.0.compress(stream)?;
            let is_smaller = compressed.len() < stream.len();
            let stored = if is_smaller {
                compressed.as_slice()
            } else {
                stream
            };
            heads.extend(u32_of(stored.len())?.to_le_bytes());
            heads.extend(u32_of(stream.len())?.to_le_bytes());
            body.extend(stored);
        }
        let payload_bytes = heads.len() + body.len();
        if raw_bytes > FRAME_RAW_BYTES_MAX || payload_bytes > PAYLOAD_BYTES_MAX {
            return Err(too_large());
        }
        let from = out.len();
        out.extend(MARKER);
        out.extend(kind.0.to_le_bytes());
        out.extend(u32_of(payload_bytes)?.to_le_bytes());
        out.extend(u32_of(raw_bytes)?.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&heads), &body);
        out.extend(crc.to_le_bytes());
        push_crc(out, from);
        out.extend(heads);
        out.extend(body);
        u32_of(out.len() - from)
    }
}

/// An entry that no frame may hold.
pub(super) fn too_large() -> io::Error {
    io::Error::from(io::ErrorKind::FileTooLarge)
}

/// Appends the checksum of everything from an offset on.
fn push_crc(bytes: &mut Vec<u8>, from: usize) {
    let crc = crc32c::crc32c(bytes.get(from..).unwrap_or_default());
    bytes.extend(crc.to_le_bytes());
}

fn u32_of(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(bytes: &[u8]) -> Option<(FrameHeader, &[u8])> {
        let (header, payload) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>()?;
        Some((FrameHeader::read(header)?, payload))
    }

    #[test]
    fn streams_are_read_back_and_what_does_not_compress_is_kept_as_it_is() {
        let alike = vec![b'x'; 10_000];
        let streams: [&[u8]; 3] = [&alike, b"", b"\x01\x93"];
        let mut out = Vec::new();
        let mut encoder = FrameEncoder::new().unwrap();
        let bytes = encoder.push(Kind::TOTALS, 1, &streams, &mut out).unwrap();
        assert_eq!(usize::try_from(bytes).unwrap(), out.len());
        assert!(out.len() < 200, "{} bytes", out.len());
        let (header, payload) = parts(&out).unwrap();
        assert_eq!((header.kind, header.fits(payload)), (Kind::TOTALS, true));
        assert_eq!(
            header.streams(payload).unwrap(),
            streams.map(<[u8]>::to_vec)
        );
    }

    #[test]
    fn a_frame_that_is_too_large_is_refused() {
        let mut encoder = FrameEncoder::new().unwrap();
        let large = vec![0; FRAME_RAW_BYTES_MAX + 1];
        let refused = encoder.push(Kind::TOTALS, 1, &[&large], &mut Vec::new());
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn header_and_footer_are_read_back_and_any_flipped_bit_is_seen() {
        let (start, end) = (Timestamp::from_seconds(3600), Timestamp::from_seconds(7200));
        let header: [u8; HEADER_BYTES] = file_header(start, end).try_into().unwrap();
        assert_eq!(read_file_header(&header), FileHeader::Current(start, end));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = header;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_file_header(&flipped), FileHeader::Damaged, "bit {bit}");
        }
        let footer: [u8; FOOTER_BYTES] = footer(77, 99).try_into().unwrap();
        assert_eq!(read_footer(&footer), Some((77, 99)));
        for bit in 0..FOOTER_BYTES * 8 {
            let mut flipped = footer;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_footer(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut bytes = file_header(Timestamp::MIN, Timestamp::MAX);
        bytes[7] = 2;
        bytes.truncate(HEADER_BYTES - 4);
        push_crc(&mut bytes, 0);
        let header: [u8; HEADER_BYTES] = bytes.try_into().unwrap();
        assert_eq!(read_file_header(&header), FileHeader::OtherVersion(2));
    }

    proptest! {
        #[test]
        fn property_no_payload_makes_the_reader_panic(payload: Vec<u8>, raw_bytes: u32) {
            let header = FrameHeader { kind: Kind::VIEWS, payload_bytes: 0, raw_bytes, payload_crc: 0 };
            let _any = header.streams(&payload);
        }
    }
}
