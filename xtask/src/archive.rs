//! The archive of a system: everything below one folder, which lies as under `/usr/local`. Made of the
//! same files it has the same bytes: sorted, one time, no owner.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};

use crate::files;

/// What an archive is made of.
#[derive(Debug)]
pub(crate) struct Content {
    /// Path in the archive to bytes and rights.
    files: BTreeMap<String, (Vec<u8>, u32)>,
}

impl Content {
    /// Collects what users get for one system: `binaries` is the folder of the programs, `manual` that of
    /// pages and completions, `bills` that of bills of materials and licence texts, `root` the checkout.
    ///
    /// # Errors
    /// One of the files cannot be read.
    pub(crate) fn collect(
        binaries: &Path,
        manual: &Path,
        bills: &Path,
        root: &Path,
    ) -> anyhow::Result<Self> {
        let mut content = Self {
            files: BTreeMap::new(),
        };
        content.add_all(binaries, "bin", 0o755)?;
        content.add_all(&manual.join("man"), "share/man/man1", 0o644)?;
        let completions = [
            ("bash", "share/bash-completion/completions"),
            ("zsh", "share/zsh/site-functions"),
            ("fish", "share/fish/vendor_completions.d"),
        ];
        for (shell, place) in completions {
            content.add_all(&manual.join("completions").join(shell), place, 0o644)?;
        }
        content.add_all(bills, "share/doc/radiograph", 0o644)?;
        for name in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
            let bytes = files::read(&root.join(name))?;
            let path = format!("share/doc/radiograph/{name}");
            content.files.insert(path, (bytes, 0o644));
        }
        Ok(content)
    }

    fn add_all(&mut self, folder: &Path, place: &str, rights: u32) -> anyhow::Result<()> {
        for path in files::below(folder)? {
            let name = path
                .strip_prefix(folder)
                .context("a file outside its folder")?;
            let name = format!("{place}/{}", name.display());
            self.files.insert(name, (files::read(&path)?, rights));
        }
        Ok(())
    }

    /// Writes `<name>.tar.gz` into a folder, with everything below a folder of that name.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, folder: &Path, name: &str, epoch: u64) -> anyhow::Result<PathBuf> {
        let compressed = GzBuilder::new().write(Vec::new(), Compression::best());
        let mut archive = tar::Builder::new(compressed);
        for (path, (bytes, rights)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(u64::try_from(bytes.len())?);
            header.set_mode(*rights);
            header.set_mtime(epoch);
            header.set_uid(0);
            header.set_gid(0);
            header.set_username("root")?;
            header.set_groupname("root")?;
            archive
                .append_data(&mut header, format!("{name}/{path}"), bytes.as_slice())
                .with_context(|| path.clone())?;
        }
        let bytes = archive.into_inner()?.finish()?;
        let path = folder.join(format!("{name}.tar.gz"));
        files::write(&path, bytes)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;

    /// A release in small, its files made in the given order.
    fn release(order: impl Iterator<Item = usize>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let all = [
            ("bin/radiograph", "program"),
            ("bin/radiograph-daemon", "another"),
            ("manual/man/radiograph.1", "page"),
            ("manual/completions/bash/radiograph", "words"),
            ("manual/completions/zsh/_radiograph", "words"),
            ("manual/completions/fish/radiograph.fish", "words"),
            ("sbom/radiograph.cdx.json", "{}"),
            ("README.md", "read"),
            ("CHANGELOG.md", "changes"),
            ("LICENSE-APACHE", "may"),
            ("LICENSE-MIT", "may"),
        ];
        for index in order {
            let (path, text) = all[index];
            files::write(&folder.path().join(path), text).unwrap();
        }
        folder
    }

    fn archive(of: &Path) -> Vec<u8> {
        let [bin, manual, sbom] = ["bin", "manual", "sbom"].map(|name| of.join(name));
        let content = Content::collect(&bin, &manual, &sbom, of).unwrap();
        let path = content.write(of, "radiograph-0.1.0-x86_64-linux", 1_700_000_000);
        fs::read(path.unwrap()).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let (one, other) = (release(0..11), release((0..11).rev()));
        assert_eq!(archive(one.path()), archive(other.path()));
    }

    #[test]
    fn it_holds_every_file_with_its_rights_and_no_owner() {
        let folder = release(0..11);
        let bytes = archive(folder.path());
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut seen = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            seen.push((path, header.mode().unwrap(), text));
        }
        assert_eq!(seen.len(), 11);
        let top = "radiograph-0.1.0-x86_64-linux";
        let program = (format!("{top}/bin/radiograph"), 0o755, "program".to_owned());
        assert_eq!(seen[0], program);
        let page = format!("{top}/share/man/man1/radiograph.1");
        assert!(seen.contains(&(page, 0o644, "page".to_owned())), "{seen:?}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = release(0..10);
        let [bin, manual, sbom] = ["bin", "manual", "sbom"].map(|name| folder.path().join(name));
        let error = Content::collect(&bin, &manual, &sbom, folder.path()).unwrap_err();
        assert!(error.to_string().contains("LICENSE-MIT"), "{error}");
    }
}
