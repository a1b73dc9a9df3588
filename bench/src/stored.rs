//! A store's files as they lie on disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

/// The files of all days below a store's `log` directory.
///
/// # Errors
/// The directory cannot be read.
pub fn files(log_dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for day in fs::read_dir(log_dir)? {
        for file in fs::read_dir(day?.path())? {
            files.push(file?.path());
        }
    }
    Ok(files)
}

/// Bytes of all of them.
///
/// # Errors
/// One is not there any more.
pub fn bytes_of(files: &[PathBuf]) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for file in files {
        bytes += file.metadata()?.len();
    }
    Ok(bytes)
}

/// Takes the files out of the page cache.
///
/// # Errors
/// One cannot be opened.
pub fn forget(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        fadvise(File::open(file)?, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
