//! Packages for Debian and Red Hat: `radiograph-daemon`, `radiograph-collector`, and `radiograph`, the
//! command line.
//!
//! Both formats are written here, from one list of files: cargo-deb and cargo-generate-rpm would have to be
//! built first, which takes minutes, and each wants that list in a place of its own. The same binaries and
//! the same epoch give the same bytes. What is installed, and the scripts, lie in `deploy/`.

mod contents;
mod deb;
pub(crate) mod given;
mod red_hat;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::target::Target;

/// What packages are made of.
#[derive(Debug)]
pub(crate) struct Packages {
    /// Version of what is released.
    pub(crate) version: String,
    /// The system they are for.
    pub(crate) target: Target,
    /// The folder of the three binaries.
    pub(crate) binaries: PathBuf,
    /// The folder with `man/*.1` and `completions/{bash,zsh,fish}`.
    pub(crate) manual: PathBuf,
    /// The licence texts of everything that is linked into the binaries.
    pub(crate) licences: PathBuf,
    /// Where packages go.
    pub(crate) out: PathBuf,
    /// Seconds since 1970 that every file carries.
    pub(crate) epoch: u64,
}

impl Packages {
    /// The version as both formats write it: `~` sorts a pre-release before its release.
    fn version(&self) -> String {
        self.version.replacen('-', "~", 1)
    }
}

/// Builds the packages; returns their paths.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn build(request: &Packages) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(&request.out).with_context(|| request.out.display().to_string())?;
    let mut made = Vec::new();
    for package in contents::all(request)? {
        made.push(deb::write(&package, request)?);
        made.push(red_hat::write(&package, request)?);
    }
    Ok(made)
}

#[cfg(test)]
mod tests;
