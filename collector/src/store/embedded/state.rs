//! Small configuration records with versions, in a transactional database of their own: changed by
//! hand now and then, never on the way of a segment.
//!
//! A record is stored as its version (8 bytes, little-endian) before its bytes.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use crate::store::{StateRecord, StoreError};

/// Where records are.
pub(super) const RECORDS: TableDefinition<&str, &[u8]> = TableDefinition::new("records-v1");
/// Memory of the database: a handful of small records.
const CACHE_BYTES: usize = 1 << 20;

/// The database. Blocking.
#[derive(Clone)]
pub(super) struct StateDb(Arc<Inner>);

struct Inner {
    open: Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>,
    /// `None` after a failure: a database that met an error of the disk refuses all that is asked of it
    /// from then on, even to be read, and recovers when it is opened again.
    database: RwLock<Option<Database>>,
}

impl StateDb {
    /// Opens the database, making it if it is not there.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        Self::open_with(move || {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).create(&path)
        })
    }

    fn open_with(
        open: impl Fn() -> Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let database = open().map_err(failed)?;
        // makes the table, so that reading can rely on it
        let writing = database.begin_write().map_err(failed)?;
        drop(writing.open_table(RECORDS).map_err(failed)?);
        writing.commit().map_err(failed)?;
        Ok(Self(Arc::new(Inner {
            open: Box::new(open),
            database: RwLock::new(Some(database)),
        })))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn state(&self, key: &str) -> Result<Option<StateRecord>, StoreError> {
        let read = |database: &Database| read(database, key);
        // the first time it may be an earlier failure of others that it tells of
        self.with(read).or_else(|_| self.with(read))
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
        self.with(|database| write(database, key, expected, value))
    }

    /// Works on the database, which is opened first if an earlier failure closed it.
    fn with<T>(&self, work: impl Fn(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.0.database.read();
        let database = database.unwrap_or_else(PoisonError::into_inner);
        let done = database.as_ref().map(&work);
        drop(database);
        if let Some(done @ (Ok(_) | Err(StoreError::VersionConflict { .. }))) = done {
            return done;
        }
        let database = self.0.database.write();
        let mut database = database.unwrap_or_else(PoisonError::into_inner);
        if let Some(failed) = done {
            database.take();
            return failed;
        }
        let opened = match database.take() {
            // somebody else was faster
            Some(opened) => opened,
            None => (self.0.open)().map_err(failed)?,
        };
        work(database.insert(opened))
    }

    /// Writes all records, as they are at one moment, into a database of their own that is not there yet.
    ///
    /// # Errors
    /// When one of the two cannot be read or written.
    pub(super) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let copy = Self::open(path)?;
        let copied = |from: &Database| copy.with(|to| copy_records(from, to));
        self.with(copied).or_else(|_| self.with(copied))
    }
}

fn read(database: &Database, key: &str) -> Result<Option<StateRecord>, StoreError> {
    let reading = database.begin_read().map_err(failed)?;
    let records = reading.open_table(RECORDS).map_err(failed)?;
    let found = records.get(key).map_err(failed)?;
    found.map(|bytes| decode(key, bytes.value())).transpose()
}

fn write(database: &Database, key: &str, expected: u64, value: &[u8]) -> Result<u64, StoreError> {
    let writing = database.begin_write().map_err(failed)?;
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

fn copy_records(from: &Database, to: &Database) -> Result<(), StoreError> {
    let reading = from.begin_read().map_err(failed)?;
    let records = reading.open_table(RECORDS).map_err(failed)?;
    let writing = to.begin_write().map_err(failed)?;
    let mut copied = writing.open_table(RECORDS).map_err(failed)?;
    for record in records.iter().map_err(failed)? {
        let (key, bytes) = record.map_err(failed)?;
        copied.insert(key.value(), bytes.value()).map_err(failed)?;
    }
    drop(copied);
    writing.commit().map_err(failed)
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use redb::StorageBackend;
    use redb::backends::FileBackend;

    use super::*;

    /// A file whose `n`-th write, sync or change of length from now on fails, and all after it until it
    /// is told otherwise.
    #[derive(Debug)]
    struct Faulty {
        file: FileBackend,
        left: Arc<AtomicUsize>,
    }

    const NEVER: usize = usize::MAX / 2;

    impl Faulty {
        fn call(&self) -> io::Result<()> {
            let left = self.left.load(Ordering::SeqCst);
            match left {
                0 => Err(io::Error::other("fault")),
                _ => {
                    self.left.store(left - 1, Ordering::SeqCst);
                    Ok(())
                }
            }
        }
    }

    impl StorageBackend for Faulty {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.call()?;
            self.file.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.call()?;
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.call()?;
            self.file.write(offset, data)
        }

        fn close(&self) -> io::Result<()> {
            self.file.close()
        }
    }

    #[test]
    fn whatever_write_fails_the_same_database_is_read_and_written_afterwards() {
        let mut fails_at = 0;
        loop {
            let file = tempfile::NamedTempFile::new().unwrap();
            let path = file.path().to_owned();
            let left = Arc::new(AtomicUsize::new(NEVER));
            let faults = Arc::clone(&left);
            let state = StateDb::open_with(move || {
                let file = File::options().read(true).write(true).open(&path);
                let backend = Faulty {
                    file: FileBackend::new(file?)?,
                    left: Arc::clone(&faults),
                };
                Database::builder().create_with_backend(backend)
            });
            let state = state.unwrap();
            state.put_state("rules", 0, b"first").unwrap();
            left.store(fails_at, Ordering::SeqCst);
            let large = vec![7; 1 << 20];
            let refused = state.put_state("rules", 1, &large);
            left.store(NEVER, Ordering::SeqCst);
            let record = state.state("rules").unwrap().unwrap();
            match &refused {
                Ok(version) => assert_eq!(*version, 2),
                Err(StoreError::State { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
            // what was refused may have been done all the same, but never by half
            match record.version {
                1 if refused.is_err() => assert_eq!(record.value, b"first"),
                2 => assert_eq!(record.value, large),
                other => panic!("version {other} at {fails_at}"),
            }
            let version = state.put_state("rules", record.version, b"next").unwrap();
            assert_eq!(version, record.version + 1);
            if refused.is_ok() {
                break;
            }
            fails_at += 1;
        }
        assert!(fails_at > 3, "{fails_at} calls");
    }
}
