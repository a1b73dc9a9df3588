//! Shows that where binaries are built leaves no trace in them: builds once more from a copy of the
//! checkout in another folder, with a build folder of its own, and compares.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::target::Target;
use crate::workspace::{Workspace, said_by};
use crate::{binaries, checksums, files, say};

/// Builds the named programs here and in `elsewhere`, by default beside the build folder.
///
/// # Errors
/// Something does not build, or the bytes differ.
pub(crate) fn run(
    workspace: &Workspace,
    target: Target,
    names: &[String],
    elsewhere: Option<PathBuf>,
) -> anyhow::Result<()> {
    let elsewhere = elsewhere.unwrap_or_else(|| workspace.target_directory.join("reproduce"));
    let checkout = elsewhere.join("another-checkout");
    copy_checkout(&workspace.root, &checkout)?;
    let mut other = Workspace::at(&checkout, workspace.epoch)?;
    other.target_directory = elsewhere.join("another-target");
    let here = binaries::build(workspace, target, names)?;
    let there = binaries::build(&other, target, names)?;
    let mut differ = Vec::new();
    for name in names {
        let [one, another] = [&here, &there].map(|folder| files::read(&folder.join(name)));
        let (one, another) = (one?, another?);
        let sum = checksums::sha256(&one);
        if one == another {
            say(&format!("{name} for {target}: {sum}, both times"));
        } else {
            let other_sum = checksums::sha256(&another);
            differ.push(format!(
                "{name}: {sum} here, {other_sum} in {}",
                there.display()
            ));
        }
    }
    if !differ.is_empty() {
        // what differs is kept for who wants to see how
        bail!("the builds differ: {}", differ.join("; "));
    }
    for made in [&checkout, &other.target_directory] {
        fs::remove_dir_all(made).with_context(|| made.display().to_string())?;
    }
    Ok(())
}

/// Copies what git knows or would add; changes that are not committed are built as they are.
fn copy_checkout(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ])
    .current_dir(from);
    for name in said_by(&mut git)?
        .split('\0')
        .filter(|name| !name.is_empty())
    {
        let path = from.join(name);
        // what was removed and not committed
        if path.exists() {
            files::write(&to.join(name), files::read(&path)?)?;
        }
    }
    Ok(())
}
