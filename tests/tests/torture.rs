//! `radiograph torture` against the real binaries: a run that must pass, and one that must fail.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use radiograph_tests::{binaries, eventually};

fn torture(args: &[&str]) -> Command {
    let mut command = Command::new(binaries::path("radiograph"));
    command.arg("torture").args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What was printed, and the exit code.
fn outcome(output: Output) -> (Option<i32>, String, String) {
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stdout, stderr)
}

/// The number in the line of the table with this label.
fn number(table: &str, label: &str) -> u64 {
    let line = table.lines().find(|line| line.starts_with(label));
    let line = line.unwrap_or_else(|| panic!("no line {label} in {table}"));
    let value = line.split_whitespace().nth(1).unwrap();
    value.trim_end_matches(',').parse().unwrap()
}

#[test]
fn a_few_kills_of_either_lose_nothing_that_was_acknowledged() {
    let mut command = torture(&[
        "--kills",
        "8",
        "--seed",
        "20260905",
        "--every",
        "300ms",
        "--only",
        "kill-collector,kill-daemon,restart-daemon,restart-collector,pause-collector,cut",
    ]);
    let (code, table, remarks) = outcome(command.output().unwrap());
    assert_eq!(code, Some(0), "{table}\n{remarks}");
    assert!(remarks.contains("--seed 20260905"), "{remarks}");
    assert!(number(&table, "kills") >= 8, "{table}");
    let acknowledged = number(&table, "acknowledged");
    assert!(acknowledged > 0, "{table}");
    assert!(number(&table, "received") > 0, "{table}");
    assert!(number(&table, "there") > acknowledged, "{table}");
    assert_eq!(number(&table, "violations"), 0, "{table}");
}

#[test]
fn a_collector_whose_data_goes_away_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut child = torture(&["--kills", "1000", "--seed", "7", "--only", "kill-collector"])
        .args(["--every", "200ms", "--dir"])
        .arg(&path)
        .spawn()
        .unwrap();
    delete_log(&path.join("collector/log"), &mut child);
    // the next kill opens a store without them; two more starts show that it came
    let starts = || {
        let log = fs::read_to_string(path.join("collector.log")).unwrap_or_default();
        log.matches("collector listens").count()
    };
    let before = starts();
    eventually("two more kills", || (starts() > before + 2).then_some(()));
    interrupt(&child);
    let (code, table, remarks) = outcome(child.wait_with_output().unwrap());
    assert_eq!(code, Some(1), "{table}\n{remarks}");
    assert!(number(&table, "violations") > 0, "{table}");
    assert!(table.contains(" is missing"), "{table}");
    assert!(remarks.contains("--seed 7 repeats the run"), "{remarks}");
    let shown = path.display().to_string();
    assert!(remarks.contains(&shown), "{remarks}");
    assert!(path.join("daemon.log").exists(), "the data is kept");
}

/// Deletes the store's logs once something was written to them.
fn delete_log(log: &Path, child: &mut Child) {
    let is_written = || {
        let days = fs::read_dir(log).into_iter().flatten().flatten();
        let hours = days.flat_map(|day| fs::read_dir(day.path()).into_iter().flatten().flatten());
        let sizes = hours.filter_map(|hour| Some(hour.metadata().ok()?.len()));
        sizes.sum::<u64>() > 50_000
    };
    eventually("documents on disk", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        is_written().then_some(())
    });
    fs::remove_dir_all(log).unwrap();
}

/// Ctrl-C: it stops torturing, and checks.
fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn what_cannot_be_run_is_said() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("something"), "here").unwrap();
    let place = dir.path().to_str().unwrap();
    for (args, told) in [
        (&["--dir", place][..], "is not empty"),
        (&["--only", "cut"], "say with --seconds"),
        (
            &["--kills", "1", "--daemon", "/nowhere/radiograph-daemon"],
            "/nowhere/radiograph-daemon is not there",
        ),
        (&["--only", "earthquake"], "invalid value"),
    ] {
        let (code, table, remarks) = outcome(torture(args).output().unwrap());
        assert_ne!(code, Some(0), "{args:?}: {table}");
        assert!(remarks.contains(told), "{args:?}: {remarks}");
    }
}
