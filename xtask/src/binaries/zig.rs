//! The C compiler and the linker, from PyPI, in the versions and with the checksums of `xtask/zig.txt`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::say;
use crate::workspace::{self, Workspace};

/// Installs both below the folder where Cargo builds, once for each state of the list; returns the folder
/// of the programs.
///
/// # Errors
/// There is no Python 3 with its venv module, or PyPI does not have what the list names.
pub(super) fn install(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let list = workspace.root.join("xtask/zig.txt");
    let wanted = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let home = workspace.target_directory.join("zig");
    let programs = home.join("bin");
    let installed = home.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|list| list == wanted) {
        return Ok(programs);
    }
    say("installing the C compiler of xtask/zig.txt");
    let mut venv = Command::new("python3");
    workspace::run(venv.args(["-m", "venv", "--clear"]).arg(&home))?;
    let mut pip = Command::new(programs.join("python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--require-hashes"])
        .args(["--no-deps", "--only-binary=:all:", "--requirement"])
        .arg(&list);
    workspace::run(&mut pip)?;
    // written last: what was broken off is begun again
    fs::write(&installed, wanted).with_context(|| installed.display().to_string())?;
    Ok(programs)
}

/// The search path with these programs first: `cargo-zigbuild` looks for the compiler there.
///
/// # Errors
/// The folder's path holds a colon.
pub(super) fn search_path(programs: &Path) -> anyhow::Result<OsString> {
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&usual));
    std::env::join_paths(all).context("the folder where Cargo builds")
}
