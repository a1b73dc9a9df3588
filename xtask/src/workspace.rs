//! The checkout that is built: where it lies, its version, the time of its last commit.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::target::Target;

/// The checkout that is built.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Where Cargo builds.
    pub(crate) target_directory: PathBuf,
    /// Version of what is released.
    pub(crate) version: String,
    /// Seconds since 1970 that everything released carries, so that the same sources make the same bytes.
    pub(crate) epoch: u64,
}

impl Workspace {
    /// The one that this program was built from.
    ///
    /// # Errors
    /// It has no manifest, or Cargo cannot read it; nobody says of which time it is.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = root.parent().context("xtask lies in no workspace")?;
        Self::at(root, epoch(root)?)
    }

    /// The one in a folder, of a time in seconds since 1970.
    ///
    /// # Errors
    /// There is none, or Cargo cannot read it.
    pub(crate) fn at(root: &Path, epoch: u64) -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .no_deps()
            .exec()
            .context("cargo metadata")?;
        let version = metadata
            .packages
            .iter()
            .find(|package| package.name == "radiograph");
        let version = version
            .context("no package radiograph")?
            .version
            .to_string();
        Ok(Self {
            root: root.to_owned(),
            target_directory: metadata.target_directory.into(),
            version,
            epoch,
        })
    }

    /// What is made for release, below the folder where Cargo builds.
    pub(crate) fn packages(&self) -> PathBuf {
        self.target_directory.join("packages")
    }

    /// What is made for release on one system.
    pub(crate) fn packages_for(&self, target: Target) -> PathBuf {
        self.packages().join(target.triple())
    }

    /// The packages of a program on one system and what they depend on, as they are locked.
    ///
    /// # Errors
    /// Cargo cannot find them.
    pub(crate) fn dependencies(&self, target: Target) -> anyhow::Result<Metadata> {
        MetadataCommand::new()
            .manifest_path(self.root.join("Cargo.toml"))
            .other_options(vec![
                "--locked".to_owned(),
                format!("--filter-platform={target}"),
            ])
            .exec()
            .context("cargo metadata")
    }
}

/// Seconds since 1970 of `SOURCE_DATE_EPOCH`, else of the last commit.
fn epoch(root: &Path) -> anyhow::Result<u64> {
    if let Some(chosen) = std::env::var_os("SOURCE_DATE_EPOCH") {
        let chosen = chosen.to_string_lossy().into_owned();
        return chosen
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH {chosen}: write seconds since 1970"));
    }
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(root);
    let seconds =
        said_by(&mut git).context("time of the last commit; without git set SOURCE_DATE_EPOCH")?;
    seconds.parse().context("time of the last commit")
}

/// What a program writes to standard output, without blanks around it.
///
/// # Errors
/// It cannot be started, or it fails.
pub(crate) fn said_by(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| name.clone())?;
    let problems = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}", problems.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a program that prints what it does.
///
/// # Errors
/// It cannot be started, or it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| name.clone())?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// Cargo, without what the cargo around this program tells it: build scripts look at some of that and
/// would build again what is built already.
pub(crate) fn cargo(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if is_of_package || text == "CARGO_CRATE_NAME" || text == "CARGO_PRIMARY_PACKAGE" {
            command.env_remove(&name);
        }
    }
    command
}
