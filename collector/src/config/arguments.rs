//! The command line of `radiograph-collector`, also for its manual page and shell completions: the flags
//! that it shares with the all-in-one, and its own.

use clap::{CommandFactory as _, Parser};
use tracing::Level;

use super::{AdminAddress, CollectorArgs, Config};

/// Stores segments, stitches them into traces, and answers the X-Ray API.
#[derive(Debug, Parser)]
#[command(name = "radiograph-collector", version, about)]
pub struct Arguments {
    /// Everything about the collector itself.
    #[command(flatten)]
    collector: CollectorArgs,
    /// What is logged: error, warn, info, debug or trace.
    #[arg(short, long, env = "RADIOGRAPH_LOG_LEVEL", default_value = "info")]
    log_level: Level,
    /// Ask a running collector whether it works, at the admin address.
    #[arg(long)]
    healthcheck: bool,
}

/// The definition, for what is made of it: manual page and shell completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

impl Arguments {
    /// What is logged.
    #[must_use]
    pub const fn log_level(&self) -> Level {
        self.log_level
    }

    /// The admin address to ask whether a running collector works, when that is all that is wanted.
    #[must_use]
    pub fn asked_for_health(&self) -> Option<AdminAddress> {
        self.healthcheck.then(|| self.collector.admin())
    }

    /// The configuration that was chosen, the rest at its defaults.
    #[must_use]
    pub fn config(self) -> Config {
        self.collector.config()
    }
}
