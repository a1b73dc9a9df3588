//! `radiograph canary`: writes a trace every few seconds, reads it back, and tells how that went.
//!
//! One round at a time; one that takes longer than the time between rounds puts the next off. A
//! collector that answers with an error, answers something else than was written, or never, fails the
//! round; failures are a metric each and one log line in [`FAILURES_EVERY`].

mod note;
mod options;
mod outcome;
mod round;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use radiograph_collector::clock;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use crate::{logs, output};

use note::Note;
pub(crate) use options::Options;
use outcome::{Failed, Record, Went};
use round::Canary;

/// Failures are logged at most so often, with how many there were.
const FAILURES_EVERY: Duration = Duration::from_secs(10);

/// Sings once, or until `stop` ends.
///
/// # Errors
/// With `--once` the round's failure; otherwise the address cannot be listened on.
pub(crate) async fn report(options: Options, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    logs::install(options.log_level)?;
    let canary = Canary {
        api: options.at.api(options.within)?,
        daemon_address: options.daemon_address,
        within: options.within,
    };
    if options.once {
        return match sing(&canary).await {
            Ok(went) => Ok(output::line(went)?),
            Err(failed) => bail!(failed),
        };
    }
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| format!("--listen {}", options.listen))?;
    let address = listener.local_addr().context("--listen")?;
    output::line(format_args!("metrics: http://{address}/metrics"))?;
    let record = Arc::new(Mutex::new(Record::default()));
    let serving = axum::serve(listener, router(Arc::clone(&record)));
    let mut serving = pin!(serving.into_future());
    let mut singing = pin!(keep_singing(&canary, options.every, &record));
    let mut stop = pin!(stop);
    tokio::select! {
        () = &mut stop => Ok(()),
        () = &mut singing => Ok(()),
        ended = &mut serving => ended.context("--listen"),
    }
}

async fn sing(canary: &Canary) -> Result<Went, Failed> {
    let note = Note::new(clock::now(), || fastrand::u64(..));
    canary.sing(&note).await
}

/// Round after round; does not end.
async fn keep_singing(canary: &Canary, every: Duration, record: &Mutex<Record>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = Failures::default();
    loop {
        ticks.tick().await;
        let outcome = sing(canary).await;
        {
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            record.note(&outcome, clock::now());
        }
        match outcome {
            Ok(went) => tracing::debug!(%went, "round went well"),
            Err(error) => {
                if let Some(count) = failures.admit(clock::instant()) {
                    tracing::error!(%error, count, "canary failed");
                }
            }
        }
    }
}

fn router(record: Arc<Mutex<Record>>) -> Router {
    let metrics = move || {
        let record = record.lock().unwrap_or_else(PoisonError::into_inner);
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        let answer = ([(header::CONTENT_TYPE, content_type)], record.metrics());
        async move { answer }
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(async || "ok\n"))
}

/// Keeps failures that repeat from filling the log.
#[derive(Debug, Default)]
struct Failures {
    logged: Option<Instant>,
    count: u64,
}

impl Failures {
    /// How many failures a line written now stands for; `None` when there was one a moment ago.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let is_due = self
            .logged
            .is_none_or(|logged| now.saturating_duration_since(logged) >= FAILURES_EVERY);
        is_due.then(|| {
            self.logged = Some(now);
            std::mem::take(&mut self.count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_every_ten_seconds_with_their_count() {
        let mut failures = Failures::default();
        let start = clock::instant();
        let mut at = |seconds| failures.admit(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(1));
        assert_eq!(at(5), None);
        assert_eq!(at(9), None);
        assert_eq!(at(10), Some(3));
        assert_eq!(at(11), None);
    }
}
