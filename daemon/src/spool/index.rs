//! What is known about each file of a spool: about 100 bytes per file, nothing per record.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::spool::format::RecordHeader;
use crate::spool::shed::Tally;

/// Ending of a spool file's name; before it stands its number in 16 hexadecimal digits.
const FILE_SUFFIX: &str = ".spool";

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpoolFile {
    /// Its number; files are delivered in this order.
    pub(super) number: u64,
    /// Its length up to the end of the last whole record.
    pub(super) bytes: u64,
    /// Documents that are neither delivered nor given up, those that are taken included.
    pub(super) left: Tally,
    /// Those of them that reading has not reached yet.
    pub(super) unread: Tally,
    /// When the oldest of the unread was appended; it may name the record before.
    pub(super) oldest_ms: u64,
    /// When the youngest was.
    pub(super) newest_ms: u64,
}

impl SpoolFile {
    /// A file without records.
    pub(super) fn new(number: u64, bytes: u64) -> Self {
        Self {
            number,
            bytes,
            left: Tally::default(),
            unread: Tally::default(),
            oldest_ms: u64::MAX,
            newest_ms: 0,
        }
    }

    /// Counts a record that waits for delivery.
    pub(super) fn add(&mut self, tally: Tally, time_ms: u64) {
        self.left = self.left.plus(tally);
        self.unread = self.unread.plus(tally);
        self.oldest_ms = self.oldest_ms.min(time_ms);
        self.newest_ms = self.newest_ms.max(time_ms);
    }
}

/// The documents of a record.
pub(super) fn tally_of(header: &RecordHeader) -> Tally {
    Tally {
        documents: u64::from(header.documents),
        bytes: header.document_bytes(),
    }
}

/// Where the file of this number lies.
pub(super) fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:016x}{FILE_SUFFIX}"))
}

/// The number in a spool file's name; `None` for other names.
pub(super) fn number_in(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(FILE_SUFFIX)?;
    let is_ours = digits.len() == 16
        && digits
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(digits, 16).ok().filter(|_| is_ours)
}

/// All files that hold something, oldest first.
#[derive(Debug, Default)]
pub(super) struct Index(pub(super) VecDeque<SpoolFile>);

impl Index {
    /// The file of this number.
    pub(super) fn file_mut(&mut self, number: u64) -> Option<&mut SpoolFile> {
        let place = self.0.binary_search_by_key(&number, |file| file.number);
        place.ok().and_then(|place| self.0.get_mut(place))
    }

    /// The first file with this number or a higher one.
    pub(super) fn file_from(&self, number: u64) -> Option<&SpoolFile> {
        let place = self.0.partition_point(|file| file.number < number);
        self.0.get(place)
    }

    /// Forgets a file.
    pub(super) fn remove(&mut self, number: u64) -> Option<SpoolFile> {
        let place = self.0.binary_search_by_key(&number, |file| file.number);
        place.ok().and_then(|place| self.0.remove(place))
    }

    /// Documents in all files that are neither delivered nor given up.
    pub(super) fn left(&self) -> Tally {
        self.0.iter().map(|file| file.left).sum()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|file| file.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_spool_writes_are_spool_files() {
        let path = path_of(Path::new("d"), 0x1f);
        assert_eq!(path, Path::new("d/000000000000001f.spool"));
        assert_eq!(number_in("000000000000001f.spool"), Some(0x1f));
        for name in [
            "1f.spool",
            "000000000000001F.spool",
            "+00000000000001f.spool",
            "000000000000001f.spool~",
            "POSITION",
        ] {
            assert_eq!(number_in(name), None, "{name}");
        }
    }
}
