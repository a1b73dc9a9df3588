//! Bundles: a file of segment documents exactly as they were sent, to be carried from one collector
//! to another. The contract in words: `docs/bundle.md`.
//!
//! A bundle is a header, chunks, and a footer. Each chunk's payload is what a framed body carries
//! ([`crate::framing`]) in one zstd frame, so that it can be sent on as it is. Every byte stands under
//! a checksum, and the footer under a digest of all that comes before it: what is cut, flipped or
//! added is noticed.
//!
//! Bounds: a chunk has at most [`DOCUMENTS_MAX`] documents of [`RAW_BYTES_MAX`] bytes together, in
//! at most [`PAYLOAD_BYTES_MAX`] bytes. Writer and reader hold one chunk, however long the bundle is.
//! Compression is the business of the ends, and so is what a document means.

mod reader;
mod writer;

pub use reader::{Part, Reader};
pub use writer::Writer;

/// Media type of a bundle; another version gets another one.
pub const CONTENT_TYPE: &str = "application/vnd.radiograph.bundle.v1";

/// Documents in a chunk at most: as many as a framed body takes.
pub const DOCUMENTS_MAX: u32 = 1000;

/// Bytes of a chunk's documents with their lengths at most, decompressed: as many as a framed body takes.
pub const RAW_BYTES_MAX: u32 = 8 << 20;

/// Bytes of a chunk's payload at most: more than what zstd makes of bytes that it cannot make smaller.
pub const PAYLOAD_BYTES_MAX: u32 = RAW_BYTES_MAX + (64 << 10);

/// The version that is written here, and the only one that is read.
pub const VERSION: u32 = 1;

/// What a bundle begins with. Its first byte is no text, and its last ones change where line ends are
/// translated.
const MAGIC: [u8; 8] = *b"\x89XRAY\r\n\x1a";

/// Magic, version, checksum.
const HEADER_BYTES: usize = 16;
/// What a chunk begins with.
const CHUNK: [u8; 4] = *b"CHNK";
/// Tag, documents, decompressed bytes, payload's bytes, payload's checksum, checksum of these.
const CHUNK_HEADER_BYTES: usize = 24;
/// What the footer begins with.
const FOOTER: [u8; 4] = *b"DONE";
/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;
/// Tag, chunks, documents, traces, digest, checksum of these.
const FOOTER_BYTES: usize = 4 + 3 * 8 + DIGEST_BYTES + 4;

/// What a whole bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Chunks.
    pub chunks: u64,
    /// Documents.
    pub documents: u64,
    /// Traces, as whoever wrote it counted them.
    pub traces: u64,
}

/// Why bytes are no bundle, or not all of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It does not begin as bundles do.
    #[error("this is not a bundle")]
    NotABundle,
    /// The header's checksum is not that of its bytes.
    #[error("the bundle's header is damaged")]
    DamagedHeader,
    /// It was written by a later release.
    #[error("the bundle has version {found}, and {VERSION} is the only one that is read")]
    UnknownVersion {
        /// Its version.
        found: u32,
    },
    /// What stands where a chunk or the footer should begin is neither, or damaged.
    #[error("the bundle is damaged at byte {offset}")]
    Damaged {
        /// Where the chunk or footer begins.
        offset: u64,
    },
    /// A chunk that says it is larger than chunks are, or has no documents.
    #[error("the chunk at byte {offset} is outside the bounds of chunks")]
    OutOfBounds {
        /// Where the chunk begins.
        offset: u64,
    },
    /// The footer tells of other bytes or counts than those that came.
    #[error("the bundle's footer does not fit what comes before it")]
    DigestDiffers,
    /// The bytes end before the footer does.
    #[error("the bundle ends early, after {bytes} bytes")]
    Truncated {
        /// Bytes there are.
        bytes: u64,
    },
    /// Something follows the footer.
    #[error("there are bytes behind the bundle's end at byte {offset}")]
    Trailing {
        /// Where the bundle ends.
        offset: u64,
    },
}

/// A number that is certain to be there.
fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found.copied().unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(number(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(number(bytes, at))
}

/// Whether the last four bytes are the checksum of those before.
fn fits(bytes: &[u8]) -> bool {
    let Some((checked, checksum)) = bytes.split_last_chunk() else {
        return false;
    };
    crc32c::crc32c(checked) == u32::from_le_bytes(*checksum)
}

/// Appends the checksum of what was appended from `start` on.
fn seal(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_le_bytes());
}

#[cfg(test)]
mod tests;
