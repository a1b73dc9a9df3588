//! A Python environment with real clients, made by the tests and kept in the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::binaries::workspace;

/// The folder with the environment's programs (`python`, `aws`), made on first use.
pub fn bin() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(make).clone()
}

/// A script of the tests.
pub fn script(name: &str) -> PathBuf {
    workspace().join("tests/python").join(name)
}

/// A script of the tests that calls the X-Ray API at an address as a user of an AWS SDK would have it.
pub fn client(name: &str, api: impl std::fmt::Display) -> Command {
    let mut command = Command::new(bin().join("python"));
    command
        .arg(script(name))
        .env("AWS_ENDPOINT_URL_XRAY", format!("http://{api}"))
        .envs([
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ]);
    command
}

fn make() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from);
    let environment = target.join("tests-python");
    let requirements = script("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements");
    // written last, so that an environment which was not finished is made again
    let stamp = environment.join("requirements.installed");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment));
        let pip = environment.join("bin/pip");
        run(Command::new(pip)
            .args(["install", "--quiet", "--requirement"])
            .arg(&requirements));
        fs::write(&stamp, wanted).expect("written");
    }
    environment.join("bin")
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .expect("Python 3 is installed, with its venv module");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}
