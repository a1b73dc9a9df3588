//! Up to where everything is delivered, kept in two alternating slots of one small file.
//!
//! Not synced: a position that was lost with the power only replays what was delivered before, which
//! the collector takes as duplicates. A torn or flipped slot leaves the other, older one.
//!
//! ```text
//! file = slot slot
//! slot = generation (8) | file (8) | offset (8) | crc32c of these 24 (4) | 0 (4)
//! ```

use std::fs::File;
use std::io;
use std::path::Path;

use crate::spool::files::Files;
use crate::spool::format::{take, take_u32};
use crate::spool::scan::Source;

/// Name of the file.
pub(super) const FILE_NAME: &str = "POSITION";

const SLOT_BYTES: usize = 32;

/// A record's place: the file's number, and the offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Position {
    pub(super) file: u64,
    pub(super) offset: u64,
}

/// What the position file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Recorded {
    pub(super) position: Position,
    generation: u64,
    /// Slots that were written and are damaged.
    pub(super) damaged_slots: u32,
}

/// The position file, open for writing.
pub(super) struct PositionFile {
    file: File,
    generation: u64,
    written: Position,
}

impl PositionFile {
    /// Opens the file, making it if it is not there.
    pub(super) fn open(files: &dyn Files, directory: &Path) -> io::Result<(Self, Recorded)> {
        let file = files.open(&directory.join(FILE_NAME))?;
        let recorded = read(&file)?;
        let opened = Self {
            file,
            generation: recorded.generation,
            written: recorded.position,
        };
        Ok((opened, recorded))
    }

    /// Notes a position, unless it is noted already. A failure leaves the older one, which is safe.
    pub(super) fn write(&mut self, files: &dyn Files, position: Position) -> io::Result<()> {
        if position == self.written {
            return Ok(());
        }
        let generation = self.generation.wrapping_add(1);
        let slot = (generation % 2) * (SLOT_BYTES as u64);
        files.write_at(&self.file, &encode(generation, position), slot)?;
        self.generation = generation;
        self.written = position;
        Ok(())
    }
}

/// Reads the newer of the slots that are whole.
pub(super) fn read<S: Source>(source: &S) -> io::Result<Recorded> {
    let mut newest = Recorded::default();
    for slot in 0..2_u64 {
        let mut bytes = [0; SLOT_BYTES];
        match source.read_exact_at(&mut bytes, slot * (SLOT_BYTES as u64)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            read => read?,
        }
        match decode(&bytes) {
            Some((generation, position)) if generation >= newest.generation => {
                newest.generation = generation;
                newest.position = position;
            }
            Some(_) => {}
            // The slot before the first written one is a hole.
            None if bytes == [0; SLOT_BYTES] => {}
            None => newest.damaged_slots += 1,
        }
    }
    Ok(newest)
}

fn encode(generation: u64, position: Position) -> [u8; SLOT_BYTES] {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend(generation.to_le_bytes());
    bytes.extend(position.file.to_le_bytes());
    bytes.extend(position.offset.to_le_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes.extend([0; 4]);
    let mut slot = [0; SLOT_BYTES];
    slot.copy_from_slice(&bytes);
    slot
}

fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<(u64, Position)> {
    let mut rest = bytes.as_slice();
    let fields = take::<24>(&mut rest)?;
    if take_u32(&mut rest)? != crc32c::crc32c(&fields) || take_u32(&mut rest)? != 0 {
        return None;
    }
    let mut rest = fields.as_slice();
    let mut number = || take(&mut rest).map(u64::from_le_bytes);
    let generation = number()?;
    let position = Position {
        file: number()?,
        offset: number()?,
    };
    // No spool writes generation 0: it is what stands for "nothing recorded".
    (generation > 0).then_some((generation, position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::files::SystemFiles;
    use std::fs;

    fn at(file: u64, offset: u64) -> Position {
        Position { file, offset }
    }

    #[test]
    fn the_last_position_is_read_back_and_a_damaged_one_leaves_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let open = || PositionFile::open(&SystemFiles, directory.path()).unwrap();
        let (mut file, recorded) = open();
        assert_eq!(recorded, Recorded::default());
        for offset in 1..=5 {
            file.write(&SystemFiles, at(1, offset)).unwrap();
            assert_eq!(open().1.position, at(1, offset));
            assert_eq!(open().1.damaged_slots, 0);
        }
        let good = fs::read(&path).unwrap();
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let recorded = open().1;
            // Generation 5 lies in the second slot.
            let left = if place < 32 { at(1, 5) } else { at(1, 4) };
            assert_eq!(recorded.position, left, "byte {place}");
            assert_eq!(recorded.damaged_slots, 1, "byte {place}");
        }
    }
}
