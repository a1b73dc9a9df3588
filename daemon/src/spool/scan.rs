//! Walks through a file's records, around damage: what recovery, replay and the commands share.
//!
//! Memory: one record, or 64 KiB while it looks for the next record behind damage.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::documents::Documents;
use crate::spool::format::{
    FILE_HEADER_BYTES, FileHeader, MARKER, RECORD_HEADER_BYTES, RecordHeader, read_file_header,
};

/// How much is read at once while looking for the next record behind damage.
const SEARCH_BYTES: usize = 64 << 10;

/// Bytes that can be read from any offset.
pub(super) trait Source {
    /// Fills the buffer, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Source for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

impl Source for [u8] {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let rest = start.and_then(|start| self.get(start..));
        let Some((found, _)) = rest.and_then(|rest| rest.split_at_checked(buffer.len())) else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        };
        buffer.copy_from_slice(found);
        Ok(())
    }
}

/// What lies at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// A record whose header is right and whose payload lies in the file.
    Record(RecordHeader),
    /// Bytes that are no record; the next record, if any, is behind them.
    Damaged { bytes: u64 },
    /// The beginning of a record that was never written to its end.
    Torn { bytes: u64 },
    /// Nothing more.
    End,
}

/// What the first bytes of a file of `end` bytes say.
pub(super) fn file_header<S: Source + ?Sized>(source: &S, end: u64) -> io::Result<FileHeader> {
    let mut bytes = [0; FILE_HEADER_BYTES];
    if end < FILE_HEADER_BYTES as u64 {
        return Ok(FileHeader::Damaged);
    }
    source.read_exact_at(&mut bytes, 0)?;
    Ok(read_file_header(&bytes))
}

/// What lies at `offset` of a file of `end` bytes.
pub(super) fn item_at<S: Source + ?Sized>(source: &S, offset: u64, end: u64) -> io::Result<Item> {
    let left = end.saturating_sub(offset);
    if left == 0 {
        return Ok(Item::End);
    }
    if left < RECORD_HEADER_BYTES as u64 {
        return Ok(Item::Torn { bytes: left });
    }
    let mut bytes = [0; RECORD_HEADER_BYTES];
    source.read_exact_at(&mut bytes, offset)?;
    match RecordHeader::read(&bytes) {
        Some(header) if header.record_bytes() <= left => Ok(Item::Record(header)),
        Some(_) => Ok(Item::Torn { bytes: left }),
        None => {
            let next = next_record(source, offset.saturating_add(1), end)?;
            let bytes = next.unwrap_or(end).saturating_sub(offset);
            Ok(Item::Damaged { bytes })
        }
    }
}

/// The documents of the record at `offset`; `None` when its payload is damaged.
pub(super) fn documents_at<S: Source + ?Sized>(
    source: &S,
    offset: u64,
    header: &RecordHeader,
) -> io::Result<Option<Documents>> {
    let Ok(length) = usize::try_from(header.stored_bytes) else {
        return Ok(None);
    };
    let mut payload = vec![0; length];
    let start = offset.saturating_add(RECORD_HEADER_BYTES as u64);
    source.read_exact_at(&mut payload, start)?;
    Ok(header.documents_in(&payload))
}

/// The first offset from `offset` on where a record begins.
fn next_record<S: Source + ?Sized>(source: &S, offset: u64, end: u64) -> io::Result<Option<u64>> {
    let mut start = offset;
    let mut buffer = vec![0; SEARCH_BYTES];
    loop {
        let left = end.saturating_sub(start);
        if left < RECORD_HEADER_BYTES as u64 {
            return Ok(None);
        }
        let length = usize::try_from(left).map_or(SEARCH_BYTES, |left| left.min(SEARCH_BYTES));
        let Some(window) = buffer.get_mut(..length) else {
            return Ok(None);
        };
        source.read_exact_at(window, start)?;
        let is_record =
            |bytes: &[u8]| bytes.starts_with(&MARKER) && RecordHeader::read(bytes).is_some();
        if let Some(place) = window.windows(RECORD_HEADER_BYTES).position(is_record) {
            return Ok(Some(start.saturating_add(place as u64)));
        }
        // The last bytes may be the beginning of a header.
        start = start.saturating_add((length - RECORD_HEADER_BYTES + 1) as u64);
    }
}

/// Reads a whole file's bytes as the daemon would after a crash; for the fuzz target.
pub(crate) fn read_all(bytes: &[u8]) -> Vec<Documents> {
    let end = bytes.len() as u64;
    let mut all = Vec::new();
    let mut offset = FILE_HEADER_BYTES as u64;
    if file_header(bytes, end).ok() == Some(FileHeader::OtherVersion) {
        return all;
    }
    while let Ok(item) = item_at(bytes, offset, end) {
        match item {
            Item::Record(header) => {
                all.extend(documents_at(bytes, offset, &header).ok().flatten());
                offset = offset.saturating_add(header.record_bytes());
            }
            Item::Damaged { bytes } => offset = offset.saturating_add(bytes),
            Item::Torn { .. } | Item::End => break,
        }
    }
    all
}
