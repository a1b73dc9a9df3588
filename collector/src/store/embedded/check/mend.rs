//! Making one damaged file anew from what is intact of it.
//!
//! The file as it was gets a second name that ends in `.damaged`; the new one is written under a name of
//! its own, synced, and takes the place of the old one by a rename.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::blocks::read_intact;
use super::super::failure::Doing;
use super::super::files::Files;
use super::super::format::{BLOCK_HEADER_BYTES, BlockHeader, Kind, file_header};
use super::super::hour::SealedName;
use super::super::payload::{self, Views};
use super::super::scan::scan_log;
use super::super::sealed::{NOTHING_INTACT, SealedFile, salvage};
use super::report::Action;
use super::state;
use crate::store::StoreError;

/// Bytes gathered before a write.
const WRITE_BYTES: usize = 1 << 20;

/// Makes a sealed file anew.
///
/// # Errors
/// When something cannot be read or written; the file is as it was then.
pub(super) fn mend_sealed(
    files: &dyn Files,
    path: &Path,
    sealed: SealedName,
) -> Result<Action, StoreError> {
    let hour = sealed.last.hour;
    let arrival = (hour.start(), hour.end());
    let old = match SealedFile::open(path) {
        Ok(old) => Some(old),
        Err(StoreError::Corrupt { reason, .. }) if reason == NOTHING_INTACT => None,
        Err(error) => return Err(error),
    };
    let is_lost = old.is_none();
    let kept_as = keep(files, path)?;
    let salvaged = salvage(files, path, old, arrival)?;
    let lost = match salvaged.documents_lost {
        _ if is_lost => "everything that was in it".to_owned(),
        Some(0) => String::new(),
        Some(lost) => format!("{lost} documents"),
        None => "the documents in what is damaged, their number is not known".to_owned(),
    };
    let (documents, views) = (salvaged.documents, salvaged.views);
    Ok(Action {
        file: String::new(),
        what: format!("made anew with {documents} documents and {views} views"),
        kept_as,
        lost,
    })
}

/// Puts an empty sealed file where one is missing, so that what is known to be lost is told of once.
///
/// # Errors
/// When it cannot be written.
pub(super) fn fill(
    files: &dyn Files,
    path: &Path,
    sealed: SealedName,
) -> Result<Action, StoreError> {
    let hour = sealed.last.hour;
    salvage(files, path, None, (hour.start(), hour.end()))?;
    Ok(Action {
        file: String::new(),
        what: "an empty file stands for the missing one".to_owned(),
        kept_as: String::new(),
        lost: "what arrived in that part of the hour".to_owned(),
    })
}

/// Makes a log anew from its intact blocks, as they are.
///
/// # Errors
/// When something cannot be read or written; the log is as it was then.
pub(super) fn mend_log(files: &dyn Files, path: &Path) -> Result<Action, StoreError> {
    let mut blocks = Vec::new();
    let scan = scan_log(path, |offset, header, payload| {
        if is_sensible(header, payload) {
            blocks.push(offset);
        }
    })?;
    let kept_as = keep(files, path)?;
    let temporary = beside(path, ".part");
    files.remove(&temporary).doing("removing", &temporary)?;
    let old = File::open(path).doing("opening", path)?;
    let new = files.open_log(&temporary).doing("making", &temporary)?;
    let mut buffer = file_header().to_vec();
    let mut written = 0_u64;
    let mut write = |buffer: &mut Vec<u8>, bytes_min: usize| -> io::Result<()> {
        if buffer.len() >= bytes_min {
            files.write_at(&new, buffer, written)?;
            written += buffer.len() as u64;
            buffer.clear();
        }
        Ok(())
    };
    let count = blocks.len();
    for offset in blocks {
        append_block(&old, offset, &mut buffer).doing("reading", path)?;
        write(&mut buffer, WRITE_BYTES).doing("writing", &temporary)?;
    }
    write(&mut buffer, 1).doing("writing", &temporary)?;
    files.sync(&new).doing("syncing", &temporary)?;
    files
        .rename(&temporary, path)
        .doing("renaming", &temporary)?;
    sync_parent(files, path)?;
    let lost = scan.bytes.saturating_sub(written);
    Ok(Action {
        file: String::new(),
        what: format!("made anew with {count} intact blocks"),
        kept_as,
        lost: match lost {
            0 => String::new(),
            lost => format!("the documents in {lost} bytes"),
        },
    })
}

/// Makes the database of small records anew with what can be read of it.
///
/// # Errors
/// When something cannot be read or written; the database is as it was then.
pub(super) fn mend_state(files: &dyn Files, path: &Path) -> Result<Action, StoreError> {
    let found = state::records_in(path)?;
    let kept_as = match path.exists() {
        true => keep(files, path)?,
        false => String::new(),
    };
    let temporary = beside(path, ".part");
    files.remove(&temporary).doing("removing", &temporary)?;
    state::write_records(&temporary, &found.records)?;
    files
        .rename(&temporary, path)
        .doing("renaming", &temporary)?;
    sync_parent(files, path)?;
    let count = found.records.len();
    Ok(Action {
        file: String::new(),
        what: format!("made anew with {count} records that can be read"),
        kept_as,
        lost: "sampling rules, groups and tags that are not among them".to_owned(),
    })
}

/// Gives a file a second name that says that it is damaged, durably; that name. A name that the same
/// file has already, from a repair that was killed, will do.
fn keep(files: &dyn Files, path: &Path) -> Result<String, StoreError> {
    let mut number = 1_u32;
    let kept = loop {
        let ending = match number {
            1 => ".damaged".to_owned(),
            number => format!("-{number}.damaged"),
        };
        let kept = beside(path, &ending);
        match fs::hard_link(path, &kept) {
            Ok(()) => break kept,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same(path, &kept).doing("reading", &kept)? {
                    break kept;
                }
                number = number.saturating_add(1);
            }
            Err(error) => return Err(error).doing("keeping", path),
        }
    };
    sync_parent(files, path)?;
    let name = kept.file_name().unwrap_or_default();
    Ok(name.display().to_string())
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Whether an intact block holds what its kind says; views of another release's form are passed on.
fn is_sensible(header: &BlockHeader, payload: &[u8]) -> bool {
    header
        .decompress(payload)
        .is_some_and(|raw| match header.kind {
            Kind::Documents => payload::documents(&raw).is_some(),
            Kind::Views => payload::views(&raw) != Views::Damaged,
        })
}

fn append_block(file: &File, offset: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (_, payload) = read_intact(file, offset)?.ok_or_else(gone)?;
    let mut header = [0; BLOCK_HEADER_BYTES];
    if !super::super::blocks::read_exact(file, &mut header, offset)? {
        return Err(gone());
    }
    buffer.extend(header);
    buffer.extend(payload);
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn sync_parent(files: &dyn Files, path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(parent) => files.sync_dir(parent).doing("syncing", parent),
        None => Ok(()),
    }
}
