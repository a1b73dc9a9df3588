//! `radiograph keys new`: makes an access key, adds it to a collector's keys file, and prints it once.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use radiograph_collector::keys::{self, AccessKey, Role};

use crate::output;

/// Make access keys for a collector.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    New(New),
}

/// Make an access key, add it to a keys file, and print it.
///
/// The two lines that are printed are what clients and daemons take from the environment. A collector that
/// runs with this file takes the key within seconds.
#[derive(Debug, Clone, Args)]
struct New {
    /// What the key may do: write (daemons), read, or admin (everything).
    #[arg(long)]
    role: Role,

    /// The keys file; made if it is not there, for its owner alone.
    #[arg(long, env = "RADIOGRAPH_KEYS", value_name = "FILE")]
    keys: PathBuf,
}

/// Makes the key.
///
/// # Errors
/// The file cannot be used, or standard output is closed; the key is in the file then.
pub(crate) fn report(options: &Options) -> anyhow::Result<()> {
    let Command::New(New { role, keys }) = &options.command;
    let key = AccessKey::random(*role);
    keys::append(keys, &key)?;
    output::line(format_args!("AWS_ACCESS_KEY_ID={}", key.id))?;
    output::line(format_args!("AWS_SECRET_ACCESS_KEY={}", key.secret))?;
    let file = keys.display();
    output::remark(format_args!("added to {file} with role {role}"));
    Ok(())
}
