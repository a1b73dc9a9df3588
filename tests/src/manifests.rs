//! Checks of what deploy/ hands to ECS, IAM and Kubernetes, by tests/python/manifests.py and by the servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{binaries, packaged, python};

/// A path in deploy/.
pub fn deploy(path: &str) -> PathBuf {
    binaries::workspace().join("deploy").join(path)
}

/// What the checker printed, and whether it had nothing to complain about.
pub fn check(kind: &str, paths: &[PathBuf]) -> (bool, String) {
    let output = Command::new(python::bin().join("python"))
        .arg(python::script("manifests.py"))
        .arg(kind)
        .args(paths)
        .output()
        .expect("the checker runs");
    // a complaint is printed; a trace is a checker that failed
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("Traceback"), "{kind} {paths:?}: {said}");
    let printed = String::from_utf8(output.stdout).expect("text");
    (output.status.success(), printed)
}

/// The checker has nothing to complain about.
#[track_caller]
pub fn assert_right(kind: &str, paths: &[PathBuf]) {
    let (is_right, printed) = check(kind, paths);
    assert!(is_right, "{printed}");
}

/// A change that breaks a file, and what is said of it then.
pub struct Break {
    /// The file, by its name.
    pub file: &'static str,
    /// What stands there, at its first place.
    pub from: &'static str,
    /// What stands there then.
    pub to: &'static str,
    /// A part of the complaint.
    pub complaint: &'static str,
}

/// One of them, from a row of a table.
pub const fn broken([file, from, to, complaint]: [&'static str; 4]) -> Break {
    Break {
        file,
        from,
        to,
        complaint,
    }
}

/// Breaks a copy of a folder, a change at a time, and expects the complaint that belongs to it.
///
/// `is_by_folder` says whether the checker is given the folder or the broken file alone.
#[track_caller]
pub fn assert_complains(
    kind: &str,
    folder: &Path,
    is_by_folder: bool,
    changes: &[[&'static str; 4]],
) {
    for change in changes.iter().map(|row| broken(*row)) {
        let copy = tempfile::tempdir().expect("a directory");
        for entry in fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.file_name().expect("a name");
                fs::copy(&path, copy.path().join(name)).expect("copied");
            }
        }
        let path = copy.path().join(change.file);
        let text = fs::read_to_string(&path).expect("text");
        assert!(
            text.contains(change.from),
            "{} holds no {}",
            change.file,
            change.from
        );
        fs::write(&path, text.replacen(change.from, change.to, 1)).expect("written");
        let checked = if is_by_folder {
            copy.path().to_owned()
        } else {
            path
        };
        let (is_right, printed) = check(kind, &[checked]);
        assert!(
            !is_right && printed.contains(change.complaint),
            "{}, {} -> {}: {printed:?}",
            change.file,
            change.from,
            change.to
        );
    }
}

/// Each container of ours in these files has settings that the server in it knows; returns how many there
/// are of the daemon and of the collector.
#[track_caller]
pub fn assert_settings_are_known(paths: &[PathBuf]) -> (usize, usize) {
    let (_, printed) = check("containers", paths);
    let containers: Vec<Value> = serde_json::from_str(&printed).expect("JSON");
    let (mut daemons, mut collectors) = (0, 0);
    for container in &containers {
        let image = container["image"].as_str().expect("an image");
        let name = image.rsplit('/').next().unwrap_or(image);
        match name.split(':').next() {
            Some("radiograph-daemon") => {
                daemons += 1;
                daemon_knows(container);
            }
            Some("radiograph-collector") => {
                collectors += 1;
                collector_knows(container);
            }
            _ => {}
        }
    }
    (daemons, collectors)
}

fn variables(container: &Value) -> impl Iterator<Item = (&str, &str)> {
    let variables = container["variables"].as_object().expect("variables");
    variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
}

/// The daemon reads them, shows where each value comes from, and warns of nothing.
fn daemon_knows(container: &Value) {
    let arguments = container["arguments"].as_array().expect("arguments");
    let arguments = arguments.iter().map(|each| each.as_str().expect("text"));
    let output = Command::new(packaged::binary("radiograph-daemon"))
        // the image's
        .args(["--bind-tcp", "0.0.0.0:2000", "--bind", "0.0.0.0:2000"])
        .args(arguments)
        .arg("--check-config")
        .env_clear()
        .envs(variables(container))
        .output()
        .expect("the daemon runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{container}: {said}");
    assert!(
        !said.contains("unknown") && !shown.contains("unknown"),
        "{said}{shown}"
    );
    for (name, _) in variables(container).filter(|(name, _)| name.starts_with("RADIOGRAPH_")) {
        assert!(shown.contains(name), "{name} has no effect:\n{shown}");
    }
}

/// The collector's help names them.
fn collector_knows(container: &Value) {
    let output = Command::new(packaged::binary("radiograph-collector"))
        .arg("--help")
        .env_clear()
        .output()
        .expect("the collector runs");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for (name, _) in variables(container) {
        assert!(help.contains(&format!("{name}=")), "{name} is unknown");
    }
}
