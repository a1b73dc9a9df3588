//! Keeps paths of this machine out of binaries, where panics and assertions would name them: the folders
//! of the checkout, of its build, of the crates' sources and of Rust's own get names that are the same
//! everywhere.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::Metadata;

use crate::target::Target;
use crate::workspace::{Workspace, said_by};

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`, so that paths may hold blanks.
const SEPARATOR: &str = "\u{1f}";

/// Tells Rust's and the C compiler what to call each folder. Flags of whoever builds are put aside: they
/// would be another way to get other bytes.
///
/// # Errors
/// Cargo or the compiler does not say where its sources are.
pub(super) fn hide(
    cargo: &mut Command,
    workspace: &Workspace,
    target: Target,
) -> anyhow::Result<()> {
    // the last one that fits holds: the build may lie within the checkout
    let mut names = vec![
        (workspace.root.clone(), "/radiograph".to_owned()),
        (
            workspace.target_directory.clone(),
            "/radiograph/target".to_owned(),
        ),
    ];
    let crates = crate_folders(&workspace.dependencies(target)?);
    names.extend(crates.into_iter().map(|path| (path, "/crates".to_owned())));
    names.push(rust_sources()?);
    let flags = |option: &str| {
        let each = names
            .iter()
            .map(|(path, name)| format!("{option}{}={name}", path.display()));
        each.collect::<Vec<_>>()
    };
    let c_variable = format!("CFLAGS_{}", target.triple().replace('-', "_"));
    cargo
        .env_remove("RUSTFLAGS")
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags("--remap-path-prefix=").join(SEPARATOR),
        )
        .env_remove("CFLAGS")
        .env_remove("TARGET_CFLAGS")
        .env_remove(format!("CFLAGS_{target}"))
        .env(c_variable, flags("-ffile-prefix-map=").join(" "));
    Ok(())
}

/// The folders that crates' own folders lie in: one for each registry, with its name in the path.
fn crate_folders(metadata: &Metadata) -> BTreeSet<PathBuf> {
    let of_registry = metadata
        .packages
        .iter()
        .filter(|each| each.source.is_some());
    of_registry
        .filter_map(|each| Some(each.manifest_path.parent()?.parent()?.into()))
        .collect()
}

/// Where rustup put the sources of Rust's libraries, if it did, and what they are called where it did not.
fn rust_sources() -> anyhow::Result<(PathBuf, String)> {
    let root = said_by(Command::new("rustc").args(["--print", "sysroot"]))?;
    let version = said_by(Command::new("rustc").arg("--version").arg("--verbose"))?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .context("rustc does not name its commit")?;
    let sources = PathBuf::from(root).join("lib/rustlib/src/rust");
    Ok((sources, format!("/rustc/{commit}")))
}
