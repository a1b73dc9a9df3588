//! Opening: which files there are and what in them waits for delivery.
//!
//! Reads every record's header, no payload: a damaged payload shows when it is read. What was torn by
//! a crash is cut off, so that it is told once.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::spool::files::Files;
use crate::spool::format::{FILE_HEADER_BYTES, FileHeader};
use crate::spool::index::{Index, SpoolFile, number_in, path_of, tally_of};
use crate::spool::position::Position;
use crate::spool::scan::{self, Item};

/// What was found when a spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Opened {
    /// Documents that wait for delivery.
    pub(crate) documents: u64,
    /// Bytes of the files that hold them.
    pub(crate) bytes: u64,
    /// Places where the bytes are no record; their documents are in no count.
    pub(crate) damaged_records: u64,
    /// Bytes of records that were never written to their end, cut off.
    pub(crate) cut_bytes: u64,
    /// Files of another release, or that cannot be read: left alone.
    pub(crate) skipped_files: u64,
    /// Whether the note of what is delivered was damaged: some may be delivered again.
    pub(crate) is_position_damaged: bool,
}

/// The files of a directory, and the number of the next one.
pub(super) fn recover(
    files: &dyn Files,
    directory: &Path,
    position: Position,
) -> io::Result<(Index, u64, Opened)> {
    let mut index = Index::default();
    let mut opened = Opened::default();
    let mut newest = position.file;
    for number in numbers(directory)? {
        newest = newest.max(number);
        let path = path_of(directory, number);
        if number < position.file {
            // A delivered file that could not be removed then; if not now either, at the next start.
            drop(files.remove(&path));
            continue;
        }
        let found = recover_file(files, &path, number, position, &mut opened);
        match found {
            Ok(Some(file)) if file.left.documents > 0 => index.0.push_back(file),
            Ok(Some(_)) => drop(files.remove(&path)),
            Ok(None) | Err(_) => opened.skipped_files += 1,
        }
    }
    opened.documents = index.left().documents;
    opened.bytes = index.bytes();
    // Never a number that was used: an old position in a new file would hide what is in it.
    Ok((index, newest.saturating_add(1), opened))
}

/// The numbers of a directory's spool files, ascending.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(number_in));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// One file; `None` when it is of another release.
fn recover_file(
    files: &dyn Files,
    path: &Path,
    number: u64,
    position: Position,
    opened: &mut Opened,
) -> io::Result<Option<SpoolFile>> {
    let source = File::open(path)?;
    let end = source.metadata()?.len();
    let mut file = SpoolFile::new(number, end);
    if end < FILE_HEADER_BYTES as u64 {
        opened.cut_bytes += end;
        return Ok(Some(file));
    }
    match scan::file_header(&source, end)? {
        FileHeader::Current => {}
        FileHeader::OtherVersion => return Ok(None),
        FileHeader::Damaged => opened.damaged_records += 1,
    }
    let mut offset = FILE_HEADER_BYTES as u64;
    loop {
        match scan::item_at(&source, offset, end)? {
            Item::Record(header) => {
                offset += header.record_bytes();
                let is_delivered = number == position.file && offset <= position.offset;
                if !is_delivered {
                    file.add(tally_of(&header), header.time_ms);
                }
            }
            Item::Damaged { bytes } => {
                opened.damaged_records += 1;
                offset += bytes;
            }
            Item::Torn { bytes } => {
                opened.cut_bytes += bytes;
                // Where that is not possible nobody reads further than `bytes` all the same.
                drop(files.open(path).and_then(|file| files.cut(&file, offset)));
                file.bytes = offset;
                return Ok(Some(file));
            }
            Item::End => return Ok(Some(file)),
        }
    }
}
