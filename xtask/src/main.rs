//! `cargo xtask`: builds what is released. Each command can be used alone; `release` does all of it.

mod archive;
mod bill;
mod binaries;
mod checksums;
mod files;
mod licences;
mod manual;
mod packages;
mod release;
mod reproduce;
mod target;
mod workspace;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use target::Target;
use workspace::Workspace;

/// Builds what is released: static binaries, manual, bills of materials, archives, packages.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the static binaries, into target/packages/TARGET/bin
    Binaries(Binaries),
    /// Build the daemon again in another directory, and compare every byte
    Reproduce(Reproduce),
    /// Write manual pages and shell completions, into target/packages/manual
    Manual,
    /// Write bills of materials and licence texts, into target/packages/TARGET/sbom
    Sbom(Targets),
    /// Build .deb and .rpm of binaries that are built, into target/packages
    Packages(Targets),
    /// Build .deb and .rpm of given binaries, as tests do
    PackageGiven(packages::given::Given),
    /// Build everything, then archives and SHA256SUMS, into target/packages
    Release(Targets),
}

#[derive(Debug, Args)]
struct Targets {
    /// For this system alone; may be repeated [default: both]
    #[arg(long, value_name = "TARGET", value_enum)]
    target: Vec<Target>,
}

#[derive(Debug, Args)]
struct Binaries {
    #[command(flatten)]
    targets: Targets,
    /// This binary alone; may be repeated [default: all three]
    #[arg(long = "bin", value_name = "NAME", value_parser = binaries::NAMES)]
    bins: Vec<String>,
}

#[derive(Debug, Args)]
struct Reproduce {
    /// For this system
    #[arg(long, value_name = "TARGET", value_enum, default_value_t = Target::X86_64)]
    target: Target,
    /// This binary; may be repeated [default: radiograph-daemon]
    #[arg(long = "bin", value_name = "NAME", value_parser = binaries::NAMES)]
    bins: Vec<String>,
    /// Where the second checkout and its build go, 2 GB; removed afterwards
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

impl Targets {
    fn chosen(&self) -> Vec<Target> {
        if self.target.is_empty() {
            return vec![Target::X86_64, Target::Aarch64];
        }
        self.target.clone()
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Binaries(chosen) => {
            let bins = or_all(&chosen.bins);
            for target in chosen.targets.chosen() {
                let directory = binaries::build(&workspace, target, &bins)?;
                say(&directory.display().to_string());
            }
            Ok(())
        }
        Command::Reproduce(chosen) => {
            let daemon = vec!["radiograph-daemon".to_owned()];
            let bins = if chosen.bins.is_empty() {
                daemon
            } else {
                chosen.bins
            };
            reproduce::run(&workspace, chosen.target, &bins, chosen.directory)
        }
        Command::Manual => {
            say(&manual::write(&workspace)?.display().to_string());
            Ok(())
        }
        Command::Sbom(targets) => {
            for target in targets.chosen() {
                say(&bill::write_all(&workspace, target)?.display().to_string());
            }
            Ok(())
        }
        Command::Packages(targets) => {
            for target in targets.chosen() {
                for package in release::packages(&workspace, target)? {
                    say(&package.display().to_string());
                }
            }
            Ok(())
        }
        Command::PackageGiven(given) => given.run(),
        Command::Release(targets) => release::run(&workspace, &targets.chosen()),
    }
}

fn or_all(bins: &[String]) -> Vec<String> {
    if bins.is_empty() {
        return binaries::NAMES.map(str::to_owned).to_vec();
    }
    bins.to_vec()
}

/// A line for whoever waits, on standard error.
fn say(line: &str) {
    // nobody is left to tell when that is not possible
    drop(writeln!(io::stderr(), "{line}"));
}
