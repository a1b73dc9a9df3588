//! The images, packed once per run by `buildah` from the static binaries and `Dockerfile.prebuilt`, from
//! a context laid out as `cargo xtask release` leaves the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use radiograph_tests::binaries::workspace;
use radiograph_tests::packaged;
use serde_json::Value;

use crate::authority::Authority;

/// The images by the name of their stage, which is also the last word of their program's name.
pub(crate) const STAGES: [(&str, &str); 3] = [
    ("daemon", "radiograph-daemon"),
    ("collector", "radiograph-collector"),
    ("radiograph", "radiograph"),
];

/// The images, and the authority whose certificate is among their roots.
pub(crate) struct Images {
    folder: PathBuf,
    pub(crate) authority: Authority,
}

/// A root directory made from an image for one container, as an engine makes it; removed in the end.
pub(crate) struct Root<'a> {
    images: &'a Images,
    container: String,
    pub(crate) path: PathBuf,
}

/// The images, or `None` where they cannot be made, which a line tells.
pub(crate) fn images() -> Option<&'static Images> {
    static PACKED: OnceLock<Result<Images, &'static str>> = OnceLock::new();
    let packed = PACKED.get_or_init(|| match unmet() {
        Some(why) => Err(why),
        None => Ok(Images::pack()),
    });
    packed.as_ref().map_err(|why| skipped(why)).ok()
}

/// Says why a test did not test.
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// What this machine lacks.
fn unmet() -> Option<&'static str> {
    if !cfg!(target_os = "linux") || target().is_none() {
        return Some("images are for Linux on x86-64 and arm64");
    }
    if !rustix::process::geteuid().is_root() {
        return Some("packing and running images as another user takes root");
    }
    (!runs("buildah")).then_some("buildah is not installed")
}

/// Whether there is such a program.
pub(crate) fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// This machine for Rust and for images.
fn target() -> Option<(&'static str, &'static str)> {
    match std::env::consts::ARCH {
        "x86_64" => Some(("x86_64-unknown-linux-musl", "linux/amd64")),
        "aarch64" => Some(("aarch64-unknown-linux-musl", "linux/arm64")),
        _ => None,
    }
}

impl Images {
    fn pack() -> Self {
        let target_dir = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| workspace().join("target"), PathBuf::from);
        let folder = target_dir.join("tests-images");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let context = folder.join("context");
        let (triple, platform) = target().unwrap();
        lay_out(&context, triple);
        let images = Self {
            folder,
            authority: Authority::new(),
        };
        images.commit_roots();
        for (stage, program) in STAGES {
            let mut build = images.buildah(&["build", "--isolation", "chroot"]);
            build
                .args(["--format", "docker", "--pull-never", "--platform", platform])
                .args(["--build-arg", "CERTIFICATES=localhost/roots"])
                .args(["--target", stage, "--tag", program, "--file"])
                .arg(context.join("deploy/container/Dockerfile.prebuilt"))
                .arg(&context);
            printed(build);
        }
        images
    }

    /// In place of the image that root certificates are taken from: the machine's, and the authority's.
    fn commit_roots(&self) {
        let mut roots =
            fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        roots.push_str(&self.authority.pem());
        let file = self.folder.join("roots.pem");
        fs::write(&file, roots).unwrap();
        let container = printed(self.buildah(&["from", "scratch"]));
        let mut copy = self.buildah(&["copy", &container]);
        copy.arg(&file).arg("/etc/ssl/certs/ca-certificates.crt");
        printed(copy);
        printed(self.buildah(&["commit", "--rm", &container, "localhost/roots"]));
    }

    /// A command of buildah, which keeps everything under `target` and touches no other images.
    fn buildah(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        let at = |name: &str| self.folder.join(name);
        command.arg("--root").arg(at("storage"));
        command.arg("--runroot").arg(at("run"));
        command.args(["--storage-driver", "vfs"]).args(arguments);
        command
    }

    /// What the image says of how it is run: `Config` of an image of Docker.
    pub(crate) fn config(&self, program: &str) -> Value {
        let name = format!("localhost/{program}");
        let told = printed(self.buildah(&["inspect", "--type", "image", &name]));
        let mut told: Value = serde_json::from_str(&told).unwrap();
        told["Docker"]["config"].take()
    }

    /// A root directory of its own.
    pub(crate) fn root(&self, program: &str) -> Root<'_> {
        let name = format!("localhost/{program}");
        let container = printed(self.buildah(&["from", "--pull-never", &name]));
        let path = printed(self.buildah(&["mount", &container]));
        Root {
            images: self,
            container,
            path: PathBuf::from(path),
        }
    }
}

impl Drop for Root<'_> {
    fn drop(&mut self) {
        let removed = self.images.buildah(&["rm", &self.container]).output();
        assert!(removed.unwrap().status.success() || std::thread::panicking());
    }
}

/// What the images are packed from, and a file that must not get into any.
fn lay_out(context: &Path, triple: &str) {
    let programs = context.join("target/packages").join(triple).join("bin");
    fs::create_dir_all(&programs).unwrap();
    for (_, program) in STAGES {
        fs::copy(packaged::binary(program), programs.join(program)).unwrap();
    }
    fs::write(programs.join("another"), "not of an image").unwrap();
    let bills = context.join("target/packages").join(triple).join("sbom");
    fs::create_dir_all(&bills).unwrap();
    for made in fs::read_dir(packaged::bills()).unwrap() {
        let made = made.unwrap();
        fs::copy(made.path(), bills.join(made.file_name())).unwrap();
    }
    for file in [".dockerignore", "LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(workspace().join(file), context.join(file)).unwrap();
    }
    fs::create_dir(context.join("deploy")).unwrap();
    let mut copy = Command::new("cp");
    copy.arg("--archive")
        .arg(workspace().join("deploy/container"));
    copy.arg(context.join("deploy/container"));
    printed(copy);
}

/// What a command printed, without the line's end; it has to end well.
#[track_caller]
pub(crate) fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {said}{printed}");
    printed.trim_end().to_owned()
}
