//! Where the binaries are that users get: built here (release), unless the variable
//! `RADIOGRAPH_STATIC_BINARIES` names a folder of those that are released, as `tests/run` does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::Message;

use crate::packaged;

/// The path of one of the workspace's binaries, built on first use.
pub fn path(name: &str) -> PathBuf {
    let given = std::env::var_os(packaged::VARIABLE).map(|folder| Path::new(&folder).join(name));
    if let Some(given) = given.filter(|path| path.is_file()) {
        return given;
    }
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(build);
    built
        .get(name)
        .unwrap_or_else(|| panic!("no binary {name} among {built:?}"))
        .clone()
}

/// A command for one of them, in an environment without keys or settings: that of whoever runs the tests
/// must not configure what is tested.
pub fn binary(name: &str) -> Command {
    let mut command = Command::new(path(name));
    for (key, _) in std::env::vars() {
        if key.starts_with("AWS_") || key.starts_with("RADIOGRAPH_") {
            command.env_remove(key);
        }
    }
    command
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// Takes away what `cargo test` tells a test of its package. Build scripts look at some of it, so a
/// cargo inside a test would build again what is built already.
pub fn without_package_variables(command: &mut Command) -> &mut Command {
    let of_package = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
    ];
    for (key, _) in std::env::vars() {
        if of_package.iter().any(|prefix| key.starts_with(prefix)) {
            command.env_remove(key);
        }
    }
    command
}

fn build() -> HashMap<String, PathBuf> {
    let mut cargo = without_package_variables(&mut Command::new(env!("CARGO")))
        .args(["build", "--release", "--workspace", "--bins"])
        // tools of releases, which no test runs from here
        .args(["--exclude", "xtask", "--exclude", "radiograph-manual"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(workspace())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo runs");
    let messages = std::io::BufReader::new(cargo.stdout.take().expect("piped"));
    let artifacts = Message::parse_stream(messages).filter_map(|message| {
        let Ok(Message::CompilerArtifact(artifact)) = message else {
            return None;
        };
        let path = artifact.executable?;
        Some((artifact.target.name, path.into_std_path_buf()))
    });
    let built = artifacts.collect();
    assert!(
        cargo.wait().expect("cargo ends").success(),
        "the binaries do not build"
    );
    built
}
