//! What a destination knows of its disk: what was asked for and not answered yet, and what lies there.

use std::time::{Duration, Instant};

use super::spooler::{Command, Event, Level, Report, Spooler};
use super::{APPENDS_MAX, Origin, Running, TICK};
use crate::batch::Batch;
use crate::call::failure::with_causes;
use crate::clock;
use crate::log_limit::LogLimit;
use crate::metrics::Spilled;
use crate::retry;
use crate::spool::{Shed, SpoolError, Token};

/// How long a disk that took nothing is left alone.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// A destination's disk.
#[derive(Debug)]
pub(super) struct Disk {
    spooler: Option<Spooler>,
    level: Level,
    appends: usize,
    appending_bytes: usize,
    is_taking: bool,
    /// Whether everything on disk is out; a new record or one that is given back changes it.
    is_taken: bool,
    /// Whether something was written since the last tick.
    is_unsynced: bool,
    refused_until: Option<Instant>,
    replay_failures: u32,
    replay_after: Option<Instant>,
    tick_at: Option<Instant>,
}

impl Disk {
    pub(super) const fn new(spooler: Option<Spooler>) -> Self {
        Self {
            spooler,
            level: Level {
                documents: 0,
                bytes: 0,
                oldest_seconds: 0,
            },
            appends: 0,
            appending_bytes: 0,
            is_taking: false,
            is_taken: false,
            is_unsynced: false,
            refused_until: None,
            replay_failures: 0,
            replay_after: None,
            tick_at: None,
        }
    }

    /// Documents on disk, those on their way included.
    pub(super) const fn documents(&self) -> u64 {
        self.level.documents
    }

    pub(super) const fn appending_bytes(&self) -> usize {
        self.appending_bytes
    }

    pub(super) const fn is_appending(&self) -> bool {
        self.appends > 0
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.appends == 0 && !self.is_taking
    }

    pub(super) const fn replay_failures(&self) -> u32 {
        self.replay_failures
    }

    /// Whether the disk takes documents now.
    pub(super) fn may_append(&self, now: Instant) -> bool {
        let is_refused = self.refused_until.is_some_and(|until| now < until);
        self.spooler.is_some() && !is_refused && self.appends < APPENDS_MAX
    }

    pub(super) fn append(&mut self, batch: Batch) {
        self.appends += 1;
        self.appending_bytes += batch.bytes();
        self.send(Command::Append(batch));
    }

    /// Whether there is a record to be had now.
    pub(super) fn may_take(&self, now: Instant) -> bool {
        let is_pausing = self.replay_after.is_some_and(|after| now < after);
        self.level.documents > 0 && !self.is_taking && !self.is_taken && !is_pausing
    }

    pub(super) fn take(&mut self) {
        self.is_taking = true;
        self.send(Command::Take);
    }

    pub(super) fn done(&mut self, token: Token) {
        self.replay_failures = 0;
        self.replay_after = None;
        self.send(Command::Done(token));
    }

    pub(super) fn give_back(&mut self, token: Token, now: Instant) {
        self.replay_failures = self.replay_failures.saturating_add(1);
        let delay = retry::delay(self.replay_failures, None, fastrand::f64());
        self.replay_after = Some(now + delay);
        self.is_taken = false;
        self.send(Command::GiveBack(token));
    }

    /// Ends every pause.
    pub(super) fn wake(&mut self) {
        self.replay_failures = 0;
        self.replay_after = None;
        self.refused_until = None;
    }

    /// Lets the disk do what is due by time.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.tick_at.is_some_and(|at| now >= at) {
            self.tick_at = None;
            self.is_unsynced = false;
            self.send(Command::Tick);
        }
    }

    /// When to look again though nothing happens.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let pauses = [self.refused_until, self.replay_after];
        let pauses = pauses.into_iter().flatten().filter(|at| *at > now);
        pauses.chain(self.tick_at).min()
    }

    /// The thread, for its end.
    pub(super) fn end(&mut self) -> Option<Spooler> {
        self.spooler.take()
    }

    fn send(&self, command: Command) {
        if let Some(spooler) = &self.spooler {
            spooler.send(command);
        }
    }

    /// There is something to sync, to expire or to open: a tick is due in a moment.
    fn plan_tick(&mut self, now: Instant, is_open: bool) {
        let has_something = self.is_unsynced || self.level.documents > 0 || !is_open;
        if has_something && self.tick_at.is_none() {
            let pause = if is_open { TICK } else { REFUSED_PAUSE };
            self.tick_at = Some(now + pause);
        }
    }

    fn refuse(&mut self, now: Instant) {
        self.refused_until = Some(now + REFUSED_PAUSE);
    }
}

impl Running {
    pub(super) fn note_report(&mut self, report: Report) {
        let now = clock::now();
        let Report { event, level } = report;
        self.disk.level = level;
        let mut is_open = true;
        match event {
            Event::Opened(opened) => {
                self.metrics.set_spool_trouble(None);
                self.metrics.inherited.add_wide(opened.documents);
                let name = &self.name;
                if opened.documents > 0 || opened.damaged_records > 0 || opened.cut_bytes > 0 {
                    tracing::info!(destination = name, ?opened, "Spool opened");
                }
            }
            Event::Unusable(error) => {
                is_open = false;
                self.disk.refuse(now);
                self.note_disk_error(&self.closed_spools, "Spool cannot be opened", &error);
            }
            Event::Appended(batch, shed) => {
                self.note_appended(&batch);
                self.disk.is_unsynced = true;
                self.disk.is_taken = false;
                self.metrics.held.subtract(batch.len());
                self.metrics.set_spool_trouble(None);
                self.note_shed(&shed);
            }
            Event::Refused(batch, error) => {
                self.note_appended(&batch);
                is_open = error.is_some();
                self.disk.refuse(now);
                if let Some(error) = error {
                    self.note_disk_error(&self.disk_errors, "Spool takes no segments", &error);
                }
                self.put_back(batch);
            }
            Event::Taken(taken) => {
                self.disk.is_taking = false;
                self.disk.is_taken = taken.is_none();
                if let Some((token, block)) = taken {
                    self.replays += 1;
                    self.upload(Origin::Spool(token), Batch::of(block));
                }
            }
            Event::Unreadable(error) => {
                self.disk.is_taking = false;
                self.disk.refuse(now);
                self.disk.replay_after = Some(now + REFUSED_PAUSE);
                self.note_disk_error(&self.disk_errors, "Spool cannot be read", &error);
            }
            Event::Ticked(shed) => self.note_shed(&shed),
        }
        self.metrics.spooled.set(level.documents);
        self.metrics.spool_bytes.set(level.bytes);
        self.metrics.spool_oldest_seconds.set(level.oldest_seconds);
        self.disk.plan_tick(now, is_open);
    }

    fn note_appended(&mut self, batch: &Batch) {
        self.disk.appends -= 1;
        self.disk.appending_bytes -= batch.bytes();
    }

    /// Documents that the spool gave up; it has logged them.
    fn note_shed(&self, shed: &Shed) {
        for (reason, tally) in shed.iter() {
            let count = usize::try_from(tally.documents).unwrap_or(usize::MAX);
            self.metrics.spilled(Spilled::from(reason), count);
        }
    }

    fn note_disk_error(&self, limit: &LogLimit, what: &str, error: &SpoolError) {
        let error = with_causes(error);
        if let Some(suppressed) = limit.admit(clock::now(), 1) {
            let name = &self.name;
            tracing::error!(destination = name, error, suppressed, "{what}");
        }
        self.metrics.set_spool_trouble(Some(error));
    }
}
