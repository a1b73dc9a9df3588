//! From what the system says to [`StoreError`], with the path that it said it about.

use std::io;
use std::path::Path;

use crate::store::StoreError;

/// Adds to an I/O error what was being done.
pub(super) trait Doing<T> {
    /// `doing("writing", path)` reads "writing /the/path" in the error.
    fn doing(self, what: &str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io {
            doing: format!("{what} {}", path.display()),
            source,
        })
    }
}

/// A file that is not what it should be.
pub(super) fn corrupt(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        path: path.display().to_string(),
        reason: reason.into(),
    }
}

/// The same error once more, for the next of several callers who share a commit.
pub(super) fn repeat(error: &StoreError) -> StoreError {
    match error {
        StoreError::Io { doing, source } => {
            let source = match source.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(source.kind(), source.to_string()),
            };
            StoreError::Io {
                doing: doing.clone(),
                source,
            }
        }
        StoreError::Corrupt { path, reason } => StoreError::Corrupt {
            path: path.clone(),
            reason: reason.clone(),
        },
        // whatever else it were, nothing was written
        _ => StoreError::Unwritable,
    }
}
