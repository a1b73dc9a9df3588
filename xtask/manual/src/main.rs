//! Writes manual pages and shell completions of the three programs, from the definitions that the
//! programs themselves read their command lines with.
//!
//! `radiograph-manual DIRECTORY` fills `man/*.1` and `completions/{bash,zsh,fish}`; the same sources give
//! the same bytes. A package of its own, so that `cargo xtask` need not be compiled with all of Radiograph.

mod completions;
mod page;
mod program;

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Arg, Command, value_parser};

use program::Program;

fn main() -> anyhow::Result<()> {
    let arguments = Command::new("radiograph-manual")
        .about("Writes manual pages and shell completions")
        .arg(
            Arg::new("directory")
                .value_name("DIRECTORY")
                .required(true)
                .value_parser(value_parser!(PathBuf)),
        )
        .get_matches();
    let directory = arguments
        .get_one::<PathBuf>("directory")
        .context("no directory")?;
    let pages = directory.join("man");
    let completions = directory.join("completions");
    for made in [&pages, &completions] {
        if made.exists() {
            // what a renamed command left behind must not be packaged
            fs::remove_dir_all(made).with_context(|| made.display().to_string())?;
        }
        fs::create_dir_all(made).with_context(|| made.display().to_string())?;
    }
    for program in program::all() {
        page::write(&program, &pages)?;
        completions::write(&program, &completions)?;
    }
    Ok(())
}
