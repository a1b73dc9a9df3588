//! Manual pages: what the definition says, and the sections that it cannot know.
//!
//! A page for each program and one for each of its commands, all in section 1: `radiograph-daemon` is
//! started by hand as often as by an init system, and its commands stand beside those of `radiograph`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::Program;
use crate::program::Section;

/// Writes the pages of a program and of all its commands.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(program: &Program, directory: &Path) -> anyhow::Result<()> {
    let mut command = program.command.clone().disable_help_subcommand(true);
    // gives each command its full name, as in radiograph-store-verify
    command.build();
    write_each(program, &command, true, directory)
}

fn write_each(
    program: &Program,
    command: &Command,
    is_program: bool,
    directory: &Path,
) -> anyhow::Result<()> {
    let mut page = Vec::new();
    let man = man(command);
    man.render(&mut page)?;
    environment(command).to_writer(&mut page)?;
    if is_program {
        sections(&program.sections).to_writer(&mut page)?;
    }
    see_also(program, is_program).to_writer(&mut page)?;
    let path = directory.join(man.get_filename());
    fs::write(&path, page).with_context(|| path.display().to_string())?;
    let commands = command.get_subcommands();
    for each in commands.filter(|each| !each.is_hide_set()) {
        write_each(program, each, false, directory)?;
    }
    Ok(())
}

fn man(command: &Command) -> Man {
    let source = format!("Radiograph {}", env!("CARGO_PKG_VERSION"));
    // the version stands in the footer; as a section of its own it says nothing more
    Man::new(command.clone().version(None::<&str>))
        .source(source)
        .manual("Radiograph")
}

/// The variables that stand for options, each with its option.
fn environment(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let of_options = command.get_arguments().filter_map(|arg| {
        let variable = arg.get_env()?.to_str()?;
        let flag = match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => return None,
        };
        Some((variable, flag))
    });
    for (index, (variable, flag)) in of_options.enumerate() {
        if index == 0 {
            roff.control("SH", ["ENVIRONMENT"]);
            roff.text([roman("Read where the option is not given:")]);
        }
        entry(&mut roff, variable, vec![roman("as "), bold(flag)]);
    }
    roff
}

fn sections(sections: &[Section]) -> Roff {
    let mut roff = Roff::new();
    for section in sections {
        roff.control("SH", [section.heading]);
        if !section.text.is_empty() {
            roff.text([roman(section.text)]);
        }
        for (term, meaning) in &section.entries {
            entry(&mut roff, term, vec![roman(meaning.as_str())]);
        }
    }
    roff
}

fn entry(roff: &mut Roff, term: &str, meaning: Vec<Inline>) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text(meaning);
}

fn see_also(program: &Program, is_program: bool) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let others = crate::program::NAMES.into_iter();
    let others = others.filter(|name| !is_program || *name != program.name);
    let mut named = Vec::new();
    for (index, name) in others.enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        named.extend([roman(comma), italic(name), roman("(1)")]);
    }
    roff.text(named);
    roff
}
