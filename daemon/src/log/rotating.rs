//! A log file that is renamed when it has reached its size.
//!
//! Source: `spec/daemon.md` section 11: `<file>.<n>`, n one more than the highest there is, and only
//! the newest old file stays. A file that somebody else cut (`copytruncate`) or moved away in the
//! meantime is respected. Where the renaming fails, the file grows until it has taken in the same
//! amount again: a line is worth more than the size.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An open log file.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    /// None: it is never renamed.
    bytes_max: Option<u64>,
    /// Its bytes, unless somebody else has changed it.
    bytes: u64,
}

impl Rotating {
    /// Opens the file for appending; creates it and the folders above it where they are missing.
    pub(super) fn open(path: &Path, bytes_max: Option<u64>) -> io::Result<Self> {
        let (file, bytes) = append_to(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes_max,
            bytes,
        })
    }

    /// Appends a line; begins a new file for it when this one is full.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.bytes_max.is_some_and(|max| self.bytes >= max) {
            // A failure is the next line's, if at all: this one is written where it can be.
            self.bytes = self.rotated().unwrap_or_default();
        }
        self.file.write_all(line)?;
        let added = u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(added);
        Ok(())
    }

    /// Renames the file, unless it is smaller than thought; the bytes of the one that is open then.
    fn rotated(&mut self) -> io::Result<u64> {
        let bytes = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if self.bytes_max.is_some_and(|max| bytes >= max) {
            let old = old_files(&self.path)?;
            let highest = old.iter().map(|(number, _)| *number).max();
            let next = highest.unwrap_or_default().saturating_add(1);
            fs::rename(&self.path, numbered(&self.path, next))?;
            for (_, path) in old {
                // One that cannot be removed now is found again the next time.
                drop(fs::remove_file(path));
            }
        }
        let (file, bytes) = append_to(&self.path)?;
        self.file = file;
        Ok(bytes)
    }
}

fn append_to(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// The files `<file>.<n>` beside it, with their numbers.
fn old_files(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let candidate = entry?.path();
        let number = candidate
            .extension()
            .and_then(|extension| extension.to_str())
            .and_then(|extension| extension.parse().ok());
        if let Some(number) = number {
            let old = numbered(path, number);
            if old.file_name() == candidate.file_name() {
                found.push((number, old));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every file of the folder with its text.
    fn files(folder: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect()
    }

    fn of<const N: usize>(files: [(&str, &str); N]) -> BTreeMap<String, String> {
        let owned = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        BTreeMap::from(owned)
    }

    fn write(log: &mut Rotating, lines: &[&str]) {
        for line in lines {
            log.write_line(line.as_bytes()).unwrap();
        }
    }

    #[test]
    fn missing_folders_are_created_and_an_existing_file_is_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/x.log");
        for line in ["1\n", "2\n"] {
            write(&mut Rotating::open(&path, None).unwrap(), &[line]);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n");
    }

    #[test]
    fn a_full_file_is_renamed_with_growing_numbers_and_only_the_newest_old_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(&folder.path().join("x.log"), Some(6)).unwrap();
        write(&mut log, &["111\n", "222\n"]);
        assert_eq!(files(folder.path()), of([("x.log", "111\n222\n")]));
        write(&mut log, &["333\n"]);
        let expected = of([("x.log", "333\n"), ("x.log.1", "111\n222\n")]);
        assert_eq!(files(folder.path()), expected);
        write(&mut log, &["444\n", "555\n"]);
        let expected = of([("x.log", "555\n"), ("x.log.2", "333\n444\n")]);
        assert_eq!(files(folder.path()), expected);
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_other_files_are_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let others = [
            "x.log.bak",
            "x.log.3.gz",
            "x.log.04",
            "y.log.9",
            "x.log.-1",
            "12",
        ];
        for name in others {
            fs::write(folder.path().join(name), "other").unwrap();
        }
        for name in ["x.log.4", "x.log.11"] {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        fs::write(folder.path().join("x.log"), "full\n").unwrap();
        let mut log = Rotating::open(&folder.path().join("x.log"), Some(5)).unwrap();
        write(&mut log, &["new\n"]);
        let mut expected = of(others.map(|name| (name, "other")));
        expected.extend(of([("x.log.12", "full\n"), ("x.log", "new\n")]));
        assert_eq!(files(folder.path()), expected);
    }

    #[test]
    fn without_a_limit_the_file_only_grows() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(&folder.path().join("x.log"), None).unwrap();
        write(&mut log, &["1\n"; 50]);
        assert_eq!(
            files(folder.path()),
            of([("x.log", "1\n".repeat(50).as_str())])
        );
    }

    #[test]
    fn a_file_that_was_cut_by_somebody_else_is_not_renamed_early() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = Rotating::open(&path, Some(6)).unwrap();
        write(&mut log, &["111\n", "222\n"]);
        File::create(&path).unwrap();
        write(&mut log, &["333\n", "444\n"]);
        assert_eq!(files(folder.path()), of([("x.log", "333\n444\n")]));
        write(&mut log, &["555\n"]);
        let expected = of([("x.log", "555\n"), ("x.log.1", "333\n444\n")]);
        assert_eq!(files(folder.path()), expected);
    }

    #[test]
    fn a_file_that_was_moved_away_is_followed_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = Rotating::open(&path, Some(6)).unwrap();
        write(&mut log, &["111\n", "222\n"]);
        fs::rename(&path, folder.path().join("moved")).unwrap();
        write(&mut log, &["333\n"]);
        let expected = of([("moved", "111\n222\n"), ("x.log", "333\n")]);
        assert_eq!(files(folder.path()), expected);
    }

    #[test]
    fn a_file_that_cannot_be_renamed_goes_on_taking_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("f/x.log"), folder.path().join("moved"));
        let mut log = Rotating::open(&path, Some(4)).unwrap();
        write(&mut log, &["111\n"]);
        fs::rename(folder.path().join("f"), &moved).unwrap();
        fs::write(folder.path().join("f"), "a file where a folder should be").unwrap();
        write(&mut log, &["222\n", "333\n"]);
        let text = fs::read_to_string(moved.join("x.log")).unwrap();
        assert_eq!(text, "111\n222\n333\n");
    }
}
