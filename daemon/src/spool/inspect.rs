//! Looks into spools without a lock and without changing them, also while a daemon writes there.
//!
//! A file that vanishes meanwhile was delivered; a torn end of the newest file is being written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::documents::Documents;
use crate::spool::format::{FILE_HEADER_BYTES, FileHeader, RecordHeader};
use crate::spool::index::path_of;
use crate::spool::position::{self, Position};
use crate::spool::recovery;
use crate::spool::scan::{self, Item};

/// The folder of all spools in a data directory.
const FOLDER: &str = "spool";

/// Where the spool of a destination lies.
pub(crate) fn directory_of(data_dir: &Path, destination: &str) -> PathBuf {
    data_dir.join(FOLDER).join(destination)
}

/// The destinations that have a spool in a data directory, by name; none when there is no directory.
pub(crate) fn destinations(data_dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(data_dir.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

/// A spool as it is on disk now.
#[derive(Debug)]
pub(crate) struct View {
    directory: PathBuf,
    position: Position,
    /// Damaged slots of the position file.
    pub(crate) damaged_slots: u32,
    /// The numbers of its files, oldest first.
    pub(crate) files: Vec<u64>,
}

/// What a file holds at some place.
#[derive(Debug)]
pub(crate) enum Found {
    /// A record whose header is right.
    Record(FoundRecord),
    /// So many bytes at this offset are no record.
    Damaged { offset: u64, bytes: u64 },
    /// The file ends in a record that is not whole.
    Torn { bytes: u64 },
    /// The file is of another release, and nobody reads further.
    OtherVersion,
}

/// A record in a file.
#[derive(Debug)]
pub(crate) struct FoundRecord {
    /// When it was appended, in milliseconds since the epoch.
    pub(crate) time_ms: u64,
    /// How many documents it holds.
    pub(crate) count: u64,
    /// Whether its documents are delivered.
    pub(crate) is_delivered: bool,
    /// Where it begins.
    pub(crate) offset: u64,
    header: RecordHeader,
}

/// A file's records and damages in order.
#[derive(Debug)]
pub(crate) struct Records {
    file: File,
    number: u64,
    position: Position,
    offset: u64,
    end: u64,
}

impl View {
    /// Reads the position and the names of the files.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let recorded = match File::open(directory.join(position::FILE_NAME)) {
            Ok(file) => position::read(&file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => position::Recorded::default(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            directory: directory.to_owned(),
            position: recorded.position,
            damaged_slots: recorded.damaged_slots,
            files: recovery::numbers(directory)?,
        })
    }

    /// What the file of this number holds; `None` when it is gone.
    pub(crate) fn records(&self, number: u64) -> io::Result<Option<Records>> {
        let file = match File::open(path_of(&self.directory, number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let end = file.metadata()?.len();
        Ok(Some(Records {
            file,
            number,
            position: self.position,
            offset: 0,
            end,
        }))
    }
}

impl Records {
    /// The documents of a record of this file; `None` when they are damaged.
    pub(crate) fn documents(&self, record: &FoundRecord) -> io::Result<Option<Documents>> {
        scan::documents_at(&self.file, record.offset, &record.header)
    }

    /// Length of the file.
    pub(crate) const fn file_bytes(&self) -> u64 {
        self.end
    }

    /// The next record or damage; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Found>> {
        let header_bytes = FILE_HEADER_BYTES as u64;
        if self.offset == 0 {
            self.offset = header_bytes;
            if self.end < header_bytes {
                let bytes = self.end;
                return Ok((bytes > 0).then_some(Found::Torn { bytes }));
            }
            match scan::file_header(&self.file, self.end)? {
                FileHeader::Current => {}
                FileHeader::OtherVersion => {
                    self.offset = self.end;
                    return Ok(Some(Found::OtherVersion));
                }
                FileHeader::Damaged => {
                    return Ok(Some(Found::Damaged {
                        offset: 0,
                        bytes: header_bytes,
                    }));
                }
            }
        }
        let offset = self.offset;
        Ok(match scan::item_at(&self.file, offset, self.end)? {
            Item::Record(header) => {
                self.offset += header.record_bytes();
                let end = Position {
                    file: self.number,
                    offset: self.offset,
                };
                Some(Found::Record(FoundRecord {
                    time_ms: header.time_ms,
                    count: u64::from(header.documents),
                    is_delivered: end <= self.position,
                    offset,
                    header,
                }))
            }
            Item::Damaged { bytes } => {
                self.offset += bytes;
                Some(Found::Damaged { offset, bytes })
            }
            Item::Torn { bytes } => {
                self.offset += bytes;
                Some(Found::Torn { bytes })
            }
            Item::End => None,
        })
    }
}
