//! One destination: its documents in memory, its uploads, its spool. No other destination waits for it.
//!
//! One task owns all of it. Documents leave memory by an upload. They go to the spool, oldest first,
//! once the destination has been down for [`PATIENCE`], while more than half of this destination's
//! share of the memory is used, and at the end. Where there is no spool, or it takes nothing, the
//! oldest are dropped and counted when three quarters of the share are used. Live documents go before
//! those from the spool, which get the uploads that live ones leave free, and one at least.

mod health;
mod inbox;
mod spooler;
mod state;

pub(crate) use inbox::Inbox;
pub(crate) use spooler::Spooler;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::batch::{self, Batch, Limits};
use crate::clock;
use crate::flush::{Asked, Flush, Pressure};
use crate::intake::Intake;
use crate::log_limit::LogLimit;
use crate::metrics::{DestinationMetrics, Spilled};
use crate::shutdown::{Phase, Watch};
use crate::spool::Token;
use crate::upload::{Delivery, Uploader};
use health::Health;
use spooler::Report;
use state::Disk;

/// How long a destination may be down before documents go to disk: a restart of the collector is not
/// worth it, and what is in memory dies with the process.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest pause between attempts once the daemon is stopping; the grace period is short.
const LAST_PAUSE_MAX: Duration = Duration::from_millis(250);

/// How often the spool is synced and looked through for what is too old, while it has something.
const TICK: Duration = Duration::from_secs(1);

/// A record of the spool: a few requests of documents, so that compression and writing pay.
const RECORD: Limits = Limits {
    documents: 1000,
    bytes: 1 << 20,
    whole_blocks: false,
};

/// Records handed to the disk and not confirmed yet.
const APPENDS_MAX: usize = 4;

/// Failures of replayed records in a row after which a probe is made with a live document if there is
/// one: a record that the destination stumbles over must not hide that it is up.
const REPLAY_PROBES_MAX: u32 = 3;

/// What a destination is made of.
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) uploader: Arc<Uploader>,
    pub(crate) metrics: Arc<DestinationMetrics>,
    /// The disk and what it reports, unless documents stay in memory alone.
    pub(crate) spool: Option<(Spooler, UnboundedReceiver<Report>)>,
    /// Uploads in flight at once.
    pub(crate) concurrency: usize,
    /// Bytes of documents that it may keep in memory.
    pub(crate) share: usize,
    /// Knows how much all documents take, those of the other destinations included.
    pub(crate) intake: Arc<Intake>,
    pub(crate) watch: Watch,
    pub(crate) flush: Arc<Flush>,
}

/// A destination at work.
struct Running {
    name: String,
    inbox: Arc<Inbox>,
    uploader: Arc<Uploader>,
    metrics: Arc<DestinationMetrics>,
    concurrency: usize,
    share: usize,
    intake: Arc<Intake>,
    watch: Watch,
    flush: Arc<Flush>,
    asked: Asked,
    /// In memory, and in no upload.
    waiting: Batch,
    uploads: JoinSet<Ended>,
    live_bytes: usize,
    live_uploads: usize,
    replays: usize,
    health: Health,
    disk: Disk,
    spills: LogLimit,
    disk_errors: LogLimit,
    closed_spools: LogLimit,
    is_draining: bool,
}

/// An upload that came to its end.
struct Ended {
    origin: Origin,
    began: Instant,
    documents: usize,
    bytes: usize,
    delivery: Delivery,
}

/// Where an upload's documents came from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    Live,
    Spool(Token),
}

impl Destination {
    /// Runs until the inbox is closed and every document has come to its end.
    pub(crate) async fn run(self) {
        let (spooler, reports) = self.spool.unzip();
        let asked = self.flush.asked();
        let running = Running {
            name: self.name,
            inbox: self.inbox,
            uploader: self.uploader,
            metrics: self.metrics,
            concurrency: self.concurrency,
            share: self.share,
            intake: self.intake,
            watch: self.watch,
            flush: self.flush,
            asked: *asked.borrow(),
            waiting: Batch::default(),
            uploads: JoinSet::new(),
            live_bytes: 0,
            live_uploads: 0,
            replays: 0,
            health: Health::default(),
            disk: Disk::new(spooler),
            spills: LogLimit::one_in_ten_seconds(),
            disk_errors: LogLimit::one_in_ten_seconds(),
            // Where a container has no place to write, it stays so.
            closed_spools: LogLimit::new(1, Duration::from_secs(3600)),
            is_draining: false,
        };
        running.run(reports, asked).await;
    }
}

impl Running {
    async fn run(
        mut self,
        mut reports: Option<UnboundedReceiver<Report>>,
        mut asked: watch::Receiver<Asked>,
    ) {
        let (inbox, watch) = (Arc::clone(&self.inbox), self.watch.clone());
        loop {
            while let Some(block) = self.inbox.pop() {
                self.waiting.push(block);
            }
            self.notice_phase();
            self.start_uploads();
            self.relieve();
            self.flush.note_moved();
            if self.is_finished() {
                break;
            }
            let next_phase = match self.is_draining {
                false => Phase::Draining,
                true => Phase::Over,
            };
            let is_over = watch.has_reached(Phase::Over);
            let due = self.due(clock::now());
            tokio::select! {
                () = inbox.arrival() => {}
                Some(ended) = self.uploads.join_next() => self.note_end(ended),
                Some(report) = next_report(&mut reports) => self.note_report(report),
                () = at(due) => self.tick(),
                Ok(()) = asked.changed() => self.note_asked(*asked.borrow_and_update()),
                () = watch.reached(next_phase), if !is_over => {}
            }
        }
        if let Some(spooler) = self.disk.end() {
            spooler.end().await;
        }
        // what the disk did last, so that the counters are those of the end
        while let Some(Ok(report)) = reports.as_mut().map(UnboundedReceiver::try_recv) {
            self.note_report(report);
        }
    }

    fn notice_phase(&mut self) {
        if !self.is_draining && self.watch.has_reached(Phase::Draining) {
            self.is_draining = true;
            self.health.hurry(clock::now());
        }
    }

    /// After a pause of the process nothing is put off any longer.
    fn note_asked(&mut self, asked: Asked) {
        if asked.wakes != self.asked.wakes {
            self.health.hurry(clock::now());
            self.disk.wake();
        }
        self.asked = asked;
    }

    /// Whether the documents' time in memory is over.
    fn is_over(&self) -> bool {
        self.watch.has_reached(Phase::Over)
    }

    fn is_finished(&self) -> bool {
        let is_idle = self.waiting.is_empty() && self.uploads.is_empty() && self.disk.is_idle();
        is_idle && self.inbox.is_finished()
    }

    fn under_way(&self) -> usize {
        self.live_uploads + self.replays
    }

    fn start_uploads(&mut self) {
        if self.is_over() || self.asked.pressure == Pressure::Now {
            return;
        }
        let now = clock::now();
        // One place is kept for what waits on disk, lest steady traffic starve it.
        let kept = usize::from(self.disk.documents() > 0 && self.concurrency > 1);
        while !self.waiting.is_empty()
            && self.live_uploads < self.concurrency - kept
            && self.under_way() < self.concurrency
            && self.health.may_call(now, self.under_way())
        {
            let batch = self.waiting.cut(self.uploader.limits());
            self.live_uploads += 1;
            self.live_bytes += batch.bytes();
            self.upload(Origin::Live, batch);
        }
        if self.may_replay(now) {
            self.disk.take();
        }
    }

    fn may_replay(&self, now: Instant) -> bool {
        let is_wanted = !self.is_draining && self.disk.may_take(now);
        if !is_wanted || !self.health.may_call(now, self.under_way()) {
            return false;
        }
        let Some(probe_at) = self.health.next_call() else {
            // Two places are for live documents that come meanwhile.
            return self.replays == 0 || self.under_way() + 2 < self.concurrency;
        };
        self.disk.replay_failures() < REPLAY_PROBES_MAX || now >= probe_at + PATIENCE
    }

    fn upload(&mut self, origin: Origin, batch: Batch) {
        let uploader = Arc::clone(&self.uploader);
        let (documents, bytes, began) = (batch.len(), batch.bytes(), clock::now());
        self.uploads.spawn(async move {
            Ended {
                origin,
                began,
                documents,
                bytes,
                delivery: uploader.deliver(batch).await,
            }
        });
    }

    fn note_end(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "Upload ended abnormally");
                return;
            }
        };
        let is_whole = ended.delivery.left.is_empty();
        self.note_health(&ended, is_whole);
        match ended.origin {
            Origin::Live => {
                self.live_uploads -= 1;
                self.live_bytes -= ended.bytes;
                self.metrics
                    .held
                    .subtract(ended.documents - ended.delivery.left.len());
                self.count(&ended.delivery);
                self.put_back(ended.delivery.left);
            }
            Origin::Spool(token) => {
                self.replays -= 1;
                if is_whole {
                    self.count(&ended.delivery);
                    self.metrics.replayed.add(ended.delivery.sent);
                    self.disk.done(token);
                } else {
                    // Counted once all of it has come to its end.
                    self.disk.give_back(token, clock::now());
                }
            }
        }
    }

    /// Puts documents before all that wait: they came earlier.
    fn put_back(&mut self, mut earlier: Batch) {
        earlier.append(std::mem::take(&mut self.waiting));
        self.waiting = earlier;
    }

    fn count(&self, delivery: &Delivery) {
        self.metrics.sent.add(delivery.sent);
        for (reason, count) in &delivery.refused {
            self.metrics.refused(*reason, *count);
        }
    }

    fn note_health(&mut self, ended: &Ended, is_whole: bool) {
        let now = clock::now();
        let name = &self.name;
        if let Some(failed) = &ended.delivery.failed {
            let draw = fastrand::f64();
            let was_up = self
                .health
                .failed(ended.began, now, failed.retry_after, draw);
            if self.is_draining {
                self.health.hurry(now + LAST_PAUSE_MAX);
            }
            let error = &failed.text;
            let since = self.health.down_since().unwrap_or(now);
            self.metrics.set_down(Some((since, error.clone())));
            if was_up {
                tracing::warn!(destination = name, error, "Upload will be tried again");
            }
        } else if is_whole && let Some(down_for) = self.health.succeeded(now) {
            self.metrics.set_down(None);
            let seconds = down_for.as_secs_f64();
            tracing::info!(
                destination = name,
                "Uploads succeed again after {seconds:.1} s"
            );
        }
    }

    /// Moves documents out of memory that must not stay there.
    fn relieve(&mut self) {
        let now = clock::now();
        while self.must_spool(now) && self.disk.may_append(now) {
            let batch = self.waiting.cut(RECORD);
            self.disk.append(batch);
        }
        let is_over = self.is_over();
        while !self.waiting.is_empty() {
            let is_stuck = !self.disk.may_append(now) && !self.disk.is_appending();
            let reason = if is_over && is_stuck {
                Spilled::Stopped
            } else if self.is_above(self.in_memory(), 3) {
                Spilled::BufferFull
            } else {
                return;
            };
            let some = Limits {
                documents: batch::PLAIN.documents,
                bytes: self.share / 16,
                whole_blocks: false,
            };
            let dropped = self.waiting.cut(some).len();
            self.spill(reason, dropped);
        }
    }

    fn must_spool(&self, now: Instant) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let is_hopeless = match self.health.down_since() {
            // A probe needs a document.
            Some(_) if self.health.may_call(now, self.under_way()) => false,
            Some(since) => {
                let is_hurried = self.is_draining || self.asked.pressure > Pressure::Usual;
                is_hurried || now >= since + PATIENCE
            }
            None => false,
        };
        let pressing = self.waiting.bytes() + self.live_bytes;
        let is_pressing = self.is_over() || self.asked.pressure == Pressure::Now;
        is_hopeless || is_pressing || self.is_above(pressing, 2)
    }

    /// Whether these bytes are more than so many quarters of the share; or all memory is used to that
    /// degree, and a quarter of the share here: a block stays whole for its last document.
    fn is_above(&self, bytes: usize, quarters: usize) -> bool {
        let (used, all) = (self.intake.bytes(), self.intake.bytes_max());
        bytes > self.share / 4 * quarters || (used > all / 4 * quarters && bytes > self.share / 4)
    }

    fn in_memory(&self) -> usize {
        self.waiting.bytes() + self.live_bytes + self.disk.appending_bytes()
    }

    fn spill(&self, reason: Spilled, count: usize) {
        self.metrics.spilled(reason, count);
        self.metrics.held.subtract(count);
        self.warn_of_spill(reason, count);
    }

    fn warn_of_spill(&self, reason: Spilled, count: usize) {
        let events = u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(suppressed) = self.spills.admit(clock::now(), events) {
            let count = events.saturating_add(suppressed);
            let reason = reason.label();
            // AWS's words for it (`spec/daemon.md` section 3.2).
            let name = &self.name;
            tracing::warn!(destination = name, reason, "Spilling over {count} segments");
        }
    }

    fn tick(&mut self) {
        self.disk.tick(clock::now());
    }

    /// When to look again though nothing happens.
    fn due(&self, now: Instant) -> Option<Instant> {
        let has_something = !self.waiting.is_empty() || self.disk.documents() > 0;
        let probe = self.health.next_call().filter(|_| has_something);
        // The probe that a live document was awaited for.
        let probe = probe.map(|at| if at <= now { at + PATIENCE } else { at });
        let down_since = self.health.down_since();
        let patience = down_since
            .filter(|_| !self.waiting.is_empty())
            .map(|since| since + PATIENCE);
        let ahead = [probe, patience]
            .into_iter()
            .flatten()
            .filter(|at| *at > now);
        ahead.chain(self.disk.due(now)).min()
    }
}

async fn next_report(reports: &mut Option<UnboundedReceiver<Report>>) -> Option<Report> {
    match reports {
        Some(reports) => reports.recv().await,
        None => None,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
