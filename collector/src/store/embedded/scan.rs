//! Reading a log from its start to its end, whatever bytes it holds: intact blocks in order, and
//! what lies between them.
//!
//! Memory: one block at a time, and a window of 64 KiB while looking for the next intact one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::blocks::{read_exact, read_intact};
use super::failure::{Doing, corrupt};
use super::format::{
    BLOCK_HEADER_BYTES, BlockHeader, FILE_HEADER_BYTES, FileHeader, MARKER, read_file_header,
};
use crate::store::StoreError;

const WINDOW_BYTES: usize = 64 << 10;

/// What a log turned out to hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LogScan {
    /// Length of the file.
    pub(super) bytes: u64,
    /// Damaged regions with an intact block behind them.
    pub(super) damaged: Vec<Range<u64>>,
    /// From here on there is nothing intact; `None` when the last block is.
    pub(super) bad_tail: Option<u64>,
}

/// Hands every intact block, with its offset, to `visit`.
///
/// # Errors
/// When the file cannot be read, or is of another format version.
pub(super) fn scan_log(
    path: &Path,
    visit: impl FnMut(u64, &BlockHeader, &[u8]),
) -> Result<LogScan, StoreError> {
    scan_log_to(path, None, visit)
}

/// The same of what stands before `end`, where a block begins or nothing does.
///
/// # Errors
/// As of [`scan_log`].
pub(super) fn scan_log_to(
    path: &Path,
    end: Option<u64>,
    mut visit: impl FnMut(u64, &BlockHeader, &[u8]),
) -> Result<LogScan, StoreError> {
    let file = File::open(path).doing("opening", path)?;
    let bytes = file.metadata().doing("reading", path)?.len();
    let bytes = end.map_or(bytes, |end| bytes.min(end));
    let mut scan = LogScan {
        bytes,
        ..LogScan::default()
    };
    let mut offset = if has_header(&file, path)? {
        FILE_HEADER_BYTES as u64
    } else {
        0
    };
    while offset < bytes {
        if let Some((header, payload)) = read_intact(&file, offset).doing("reading", path)? {
            visit(offset, &header, &payload);
            offset += BLOCK_HEADER_BYTES as u64 + u64::from(header.compressed_bytes);
        } else if let Some(next) = next_intact(&file, offset + 1, bytes).doing("reading", path)? {
            scan.damaged.push(offset..next);
            offset = next;
        } else {
            scan.bad_tail = Some(offset);
            break;
        }
    }
    Ok(scan)
}

/// Whether the file begins as a log; a damaged header is damage like any other.
fn has_header(file: &File, path: &Path) -> Result<bool, StoreError> {
    let mut header = [0; FILE_HEADER_BYTES];
    if !read_exact(file, &mut header, 0).doing("reading", path)? {
        return Ok(false);
    }
    match read_file_header(&header) {
        FileHeader::Current => Ok(true),
        FileHeader::Damaged => Ok(false),
        FileHeader::OtherVersion(version) => Err(corrupt(
            path,
            format!("format version {version} is not known to this release"),
        )),
    }
}

/// The offset of the first intact block from `from` on.
fn next_intact(file: &File, from: u64, bytes: u64) -> io::Result<Option<u64>> {
    let mut window_start = from;
    while window_start < bytes {
        let left = usize::try_from(bytes - window_start).unwrap_or(usize::MAX);
        let mut window = vec![0; left.min(WINDOW_BYTES)];
        if !read_exact(file, &mut window, window_start)? {
            return Ok(None);
        }
        let candidates = window.windows(MARKER.len()).enumerate();
        for (at, _) in candidates.filter(|(_, bytes)| *bytes == MARKER) {
            let offset = window_start + at as u64;
            if read_intact(file, offset)?.is_some() {
                return Ok(Some(offset));
            }
        }
        if window.len() == left {
            return Ok(None);
        }
        // a marker may lie across the border of two windows
        window_start += (window.len() - (MARKER.len() - 1)) as u64;
    }
    Ok(None)
}
