//! The static binaries, as releases hold them: `cargo xtask binaries` builds them for this machine's
//! architecture, unless the variable `RADIOGRAPH_STATIC_BINARIES` names a folder that has them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::binaries::{without_package_variables, workspace};

/// Names the folder of static binaries that are built already.
pub const VARIABLE: &str = "RADIOGRAPH_STATIC_BINARIES";

/// The path of one of the static binaries. Building them takes ten minutes, once.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(folder).join(name);
    assert!(path.is_file(), "{} is not there", path.display());
    path
}

/// `cargo xtask`, in the workspace.
pub fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    without_package_variables(&mut command)
        .args(["run", "--quiet", "--locked", "--package", "xtask", "--"])
        .args(args)
        .current_dir(workspace());
    command
}

/// Where `cargo xtask` leaves what it makes for this machine.
pub fn made() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from);
    target.join("packages").join(target_of_this_machine())
}

/// The system that static binaries for this machine are built for.
pub fn target_of_this_machine() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// The folder of bills of materials and licence texts for this machine, made once.
pub fn bills() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let target = target_of_this_machine();
        let output = xtask(&["sbom", "--target", &target]).output();
        let output = output.expect("cargo runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        made().join("sbom")
    };
    FOLDER.get_or_init(make).clone()
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return PathBuf::from(folder);
    }
    let target = target_of_this_machine();
    let status = xtask(&["binaries", "--target", &target]).status();
    assert!(
        status.expect("cargo runs").success(),
        "the static binaries do not build"
    );
    made().join("bin")
}
