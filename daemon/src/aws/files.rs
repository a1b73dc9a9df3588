//! Small files that others write: tokens, profiles, container metadata. Bounded, so that a wrong path
//! cannot fill the memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a file that is read; shared files and tokens are a hundredth of it.
const BYTES_MAX: u64 = 1 << 20;

/// Reads a text file; blocks for as long as the disk takes.
///
/// # Errors
/// Those of the system, and `InvalidData` for a file that is no text or too long.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        let problem = format!("longer than {BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(text)
}

/// Reads a text file on a thread that may block.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_aside(path: PathBuf) -> io::Result<String> {
    let reading = tokio::task::spawn_blocking(move || read(&path));
    reading
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_bound_and_one_that_is_no_text_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for bytes in [vec![b'a'; (1 << 20) + 1], vec![0xff, 0xfe]] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        std::fs::write(&path, vec![b'a'; 1 << 20]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1 << 20);
    }
}
