//! Packages for Debian and Red Hat: what is asked for.

use std::path::PathBuf;

use crate::target::Target;

/// What packages are made of.
#[derive(Debug)]
#[expect(dead_code, reason = "no package format reads it yet")]
pub(crate) struct Packages {
    /// Version of what is released.
    pub(crate) version: String,
    /// The system they are for.
    pub(crate) target: Target,
    /// The folder of the three binaries.
    pub(crate) binaries: PathBuf,
    /// The folder with `man/*.1` and `completions/{bash,zsh,fish}`.
    pub(crate) manual: PathBuf,
    /// Where packages go.
    pub(crate) out: PathBuf,
    /// Seconds since 1970 that every file carries.
    pub(crate) epoch: u64,
}

/// Builds the packages; returns their paths.
///
/// # Errors
/// A file cannot be read or written.
#[expect(
    clippy::unnecessary_wraps,
    reason = "every package format can fail to read or write a file"
)]
pub(crate) fn build(_request: &Packages) -> anyhow::Result<Vec<PathBuf>> {
    Ok(Vec::new())
}
