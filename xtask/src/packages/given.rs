//! Packages of any binaries under any version number, for tests of upgrades.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::Packages;
use crate::target::Target;

/// What to package.
#[derive(Debug, Args)]
pub(crate) struct Given {
    #[arg(long)]
    version: String,
    #[arg(long, value_enum)]
    target: Target,
    /// The folder of the three binaries
    #[arg(long)]
    binaries: PathBuf,
    /// The folder with man/ and completions/
    #[arg(long)]
    manual: PathBuf,
    /// The licence texts of third parties
    #[arg(long)]
    licences: PathBuf,
    #[arg(long)]
    out: PathBuf,
    /// Seconds since 1970 that every file carries
    #[arg(long)]
    epoch: u64,
}

impl Given {
    /// Builds the packages and prints their paths.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let made = super::build(&Packages {
            version: self.version,
            target: self.target,
            binaries: self.binaries,
            manual: self.manual,
            licences: self.licences,
            out: self.out,
            epoch: self.epoch,
        })?;
        for path in made {
            writeln!(io::stdout(), "{}", path.display())?;
        }
        Ok(())
    }
}
