//! The place up to which the spool has been read, and reading there.
//!
//! Per record: 2 reads, 1 decompression. A disk that fails is asked again before anything is given up.

use std::fs::File;
use std::io;
use std::mem;

use crate::documents::Documents;
use crate::spool::format::{FILE_HEADER_BYTES, RecordHeader};
use crate::spool::index::path_of;
use crate::spool::position::Position;
use crate::spool::scan::{self, Item};
use crate::spool::shed::ShedReason;
use crate::spool::{Spool, SpoolError};

/// Attempts to read a record before it is given up with the rest of its file.
const READ_ATTEMPTS_MAX: u32 = 5;

impl Spool {
    /// The record that is next to be read, without passing it; damage before it is passed.
    pub(super) fn next_record(&mut self) -> Result<Option<(Position, RecordHeader)>, SpoolError> {
        loop {
            let Some(file) = self.index.file_from(self.cursor.file) else {
                return Ok(None);
            };
            let (number, end) = (file.number, file.bytes);
            if number != self.cursor.file || self.cursor.offset == 0 {
                self.cursor = Position {
                    file: number,
                    offset: FILE_HEADER_BYTES as u64,
                };
            }
            match self.item_at(self.cursor, end)? {
                Item::Record(header) => return Ok(Some((self.cursor, header))),
                Item::Damaged { bytes } | Item::Torn { bytes } => self.cursor.offset += bytes,
                Item::End => {
                    self.reconcile(number);
                    if self.index.file_from(number.saturating_add(1)).is_none() {
                        return Ok(None);
                    }
                    self.cursor = Position {
                        file: number.saturating_add(1),
                        offset: 0,
                    };
                }
            }
        }
    }

    /// What was counted in a file and not found in it is lost.
    fn reconcile(&mut self, number: u64) {
        let Some(file) = self.index.file_mut(number) else {
            return;
        };
        let missing = mem::take(&mut file.unread);
        if missing.documents > 0 {
            file.left = file.left.minus(missing);
            self.give_up(ShedReason::Damaged, missing);
            self.settle();
        }
    }

    /// What lies at a place of a file that ends at `end`; damage when it cannot be read for long.
    pub(super) fn item_at(&mut self, position: Position, end: u64) -> Result<Item, SpoolError> {
        let left = end.saturating_sub(position.offset);
        if left == 0 {
            return Ok(Item::End);
        }
        let read = self
            .reader(position.file)
            .and_then(|file| scan::item_at(file, position.offset, end));
        let item = self.read_or_give_up(position, read)?;
        Ok(item.unwrap_or(Item::Damaged { bytes: left }))
    }

    /// The documents of the record at a place; `None` when they are damaged or cannot be read for long.
    pub(super) fn documents_at(
        &mut self,
        position: Position,
        header: &RecordHeader,
    ) -> Result<Option<Documents>, SpoolError> {
        let read = self
            .reader(position.file)
            .and_then(|file| scan::documents_at(file, position.offset, header));
        self.read_or_give_up(position, read).map(Option::flatten)
    }

    fn reader(&mut self, number: u64) -> io::Result<&File> {
        let open = match self.reader.take() {
            Some(open) if open.0 == number => open,
            _ => (number, File::open(path_of(&self.directory, number))?),
        };
        Ok(&self.reader.insert(open).1)
    }

    /// What was read; `None` when it will never be.
    fn read_or_give_up<T>(
        &mut self,
        position: Position,
        read: io::Result<T>,
    ) -> Result<Option<T>, SpoolError> {
        let source = match read {
            Ok(read) => {
                self.read_failures = 0;
                return Ok(Some(read));
            }
            Err(source) => source,
        };
        self.read_failures += 1;
        let is_gone = matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
        );
        if is_gone || self.read_failures >= READ_ATTEMPTS_MAX {
            self.read_failures = 0;
            return Ok(None);
        }
        Err(SpoolError::Read {
            path: path_of(&self.directory, position.file),
            source,
        })
    }
}
