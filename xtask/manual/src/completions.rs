//! Completions for bash, zsh and fish, under the names by which the shells look for them.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
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
        fs::write(&path, script).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
