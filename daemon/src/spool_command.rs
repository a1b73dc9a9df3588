//! `radiograph-daemon spool verify|list|export|replay`: what waits on disk, for people.
//!
//! All but `replay` only read and take no lock, so that they work while a daemon runs. Everything is
//! written through a writer; exit codes: 0, 1 for damage or what could not be done, 2 for usage.

mod export;
mod list;
mod replay;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::config;
use crate::spool::SpoolError;
use crate::spool::inspect::{self, View};

/// The command line; the outer levels are there for usage and help.
#[derive(Debug, Parser)]
#[command(name = "radiograph-daemon")]
struct CommandLine {
    #[command(subcommand)]
    command: Outer,
}

#[derive(Debug, Subcommand)]
enum Outer {
    /// What could not be delivered and waits on disk
    #[command(subcommand)]
    Spool(Command),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every record; exit code 1 when something is damaged
    Verify(Place),
    /// List the files: destination, file, first and last time, records, documents, bytes, and
    /// whether it is delivered, separated by tabs
    List(ListArgs),
    /// Write what waits for delivery as JSON lines
    ///
    /// Each line is one document: as it was sent, with line breaks between its members replaced by
    /// blanks; a document that is not JSON (T1S...) as a JSON string.
    Export(ExportArgs),
    /// Send what waits for delivery to an endpoint, and forget what it takes
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
struct Place {
    /// The daemon's data directory
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// One destination, instead of all
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// List the documents instead: destination, time, trace id and id
    #[arg(long)]
    documents: bool,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// A file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    #[command(flatten)]
    place: Place,
    /// Where to send it, http://host:port
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Keep it in the spool; this works while a daemon runs
    #[arg(long)]
    keep: bool,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("data directory {}: no spool in it{}", data_dir.display(), of(destination.as_deref()))]
    NoSpool {
        data_dir: PathBuf,
        destination: Option<String>,
    },
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: cannot be written", path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("output")]
    Write(#[from] io::Error),
    #[error("a running daemon has it open; stop it, or use --keep")]
    InUse(#[source] SpoolError),
    #[error(transparent)]
    Spool(SpoolError),
    #[error(transparent)]
    Endpoint(#[from] crate::call::CallerError),
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    #[error("gave up after {attempts} attempts: {text}")]
    Undelivered { attempts: u32, text: String },
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Good,
    Bad,
}

/// One destination's spool.
struct Target {
    name: String,
    directory: PathBuf,
}

/// Runs `radiograph-daemon spool …`; the first of `args` is the program's name. A TLS provider must
/// be installed for `replay`.
#[must_use]
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    // Not locked: the log, if there is one, goes there too.
    let code = execute(args, &mut io::stdout(), &mut io::stderr());
    ExitCode::from(code)
}

/// The definition of `radiograph-daemon spool` alone.
pub(crate) fn command() -> Option<clap::Command> {
    let outer = CommandLine::command();
    outer.find_subcommand("spool").cloned()
}

fn execute(
    args: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
    problems: &mut dyn Write,
) -> u8 {
    let outcome = match CommandLine::try_parse_from(args) {
        Ok(CommandLine {
            command: Outer::Spool(command),
        }) => command.execute(out, problems),
        Err(error) => {
            let shown = if error.use_stderr() {
                write!(problems, "{}", error.render())
            } else {
                write!(out, "{}", error.render())
            };
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Whether or not anybody reads it.
            return shown.map_or_else(|_| code.max(1), |()| code);
        }
    };
    let flushed = out.flush();
    match outcome.and_then(|finding| flushed.map(|()| finding).map_err(CommandError::Write)) {
        Ok(Finding::Good) => 0,
        Ok(Finding::Bad) => 1,
        // Whoever read the output has seen enough.
        Err(CommandError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => match writeln!(problems, "{}", crate::call::failure::with_causes(&error)) {
            // Nobody is left to tell.
            Ok(()) | Err(_) => 1,
        },
    }
}

impl Command {
    fn execute(
        self,
        out: &mut dyn Write,
        problems: &mut dyn Write,
    ) -> Result<Finding, CommandError> {
        match self {
            Self::Verify(place) => verify::run(&place.targets()?, out),
            Self::List(args) if args.documents => list::documents(&args.place.targets()?, out),
            Self::List(args) => list::files(&args.place.targets()?, out),
            Self::Export(args) => export::run(
                &args.place.targets()?,
                args.output.as_deref(),
                out,
                problems,
            ),
            Self::Replay(args) => {
                replay::run(&args.place.targets()?, &args.endpoint, args.keep, out)
            }
        }
    }
}

impl Place {
    /// The spools that are meant, at least one.
    fn targets(self) -> Result<Vec<Target>, CommandError> {
        let data_dir = self.data_dir.unwrap_or_else(config::data_dir_default);
        let found = inspect::destinations(&data_dir).map_err(|source| CommandError::Read {
            path: data_dir.clone(),
            source,
        })?;
        let is_meant = |name: &String| self.destination.as_ref().is_none_or(|only| only == name);
        let targets: Vec<Target> = found
            .into_iter()
            .filter(is_meant)
            .map(|name| Target {
                directory: inspect::directory_of(&data_dir, &name),
                name,
            })
            .collect();
        if targets.is_empty() {
            return Err(CommandError::NoSpool {
                data_dir,
                destination: self.destination,
            });
        }
        Ok(targets)
    }
}

impl Target {
    fn view(&self) -> Result<View, CommandError> {
        View::open(&self.directory).map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: io::Error) -> CommandError {
        CommandError::Read {
            path: self.directory.clone(),
            source,
        }
    }
}

fn of(destination: Option<&str>) -> String {
    destination.map_or_else(String::new, |name| format!(" for destination {name}"))
}

/// A time for people; the number itself where no calendar reaches.
fn time(time_ms: u64) -> String {
    let time = i64::try_from(time_ms)
        .ok()
        .and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    time.map_or_else(|| time_ms.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests;
