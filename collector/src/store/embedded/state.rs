//! Small configuration records with versions, in a transactional database of their own: changed by
//! hand now and then, never on the way of a segment.
//!
//! A record is stored as its version (8 bytes, little-endian) before its bytes.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::store::{StateRecord, StoreError};

const RECORDS: TableDefinition<&str, &[u8]> = TableDefinition::new("records-v1");
/// Memory of the database: a handful of small records.
const CACHE_BYTES: usize = 1 << 20;

/// The database. Blocking.
#[derive(Clone)]
pub(super) struct StateDb(Arc<Database>);

impl StateDb {
    /// Opens the database, making it if it is not there.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let database = database.map_err(failed)?;
        // makes the table, so that reading can rely on it
        let writing = database.begin_write().map_err(failed)?;
        drop(writing.open_table(RECORDS).map_err(failed)?);
        writing.commit().map_err(failed)?;
        Ok(Self(Arc::new(database)))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
        let reading = self.0.begin_read().map_err(failed)?;
        let records = reading.open_table(RECORDS).map_err(failed)?;
        let found = records.get(key).map_err(failed)?;
        found.map(|bytes| decode(key, bytes.value())).transpose()
    }

    /// Writes a record if its version is the expected one.
    ///
    /// # Errors
    /// [`StoreError::VersionConflict`] when it is not; others when it cannot be written.
    pub(super) fn put_state(
        &self,
        key: &str,
        expected: u64,
        value: &[u8],
    ) -> Result<u64, StoreError> {
        let writing = self.0.begin_write().map_err(failed)?;
        let mut records = writing.open_table(RECORDS).map_err(failed)?;
        let found = match records.get(key).map_err(failed)? {
            Some(bytes) => decode(key, bytes.value())?.version,
            None => 0,
        };
        if found != expected {
            return Err(StoreError::VersionConflict {
                key: key.to_owned(),
                expected,
                found,
            });
        }
        let version = found.saturating_add(1);
        let bytes = [&version.to_le_bytes(), value].concat();
        records.insert(key, bytes.as_slice()).map_err(failed)?;
        drop(records);
        writing.commit().map_err(failed)?;
        Ok(version)
    }
}

fn decode(key: &str, bytes: &[u8]) -> Result<StateRecord, StoreError> {
    let (version, value) = bytes.split_first_chunk().ok_or_else(|| StoreError::State {
        reason: format!("record {key} has no version"),
    })?;
    Ok(StateRecord {
        version: u64::from_le_bytes(*version),
        value: value.to_vec(),
    })
}

fn failed(error: impl std::error::Error) -> StoreError {
    StoreError::State {
        reason: error.to_string(),
    }
}
