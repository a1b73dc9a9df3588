//! Where lines go: to standard output, or to a file alone.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::config::LogConfig;
use crate::log::rotating::Rotating;

/// Bytes of the file at which it is renamed, as AWS's (`spec/daemon.md` section 11).
const FILE_BYTES_MAX: u64 = 50 << 20;

/// The log's end.
#[derive(Debug)]
pub(super) struct Target {
    path: Option<PathBuf>,
    bytes_max: Option<u64>,
    /// None: standard output.
    file: Mutex<Option<Rotating>>,
}

/// A log file that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("log file {path}: cannot be opened")]
pub(super) struct OpenError {
    path: PathBuf,
    pub(super) source: io::Error,
    /// Where lines go instead.
    pub(super) instead: &'static str,
}

impl Target {
    /// The configured file, or standard output where there is none or it cannot be opened.
    pub(super) fn open(config: &LogConfig) -> (Self, Option<OpenError>) {
        let target = Self {
            path: config.path.clone(),
            bytes_max: config.rotate.then_some(FILE_BYTES_MAX),
            file: Mutex::new(None),
        };
        let failure = target.reopen().err();
        (target, failure)
    }

    /// Opens the configured file anew. Where that fails, lines go where they went.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let opened = Rotating::open(path, self.bytes_max);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(opened) => {
                *file = Some(opened);
                Ok(())
            }
            Err(source) => Err(OpenError {
                path: path.clone(),
                source,
                instead: match *file {
                    Some(_) => "lines go on to the file that was open",
                    None => "lines go to standard output",
                },
            }),
        }
    }
}

/// Takes one line a time, and always all of it: what the file refuses goes to standard output, and
/// for what that refuses nobody is left to be told.
impl Write for &Target {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match file.as_mut() {
            Some(file) => file.write_line(line),
            None => io::stdout().write_all(line),
        };
        if written.is_err() && file.is_some() {
            drop(io::stdout().write_all(line));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(path: PathBuf) -> LogConfig {
        LogConfig {
            path: Some(path),
            ..LogConfig::default()
        }
    }

    #[test]
    fn a_file_that_was_moved_away_is_left_alone_once_reopened() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("x.log"), folder.path().join("x.log-0"));
        let (target, failure) = Target::open(&config(path.clone()));
        assert!(failure.is_none(), "{failure:?}");
        (&target).write_all(b"before\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        (&target).write_all(b"between\n").unwrap();
        target.reopen().unwrap();
        (&target).write_all(b"after\n").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\nbetween\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
    }

    #[test]
    fn a_path_that_cannot_be_opened_is_named_and_tried_again_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let blocker = folder.path().join("log");
        fs::write(&blocker, "a file where a folder should be").unwrap();
        let path = blocker.join("x.log");
        let (target, failure) = Target::open(&config(path.clone()));
        let failure = failure.unwrap();
        let expected = format!("log file {}: cannot be opened", path.display());
        assert_eq!(failure.to_string(), expected);
        assert_eq!(failure.instead, "lines go to standard output");
        fs::remove_file(&blocker).unwrap();
        target.reopen().unwrap();
        (&target).write_all(b"line\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\n");
    }

    #[test]
    fn a_reopening_that_fails_keeps_the_file_that_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let (target, failure) = Target::open(&config(inner.join("x.log")));
        assert!(failure.is_none(), "{failure:?}");
        let moved = folder.path().join("moved");
        fs::rename(&inner, &moved).unwrap();
        fs::write(&inner, "a file where a folder should be").unwrap();
        let failure = target.reopen().unwrap_err();
        assert_eq!(failure.instead, "lines go on to the file that was open");
        (&target).write_all(b"line\n").unwrap();
        let text = fs::read_to_string(moved.join("x.log")).unwrap();
        assert_eq!(text, "line\n");
    }
}
