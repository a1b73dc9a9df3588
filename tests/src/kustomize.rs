//! Renders kustomizations with whatever this machine has: kubectl, kustomize, or Go, which builds one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::binaries::workspace;

/// In Go's registry; kubectl brings one of its own.
const PACKAGE: &str = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1";

/// The manifests of a directory with a kustomization; `None` where nothing can render them.
pub fn render(folder: &Path) -> Option<String> {
    static FOUND: OnceLock<Option<Vec<String>>> = OnceLock::new();
    let found = FOUND.get_or_init(find).as_deref()?;
    let (program, arguments) = found.split_first()?;
    let output = Command::new(program)
        .args(arguments)
        .arg(folder)
        .output()
        .expect("it ran before");
    let said = String::from_utf8_lossy(&output.stderr);
    // a warning is that something of ours is out of use
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said}",
        folder.display()
    );
    Some(String::from_utf8(output.stdout).expect("text"))
}

fn find() -> Option<Vec<String>> {
    let runs = |program: &Path, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.is_ok_and(|output| output.status.success())
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    if runs(Path::new("kubectl"), "--help") {
        return Some(words(&["kubectl", "kustomize"]));
    }
    if runs(Path::new("kustomize"), "version") {
        return Some(words(&["kustomize", "build"]));
    }
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from)
        .join("tests-go");
    let built = folder.join("kustomize");
    if !built.is_file() && runs(Path::new("go"), "version") {
        let installed = Command::new("go")
            .args(["install", PACKAGE])
            .env("GOBIN", &folder)
            .status()
            .expect("go runs");
        assert!(installed.success(), "go install {PACKAGE}");
    }
    let built = built.to_str().expect("a plain path");
    Path::new(built).is_file().then(|| words(&[built, "build"]))
}
