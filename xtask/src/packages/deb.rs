//! The format of Debian: an `ar` archive of a version, a tar archive of control files, and one of what is
//! installed. Source: deb(5), deb-control(5). gzip, which every dpkg reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use md5::{Digest as _, Md5};

use super::Packages;
use super::contents::{File, MAINTAINER, Package, gzip};
use crate::target::Target;

/// Writes the package, and says where.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(package: &Package, request: &Packages) -> anyhow::Result<PathBuf> {
    let epoch = request.epoch;
    let architecture = architecture(request.target);
    let (name, version) = (package.name, request.version());
    let parts = [
        ("debian-binary", b"2.0\n".to_vec()),
        (
            "control.tar.gz",
            gzip(&tar(&control(package, request), epoch)?)?,
        ),
        ("data.tar.gz", gzip(&tar(&package.files, epoch)?)?),
    ];
    let path = request
        .out
        .join(format!("{name}_{version}_{architecture}.deb"));
    fs::write(&path, ar(&parts, epoch)).with_context(|| path.display().to_string())?;
    Ok(path)
}

const fn architecture(target: Target) -> &'static str {
    match target {
        Target::X86_64 => "amd64",
        Target::Aarch64 => "arm64",
    }
}

/// The control files, as files of their own.
fn control(package: &Package, request: &Packages) -> Vec<File> {
    let file = |name: &str, content: String, mode| File {
        path: format!("/{name}"),
        content: content.into_bytes(),
        mode,
        is_configuration: false,
    };
    let mut sums = String::new();
    let mut configuration = String::new();
    for each in &package.files {
        if each.is_configuration {
            configuration.push_str(&each.path);
            configuration.push('\n');
        } else {
            for byte in Md5::digest(&each.content) {
                // writing to a string cannot fail
                let _infallible = write!(sums, "{byte:02x}");
            }
            sums.push_str(&format!("  {}\n", each.path.trim_start_matches('/')));
        }
    }
    let mut files = vec![
        file("control", fields(package, request), 0o644),
        file("md5sums", sums, 0o644),
    ];
    if !configuration.is_empty() {
        files.push(file("conffiles", configuration, 0o644));
    }
    for (name, script) in &package.deb_scripts {
        files.push(file(name, script.clone(), 0o755));
    }
    files
}

fn fields(package: &Package, request: &Packages) -> String {
    let bytes: usize = package.files.iter().map(|file| file.content.len()).sum();
    // for useradd; present on every Debian, but said
    let depends = match package.deb_scripts.as_slice() {
        [] => "",
        _ => "Depends: passwd\nRecommends: systemd\n",
    };
    format!(
        "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: {MAINTAINER}\nInstalled-Size: {}\n{depends}\
         Suggests: {}\nSection: utils\nPriority: optional\nDescription: {}\n {}\n",
        package.name,
        request.version(),
        architecture(request.target),
        bytes.div_ceil(1024),
        package.suggests.join(", "),
        package.summary,
        package.description,
    )
}

/// Everything belongs to root; folders come before what is in them.
fn tar(files: &[File], epoch: u64) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = |path: &str, kind, mode: u32, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(epoch);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_size(u64::try_from(content.len())?);
        archive.append_data(&mut header, path, content)?;
        anyhow::Ok(())
    };
    let mut folders = BTreeSet::new();
    for file in files {
        let path = file.path.trim_start_matches('/');
        for (at, _) in path.match_indices('/') {
            folders.extend(path.get(..=at).map(|folder| format!("./{folder}")));
        }
    }
    header("./", tar::EntryType::Directory, 0o755, &[])?;
    for folder in folders {
        header(&folder, tar::EntryType::Directory, 0o755, &[])?;
    }
    for file in files {
        let path = format!(".{}", file.path);
        header(
            &path,
            tar::EntryType::Regular,
            file.mode.into(),
            &file.content,
        )?;
    }
    Ok(archive.into_inner()?)
}

fn ar(parts: &[(&str, Vec<u8>)], epoch: u64) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in parts {
        let length = content.len();
        let head = format!(
            "{name:<16}{epoch:<12}{:<6}{:<6}{:<8}{length:<10}`\n",
            0, 0, 100_644
        );
        archive.extend_from_slice(head.as_bytes());
        archive.extend_from_slice(content);
        if length % 2 == 1 {
            archive.push(b'\n');
        }
    }
    archive
}
