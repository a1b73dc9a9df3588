//! What the committer does to files, one method per system call that may fail, so that a test can
//! make the n-th of them fail, tear or forget.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's files, unless a method is replaced.
pub(super) trait Files: Send + Sync {
    /// Makes a directory; one that is there already is as good.
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens a log for writing, making it if it is not there.
    fn open_log(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    }

    /// Writes all bytes at an offset.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Cuts off what stands behind `end`, if anything does.
    fn cut(&self, file: &File, end: u64) -> io::Result<()> {
        if file.metadata()?.len() > end {
            file.set_len(end)?;
        }
        Ok(())
    }

    /// Makes what was written to a file durable.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file; one that is gone already is as good.
    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Bytes that may still be written to the disk of a path.
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// Files of long work that is to end soon once the store is closed: nothing more is written then. What
/// is half made is removed as after any other failure.
pub(super) struct WhileNotStopped<'f> {
    /// The files.
    pub(super) files: &'f dyn Files,
    /// Whether the work is to be given up.
    pub(super) is_stopped: &'f AtomicBool,
}

impl WhileNotStopped<'_> {
    fn go_on(&self) -> io::Result<()> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("the store is being closed"));
        }
        Ok(())
    }
}

impl Files for WhileNotStopped<'_> {
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.files.make_dir(path)
    }

    fn open_log(&self, path: &Path) -> io::Result<File> {
        self.files.open_log(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.go_on()?;
        self.files.write_at(file, bytes, offset)
    }

    fn cut(&self, file: &File, end: u64) -> io::Result<()> {
        self.files.cut(file, end)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.go_on()?;
        self.files.sync(file)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.files.sync_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.files.free_bytes(path)
    }
}

/// The system's files.
pub(super) struct SystemFiles;

impl Files for SystemFiles {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_the_work_is_to_be_given_up_nothing_is_written_and_what_is_half_made_can_be_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("half-made");
        let is_stopped = AtomicBool::new(false);
        let files = WhileNotStopped {
            files: &SystemFiles,
            is_stopped: &is_stopped,
        };
        let file = files.open_log(&path).unwrap();
        files.write_at(&file, b"one", 0).unwrap();
        is_stopped.store(true, Ordering::Relaxed);
        let refused = files.write_at(&file, b"two", 3).unwrap_err();
        assert_eq!(refused.to_string(), "the store is being closed");
        assert!(files.sync(&file).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        files.remove(&path).unwrap();
        assert!(!path.exists());
    }
}
