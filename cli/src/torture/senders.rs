//! Those who send: one by UDP to the daemon, several by HTTP to the collector.
//!
//! Traces with even numbers go by UDP, those with odd ones by HTTP. Of both some are sent again later:
//! a retry must be as good as nothing. A call that was not acknowledged is made again until it is,
//! as an SDK with a queue of its own would; a datagram is sent once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::shared::Shared;
use super::traffic::{Piece, Traffic};
use crate::api::{Api, ApiError};

/// Calls that are under way at once.
const CALLERS: u64 = 2;
/// Traces in a call; their documents stay below the 50 that a call may have.
const TRACES_PER_CALL: u64 = 3;
/// Documents of a trace on average, which only the rate depends on.
const DOCUMENTS_PER_TRACE: f64 = 4.5;
/// One of so many traces is sent again.
const REPEATED_ONE_IN: u64 = 16;
/// How far back what is repeated lies: settled long ago, or only just.
const REPEATED_BEHIND: u64 = 50;
/// After so many traces by UDP there is a pause, so that the daemon has nothing in memory for once.
const BREATH_TRACES: u64 = 60;
/// The pause after a refused call.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// The pause while nobody is there to send to.
const NOBODY_THERE: Duration = Duration::from_millis(5);

/// The header line of every datagram.
const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// Senders at work.
#[derive(Debug)]
pub(super) struct Senders {
    tasks: JoinSet<anyhow::Result<()>>,
    is_over: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    datagram_traces: Arc<AtomicU64>,
}

/// What each sender needs.
#[derive(Debug, Clone)]
struct Sender {
    shared: Arc<Shared>,
    traffic: Traffic,
    api: Api,
    is_over: Arc<AtomicBool>,
}

impl Senders {
    /// Starts them; together they send so many documents a second.
    pub(super) fn start(shared: &Arc<Shared>, traffic: Traffic, api: &Api, rate: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let sender = Sender {
            shared: Arc::clone(shared),
            traffic,
            api: api.clone(),
            is_over: Arc::clone(&is_over),
        };
        let (calls, datagram_traces) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let each_way = f64::from(rate) / 2.0;
        let trace = Duration::from_secs_f64(DOCUMENTS_PER_TRACE / each_way);
        let call = trace.mul_f64(bounded(TRACES_PER_CALL * CALLERS));
        let mut tasks = JoinSet::new();
        tasks.spawn(sender.clone().send(trace, Arc::clone(&datagram_traces)));
        for _ in 0..CALLERS {
            tasks.spawn(sender.clone().call(call, Arc::clone(&calls)));
        }
        Self {
            tasks,
            is_over,
            calls,
            datagram_traces,
        }
    }

    /// Tells them to finish what they are at.
    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Waits until one of them has finished; false when all have.
    ///
    /// # Errors
    /// It could not send at all.
    pub(super) async fn next_finished(&mut self) -> anyhow::Result<bool> {
        match self.tasks.join_next().await {
            Some(ended) => ended.context("a sender")?.map(|()| true),
            None => Ok(false),
        }
    }

    /// How many traces there are, at most.
    pub(super) fn traces(&self) -> u64 {
        let posted = self.calls.load(Ordering::Relaxed) * TRACES_PER_CALL;
        let sent = self.datagram_traces.load(Ordering::Relaxed);
        posted.max(sent).saturating_add(1) * 2
    }
}

impl Sender {
    /// Sends traces by UDP, one after another.
    async fn send(self, pace: Duration, counter: Arc<AtomicU64>) -> anyhow::Result<()> {
        let mut ticks = ticks(pace);
        while !self.is_over() {
            ticks.tick().await;
            let number = counter.fetch_add(1, Ordering::Relaxed);
            for piece in self.traffic.pieces(number * 2) {
                self.send_piece(&piece).await?;
            }
            if number % REPEATED_ONE_IN == REPEATED_ONE_IN - 1 {
                let earlier = number.saturating_sub(number % REPEATED_BEHIND);
                for piece in self.traffic.pieces(earlier * 2) {
                    self.send_piece(&piece).await?;
                }
            }
            if number % BREATH_TRACES == BREATH_TRACES - 1 {
                sleep(Duration::from_millis(number % 1_300)).await;
            }
        }
        Ok(())
    }

    async fn send_piece(&self, piece: &Piece) -> anyhow::Result<()> {
        let datagram = format!("{HEADER}{}", self.traffic.document(piece));
        while !self.shared.send(piece.number, &datagram).context("UDP")? {
            if self.is_over() {
                break;
            }
            sleep(NOBODY_THERE).await;
        }
        Ok(())
    }

    /// Makes calls, each until it is acknowledged.
    async fn call(self, pace: Duration, counter: Arc<AtomicU64>) -> anyhow::Result<()> {
        let mut ticks = ticks(pace);
        while !self.is_over() {
            ticks.tick().await;
            let number = counter.fetch_add(1, Ordering::Relaxed);
            self.post(number).await;
            if number % REPEATED_ONE_IN == REPEATED_ONE_IN - 1 {
                self.post(number.saturating_sub(number % REPEATED_BEHIND))
                    .await;
            }
        }
        Ok(())
    }

    async fn post(&self, call: u64) {
        let first = call * TRACES_PER_CALL;
        let pieces: Vec<Piece> = (first..first + TRACES_PER_CALL)
            .flat_map(|trace| self.traffic.pieces(trace * 2 + 1))
            .collect();
        let documents: Vec<String> = (pieces.iter())
            .map(|piece| self.traffic.document(piece))
            .collect();
        let numbers = || pieces.iter().map(|piece| piece.number);
        self.shared.books().posted(numbers());
        loop {
            let Some(collector) = self.shared.relay.collector() else {
                sleep(NOBODY_THERE).await;
                continue;
            };
            match self
                .api
                .at(format!("http://{collector}"))
                .put(&documents)
                .await
            {
                Ok(unprocessed) if unprocessed.is_empty() => {
                    return self.shared.books().acknowledged(numbers());
                }
                Ok(unprocessed) => {
                    let list = serde_json::Value::from(unprocessed);
                    let text = format!("good documents were refused: {list}");
                    return self.shared.tally().violation(text);
                }
                Err(error) => self.note(&error),
            }
            sleep(RETRY_AFTER).await;
        }
    }

    /// Refusals that one may retry, and broken connections, are what this is all about.
    fn note(&self, error: &ApiError) {
        if let ApiError::Refused { status, .. } = error
            && !matches!(status, 429 | 500..)
        {
            self.shared.tally().violation(error.to_string());
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

fn ticks(pace: Duration) -> tokio::time::Interval {
    let mut ticks = interval(pace.max(Duration::from_micros(10)));
    // a pause is not made up for by a burst, but a few ticks late are
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A small count as a factor.
fn bounded(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
