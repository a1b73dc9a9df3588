//! Writes the seeds of every target into a folder of its name below the one that is given.

use std::ffi::OsString;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;

use radiograph_fuzz::{TARGETS, seeds};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(to), None) = (arguments.next(), arguments.next()) else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "usage: fuzz-seeds FOLDER",
        ));
    };
    TARGETS
        .iter()
        .try_for_each(|(target, _)| write(&to, target))
}

fn write(to: &OsString, target: &str) -> Result<()> {
    let folder = PathBuf::from(to).join(target);
    fs::create_dir_all(&folder)?;
    for (index, seed) in seeds::of(target).iter().enumerate() {
        fs::write(folder.join(format!("{index:05}")), seed)?;
    }
    Ok(())
}
