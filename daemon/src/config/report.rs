//! What `--check-config` prints: every effective setting with its source, secrets masked, and the
//! variables that credentials and connections follow.

use std::fmt::Write;
use std::path::Path;

use crate::config::check::Checked;
use crate::config::mask;
use crate::config::reading::Line;

/// The report on a usable configuration, one setting per line.
pub(crate) fn report(checked: &Checked, file: Option<&Path>) -> String {
    let mut text = String::new();
    match file {
        Some(path) => push(
            &mut text,
            "Configuration file",
            &path.display().to_string(),
            "",
        ),
        None => push(&mut text, "Configuration file", "none", ""),
    }
    for line in &checked.lines {
        let source = format!("    ({})", line.source);
        push(&mut text, &line.name, shown(line), &source);
    }
    for (name, value) in checked.config.variables.iter() {
        let value = mask::variable(name, value);
        push(&mut text, &format!("Variable {name}"), &value, "");
    }
    for warning in &checked.warnings {
        push_line(&mut text, &format!("warning: {warning}"));
    }
    push_line(&mut text, "configuration is valid");
    text
}

fn push(text: &mut String, name: &str, value: &str, source: &str) {
    push_line(text, &format!("{name} = {value}{source}"));
}

/// Control characters escaped: a line stays a line.
fn push_line(text: &mut String, line: &str) {
    for character in line.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    // Writing to a string cannot fail.
    writeln!(text).unwrap_or_default();
}

/// A setting that is not set is shown by what then happens.
fn shown(line: &Line) -> &str {
    if !line.value.is_empty() {
        return &line.value;
    }
    match line.name.rsplit('.').next() {
        Some("Endpoint") => "AWS X-Ray in the region; without one http://127.0.0.1:2080",
        Some("Region") => "found at the start",
        Some("LogPath") => "standard output",
        Some("CAFile") => "the system's certificates",
        Some("ClientCert" | "ClientKey") => "none is shown",
        Some("Profile") => "the one of AWS_PROFILE",
        _ => "none",
    }
}
