//! What shells make of the completions: they read them, and complete with them. A shell that is not
//! there is named and skipped.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::{definitions, written};

/// What a line becomes behind the tab key, and in how it was typed so far.
const COMPLETED: [(&str, &str); 4] = [
    ("radiograph-daemon --spool-b", "--spool-bytes"),
    // the value in front has a colon, and so has its name
    (
        "radiograph-daemon --bind 127.0.0.1:1 --spool-b",
        "--spool-bytes",
    ),
    ("radiograph-collector --tls-k", "--tls-key"),
    ("radiograph ke", "keys"),
];

/// What a shell did; `None` where there is none, which a line tells.
fn run(shell: &str, prepare: impl FnOnce(&mut Command)) -> Option<Output> {
    let mut command = Command::new(shell);
    prepare(&mut command);
    let output = command.output().ok();
    if output.is_none() {
        let line = format!("skipped: there is no {shell}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    output
}

/// Has a shell read a completion without running anything.
fn is_read_by(shell: &str, file: &Path) {
    let Some(output) = run(shell, |command| {
        command.arg("-n").arg(file);
    }) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said}",
        file.display()
    );
}

#[test]
fn shells_read_their_completions() {
    let folder = written();
    let completions = folder.path().join("completions");
    for command in definitions() {
        let name = command.get_name();
        is_read_by("bash", &completions.join(format!("bash/{name}")));
        is_read_by("zsh", &completions.join(format!("zsh/_{name}")));
        is_read_by("fish", &completions.join(format!("fish/{name}.fish")));
    }
}

#[test]
fn bash_completes_a_flag() {
    let folder = written();
    let file = folder.path().join("completions/bash/radiograph-daemon");
    // what bash does when somebody presses the tab key behind --spool-b
    let script = "source \"$0\"; COMP_WORDS=(radiograph-daemon --spool-b); COMP_CWORD=1; \
                  _radiograph__daemon radiograph-daemon --spool-b radiograph-daemon; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let Some(output) = run("bash", |bash| {
        bash.args(["-c", script]).arg(&file);
    }) else {
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--spool-bytes\n");
}

#[test]
fn fish_completes_commands_and_flags() {
    let folder = written();
    let completions = folder.path().join("completions/fish");
    for (line, completed) in COMPLETED {
        let program = line.split(' ').next().unwrap();
        let script = "source $argv[1]; complete --do-complete $argv[2]";
        let Some(output) = run("fish", |fish| {
            fish.args(["--no-config", "-c", script]);
            fish.arg(completions.join(format!("{program}.fish")))
                .arg(line);
            fish.env("HOME", folder.path()).current_dir(folder.path());
        }) else {
            return;
        };
        let shown = String::from_utf8_lossy(&output.stdout);
        // a tab, and what it is for
        let offered: Vec<&str> = shown
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            offered.contains(&completed) && said.is_empty(),
            "{line}: {shown}{said}"
        );
    }
}

/// What the terminal shows when these lines are completed, and each line as it is then; `None` without zsh.
fn completed_by_zsh(lines: &[String]) -> Option<Vec<(String, String)>> {
    let folder = written();
    let empty = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manual/complete.zsh");
    let output = run("zsh", |zsh| {
        zsh.arg("-f")
            .arg(script)
            .arg(folder.path().join("completions/zsh"))
            .args(lines);
        // nothing there that a value could be completed to
        zsh.env("TERM", "dumb")
            .env("HOME", empty.path())
            .current_dir(empty.path());
    })?;
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let all: Vec<(String, String)> = shown
        .split_inclusive(">>")
        .filter_map(|shown| {
            let (_, line) = shown.strip_suffix(">>")?.rsplit_once("<<")?;
            Some((shown.to_owned(), line.trim_end().to_owned()))
        })
        .collect();
    assert_eq!(all.len(), lines.len(), "{shown}");
    Some(all)
}

#[test]
fn zsh_completes_commands_and_flags() {
    let lines = COMPLETED.map(|(line, _)| line.to_owned());
    let Some(all) = completed_by_zsh(&lines) else {
        return;
    };
    for ((line, expected), (shown, completed)) in COMPLETED.into_iter().zip(all) {
        let (before, _) = line.rsplit_once(' ').unwrap();
        // a value may follow
        let completed = completed.trim_end_matches('=');
        assert_eq!(completed, format!("{before} {expected}"), "{shown}");
    }
}

/// Lines that end where the value of an option is to come, for each option of a command and of those below.
fn lines_before_values(command: &clap::Command, words: &str, lines: &mut Vec<String>) {
    let options = command.get_opts().filter(|option| !option.is_hide_set());
    let names = options.filter_map(clap::Arg::get_long);
    lines.extend(names.map(|name| format!("{words} --{name} ")));
    for below in command.get_subcommands() {
        lines_before_values(below, &format!("{words} {}", below.get_name()), lines);
    }
}

#[test]
fn zsh_has_no_complaint_about_any_value() {
    let mut lines = Vec::new();
    for command in definitions() {
        lines_before_values(&command, command.get_name(), &mut lines);
    }
    let Some(all) = completed_by_zsh(&lines) else {
        return;
    };
    assert!(all.len() > 50, "{lines:?}");
    for (shown, _) in all {
        for complaint in ["not found", "_arguments:", "parse error", "bad "] {
            assert!(!shown.contains(complaint), "{shown}");
        }
    }
}
