//! Packages are the same bytes each time, and hold what their machine expects.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::*;

fn request(folder: &Path, version: &str) -> Packages {
    let (binaries, manual) = (folder.join("bin"), folder.join("manual"));
    fs::create_dir_all(&binaries).unwrap();
    for shell in [
        "man",
        "completions/bash",
        "completions/zsh",
        "completions/fish",
    ] {
        fs::create_dir_all(manual.join(shell)).unwrap();
    }
    for name in ["radiograph", "radiograph-daemon", "radiograph-collector"] {
        fs::write(binaries.join(name), format!("binary {name}")).unwrap();
        fs::write(manual.join(format!("man/{name}.1")), ".TH").unwrap();
        fs::write(manual.join(format!("completions/bash/{name}")), "b").unwrap();
        fs::write(manual.join(format!("completions/zsh/_{name}")), "z").unwrap();
        fs::write(manual.join(format!("completions/fish/{name}.fish")), "f").unwrap();
    }
    fs::write(manual.join("man/radiograph-demo.1"), ".TH").unwrap();
    fs::write(manual.join("man/radiograph-daemon-spool.1"), ".TH").unwrap();
    let licences = folder.join("licences");
    fs::write(&licences, "MIT").unwrap();
    Packages {
        version: version.to_owned(),
        target: Target::Aarch64,
        binaries,
        manual,
        licences,
        out: folder.join("out"),
        epoch: 1_700_000_000,
    }
}

fn built(folder: &Path, version: &str) -> BTreeMap<String, Vec<u8>> {
    let paths = build(&request(folder, version)).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn the_same_files_give_the_same_packages_byte_for_byte() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = built(first.path(), "1.2.3-rc.1");
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    let expected = [
        "radiograph-1.2.3~rc.1-1.aarch64.rpm",
        "radiograph-collector-1.2.3~rc.1-1.aarch64.rpm",
        "radiograph-collector_1.2.3~rc.1_arm64.deb",
        "radiograph-daemon-1.2.3~rc.1-1.aarch64.rpm",
        "radiograph-daemon_1.2.3~rc.1_arm64.deb",
        "radiograph_1.2.3~rc.1_arm64.deb",
    ];
    assert_eq!(names, expected);
    assert!(first == built(second.path(), "1.2.3-rc.1"));
}

#[test]
fn manual_pages_go_where_their_program_goes() {
    let folder = tempfile::tempdir().unwrap();
    let packages = contents::all(&request(folder.path(), "1.0.0")).unwrap();
    let pages = |package: &contents::Package| {
        let paths = package.files.iter().map(|file| file.path.as_str());
        let pages = paths.filter_map(|path| path.strip_prefix("/usr/share/man/man1/"));
        pages.collect::<Vec<_>>().join(" ")
    };
    let found: Vec<(&str, String)> = packages
        .iter()
        .map(|each| (each.name, pages(each)))
        .collect();
    let expected = [
        (
            "radiograph-daemon",
            "radiograph-daemon-spool.1.gz radiograph-daemon.1.gz",
        ),
        ("radiograph-collector", "radiograph-collector.1.gz"),
        ("radiograph", "radiograph-demo.1.gz radiograph.1.gz"),
    ];
    assert_eq!(
        found,
        expected.map(|(name, pages)| (name, pages.to_owned()))
    );
}

#[test]
fn every_package_carries_the_licences_of_all_that_is_linked_into_its_program() {
    let folder = tempfile::tempdir().unwrap();
    for package in contents::all(&request(folder.path(), "1.0.0")).unwrap() {
        let path = format!(
            "/usr/share/doc/{}/THIRD-PARTY-LICENSES.txt.gz",
            package.name
        );
        let file = package.files.iter().find(|file| file.path == path);
        let mut text = String::new();
        let mut packed = flate2::read::GzDecoder::new(file.unwrap().content.as_slice());
        packed.read_to_string(&mut text).unwrap();
        assert_eq!(text, "MIT");
    }
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let request = request(folder.path(), "1.0.0");
    let missing = request.binaries.join("radiograph-collector");
    fs::remove_file(&missing).unwrap();
    let error = build(&request).unwrap_err();
    assert_eq!(error.to_string(), missing.display().to_string());
}
