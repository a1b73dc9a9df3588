//! The database of small records: its own checksums, and that every record can be read.
//!
//! Works on a copy in memory, which is as large as the file: opening a database writes to it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend};

use super::super::failure::Doing;
use super::super::state::RECORDS;
use super::report::{Finding, Report};
use crate::store::StoreError;

/// A database that is larger is not looked into: a handful of small records takes a few MiB.
const BYTES_MAX: u64 = 256 << 20;
/// A record begins with its version.
const VERSION_BYTES: usize = 8;

/// What is in the database.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Records as they are stored.
    pub(super) records: BTreeMap<String, Vec<u8>>,
    /// What is wrong; `None` when nothing is.
    pub(super) problem: Option<String>,
}

/// Checks the database.
///
/// # Errors
/// When it cannot be read.
pub(super) fn check_state(dir: &Path, report: &mut Report) -> Result<(), StoreError> {
    let found = records_in(&dir.join("state.redb"))?;
    if let Some(problem) = found.problem {
        let cost = "sampling rules, groups and tags that cannot be read";
        let remedy = "radiograph store repair keeps those that can";
        report.add(Finding::problem("state.redb", problem).with(cost, remedy));
    }
    Ok(())
}

/// Reads whatever can be read.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn records_in(path: &Path) -> Result<Records, StoreError> {
    let broken = |problem: String| Records {
        problem: Some(problem),
        ..Records::default()
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > BYTES_MAX => {
            return Ok(broken(format!("is longer than {BYTES_MAX} bytes")));
        }
        Ok(metadata) if metadata.len() == 0 => return Ok(broken("is empty".to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(broken("is not there".to_owned()));
        }
        Err(error) => return Err(error).doing("reading", path),
    }
    let bytes = fs::read(path).doing("reading", path)?;
    let backend = InMemoryBackend::new();
    let length = bytes.len() as u64;
    let copied = backend
        .set_len(length)
        .and_then(|()| backend.write(0, &bytes));
    copied.doing("copying", path)?;
    drop(bytes);
    // the database may stumble over damage that it does not expect
    let found = catch_unwind(AssertUnwindSafe(|| records_of(backend)));
    Ok(found.unwrap_or_else(|_| broken("its pages make no sense".to_owned())))
}

fn records_of(backend: InMemoryBackend) -> Records {
    let mut database = match Database::builder().create_with_backend(backend) {
        Ok(database) => database,
        Err(error) => {
            return Records {
                problem: Some(error.to_string()),
                ..Records::default()
            };
        }
    };
    let problem = match database.check_integrity() {
        Ok(true) => None,
        Ok(false) => Some("its checksums or its lists of free pages are wrong".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    let mut found = Records {
        problem,
        ..Records::default()
    };
    if let Err(error) = read_records(&database, &mut found) {
        found.problem.get_or_insert_with(|| error.to_string());
    }
    found
}

fn read_records(database: &Database, found: &mut Records) -> Result<(), redb::Error> {
    let reading = database.begin_read()?;
    let records = match reading.open_table(RECORDS) {
        Ok(records) => records,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for record in records.iter()? {
        let (key, value) = record?;
        if value.value().len() < VERSION_BYTES {
            let problem = format!("record {} has no version", key.value());
            found.problem.get_or_insert(problem);
            continue;
        }
        let (key, value) = (key.value().to_owned(), value.value().to_vec());
        found.records.insert(key, value);
    }
    Ok(())
}

/// Writes a database with these records.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_records(
    path: &Path,
    records: &BTreeMap<String, Vec<u8>>,
) -> Result<(), StoreError> {
    let written = || -> Result<(), redb::Error> {
        let database = Database::create(path)?;
        let writing = database.begin_write()?;
        let mut table = writing.open_table(RECORDS)?;
        for (key, value) in records {
            table.insert(key.as_str(), value.as_slice())?;
        }
        drop(table);
        writing.commit()?;
        Ok(())
    };
    written().map_err(|error| StoreError::State {
        reason: error.to_string(),
    })
}
