//! Everything that is released, in one folder: archives and packages of each system, and their sums.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::archive::Content;
use crate::packages::{self, Packages};
use crate::target::Target;
use crate::workspace::Workspace;
use crate::{bill, binaries, checksums, licences, manual, say};

/// Builds all of it for the given systems.
///
/// # Errors
/// A step cannot be done; what earlier steps made stays.
pub(crate) fn run(workspace: &Workspace, targets: &[Target]) -> anyhow::Result<()> {
    let pages = manual::write(workspace)?;
    let names = binaries::NAMES.map(str::to_owned);
    let mut made = Vec::new();
    for target in targets {
        let programs = binaries::build(workspace, *target, &names)?;
        let bills = bill::write_all(workspace, *target)?;
        let content = Content::collect(&programs, &pages, &bills, &workspace.root)?;
        let name = format!(
            "radiograph-{}-{}-linux",
            workspace.version,
            target.architecture()
        );
        made.push(content.write(&workspace.packages(), &name, workspace.epoch)?);
        made.extend(build_packages(workspace, *target, pages.clone(), &bills)?);
    }
    checksums::write(&workspace.packages(), &made)?;
    for path in made {
        say(&path.display().to_string());
    }
    Ok(())
}

/// Builds the packages of binaries that are built already.
///
/// # Errors
/// The binaries are not there, or a package cannot be made.
pub(crate) fn packages(workspace: &Workspace, target: Target) -> anyhow::Result<Vec<PathBuf>> {
    let pages = manual::write(workspace)?;
    let bills = bill::write_all(workspace, target)?;
    build_packages(workspace, target, pages, &bills)
}

fn build_packages(
    workspace: &Workspace,
    target: Target,
    manual: PathBuf,
    bills: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    let programs = workspace.packages_for(target).join("bin");
    for name in binaries::NAMES {
        fs::metadata(programs.join(name))
            .with_context(|| format!("{name}: build it first, with cargo xtask binaries"))?;
    }
    packages::build(&Packages {
        version: workspace.version.clone(),
        target,
        binaries: programs,
        manual,
        licences: bills.join(licences::FILE),
        out: workspace.packages(),
        epoch: workspace.epoch,
    })
}
