//! The thread that does one destination's disk work, so that a slow disk delays nobody else.
//!
//! Commands go in, reports come out, in the same order. It ends when its [`Spooler`] is dropped, after
//! a last sync. A spool that cannot be opened is tried again at every tick.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::batch::Batch;
use crate::clock;
use crate::documents::Documents;
use crate::intake::Block;
use crate::spool::{Limits, Opened, Shed, Spool, SpoolError, Token};

/// The disk's side of a destination.
#[derive(Debug)]
pub(crate) struct Spooler {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
}

/// What is to be done on disk.
#[derive(Debug)]
pub(crate) enum Command {
    /// Keep these documents.
    Append(Batch),
    /// Hand out the oldest record that is not out.
    Take,
    /// This record has come to its end.
    Done(Token),
    /// This record is to be taken again.
    GiveBack(Token),
    /// Sync, drop what is too old, open what could not be opened.
    Tick,
}

/// What became of a command, and what the spool holds now.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) event: Event,
    pub(crate) level: Level,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) enum Event {
    /// The spool is open.
    Opened(Opened),
    /// It cannot be opened, for now.
    Unusable(SpoolError),
    /// The documents are on disk; others may have made room.
    Appended(Batch, Shed),
    /// The documents are not on disk; no error when the spool is not open.
    Refused(Batch, Option<SpoolError>),
    /// The oldest record; none when all are out.
    Taken(Option<(Token, Arc<Block>)>),
    /// A record could not be read.
    Unreadable(SpoolError),
    /// Nothing to tell but what was dropped.
    Ticked(Shed),
}

/// What the spool holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Level {
    pub(crate) documents: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest_seconds: u64,
}

impl Spooler {
    /// Starts the thread, which opens the spool first.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        folder: PathBuf,
        limits: Limits,
    ) -> std::io::Result<(Self, UnboundedReceiver<Report>)> {
        let (commands, inbox) = crossbeam_channel::unbounded();
        let (outbox, reports) = mpsc::unbounded_channel();
        let worker = Worker {
            folder,
            limits,
            spool: None,
            outbox,
        };
        let thread = thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || worker.run(&inbox))?;
        Ok((Self { commands, thread }, reports))
    }

    /// Gives a command; its report follows.
    pub(crate) fn send(&self, command: Command) {
        // The thread ends only after this sender, or by a panic, which the end reports.
        drop(self.commands.send(command));
    }

    /// Lets the thread finish what it was told, and waits for it.
    pub(crate) async fn end(self) {
        let Self { commands, thread } = self;
        drop(commands);
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("Spool thread ended abnormally");
        }
    }
}

struct Worker {
    folder: PathBuf,
    limits: Limits,
    spool: Option<Spool>,
    outbox: UnboundedSender<Report>,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Command>) {
        self.open();
        while let Ok(command) = inbox.recv() {
            let event = self.carry_out(command);
            self.report(event);
        }
        if let Some(Err(error)) = self.spool.as_mut().map(Spool::sync) {
            tracing::error!(%error, "Spool could not be synced");
        }
    }

    fn open(&mut self) {
        let event = match Spool::open(&self.folder, self.limits, clock::epoch_ms()) {
            Ok((spool, opened)) => {
                self.spool = Some(spool);
                Event::Opened(opened)
            }
            Err(error) => Event::Unusable(error),
        };
        self.report(event);
    }

    fn carry_out(&mut self, command: Command) -> Event {
        if self.spool.is_none() && matches!(command, Command::Tick) {
            self.open();
        }
        let Some(spool) = &mut self.spool else {
            return match command {
                Command::Append(batch) => Event::Refused(batch, None),
                Command::Take => Event::Taken(None),
                Command::Done(_) | Command::GiveBack(_) | Command::Tick => {
                    Event::Ticked(Shed::default())
                }
            };
        };
        match command {
            Command::Append(batch) => {
                let documents: Documents = batch.to_documents();
                match spool.append(&documents, clock::epoch_ms()) {
                    Ok(shed) => Event::Appended(batch, shed),
                    Err(error) => Event::Refused(batch, Some(error)),
                }
            }
            Command::Take => match spool.take(clock::epoch_ms()) {
                Ok(taken) => Event::Taken(taken.map(|taken| {
                    let block = Block::uncharged(taken.documents);
                    (taken.token, Arc::new(block))
                })),
                Err(error) => Event::Unreadable(error),
            },
            Command::Done(token) => {
                spool.done(token);
                Event::Ticked(Shed::default())
            }
            Command::GiveBack(token) => {
                spool.give_back(token);
                Event::Ticked(Shed::default())
            }
            Command::Tick => {
                if let Err(error) = spool.sync() {
                    tracing::error!(%error, "Spool could not be synced");
                }
                Event::Ticked(spool.expire(clock::epoch_ms()))
            }
        }
    }

    fn report(&self, event: Event) {
        let level = self.spool.as_ref().map(|spool| Level {
            documents: spool.documents(),
            bytes: spool.bytes(),
            oldest_seconds: spool
                .oldest_ms()
                .map_or(0, |oldest| clock::epoch_ms().saturating_sub(oldest) / 1000),
        });
        let level = level.unwrap_or_default();
        // Nobody listens any more only when the destination's task has ended.
        drop(self.outbox.send(Report { event, level }));
    }
}
