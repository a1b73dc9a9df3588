//! The pages and completions that the program writes: nothing of a command line is missing in them, and
//! their readers take them.
#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

#[path = "manual/shells.rs"]
mod shells;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_radiograph-manual"))
        .arg(folder.path())
        .status();
    assert!(status.unwrap().success());
    folder
}

fn definitions() -> [clap::Command; 3] {
    [
        radiograph::command(),
        radiograph_daemon::config::command(),
        radiograph_collector::config::command(),
    ]
}

fn page(folder: &Path, name: &str) -> String {
    let path = folder.join(format!("man/{name}.1"));
    let text = fs::read_to_string(path).unwrap();
    // as it is read: dashes are escaped in the source
    text.replace("\\-", "-")
}

/// What a page of a command must name and does not.
fn missing(folder: &Path, command: &clap::Command, name: &str) -> Vec<String> {
    let text = page(folder, name);
    let mut wanted = Vec::new();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        wanted.extend(arg.get_long().map(|long| format!("--{long}")));
        wanted.extend(
            arg.get_env()
                .map(|name| name.to_string_lossy().into_owned()),
        );
        let defaults = arg.get_default_values().iter();
        wanted.extend(defaults.map(|value| value.to_string_lossy().into_owned()));
    }
    wanted.retain(|word| !text.contains(word.as_str()));
    let mut found: Vec<String> = wanted
        .iter()
        .map(|word| format!("{name}: {word}"))
        .collect();
    for below in command.get_subcommands() {
        found.extend(missing(
            folder,
            below,
            &format!("{name}-{}", below.get_name()),
        ));
    }
    found
}

#[test]
fn pages_name_every_flag_variable_and_default() {
    let folder = written();
    for command in definitions() {
        let nothing = Vec::<String>::new();
        assert_eq!(
            missing(folder.path(), &command, command.get_name()),
            nothing
        );
    }
}

#[test]
fn the_page_of_each_program_tells_of_files_signals_and_exit_codes() {
    let folder = written();
    for command in definitions() {
        let text = page(folder.path(), command.get_name());
        for heading in ["FILES", "SIGNALS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"] {
            let plain = text.contains(&format!(".SH {heading}\n"));
            let quoted = text.contains(&format!(".SH \"{heading}\"\n"));
            assert!(plain || quoted, "{}: {heading}", command.get_name());
        }
    }
}

#[test]
fn the_page_of_the_daemon_names_every_setting() {
    let folder = written();
    let text = page(folder.path(), "radiograph-daemon");
    for setting in radiograph_daemon::config::settings() {
        for word in [setting.name, setting.variable, setting.default] {
            assert!(text.contains(word), "{word}");
        }
    }
}

/// Every file below a folder with its bytes.
fn all(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = all(&path).into_iter();
            let name = PathBuf::from(path.file_name().unwrap());
            found.extend(below.map(|(each, bytes)| (name.join(each), bytes)));
        } else {
            let name = path.file_name().unwrap();
            found.insert(PathBuf::from(name), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn twice_the_same_is_written() {
    let (one, other) = (written(), written());
    let one = all(one.path());
    assert!(one.len() > 30, "{:?}", one.keys());
    assert_eq!(one, all(other.path()));
}

#[test]
fn the_reader_of_manual_pages_has_no_complaint() {
    let folder = written();
    for entry in fs::read_dir(folder.path().join("man")).unwrap() {
        let path = entry.unwrap().path();
        let mut groff = Command::new("groff");
        groff.args(["-man", "-Tutf8", "-ww", "-z"]).arg(&path);
        let Ok(output) = groff.output() else {
            return std::io::stderr()
                .write_all(b"skipped: there is no groff\n")
                .unwrap();
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{}: {said}",
            path.display()
        );
    }
}
