//! A full disk without a disk: a limit on the size of a running process's files (Linux).
//!
//! Writes beyond it come back short or with `EFBIG`, as they do with `ENOSPC` on a full disk; files
//! that are smaller yet go on growing, which a full disk would not allow. Nobody needs rights for it,
//! since only the soft limit moves.

use std::fs;
use std::path::Path;

use anyhow::Context;
use rustix::process::Pid;

/// No file of the process may become larger than so many bytes.
///
/// # Errors
/// The system has no such limits, or the process is gone.
pub(super) fn set(pid: Pid, bytes: u64) -> anyhow::Result<()> {
    limit(pid, Some(bytes))
}

/// No file of the process may become larger than the largest under `dir` is now and so many bytes.
///
/// # Errors
/// As [`set`].
pub(super) fn set_beyond(pid: Pid, dir: &Path, spare_bytes: u64) -> anyhow::Result<()> {
    set(pid, largest(dir).saturating_add(spare_bytes))
}

/// Takes the limit away again.
///
/// # Errors
/// As [`set`].
pub(super) fn lift(pid: Pid) -> anyhow::Result<()> {
    limit(pid, None)
}

#[cfg(target_os = "linux")]
fn limit(pid: Pid, bytes: Option<u64>) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

    // what we may at most, the child may
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = match (bytes, maximum) {
        (Some(bytes), Some(maximum)) => Some(bytes.min(maximum)),
        (bytes, maximum) => bytes.or(maximum),
    };
    let limit = Rlimit { current, maximum };
    prlimit(Some(pid), Resource::Fsize, limit).context("limit on the size of files")?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit(_: Pid, _: Option<u64>) -> anyhow::Result<()> {
    anyhow::bail!("limits on the size of another process's files are Linux's")
}

/// Bytes of the largest file under a directory; files that go away meanwhile do not matter.
fn largest(dir: &Path) -> u64 {
    let mut open = vec![dir.to_owned()];
    let mut largest = 0;
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) => largest = largest.max(metadata.len()),
                Err(_) => {}
            }
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_file_is_found_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(largest(dir.path()), 0);
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("small"), "12").unwrap();
        fs::write(dir.path().join("a/b/large"), "12345").unwrap();
        assert_eq!(largest(dir.path()), 5);
        assert_eq!(largest(&dir.path().join("none")), 0);
    }
}
