//! Completions for bash, zsh and fish, under the names by which the shells look for them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

use crate::Program;

/// Writes a program's completions: `bash/<name>`, `zsh/_<name>`, `fish/<name>.fish`.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(program: &Program, directory: &Path) -> anyhow::Result<()> {
    let name = program.name;
    let files = [
        (Shell::Bash, format!("bash/{name}")),
        (Shell::Zsh, format!("zsh/_{name}")),
        (Shell::Fish, format!("fish/{name}.fish")),
    ];
    for (shell, file) in files {
        let path = directory.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut program.command.clone(), name, &mut script);
        if shell == Shell::Zsh {
            let text = String::from_utf8(script).with_context(|| path.display().to_string())?;
            script = with_colons_escaped(text, &program.command).into_bytes();
        }
        fs::write(&path, script).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// A script for zsh in which a value's name may hold a colon. `clap_complete` escapes colons in all but
/// these, and zsh then runs `PORT` of `HOST:PORT` as a command and takes the next word for another value.
fn with_colons_escaped(script: String, command: &Command) -> String {
    let mut names = BTreeSet::new();
    names_with_colon(command, &mut names);
    names.iter().fold(script, |script, name| {
        let escaped = name.replace(':', "\\:");
        script.replace(&format!(":{name}:"), &format!(":{escaped}:"))
    })
}

/// Adds the names of values that hold a colon, of a command and of those below it.
fn names_with_colon(command: &Command, names: &mut BTreeSet<String>) {
    let values = command
        .get_arguments()
        .filter_map(clap::Arg::get_value_names);
    let with_colon = values.flatten().filter(|name| name.contains(':'));
    names.extend(with_colon.map(ToString::to_string));
    for below in command.get_subcommands() {
        names_with_colon(below, names);
    }
}
