//! From the stream of a backup to files, whatever the pieces it comes in.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use radiograph_collector::backup::SUMS;
use radiograph_collector::backup::tar::{BLOCK_BYTES, Entry, padding, read_header};

use super::sums::{Sums, Writing, parse, sync_names};

/// Bytes of the list of checksums at most: 60,000 files.
const SUMS_BYTES_MAX: u64 = 8 << 20;

/// Files in the making.
pub(super) struct Unpacking {
    directory: PathBuf,
    /// What has come of a header or of zeros.
    waiting: Vec<u8>,
    at: At,
    /// Of the files that are whole.
    sums: Sums,
    bytes: u64,
}

/// What comes next.
enum At {
    Header,
    File {
        name: String,
        file: Writing,
        left: u64,
        padding: usize,
    },
    Sums {
        text: Vec<u8>,
        left: u64,
        padding: usize,
    },
    Padding(usize),
    End,
}

impl Unpacking {
    /// Into this directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            waiting: Vec::new(),
            at: At::Header,
            sums: Sums::new(),
            bytes: 0,
        }
    }

    /// Files that are whole.
    pub(super) fn files(&self) -> usize {
        self.sums.len()
    }

    /// Bytes that were written.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// It is not that of a backup, or cannot be written.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> anyhow::Result<()> {
        while !piece.is_empty() {
            piece = self.step(piece)?;
        }
        Ok(())
    }

    /// To be called when nothing more comes.
    ///
    /// # Errors
    /// That was not all.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        match self.at {
            At::End => Ok(()),
            _ => bail!("the backup ends early, after {} bytes", self.bytes),
        }
    }

    /// Takes some of a piece; the rest of it.
    fn step<'a>(&mut self, piece: &'a [u8]) -> anyhow::Result<&'a [u8]> {
        match std::mem::replace(&mut self.at, At::Header) {
            At::Header => self.header(piece),
            At::File {
                name,
                mut file,
                left,
                padding,
            } => {
                let (taken, rest) = cut(piece, left);
                file.write(taken)?;
                self.bytes = self.bytes.saturating_add(length(taken));
                let left = left.saturating_sub(length(taken));
                if left > 0 {
                    self.at = At::File {
                        name,
                        file,
                        left,
                        padding,
                    };
                } else {
                    self.sums.insert(name, file.end()?);
                    self.at = At::Padding(padding);
                }
                Ok(rest)
            }
            At::Sums {
                mut text,
                left,
                padding,
            } => {
                let (taken, rest) = cut(piece, left);
                text.extend_from_slice(taken);
                let left = left.saturating_sub(length(taken));
                if left > 0 {
                    self.at = At::Sums {
                        text,
                        left,
                        padding,
                    };
                } else {
                    self.check(&text)?;
                    self.at = At::End;
                }
                Ok(rest)
            }
            At::Padding(left) => {
                let (taken, rest) = cut(piece, u64::try_from(left)?);
                let left = left.saturating_sub(taken.len());
                if left > 0 {
                    self.at = At::Padding(left);
                }
                Ok(rest)
            }
            // zeros up to the archive's end
            At::End => {
                self.at = At::End;
                ensure!(
                    piece.iter().all(|byte| *byte == 0),
                    "something follows the checksums"
                );
                Ok(&[])
            }
        }
    }

    fn header<'a>(&mut self, piece: &'a [u8]) -> anyhow::Result<&'a [u8]> {
        let missing = BLOCK_BYTES.saturating_sub(self.waiting.len());
        let (taken, rest) = cut(piece, u64::try_from(missing)?);
        self.waiting.extend_from_slice(taken);
        let Some(header) = self.waiting.first_chunk() else {
            return Ok(rest);
        };
        let entry = read_header(header).context("the backup is damaged")?;
        self.waiting.clear();
        let Entry::File { name, bytes } = entry else {
            bail!("the backup has no {SUMS}");
        };
        let padding = padding(bytes);
        if name == SUMS {
            ensure!(
                (1..=SUMS_BYTES_MAX).contains(&bytes),
                "{SUMS} has {bytes} bytes"
            );
            self.at = At::Sums {
                text: Vec::new(),
                left: bytes,
                padding,
            };
            return Ok(rest);
        }
        let file = Writing::create(&self.directory, &name)?;
        if bytes > 0 {
            self.at = At::File {
                name,
                file,
                left: bytes,
                padding,
            };
        } else {
            self.sums.insert(name, file.end()?);
        }
        Ok(rest)
    }

    /// Compares what was written with what was sent, and writes the list down.
    fn check(&self, text: &[u8]) -> anyhow::Result<()> {
        let text = std::str::from_utf8(text).context(SUMS)?;
        let told = parse(text).context(SUMS)?;
        for (name, sum) in &told {
            ensure!(
                self.sums.get(name) == Some(sum),
                "{name} is not what was sent"
            );
        }
        ensure!(
            told.len() == self.sums.len(),
            "there are files without a checksum"
        );
        sync_names(&self.directory, told.keys())?;
        let mut list = Writing::create(&self.directory, SUMS)?;
        list.write(text.as_bytes())?;
        list.end()?;
        sync_names(&self.directory, std::iter::empty())
    }
}

/// Up to so many bytes, and the rest.
fn cut(piece: &[u8], bytes: u64) -> (&[u8], &[u8]) {
    let at = usize::try_from(bytes)
        .unwrap_or(usize::MAX)
        .min(piece.len());
    piece.split_at_checked(at).unwrap_or((piece, &[]))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use radiograph_collector::backup::tar::{END_BYTES, header};
    use radiograph_protocol::hex::hex;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn entry(name: &str, bytes: &[u8]) -> Vec<u8> {
        let header = header(name, bytes.len() as u64).unwrap();
        [&header[..], bytes, &vec![0; padding(bytes.len() as u64)]].concat()
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive: Vec<u8> = files
            .iter()
            .flat_map(|(name, bytes)| entry(name, bytes))
            .collect();
        let line =
            |(name, bytes): &(&str, &[u8])| format!("{}  {name}\n", hex(&Sha256::digest(bytes)));
        let sums: String = files.iter().map(line).collect();
        archive.extend(entry(SUMS, sums.as_bytes()));
        archive.extend([0; END_BYTES]);
        archive
    }

    fn unpacked(archive: &[u8], piece: usize) -> (tempfile::TempDir, anyhow::Result<()>) {
        let dir = tempfile::tempdir().unwrap();
        let mut unpacking = Unpacking::new(dir.path());
        let mut pieces = archive.chunks(piece);
        let pushed = pieces.try_for_each(|piece| unpacking.push(piece));
        (dir, pushed.and_then(|()| unpacking.finish()))
    }

    const FILES: [(&str, &[u8]); 3] = [
        ("log/2026-11-21/14.log", &[7; 1300]),
        ("empty", b""),
        ("state.redb", &[1; 512]),
    ];

    #[test]
    fn files_come_out_as_they_were_whatever_the_pieces() {
        for piece in [1, 511, 512, 513, 100_000] {
            let (dir, done) = unpacked(&archive(&FILES), piece);
            done.unwrap();
            for (name, bytes) in FILES {
                assert_eq!(fs::read(dir.path().join(name)).unwrap(), bytes, "{name}");
            }
            assert!(dir.path().join(SUMS).exists());
        }
    }

    #[test]
    fn what_is_cut_or_changed_leaves_no_list_behind() {
        let whole = archive(&FILES);
        let sums_end = whole.len() - END_BYTES - padding(3 * 66 + 21 + 5 + 10 + 3);
        for end in (0..sums_end).step_by(97) {
            let (dir, done) = unpacked(&whole[..end], 600);
            let error = done.unwrap_err().to_string();
            assert!(error.contains("ends early"), "cut at {end}: {error}");
            assert!(!dir.path().join(SUMS).exists(), "cut at {end}");
        }
        for (row, at, expected) in [
            ("a file's byte", 600, "14.log is not what was sent"),
            ("a header's byte", 3, "the backup is damaged"),
            ("behind the end", whole.len() - 1, "something follows"),
        ] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            let error = unpacked(&changed, 4096).1.unwrap_err().to_string();
            assert!(error.contains(expected), "{row}: {error}");
        }
    }

    #[test]
    fn an_archive_that_is_no_backup_is_refused_by_name() {
        let twice = [entry("a", b"1"), entry("a", b"1")].concat();
        let unlisted = [entry("b", b"1"), archive(&[("a", b"1")])].concat();
        for (row, bytes, expected) in [
            (
                "no list",
                [entry("a", b"1"), vec![0; END_BYTES]].concat(),
                "has no SHA256SUMS",
            ),
            ("a name twice", twice, "making"),
            ("an unlisted file", unlisted, "without a checksum"),
            ("no archive", vec![b'x'; 600], "damaged"),
        ] {
            let error = unpacked(&bytes, 4096).1.unwrap_err().to_string();
            assert!(error.contains(expected), "{row}: {error}");
        }
    }
}
