//! `--check-config` and wrong values from outside: what is printed where, and the exit codes of
//! `spec/daemon.md` section 12.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic, which is how a test fails"
)]

use std::process::{Command, Output};

/// Runs the daemon with nothing but these variables around it.
fn daemon(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_radiograph-daemon"))
        .args(args)
        .env_clear()
        .current_dir(std::env::temp_dir())
        .env("HTTPS_PROXY", "http://user:secret@proxy:3128")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_wrong_value_or_file_ends_with_1_and_one_line_on_standard_error() {
    let cases: [(&[&str], &str); 4] = [
        (&["-m", "2"], "-m: 2 is not allowed"),
        (&["-p", "nowhere"], "-p: nowhere is not allowed"),
        (&["--check-config", "-b", "2000"], "-b: 2000 is not allowed"),
        (
            &["-c", "/nowhere/cfg.yaml"],
            "configuration file /nowhere/cfg.yaml: cannot be read: No such file",
        ),
    ];
    for (args, message) in cases {
        let found = daemon(args);
        assert_eq!(found.status.code(), Some(1), "{args:?}");
        let said = text(&found.stderr);
        assert!(said.starts_with(message), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
        assert_eq!(text(&found.stdout), "", "{args:?}");
    }
}

#[test]
fn a_checked_configuration_is_printed_without_secrets_and_ends_with_0() {
    let found = daemon(&["--check-config", "-n", "eu-west-1"]);
    let said = text(&found.stdout);
    assert_eq!(found.status.code(), Some(0), "{said}");
    assert!(
        said.contains("\nRegion = eu-west-1    (flag -n)\n"),
        "{said}"
    );
    assert!(said.contains("\nProxyAddress = http://***@proxy:3128    (variable HTTPS_PROXY)\n"));
    assert!(said.ends_with("\nconfiguration is valid\n"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
