//! The binary's log file, and the signal to open it again. Each process is waited for by what it
//! writes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::within;

/// A running binary; killed when the test ends early.
struct Running(Child);

impl Running {
    fn start(log_file: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_radiograph-daemon"));
        let folder = log_file.ancestors().find(|each| each.is_dir()).unwrap();
        // Nothing of this host interferes, and nothing is left on it.
        command
            .env_clear()
            .env("RADIOGRAPH_ADMIN", "off")
            .env("RADIOGRAPH_DATA_DIR", folder)
            .current_dir(folder);
        command.args(["-b", "127.0.0.1:0", "-t", "127.0.0.1:0", "-f"]);
        command.arg(log_file).args(["-n", "eu-west-1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code and what it wrote to standard output.
    async fn end(mut self) -> (Option<i32>, String) {
        let mut stdout = self.0.stdout.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            (self.0.wait().unwrap().code(), text)
        });
        within(read).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits until the file has a line with this text.
async fn until_line(path: &Path, text: &str) {
    within(async {
        while !fs::read_to_string(path).is_ok_and(|all| all.contains(text)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_log_goes_to_the_file_alone_and_a_hang_up_opens_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (
        folder.path().join("log/xray.log"),
        folder.path().join("old"),
    );
    let daemon = Running::start(&path);
    until_line(&path, "[Info] Initializing AWS X-Ray daemon 3.6.6\n").await;
    until_line(&path, "[Info] Listening for segments on udp ").await;
    fs::rename(&path, &moved).unwrap();
    // Again and again: the first may come before the handler stands.
    within(async {
        while !path.exists() {
            daemon.signal("-HUP");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    daemon.signal("-TERM");
    until_line(&path, "[Info] Got shutdown signal: terminated\n").await;
    assert_eq!(daemon.end().await, (Some(0), String::new()));
    assert!(
        !fs::read_to_string(&moved)
            .unwrap()
            .contains("shutdown signal")
    );
}

#[tokio::test]
async fn a_log_file_that_cannot_be_opened_gives_way_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let blocker = folder.path().join("log");
    fs::write(&blocker, "a file where a folder should be").unwrap();
    let path = blocker.join("xray.log");
    let mut daemon = Running::start(&path);
    let mut stdout = BufReader::new(daemon.0.stdout.take().unwrap());
    let reading = tokio::task::spawn_blocking(move || {
        let mut seen = String::new();
        while !seen.contains("[Info] Listening for segments on udp ") {
            assert!(stdout.read_line(&mut seen).unwrap() > 0, "{seen}");
        }
        seen
    });
    let seen = within(reading).await.unwrap();
    let warning = format!("[Warn] log file {}: cannot be opened: ", path.display());
    let line = seen.lines().find(|line| line.contains(&warning));
    let line = line.unwrap_or_else(|| panic!("no warning in {seen}"));
    assert!(line.ends_with("; lines go to standard output"), "{line}");
}
