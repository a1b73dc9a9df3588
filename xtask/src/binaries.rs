//! Static binaries, stripped, the same bytes wherever they are built: one compiler for C and one linker
//! (`zig`), and no path of this machine in what is compiled (`paths`).

mod paths;
mod zig;

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::target::Target;
use crate::workspace::{self, Workspace};
use crate::{files, say};

/// The programs that are released. Each is a package of its name.
pub(crate) const NAMES: [&str; 3] = ["radiograph", "radiograph-daemon", "radiograph-collector"];

/// Builds the named programs for a system; returns the folder that they lie in.
///
/// # Errors
/// A tool is missing, or something does not compile.
pub(crate) fn build(
    workspace: &Workspace,
    target: Target,
    names: &[String],
) -> anyhow::Result<PathBuf> {
    let zig = zig::install(workspace)?;
    add_target(target)?;
    allow_open_files().context("the limit of open files")?;
    let mut cargo = workspace::cargo(zig.join("cargo-zigbuild"));
    cargo
        .args(["zigbuild", "--profile=dist", "--locked"])
        .arg(format!("--target={target}"))
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", &workspace.target_directory)
        .env("SOURCE_DATE_EPOCH", workspace.epoch.to_string())
        .env("PATH", zig::search_path(&zig)?);
    paths::hide(&mut cargo, workspace, target)?;
    // All packages, whichever programs are wanted: Cargo turns on what any of the chosen packages needs of a
    // dependency, so another choice would give other bytes.
    for name in NAMES {
        cargo.args(["--package", name]);
    }
    for name in names {
        cargo.args(["--bin", name]);
    }
    say(&format!("building {} for {target}", names.join(", ")));
    workspace::run(&mut cargo)?;
    let built = workspace
        .target_directory
        .join(target.triple())
        .join("dist");
    let directory = workspace.packages_for(target).join("bin");
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    for name in names {
        files::copy(&built.join(name), &directory.join(name))?;
    }
    Ok(directory)
}

/// Lets this process's children have as many files open as the system allows: zig compiles all of musl at
/// once when it links, with more of them than the usual 1024.
fn allow_open_files() -> std::io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// Has rustup install Rust's own libraries for the system. Without rustup they have to be there.
fn add_target(target: Target) -> anyhow::Result<()> {
    let mut list = std::process::Command::new("rustup");
    list.args(["target", "list", "--installed"]);
    let Ok(installed) = workspace::said_by(&mut list) else {
        return Ok(());
    };
    if installed.lines().any(|line| line == target.triple()) {
        return Ok(());
    }
    let mut add = std::process::Command::new("rustup");
    workspace::run(add.args(["target", "add", target.triple()]))
}
