//! Each command of the README, run as it stands there, on the default addresses.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::process::Command;

use radiograph_tests::binaries::{self, workspace};
use radiograph_tests::servers::Server;
use radiograph_tests::{eventually, python};

/// The texts of the README's `sh` blocks, in order.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("\n```").next().unwrap().to_owned())
        .collect()
}

/// A command as a newcomer types it: in the checkout, with the AWS CLI on the path.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    let path = std::env::var_os("PATH").unwrap();
    let path = format!("{}:{}", python::bin().display(), path.to_string_lossy());
    binaries::without_package_variables(&mut shell);
    // `exec` puts the command in the shell's place, so that signals reach it
    shell
        .args(["-c", &format!("exec {command}")])
        .current_dir(workspace())
        .env("PATH", path);
    shell
}

fn output(command: &str) -> String {
    let output = shell(command).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    // built beforehand, however long that takes, so that the commands find what they would build
    for name in ["radiograph", "radiograph-daemon"] {
        output(&format!("cargo build --quiet --release --bin {name}"));
    }
    let data = tempfile::tempdir().unwrap();
    let [run, demo, summaries, graph, check, tests] = &commands()[..] else {
        panic!(
            "the README has other commands than this test runs: {:?}",
            commands()
        );
    };

    let mut command = shell(run);
    command.env("XDG_DATA_HOME", data.path());
    let mut server = Server::spawn("radiograph", command);
    assert_eq!(server.value_of("udp"), "127.0.0.1:2000");
    assert_eq!(server.value_of("tcp"), "127.0.0.1:2000");
    assert_eq!(server.value_of("api"), "http://127.0.0.1:2080");
    let place = data.path().join("radiograph-data");
    assert_eq!(server.value_of("data"), place.to_string_lossy());

    let sent = output(demo);
    assert!(sent.contains("100 traces"), "{sent}");
    let listed = eventually("three summaries", || {
        let listed = output(summaries);
        (listed.lines().count() == 3).then_some(listed)
    });
    for line in listed.lines() {
        assert!(
            line.starts_with("1-") && line.split('\t').count() == 4,
            "{listed}"
        );
    }
    // not each: a trace that begins at the queue has served no request
    assert!(listed.contains("https://shop.example.com/"), "{listed}");
    let services = output(graph);
    for name in ["client", "Database::SQL", "AWS::DynamoDB::Table", "remote"] {
        assert!(services.contains(name), "{name} in {services}");
    }

    let checked = output(check);
    assert!(
        checked.contains("http://127.0.0.1:2080") && checked.contains("configuration is valid"),
        "{checked}"
    );

    // the last one runs this test, so that it cannot run here
    assert_eq!(tests, "tests/run");
    let ci = fs::read_to_string(workspace().join(".ci/run")).unwrap();
    assert!(
        ci.lines().any(|line| line.starts_with(tests.as_str())),
        "CI runs the same command"
    );

    server.signal("-INT");
    let (status, printed) = server.end();
    assert!(status.success(), "{status}: {printed}");
}
