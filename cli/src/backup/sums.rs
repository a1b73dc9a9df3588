//! The list of a backup's files with their SHA-256, as `sha256sum` writes it; and files that are made
//! under such a checksum.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use radiograph_protocol::hex::hex;
use sha2::{Digest, Sha256};

/// The checksum of each file, by name.
pub(crate) type Sums = BTreeMap<String, String>;

/// Reads a list.
///
/// # Errors
/// A line that is not one of such a list, or a name twice.
pub(crate) fn parse(text: &str) -> anyhow::Result<Sums> {
    let mut sums = Sums::new();
    for line in text.lines() {
        let Some((sum, name)) = line.split_once("  ") else {
            bail!("{line:?} is not a checksum and a name");
        };
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        if sum.len() != 64 || !name.split('/').all(is_plain) {
            bail!("{line:?} is not a checksum and a name");
        }
        if sums.insert(name.to_owned(), sum.to_owned()).is_some() {
            bail!("{name} is there twice");
        }
    }
    Ok(sums)
}

/// A file that is being written.
pub(crate) struct Writing {
    path: PathBuf,
    file: File,
    digest: Sha256,
}

impl Writing {
    /// Makes a file that is not there yet, and the directories on the way.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn create(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let path = directory.join(name);
        let named = || format!("making {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(named)?;
        }
        Ok(Self {
            file: File::create_new(&path).with_context(named)?,
            path,
            digest: Sha256::new(),
        })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.digest.update(bytes);
        let written = self.file.write_all(bytes);
        written.with_context(|| format!("writing {}", self.path.display()))
    }

    /// Makes it durable; its checksum.
    ///
    /// # Errors
    /// It cannot be synced.
    pub(crate) fn end(self) -> anyhow::Result<String> {
        let synced = self.file.sync_all();
        synced.with_context(|| format!("syncing {}", self.path.display()))?;
        Ok(hex(&self.digest.finalize()))
    }
}

/// Makes the names of these files durable, and those of the directories they are in.
///
/// # Errors
/// A directory cannot be synced.
pub(crate) fn sync_names<'a>(
    directory: &Path,
    names: impl Iterator<Item = &'a String>,
) -> anyhow::Result<()> {
    let mut directories: Vec<PathBuf> = vec![directory.to_owned()];
    directories.extend(directory.parent().map(Path::to_owned));
    for name in names {
        let below = Path::new(name).ancestors().skip(1);
        directories.extend(below.map(|below| directory.join(below)));
    }
    directories.sort();
    directories.dedup();
    for path in directories
        .iter()
        .filter(|path| !path.as_os_str().is_empty())
    {
        let synced = File::open(path).and_then(|opened| opened.sync_all());
        synced.with_context(|| format!("syncing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_what_is_none_is_refused() {
        let sum = "0".repeat(64);
        let sums = parse(&format!("{sum}  log/a b.log\n{sum}  state.redb\n")).unwrap();
        assert_eq!(
            sums.into_keys().collect::<Vec<_>>(),
            ["log/a b.log", "state.redb"]
        );
        for text in [
            "state.redb".to_owned(),
            "00  state.redb".to_owned(),
            format!("{sum}  ../state.redb"),
            format!("{sum}  /state.redb"),
            format!("{sum}  a\n{sum}  a"),
        ] {
            assert!(parse(&text).is_err(), "{text:?}");
        }
    }
}
