//! Appending: one write per append, room made for it first, oldest files given up for it.
//!
//! Per append: 1 compression, 1 write, 0 syncs. All of an append is in the spool, or nothing of it.

use std::fs::File;
use std::io;
use std::mem;
use std::ops::Range;

use crate::documents::Documents;
use crate::spool::files::is_full;
use crate::spool::format::{
    DOCUMENT_OVERHEAD_BYTES, FILE_HEADER_BYTES, RAW_BYTES_MAX, file_header, push_record,
};
use crate::spool::index::{SpoolFile, path_of};
use crate::spool::shed::{Shed, ShedReason, Tally};
use crate::spool::{Spool, SpoolError};

/// Length of a file at most, unless a single append is longer: what is given up at once, and what
/// stays on the disk although most of it is delivered.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files are no smaller than this, however small the spool.
const FILE_BYTES_MIN: u64 = 64 << 10;
/// A small spool is divided into so many files, so that little is given up at once.
const FILES_IN_SMALL_SPOOL: u64 = 16;
/// Files given up for one append because the disk is full, after which somebody else takes the room.
const FILES_FOR_DISK_MAX: u32 = 4;
/// Files that are full but not synced yet.
const UNSYNCED_MAX: usize = 4;

/// The newest file, open for writing.
pub(super) struct Writer {
    pub(super) number: u64,
    pub(super) file: File,
    bytes: u64,
    pub(super) is_synced: bool,
}

/// An append as it will stand in the file.
#[derive(Default)]
struct Encoded {
    bytes: Vec<u8>,
    tally: Tally,
    too_large: Tally,
}

impl Spool {
    /// Appends the documents, behind all others; what had to be given up for them is told.
    ///
    /// They survive the process at once and the machine after [`Spool::sync`]. A document that no
    /// record can hold (8 MiB) is given up, as is an append that is bigger than the whole spool.
    ///
    /// # Errors
    /// When nothing of it was written; the spool is as usable as before. What was given up in vain is
    /// told by the next call that tells.
    pub(crate) fn append(
        &mut self,
        documents: &Documents,
        now_ms: u64,
    ) -> Result<Shed, SpoolError> {
        self.remove_finished();
        let encoded = encode(documents, now_ms).map_err(|e| self.write_error(e))?;
        let needed = (encoded.bytes.len() + FILE_HEADER_BYTES) as u64;
        let mut too_large = encoded.too_large;
        if needed > self.limits.bytes_max {
            too_large = too_large.plus(encoded.tally);
        } else if encoded.tally.documents > 0 {
            self.make_room(needed)?;
            self.write(&encoded, now_ms)?;
        }
        self.give_up(ShedReason::TooLarge, too_large);
        Ok(mem::take(&mut self.shed))
    }

    /// Gives up the oldest files until `needed` bytes fit into the spool and onto the disk.
    fn make_room(&mut self, needed: u64) -> Result<(), SpoolError> {
        while self.bytes().saturating_add(needed) > self.limits.bytes_max {
            if !self.shed_oldest(ShedReason::SpoolFull)? {
                break;
            }
        }
        if self.limits.free_min == 0 {
            return Ok(());
        }
        let Some(free) = self.files.free_bytes(&self.directory) else {
            return Ok(());
        };
        let wanted = self.limits.free_min.saturating_add(needed);
        let missing = wanted.saturating_sub(free);
        if missing > self.bytes() {
            // To give up everything would not be enough.
            let kept = self.limits.free_min;
            let text = format!("{free} bytes are free, and {kept} are to be left so");
            return Err(self.write_error(io::Error::new(io::ErrorKind::StorageFull, text)));
        }
        let bytes_after = self.bytes() - missing;
        while missing > 0 && self.bytes() > bytes_after {
            if !self.shed_oldest(ShedReason::DiskFull)? {
                break;
            }
        }
        Ok(())
    }

    /// Writes the records, giving up the oldest files while the disk is full.
    fn write(&mut self, encoded: &Encoded, now_ms: u64) -> Result<(), SpoolError> {
        let mut given_up = 0;
        loop {
            let Err(error) = self.write_once(encoded, now_ms) else {
                return Ok(());
            };
            given_up += 1;
            let may_help = is_full(&error) && given_up <= FILES_FOR_DISK_MAX;
            if !may_help || !self.shed_oldest(ShedReason::DiskFull)? {
                return Err(self.write_error(error));
            }
        }
    }

    fn write_once(&mut self, encoded: &Encoded, now_ms: u64) -> io::Result<()> {
        let length = encoded.bytes.len() as u64;
        let bytes_max =
            (self.limits.bytes_max / FILES_IN_SMALL_SPOOL).clamp(FILE_BYTES_MIN, FILE_BYTES_MAX);
        let is_over = |writer: &Writer| writer.bytes.saturating_add(length) > bytes_max;
        if self.writer.as_ref().is_some_and(is_over) {
            self.retire_writer()?;
        }
        let number = match self.writer.take() {
            Some(writer) => self.extend(writer, &encoded.bytes)?,
            None => self.begin(&encoded.bytes)?,
        };
        if let Some(file) = self.index.file_mut(number) {
            file.bytes = file.bytes.saturating_add(length);
            file.add(encoded.tally, now_ms);
        }
        Ok(())
    }

    /// Writes to the newest file. What is half-written is cut off again; where not even that works,
    /// the file is written no more, and its readers stop before the half.
    fn extend(&mut self, mut writer: Writer, bytes: &[u8]) -> io::Result<u64> {
        let number = writer.number;
        let written = self.files.write_at(&writer.file, bytes, writer.bytes);
        if let Err(error) = written {
            if self.files.cut(&writer.file, writer.bytes).is_ok() {
                self.writer = Some(writer);
            }
            return Err(error);
        }
        writer.bytes = writer.bytes.saturating_add(bytes.len() as u64);
        writer.is_synced = false;
        self.writer = Some(writer);
        Ok(number)
    }

    /// Begins a file with these records.
    fn begin(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let number = self.next_file;
        let path = path_of(&self.directory, number);
        let file = self.files.open(&path)?;
        // Taken from here on, whatever becomes of the file.
        self.next_file = number.saturating_add(1);
        let mut whole = Vec::with_capacity(FILE_HEADER_BYTES + bytes.len());
        whole.extend(file_header());
        whole.extend_from_slice(bytes);
        if let Err(error) = self.files.write_at(&file, &whole, 0) {
            // One of them is enough for readers to find nothing.
            drop(self.files.cut(&file, 0));
            drop(self.files.remove(&path));
            return Err(error);
        }
        self.index
            .0
            .push_back(SpoolFile::new(number, FILE_HEADER_BYTES as u64));
        self.writer = Some(Writer {
            number,
            file,
            bytes: whole.len() as u64,
            is_synced: false,
        });
        self.has_new_names = true;
        Ok(number)
    }

    /// Ends the newest file; it is synced with the next sync.
    fn retire_writer(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take().filter(|writer| !writer.is_synced) {
            self.unsynced.push((writer.number, writer.file));
        }
        if self.unsynced.len() > UNSYNCED_MAX {
            return self.sync();
        }
        Ok(())
    }

    /// Makes everything that was appended survive a loss of power.
    ///
    /// # Errors
    /// When the system cannot promise that; what was appended since the last sync may be lost with
    /// the power then, and no later sync will say so.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        // All of them are tried, whatever becomes of the first.
        let mut note = |synced: io::Result<()>| {
            if synced.is_err() {
                outcome = synced;
            }
        };
        for (_, file) in self.unsynced.drain(..) {
            note(self.files.sync(&file));
        }
        if let Some(writer) = self.writer.as_mut().filter(|writer| !writer.is_synced) {
            writer.is_synced = true;
            note(self.files.sync(&writer.file));
        }
        if mem::take(&mut self.has_new_names) {
            note(self.files.sync_dir(&self.directory));
        }
        outcome
    }
}

/// Compresses documents into as many records as it takes.
fn encode(documents: &Documents, now_ms: u64) -> io::Result<Encoded> {
    let mut encoded = Encoded::default();
    let (mut first, mut raw_bytes) = (0, 0);
    for (index, document) in documents.iter().enumerate() {
        let tally = Tally {
            documents: 1,
            bytes: document.len() as u64,
        };
        let needed = document.len() + DOCUMENT_OVERHEAD_BYTES;
        let is_too_large = needed > RAW_BYTES_MAX;
        if is_too_large || raw_bytes + needed > RAW_BYTES_MAX {
            encode_record(documents, first..index, now_ms, &mut encoded.bytes)?;
            (first, raw_bytes) = (index, 0);
        }
        if is_too_large {
            first = index + 1;
            encoded.too_large = encoded.too_large.plus(tally);
        } else {
            raw_bytes += needed;
            encoded.tally = encoded.tally.plus(tally);
        }
    }
    encode_record(
        documents,
        first..documents.len(),
        now_ms,
        &mut encoded.bytes,
    )?;
    Ok(encoded)
}

/// One record of the documents of these places; none of no documents. A payload is a framed body, as
/// documents stand in memory.
fn encode_record(
    documents: &Documents,
    places: Range<usize>,
    now_ms: u64,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let count = u32::try_from(places.len()).map_err(|_| invalid())?;
    if count == 0 {
        return Ok(());
    }
    let raw = documents.framed(places).ok_or_else(invalid)?;
    push_record(count, now_ms, raw, out)
}
