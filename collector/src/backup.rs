//! Backups of a collector that is at work: all of its data as a stream of files.
//!
//! The stream is a tar archive ([`tar`]) of a data directory, taken from one
//! [`crate::store::embedded::Snapshot`], and behind its files [`SUMS`]: the SHA-256 of each, as
//! `sha256sum -c` reads it. Without it a backup is not whole. What it unpacks to is a data directory
//! that a collector opens.
//!
//! Bounds: one backup at a time, a piece of 256 KiB in memory for it and a few more on their way.

use std::sync::Arc;

use bytes::Bytes;
use radiograph_protocol::hex::hex;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::error::ServiceError;
use crate::store::StoreError;
use crate::store::embedded::{EmbeddedStore, Snapshot, SnapshotFile};
use crate::worker::on_worker;

pub mod tar;

/// The last file of a backup: a line for each other file, its SHA-256 in hexadecimal digits, two
/// blanks, and its name.
pub const SUMS: &str = "SHA256SUMS";

/// Bytes of a file that are read in one go.
const PIECE_BYTES: usize = 256 << 10;

/// Why a stream ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever reads it is gone.
    #[error("nobody reads the backup any more")]
    Gone,
    /// A file's name is too long for its header; none that a store makes is.
    #[error("the name {name} is too long for a backup")]
    Name {
        /// The file.
        name: String,
    },
}

/// Makes backups. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Backup {
    store: Arc<EmbeddedStore>,
}

impl Backup {
    /// Of this store.
    pub(crate) const fn new(store: Arc<EmbeddedStore>) -> Self {
        Self { store }
    }

    /// The state of now.
    ///
    /// # Errors
    /// When the store cannot be read, or takes no more writes.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, ServiceError> {
        let store = Arc::clone(&self.store);
        Ok(on_worker(move || store.snapshot()).await??)
    }
}

/// Sends all of a snapshot; returns the number of files. Blocking, not to be called from a task.
///
/// # Errors
/// See [`BackupError`]; what was sent by then is no whole backup.
pub(crate) fn stream(snapshot: &Snapshot, out: &mpsc::Sender<Bytes>) -> Result<u64, BackupError> {
    let mut sums = String::new();
    let mut count = 0_u64;
    for file in snapshot.files() {
        send(out, header(file.name(), file.bytes())?)?;
        let digest = stream_file(file, out)?;
        sums.push_str(&format!("{}  {}\n", hex(&digest), file.name()));
        count += 1;
    }
    let mut last = header(SUMS, sums.len() as u64)?;
    last.extend_from_slice(sums.as_bytes());
    last.resize(last.len() + tar::padding(sums.len() as u64), 0);
    last.resize(last.len() + tar::END_BYTES, 0);
    send(out, last)?;
    Ok(count)
}

fn stream_file(file: &SnapshotFile, out: &mpsc::Sender<Bytes>) -> Result<[u8; 32], BackupError> {
    let mut digest = Sha256::new();
    let mut offset = 0;
    while offset < file.bytes() {
        let left = usize::try_from(file.bytes() - offset).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(PIECE_BYTES)];
        file.read(&mut piece, offset)?;
        digest.update(&piece);
        offset = offset.saturating_add(piece.len() as u64);
        send(out, piece)?;
    }
    let padding = tar::padding(file.bytes());
    if padding > 0 {
        send(out, vec![0; padding])?;
    }
    Ok(digest.finalize().into())
}

fn header(name: &str, bytes: u64) -> Result<Vec<u8>, BackupError> {
    let header = tar::header(name, bytes).ok_or_else(|| BackupError::Name {
        name: name.to_owned(),
    })?;
    Ok(header.to_vec())
}

fn send(out: &mpsc::Sender<Bytes>, bytes: Vec<u8>) -> Result<(), BackupError> {
    let sent = out.blocking_send(Bytes::from(bytes));
    sent.map_err(|_| BackupError::Gone)
}
