//! A folder with real Node clients, made by the tests and kept in the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::binaries::workspace;

/// A command that runs a script of the tests with the clients at hand, installed on first use.
pub fn command(script: &str) -> Command {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let modules = MADE.get_or_init(make);
    let mut command = Command::new("node");
    command.arg(folder().join(script)).env("NODE_PATH", modules);
    command
}

fn folder() -> PathBuf {
    workspace().join("tests/node")
}

fn make() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from);
    let environment = target.join("tests-node");
    let manifest = folder().join("package.json");
    let wanted = fs::read_to_string(&manifest).expect("the manifest");
    // written last, so that an installation which was not finished is made again
    let stamp = environment.join("package.installed.json");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        fs::create_dir_all(&environment).expect("a folder");
        fs::copy(&manifest, environment.join("package.json")).expect("copied");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund"])
            .current_dir(&environment);
        let output = npm.output().expect("Node is installed, with its npm");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{npm:?}: {said}");
        fs::write(&stamp, wanted).expect("written");
    }
    environment.join("node_modules")
}
