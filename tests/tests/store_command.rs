//! `radiograph store` on the directory of a real collector: in use, clean, damaged, repaired.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use radiograph_tests::{Collector, binaries};

fn store(action: &str, data: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(binaries::path("radiograph"));
    command.args(["store", action, "--data-dir"]).arg(data);
    command.args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Copies the golden directory with sealed files.
fn golden(data: &Path) -> PathBuf {
    let golden = binaries::workspace().join("proto-fixtures/store/v1-sealed/log/2026-11-21");
    let day = data.join("log/2026-11-21");
    fs::create_dir_all(&day).unwrap();
    for file in fs::read_dir(golden).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), day.join(file.file_name())).unwrap();
    }
    day
}

#[test]
fn a_directory_in_use_is_refused_and_is_clean_afterwards() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    let refused = store("verify", data.path(), &[]);
    assert_eq!(refused.status.code(), Some(2));
    let remark = text(&refused.stderr);
    assert!(remark.contains("is in use by another process"), "{remark}");
    collector.server.kill();
    let clean = store("verify", data.path(), &[]);
    assert_eq!(clean.status.code(), Some(0), "{}", text(&clean.stderr));
}

#[test]
fn damage_is_told_of_and_repaired() {
    let data = tempfile::tempdir().unwrap();
    let day = golden(data.path());
    drop(store("repair", data.path(), &[]));
    let path = day.join("14-002.sealed");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = store("verify", data.path(), &[]);
    assert_eq!(damaged.status.code(), Some(1));
    let lines = text(&damaged.stdout);
    assert!(
        lines.contains("problem: log/2026-11-21/14-002.sealed at 28: "),
        "{lines}"
    );
    let repaired = store("repair", data.path(), &["--json"]);
    assert_eq!(
        repaired.status.code(),
        Some(0),
        "{}",
        text(&repaired.stderr)
    );
    let answer: serde_json::Value = serde_json::from_slice(&repaired.stdout).unwrap();
    let action = &answer["repaired"]["actions"][0];
    assert_eq!(action["kept_as"], "14-002.sealed.damaged");
    assert_eq!(answer["report"]["problems"], 0);
    assert_eq!(store("verify", data.path(), &[]).status.code(), Some(0));
}
