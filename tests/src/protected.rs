//! A collector that asks for signatures, and access keys for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::binaries::binary;
use crate::servers::Server;

/// An access key as `radiograph keys new` prints it.
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Key {
    /// Makes one and adds it to the file.
    pub fn new(keys: &Path, role: &str) -> Self {
        let output = binary("radiograph")
            .args(["keys", "new", "--role", role, "--keys"])
            .arg(keys)
            .output()
            .expect("it works");
        let printed = printed(&output);
        let value = |name: &str| {
            let mut lines = printed.lines();
            let value = lines
                .find_map(|line| line.strip_prefix(name))
                .expect("it works");
            value.to_owned()
        };
        Self {
            id: value("AWS_ACCESS_KEY_ID="),
            secret: value("AWS_SECRET_ACCESS_KEY="),
        }
    }

    /// The same id with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        Self {
            id: self.id.clone(),
            secret: secret.to_owned(),
        }
    }

    /// What AWS's SDKs, the AWS CLI and the daemon read it from.
    pub fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("AWS_ACCESS_KEY_ID", &self.id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
        ]
    }
}

/// What a command printed, which has to end well.
#[track_caller]
pub fn printed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).expect("it works")
}

/// A collector on a free port that asks for keys.
pub struct Protected {
    /// The process.
    pub server: Server,
    /// Where its API listens.
    pub address: SocketAddr,
    /// The file of keys.
    pub keys: PathBuf,
    _dir: TempDir,
}

impl Protected {
    /// Starts one; the key is an administrator's.
    pub fn start() -> (Self, Key) {
        let dir = tempfile::tempdir().expect("it works");
        let keys = dir.path().join("keys.yaml");
        let admin = Key::new(&keys, "admin");
        let mut command = binary("radiograph-collector");
        command
            .args(["--listen", "127.0.0.1:0", "--admin", "off"])
            .args(["--log-level", "debug", "--data-dir"])
            .arg(dir.path().join("data"))
            .arg("--keys")
            .arg(&keys);
        let mut server = Server::spawn("radiograph-collector", command);
        let address = server.value_behind("address=").parse().expect("it works");
        let protected = Self {
            server,
            address,
            keys,
            _dir: dir,
        };
        (protected, admin)
    }

    /// Its API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
