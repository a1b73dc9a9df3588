//! The driver's end of the sink's process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::Context as _;
use serde::Deserialize;

use super::super::target;
use super::tally::Summary;
use super::{Command, Mode};

/// A running sink; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sink {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: u16,
}

impl Sink {
    /// Starts a sink on the driver's core.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(crate) fn start(offers_framed: bool) -> anyhow::Result<Self> {
        let kind = if offers_framed { "framed" } else { "plain" };
        let mut child = target::own_part("sink", &[kind])?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take().context("the sink's input")?;
        let answers = BufReader::new(child.stdout.take().context("the sink's output")?);
        let mut sink = Self {
            child,
            commands,
            answers,
            port: 0,
        };
        sink.port = sink.answer()?;
        Ok(sink)
    }

    /// Where it listens.
    #[must_use]
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Lets it behave otherwise.
    ///
    /// # Errors
    /// When the sink is gone.
    pub(crate) fn becomes(&mut self, mode: Mode) -> anyhow::Result<()> {
        self.say(&Command::Become(mode))
    }

    /// Different documents that have arrived.
    ///
    /// # Errors
    /// When the sink is gone.
    pub(crate) fn count(&mut self) -> anyhow::Result<u64> {
        self.say(&Command::Count)
    }

    /// How many of these documents have arrived, the second number not included.
    ///
    /// # Errors
    /// When the sink is gone.
    pub(crate) fn arrived(&mut self, from: u32, to: u32) -> anyhow::Result<u64> {
        self.say(&Command::Arrived(from, to))
    }

    /// What is known of these documents, the second number not included.
    ///
    /// # Errors
    /// When the sink is gone.
    pub(crate) fn summary(&mut self, from: u32, to: u32) -> anyhow::Result<Summary> {
        self.say(&Command::Summary(from, to))
    }

    fn say<T: for<'a> Deserialize<'a>>(&mut self, command: &Command) -> anyhow::Result<T> {
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        self.commands.write_all(&line)?;
        self.answer()
    }

    fn answer<T: for<'a> Deserialize<'a>>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).context("the sink's answer")
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
