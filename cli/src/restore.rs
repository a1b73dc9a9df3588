//! `radiograph restore`: a backup into a data directory, every byte under its checksum.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use radiograph_collector::backup::SUMS;

use crate::backup::make_empty;
use crate::backup::sums::{Sums, Writing, parse, sync_names};
use crate::output;
use crate::progress::Progress;

/// Bytes that are read in one go.
const PIECE_BYTES: usize = 256 << 10;

/// Copy a backup into an empty data directory, for a collector to open.
///
/// Every file is compared with its checksum. Exit code 0 when all is restored, 1 otherwise; then the
/// data directory is not to be used.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The directory that radiograph backup has made.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,

    /// Empty or new data directory.
    #[arg(long, env = "RADIOGRAPH_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: PathBuf,
}

/// Restores, and says on standard error what was restored.
///
/// # Errors
/// The backup is not whole or damaged, or the data directory is not empty or cannot be written.
pub(crate) fn report(options: &Options) -> anyhow::Result<()> {
    let restored = restore(&options.directory, &options.data_dir)?;
    let (files, data_dir) = (restored.len(), options.data_dir.display());
    output::remark(format_args!("{files} files are restored in {data_dir}"));
    Ok(())
}

fn restore(from: &Path, to: &Path) -> anyhow::Result<Sums> {
    let list = from.join(SUMS);
    let named = || list.display().to_string();
    let text = match fs::read_to_string(&list) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "{} has no {SUMS}: it is no backup, or not whole",
                from.display()
            )
        }
        text => text.with_context(named)?,
    };
    let sums = parse(&text).with_context(named)?;
    make_empty(to)?;
    let progress = Progress::new();
    for (place, (name, sum)) in sums.iter().enumerate() {
        progress.tell(format_args!("restoring: {place} of {} files", sums.len()));
        if copy(from, to, name)? != *sum {
            progress.clear();
            bail!("{} is damaged", from.join(name).display());
        }
    }
    progress.clear();
    sync_names(to, sums.keys())?;
    Ok(sums)
}

/// Copies a file; its checksum.
fn copy(from: &Path, to: &Path, name: &str) -> anyhow::Result<String> {
    let path = from.join(name);
    let reading = || format!("reading {}", path.display());
    let mut file = fs::File::open(&path).with_context(reading)?;
    let mut copy = Writing::create(to, name)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let bytes = file.read(&mut piece).with_context(reading)?;
        if bytes == 0 {
            return copy.end();
        }
        copy.write(piece.get(..bytes).unwrap_or_default())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A backup of one file; and its checksum.
    fn backup(at: &Path) {
        let mut file = Writing::create(at, "log/a.log").unwrap();
        file.write(b"data").unwrap();
        let sum = file.end().unwrap();
        fs::write(at.join(SUMS), format!("{sum}  log/a.log\n")).unwrap();
    }

    #[test]
    fn files_are_copied_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        backup(&from);
        restore(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("log/a.log")).unwrap(), b"data");
        assert!(!to.join(SUMS).exists());
    }

    #[test]
    fn what_is_no_whole_backup_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let spoilt = |name: &str, spoil: &dyn Fn(&Path, &Path)| {
            let (from, to) = (dir.path().join(name), dir.path().join(format!("{name}-to")));
            backup(&from);
            spoil(&from, &to);
            format!("{:#}", restore(&from, &to).unwrap_err())
        };
        let error = spoilt("list", &|from, _| fs::remove_file(from.join(SUMS)).unwrap());
        assert!(error.contains("has no SHA256SUMS"), "{error}");
        let error = spoilt("byte", &|from, _| {
            fs::write(from.join("log/a.log"), "dato").unwrap();
        });
        assert!(error.contains("a.log is damaged"), "{error}");
        let error = spoilt("file", &|from, _| {
            fs::remove_file(from.join("log/a.log")).unwrap();
        });
        assert!(error.contains("reading"), "{error}");
        let error = spoilt("full", &|_, to| {
            fs::create_dir(to).unwrap();
            fs::write(to.join("LOCK"), "").unwrap();
        });
        assert!(error.contains("is not empty"), "{error}");
    }
}
