//! The static binaries as they are packaged, from the directory that RADIOGRAPH_STATIC_BINARIES names.

use std::path::PathBuf;

/// The path of one of them.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("RADIOGRAPH_STATIC_BINARIES")
        .expect("RADIOGRAPH_STATIC_BINARIES names a directory");
    PathBuf::from(folder).join(name)
}
