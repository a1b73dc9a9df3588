//! The container images: what is in them, what they say of themselves, and that they do their work when
//! they are run as an engine runs them, read-only and without rights.
//!
//! Packed by `buildah` from `Dockerfile.prebuilt`, run by `crun`; neither needs an engine. Where one is
//! missing the test says so and passes. Source: `spec/daemon.md` section 13.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say when they are skipped"
)]

#[path = "images/at_work.rs"]
mod at_work;
#[path = "images/authority.rs"]
mod authority;
#[path = "images/container.rs"]
mod container;
#[path = "images/packed.rs"]
mod packed;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use packed::{images, skipped};
use radiograph_tests::binaries::workspace;
use radiograph_tests::{packaged, python};
use serde_json::{Value, json};

/// Bytes that all files of an image may have together.
const DAEMON_BYTES_MAX: u64 = 10_000_000;
const COLLECTOR_BYTES_MAX: u64 = 25_000_000;

const DAEMON: &str = "radiograph-daemon";
const COLLECTOR: &str = "radiograph-collector";
const BOTH: &str = "radiograph";

/// Every path of an image's root with its kind or mode and its owner, `/` left out, sorted.
fn contents(root: &Path) -> (Vec<String>, u64) {
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let told = path.symlink_metadata().unwrap();
            let shown = path.strip_prefix(root).unwrap().display().to_string();
            let mode = told.permissions().mode() & 0o7777;
            let target = fs::read_link(&path).map(|target| format!(" -> {}", target.display()));
            let kind = if told.is_dir() { "/" } else { "" };
            let owner = format!("{}:{}", told.uid(), told.gid());
            found.push(match target {
                Ok(target) => format!("{shown}{target}"),
                Err(_) => format!("{shown}{kind} {mode:o} {owner}"),
            });
            if told.is_dir() {
                folders.push(path);
            } else {
                bytes += told.len();
            }
        }
    }
    found.sort();
    (found, bytes)
}

#[test]
fn an_image_holds_its_program_and_nothing_but_what_that_needs() {
    let Some(images) = images() else { return };
    let in_all = [
        "etc/ 755 0:0",
        "etc/group 644 0:0",
        "etc/passwd 644 0:0",
        "etc/ssl/ 755 0:0",
        "etc/ssl/certs/ 755 0:0",
        "etc/ssl/certs/ca-certificates.crt 644 0:0",
        "home/ 755 0:0",
        "home/xray/ 755 10001:10001",
        "usr/ 755 0:0",
        "usr/share/ 755 0:0",
        "usr/share/licenses/ 755 0:0",
        "usr/share/licenses/radiograph/ 755 0:0",
        "usr/share/licenses/radiograph/LICENSE-APACHE 644 0:0",
        "usr/share/licenses/radiograph/LICENSE-MIT 644 0:0",
        "usr/share/licenses/radiograph/THIRD-PARTY-LICENSES.txt 644 0:0",
        "var/ 755 0:0",
        "var/lib/ 755 0:0",
        "var/lib/radiograph/ 755 10001:10001",
    ];
    let own: [(&str, &[&str], u64); 3] = [
        (
            DAEMON,
            &["radiograph-daemon 755 0:0", "xray -> radiograph-daemon"],
            DAEMON_BYTES_MAX,
        ),
        (
            COLLECTOR,
            &["radiograph-collector 755 0:0"],
            COLLECTOR_BYTES_MAX,
        ),
        (BOTH, &["radiograph 755 0:0"], COLLECTOR_BYTES_MAX),
    ];
    for (program, own, bytes_max) in own {
        let root = images.root(program);
        let (found, bytes) = contents(&root.path);
        let mut expected = [&in_all[..], own].concat();
        expected.sort_unstable();
        assert_eq!(found, expected, "{program}");
        assert!(bytes < bytes_max, "{program} has {bytes} bytes");
        let user = fs::read_to_string(root.path.join("etc/passwd")).unwrap();
        assert!(
            user.contains("\nxray:x:10001:10001:xray:/home/xray:"),
            "{user}"
        );
        let roots = root.path.join("etc/ssl/certs/ca-certificates.crt");
        let roots = fs::read_to_string(roots).unwrap();
        assert!(roots.ends_with(&images.authority.pem()), "{program}");
    }
}

#[test]
fn an_image_carries_the_licences_of_all_that_is_linked_into_its_program() {
    let Some(images) = images() else { return };
    for program in [DAEMON, COLLECTOR, BOTH] {
        let root = images.root(program);
        let licences = root.path.join("usr/share/licenses/radiograph");
        let licences = fs::read_to_string(licences.join("THIRD-PARTY-LICENSES.txt")).unwrap();
        let bill = fs::read(packaged::bills().join(format!("{program}.cdx.json"))).unwrap();
        let bill: Value = serde_json::from_slice(&bill).unwrap();
        let components = bill["components"].as_array().unwrap();
        // ours have no checksum, for no registry serves them
        let theirs = components.iter().filter(|each| each["hashes"].is_array());
        let mut looked_for = 0;
        for component in theirs {
            let [name, version] = ["name", "version"].map(|key| component[key].as_str().unwrap());
            let line = format!("\n{name} {version}: ");
            assert!(licences.contains(&line), "{program}: {name} {version}");
            looked_for += 1;
        }
        assert!(looked_for > 50, "{program}: {looked_for}");
        assert!(licences.contains("Permission is hereby granted"));
    }
}

#[test]
fn an_image_says_how_it_is_run() {
    let Some(images) = images() else { return };
    let bind = |entry: &[&str]| json!(entry);
    let cases = [
        (
            DAEMON,
            bind(&[
                "/radiograph-daemon",
                "--bind-tcp",
                "0.0.0.0:2000",
                "--bind",
                "0.0.0.0:2000",
            ]),
            json!({"2000/tcp": {}, "2000/udp": {}}),
        ),
        (
            COLLECTOR,
            bind(&["/radiograph-collector"]),
            json!({"2080/tcp": {}}),
        ),
        (
            BOTH,
            bind(&["/radiograph"]),
            json!({"2000/tcp": {}, "2000/udp": {}, "2080/tcp": {}}),
        ),
    ];
    for (program, entry_point, ports) in cases {
        let config = images.config(program);
        // a number, so that Kubernetes sees that it is not root
        assert_eq!(config["User"], "10001:10001", "{program}");
        assert_eq!(config["Entrypoint"], entry_point, "{program}");
        assert_eq!(config["Cmd"], json!([]), "{program}");
        assert_eq!(config["ExposedPorts"], ports, "{program}");
        assert_eq!(
            config["Volumes"],
            json!({"/var/lib/radiograph": {}}),
            "{program}"
        );
        let check = json!(["CMD", format!("/{program}"), "--healthcheck"]);
        assert_eq!(config["Healthcheck"]["Test"], check, "{program}");
        let labels = &config["Labels"];
        let label = |name: &str| labels[format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(label("title"), program);
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"), "{program}");
        assert_eq!(label("licenses"), "Apache-2.0 OR MIT", "{program}");
    }
}

#[test]
fn both_dockerfiles_have_one_recipe() {
    let read = |name: &str| fs::read_to_string(workspace().join("deploy/container").join(name));
    let recipe = |name: &str| {
        let text = read(name).unwrap();
        let (_, recipe) = text.split_once("\n# ---- the images;").unwrap();
        recipe.to_owned()
    };
    assert_eq!(recipe("Dockerfile"), recipe("Dockerfile.prebuilt"));
    let prebuilt = read("Dockerfile.prebuilt").unwrap();
    let runs = prebuilt.lines().any(|line| line.starts_with("RUN "));
    assert!(!runs, "what packs for another machine cannot run anything");
}

#[test]
fn the_compiler_s_versions_and_checksums_stand_in_one_list() {
    let dockerfile = workspace().join("deploy/container/Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).unwrap();
    assert!(dockerfile.contains("\nCOPY xtask/zig.txt "));
    let installs = dockerfile
        .lines()
        .filter(|line| line.contains("pip install"));
    let installs: Vec<&str> = installs.collect();
    assert_eq!(installs.len(), 1, "{installs:?}");
    for flag in [
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        "/zig.txt",
    ] {
        assert!(installs[0].contains(flag), "{flag}: {installs:?}");
    }
    assert!(!dockerfile.contains("=="), "a version of its own");
}

#[test]
fn the_compose_file_follows_the_specification() {
    let check = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compose.yaml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(python::bin().join("python"));
        command.arg(python::script("compose.py")).arg(&file);
        command.output().unwrap()
    };
    let file = workspace().join("deploy/container/compose.yaml");
    let text = fs::read_to_string(file).unwrap();
    let right = check(&text);
    let said = String::from_utf8_lossy(&right.stderr).into_owned();
    if right.status.code() == Some(3) {
        return skipped(&said);
    }
    assert!(right.status.success(), "{said}");
    for (correct, wrong) in [
        ("read_only", "read_onli"),
        ("cap_drop: [ALL]", "cap_drop: 7"),
        ("2000/udp", "x/udp"),
    ] {
        assert!(text.contains(correct));
        let broken = check(&text.replace(correct, wrong));
        assert_eq!(broken.status.code(), Some(1), "{wrong}: {broken:?}");
    }
}
