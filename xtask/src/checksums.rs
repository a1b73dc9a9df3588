//! `SHA256SUMS`, as `sha256sum -c` reads it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::files;

/// The SHA-256 of bytes in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the sums of files into their common folder, in the order of their names.
///
/// # Errors
/// A file cannot be read, or the list cannot be written.
pub(crate) fn write(folder: &Path, listed: &[PathBuf]) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for path in listed {
        let name = path.file_name().context("no file")?.to_string_lossy();
        lines.push((name.into_owned(), sha256(&files::read(path)?)));
    }
    lines.sort();
    let lines = lines
        .into_iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"));
    files::write(&folder.join("SHA256SUMS"), lines.collect::<String>())
}
