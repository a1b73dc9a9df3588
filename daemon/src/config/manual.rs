//! The daemon's command line and settings as data, for its manual page and shell completions.
//!
//! Not for reading a command line: variables and defaults stand in this definition to be shown, where
//! the daemon takes them from four ranked sources (`spec/daemon.md` sections 8 to 10).

use clap::Arg;

use crate::config::cli;
use crate::config::key::{Key, Known};
use crate::spool_command;

/// One setting, under all its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In the configuration file, sections before a dot.
    pub name: &'static str,
    /// The flag as AWS's users know it; empty where there is none.
    pub flag: &'static str,
    /// Our environment variable.
    pub variable: &'static str,
    /// As it would be written; empty where there is none, or where it depends on the system.
    pub default: &'static str,
}

/// Every setting, in the order in which `--check-config` shows them.
#[must_use]
pub fn settings() -> Vec<Setting> {
    Key::ALL
        .into_iter()
        .map(|key| {
            let known = key.known();
            Setting {
                name: known.name,
                flag: known.flag,
                variable: known.variable,
                default: known.default,
            }
        })
        .collect()
}

/// The whole command line: the flags, each with its variable and default, and the `spool` commands.
#[must_use]
pub fn command() -> clap::Command {
    let plain = cli::command().version(env!("CARGO_PKG_VERSION"));
    plain
        // stray words are refused, that one too
        .disable_help_subcommand(true)
        .mut_args(with_variable_and_default)
        .subcommands(spool_command::command())
}

fn with_variable_and_default(arg: Arg) -> Arg {
    let known = Key::ALL.into_iter().map(Key::known);
    let Some(known) = known.into_iter().find(|known| is_flag_of(&arg, known)) else {
        return arg;
    };
    if known.flag.starts_with("--no-") {
        // the flag switches off what the variable switches on: neither stands for the other
        return arg;
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let arg = arg.env(known.variable);
    if known.default.is_empty() || help.contains("[default: ") {
        arg
    } else {
        arg.default_value(known.default)
    }
}

fn is_flag_of(arg: &Arg, known: &Known) -> bool {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    [short, long]
        .into_iter()
        .flatten()
        .any(|flag| flag == known.flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_with_a_flag_has_its_variable_at_that_flag() {
        let command = command();
        let shown: Vec<_> = command
            .get_arguments()
            .filter_map(|arg| arg.get_env()?.to_str())
            .collect();
        for setting in settings() {
            let has_flag = !setting.flag.is_empty() && setting.flag != "--no-spool";
            assert_eq!(shown.contains(&setting.variable), has_flag, "{setting:?}");
        }
    }

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn the_spool_commands_are_part_of_it() {
        let command = command();
        let spool = command.find_subcommand("spool").unwrap();
        let names: Vec<_> = spool
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(names, ["verify", "list", "export", "replay"]);
    }
}
