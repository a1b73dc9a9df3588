//! A package's life on a machine of its own: Debian in a root made from Debian's packages, systemd as
//! PID 1 in namespaces of its own, real dpkg. Installed, started, used, upgraded, taken over from AWS,
//! removed, purged. And what the rpm would install, by the real rpm.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::print_stderr, reason = "says why a test was left out")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use radiograph_tests::binaries::{without_package_variables, workspace};
use radiograph_tests::packaged;

const NAMES: [&str; 3] = ["radiograph", "radiograph-daemon", "radiograph-collector"];

/// Whether these programs are there, and root to run them; else says why the test is left out.
fn has(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        !found.unwrap().status.success()
    });
    let is_root = rustix::process::geteuid().is_root();
    let why = match (missing, is_root) {
        (Some(program), _) => format!("skipped: no {program}"),
        (None, false) => "skipped: not root".to_owned(),
        (None, true) => return true,
    };
    eprintln!("{why}");
    false
}

/// Manual pages and completions, which are not what is tested.
fn manual(folder: &Path) -> PathBuf {
    let manual = folder.join("manual");
    for name in NAMES {
        let files = [
            format!("man/{name}.1"),
            format!("completions/bash/{name}"),
            format!("completions/zsh/_{name}"),
            format!("completions/fish/{name}.fish"),
        ];
        for file in files.map(|file| manual.join(file)) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, ".\n").unwrap();
        }
    }
    manual
}

/// Packages of this version in `folder`.
fn package(version: &str, folder: &Path) {
    let binaries = folder.join("bin");
    fs::create_dir_all(&binaries).unwrap();
    for name in NAMES {
        fs::copy(packaged::binary(name), binaries.join(name)).unwrap();
    }
    let made = without_package_variables(&mut Command::new(env!("CARGO")))
        .args(["run", "--quiet", "-p", "xtask", "--", "package-given"])
        .args([
            "--target",
            "x86_64",
            "--epoch",
            "1700000000",
            "--version",
            version,
        ])
        .arg("--binaries")
        .arg(&binaries)
        .arg("--manual")
        .arg(manual(folder))
        .arg("--licences")
        .arg(packaged::bills().join("THIRD-PARTY-LICENSES.txt"))
        .arg("--out")
        .arg(folder)
        .current_dir(workspace())
        .status()
        .unwrap();
    assert!(made.success(), "packages of {version}");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{told}\n{errors}");
    told
}

/// What the walk said, by name; it happens in a Debian of its own.
fn walk(folder: &Path) -> BTreeMap<String, String> {
    let root = folder.join("root");
    run(Command::new("mmdebstrap")
        .args(["--quiet", "--variant=minbase", "--format=directory"])
        .args(["--include=systemd,systemd-sysv", "bookworm"])
        .arg(&root));
    for version in ["1.0.0", "2.0.0"] {
        package(version, folder);
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            fs::copy(&path, root.join("root").join(path.file_name().unwrap())).unwrap();
        }
    }
    let script = workspace().join("tests/tests/packages/walk.sh");
    fs::copy(script, root.join("root/walk.sh")).unwrap();
    let unit = "[Unit]\nAfter=basic.target systemd-journald.service\n\
                [Service]\nType=oneshot\nExecStart=/bin/bash /root/walk.sh\n\
                StandardOutput=file:/root/walk.out\nStandardError=file:/root/walk.err\n";
    fs::write(root.join("etc/systemd/system/walk.service"), unit).unwrap();
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("../walk.service", wants.join("walk.service")).unwrap();
    // cgroups as this machine has them; only the second way works with version 1 alone
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let booted = Command::new("timeout")
        .args([
            "--kill-after=10",
            "900",
            "systemd-nspawn",
            "--quiet",
            "--boot",
        ])
        .args(["--keep-unit", "--register=no", "--private-network"])
        .arg(format!("--directory={}", root.display()))
        .env(
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY",
            if unified { "1" } else { "0" },
        )
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let told = fs::read_to_string(root.join("root/walk.out")).unwrap_or_default();
    let log = fs::read_to_string(root.join("root/dpkg.log")).unwrap_or_default();
    let console = String::from_utf8_lossy(&booted.stdout).into_owned();
    assert!(told.contains("aws_untouched="), "{console}\n{told}\n{log}");
    let lines = told.lines().filter_map(|line| line.split_once('='));
    lines
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

#[test]
fn a_debian_package_lives_as_its_machine_expects() {
    if !has(&["mmdebstrap", "systemd-nspawn", "dpkg"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let told = walk(folder.path());
    let expected = [
        ("install", "0"),
        ("active", "active active"),
        ("enabled", "enabled enabled disabled"),
        ("users", "radiograph-daemon radiograph"),
        ("first", "yes"),
        ("reload", "0"),
        (
            "status",
            "1 documents received; default: 1 delivered, 0 waiting",
        ),
        ("priority", "some"),
        ("fields", "1"),
        ("upgrade", "0"),
        ("version", "2.0.0"),
        ("edited", "1"),
        ("restarted", "yes"),
        ("active_again", "active active"),
        ("kept", "yes"),
        ("clean", "1"),
        ("gap", "yes"),
        ("gap_after", "active active"),
        ("differs", "told"),
        ("takeover", "yes"),
        ("takeover_region", "told"),
        ("beside_aws", "0 1 inactive"),
        ("remove", "0 inactive inactive"),
        (
            "left",
            "1 /var/lib/radiograph-daemon collector.env daemon.env",
        ),
        ("purge", "0 1"),
        ("data", "1"),
        ("aws_untouched", "yes"),
    ];
    for (name, value) in expected {
        assert_eq!(told[name], value, "{name} of {told:#?}");
    }
}

#[test]
fn a_red_hat_package_installs_what_it_lists() {
    if !has(&["rpm"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    package("1.0.0", folder.path());
    let path = folder.path().join("radiograph-daemon-1.0.0-1.x86_64.rpm");
    let files = run(Command::new("rpm").arg("-qlp").arg(&path));
    for file in [
        "/etc/radiograph/daemon.env",
        "/usr/bin/radiograph-daemon",
        "/usr/lib/systemd/system/radiograph-daemon.service",
        "/usr/lib/systemd/system/radiograph-daemon.socket",
        "/usr/share/man/man1/radiograph-daemon.1.gz",
    ] {
        assert!(files.lines().any(|line| line == file), "{file} in {files}");
    }
    assert!(!files.contains("/etc/amazon"), "{files}");
    let kept = run(Command::new("rpm")
        .args(["-qp", "--configfiles"])
        .arg(&path));
    assert_eq!(kept, "/etc/radiograph/daemon.env\n");
    let root = folder.path().join("root");
    fs::create_dir_all(&root).unwrap();
    let flags = ["--nodeps", "--noscripts", "--ignorearch", "--root"];
    run(Command::new("rpm")
        .arg("--install")
        .args(flags)
        .arg(&root)
        .arg(&path));
    let installed = fs::read(root.join("usr/bin/radiograph-daemon")).unwrap();
    assert!(installed == fs::read(packaged::binary("radiograph-daemon")).unwrap());
    run(Command::new("rpm")
        .args(["--verify", "--nodeps", "--root"])
        .arg(&root)
        .arg("radiograph-daemon"));
}
