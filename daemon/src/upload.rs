//! Delivers batches to the endpoint: PutTraceSegments, several requests in flight.
//!
//! What may succeed later is tried again until shutdown; a batch with a document that the endpoint
//! refuses is halved until the culprit is alone. Every document ends as sent, rejected or lost.
//! Requests are unsigned. How many run at once is the pipeline's to say.

mod answer;
pub(crate) mod attempt;
pub(crate) mod body;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};

use crate::clock;
use crate::log_limit::LogLimit;
use crate::metrics::{Failure, Metrics, Rejected};
use crate::queue::Document;
use crate::retry;
use crate::shutdown::{Phase, Watch};
use answer::{Unprocessed, Verdict};
use attempt::Attempt;

/// The longest pause between attempts once the daemon is stopping; the grace period is short.
const LAST_DELAY_MAX: Duration = Duration::from_millis(250);

/// The upload stage.
pub(crate) struct Uploader {
    client: Client,
    url: Url,
    metrics: Arc<Metrics>,
    watch: Watch,
    retries: LogLimit,
    losses: LogLimit,
    unprocessed: LogLimit,
}

/// How a call ended, after all its attempts.
enum Outcome {
    Accepted(Vec<Unprocessed>),
    Split(Rejected),
    Refused,
    Abandoned,
}

impl Uploader {
    pub(crate) fn new(client: Client, url: Url, metrics: Arc<Metrics>, watch: Watch) -> Self {
        Self {
            client,
            url,
            metrics,
            watch,
            retries: LogLimit::one_in_ten_seconds(),
            losses: LogLimit::ten_per_minute(),
            unprocessed: LogLimit::ten_per_minute(),
        }
    }

    /// Brings every document of the batch to its end.
    pub(crate) async fn deliver(&self, documents: Vec<Document>) {
        let mut parts = vec![documents];
        while let Some(mut part) = parts.pop() {
            let count = part.len();
            let started = clock::now();
            match self.call(&part).await {
                Outcome::Accepted(unprocessed) => {
                    self.note_unprocessed(&part, &unprocessed);
                    let elapsed = clock::now().saturating_duration_since(started);
                    self.note_sent(count, unprocessed.len().min(count), elapsed);
                }
                Outcome::Split(_) if count > 1 => {
                    let second = part.split_off(count / 2);
                    parts.extend([second, part]);
                }
                Outcome::Split(reason) => self.metrics.rejected(reason, count),
                Outcome::Refused => self.metrics.rejected(Rejected::Refused, count),
                Outcome::Abandoned => self.metrics.lost.add(count),
            }
        }
    }

    /// One call with as many attempts as it takes.
    async fn call(&self, documents: &[Document]) -> Outcome {
        let body = body::encode(documents);
        let timestamp = xray_timestamp(clock::since_epoch());
        let mut failures = 0;
        loop {
            let attempt = tokio::select! {
                biased;
                () = self.watch.reached(Phase::Over) => return Outcome::Abandoned,
                attempt = attempt::attempt(&self.client, &self.url, body.clone(), &timestamp) => attempt,
            };
            match attempt.verdict {
                Verdict::Accepted => return Outcome::Accepted(self.unprocessed_in(&attempt)),
                Verdict::Split(reason) => {
                    self.metrics.upload_failed(Failure::Http4xx);
                    if documents.len() == 1 {
                        self.note_loss(1, &attempt);
                    }
                    return Outcome::Split(reason);
                }
                Verdict::Refused(failure) => {
                    self.metrics.upload_failed(failure);
                    self.note_loss(documents.len(), &attempt);
                    return Outcome::Refused;
                }
                Verdict::Retry(failure) => {
                    self.metrics.upload_failed(failure);
                    failures += 1;
                    let delay = retry::delay(failures, attempt.retry_after, fastrand::f64());
                    self.note_retry(documents.len(), failures, delay, &attempt);
                    self.pause(delay).await;
                }
            }
        }
    }

    /// Waits, but not longer than is sensible for one who is about to end.
    async fn pause(&self, delay: Duration) {
        if !self.watch.has_reached(Phase::Stopping) {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.watch.reached(Phase::Stopping) => {}
            }
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(delay.min(LAST_DELAY_MAX)) => {}
            () = self.watch.reached(Phase::Over) => {}
        }
    }

    fn unprocessed_in(&self, attempt: &Attempt) -> Vec<Unprocessed> {
        answer::unprocessed(&attempt.body).unwrap_or_else(|| {
            if let Some(suppressed) = self.unprocessed.admit(clock::now(), 1) {
                tracing::warn!(
                    suppressed,
                    "Endpoint accepted a batch with an unreadable answer"
                );
            }
            Vec::new()
        })
    }

    fn note_sent(&self, count: usize, unprocessed: usize, elapsed: Duration) {
        self.metrics.sent.add(count - unprocessed);
        self.metrics.rejected(Rejected::Unprocessed, unprocessed);
        // AWS's lines, which tooling matches (`spec/daemon.md` section 4.4).
        let seconds = elapsed.as_secs_f64();
        if unprocessed == 0 {
            tracing::info!("Successfully sent batch of {count} segments ({seconds:.3} seconds)");
        } else {
            tracing::info!(
                "Sent batch of {count} segments but had {unprocessed} Unprocessed segments ({seconds:.3} seconds)"
            );
        }
    }

    fn note_unprocessed(&self, documents: &[Document], entries: &[Unprocessed]) {
        for entry in entries {
            let code = entry.error_code.as_deref().unwrap_or("none");
            self.metrics.unprocessed(code);
            if let Some(suppressed) = self.unprocessed.admit(clock::now(), 1) {
                let bodies = documents.iter().map(Document::body);
                let trace_id = entry
                    .id
                    .as_deref()
                    .and_then(|id| answer::trace_id_of(id, bodies));
                tracing::error!(
                    trace_id = trace_id.as_deref().unwrap_or("unknown"),
                    reason = code,
                    suppressed,
                    "Unprocessed segment"
                );
            }
        }
    }

    fn note_loss(&self, count: usize, attempt: &Attempt) {
        if let Some(suppressed) = self.losses.admit(clock::now(), 1) {
            let text = &attempt.text;
            tracing::error!(
                count,
                suppressed,
                "Sending segment batch failed with: {text}"
            );
        }
    }

    fn note_retry(&self, count: usize, attempt: u32, delay: Duration, answer: &Attempt) {
        if let Some(suppressed) = self.retries.admit(clock::now(), 1) {
            let error = &answer.text;
            let delay_ms = delay.as_millis();
            tracing::warn!(
                count,
                attempt,
                delay_ms,
                error,
                suppressed,
                "Upload will be tried again"
            );
        }
    }
}

/// `X-Amzn-Xray-Timestamp`: epoch seconds with nine decimals.
fn xray_timestamp(since_epoch: Duration) -> String {
    format!(
        "{}.{:09}",
        since_epoch.as_secs(),
        since_epoch.subsec_nanos()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_has_nine_decimals() {
        let time = Duration::new(1_795_264_674, 181_157);
        assert_eq!(xray_timestamp(time), "1795264674.000181157");
    }
}
