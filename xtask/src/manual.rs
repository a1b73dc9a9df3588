//! Manual pages and shell completions, which the package in `manual/` makes.

use std::path::PathBuf;

use crate::workspace::{self, Workspace};

/// Writes them; returns their folder, with `man/*.1` and `completions/{bash,zsh,fish}` in it.
///
/// # Errors
/// Something does not compile, or a file cannot be written.
pub(crate) fn write(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let directory = workspace.packages().join("manual");
    let mut cargo = workspace::cargo("cargo");
    cargo
        .args([
            "run",
            "--quiet",
            "--locked",
            "--package=radiograph-manual",
            "--",
        ])
        .arg(&directory)
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", &workspace.target_directory);
    workspace::run(&mut cargo)?;
    Ok(directory)
}
