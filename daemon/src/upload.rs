//! Delivers batches to one destination: PutTraceSegments, or framed documents where a Radiograph
//! collector offered to take them.
//!
//! A batch with a document that the destination refuses is halved until the culprit is alone. Every
//! document ends as sent or refused, or is handed back with the reason why it may be tried again;
//! when, is the destination's to say.

pub(crate) mod answer;
pub(crate) mod attempt;
pub(crate) mod body;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use radiograph_protocol::framing::{self, Offer};
use reqwest::header::HeaderValue;

use crate::batch::{self, Batch, Limits};
use crate::call::Caller;
use crate::clock;
use crate::flush::Flush;
use crate::log_limit::LogLimit;
use crate::metrics::{DestinationMetrics, Failure, Refused};
use crate::shutdown::{Phase, Watch};
use answer::{Unprocessed, Verdict};
use attempt::Attempt;
use body::{Encoder, Format};

/// Bytes of documents in one framed request: enough for the dearest costs, those per request, to
/// vanish, and little enough for eight requests to fit into the smallest buffer.
const FRAMED_BYTES_MAX: usize = 768 << 10;

/// The upload stage of one destination.
pub(crate) struct Uploader {
    caller: Caller,
    metrics: Arc<DestinationMetrics>,
    watch: Watch,
    flush: Arc<Flush>,
    offered: Mutex<Offered>,
    encoder: Mutex<Encoder>,
    batches: LogLimit,
    losses: LogLimit,
    unprocessed: LogLimit,
}

/// The last answer's offer, with the text it was read from.
#[derive(Debug, Default)]
struct Offered {
    header: Option<HeaderValue>,
    offer: Option<Offer>,
}

/// How a delivery ended.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// Documents that the destination accepted.
    pub(crate) sent: usize,
    /// Documents that it refused.
    pub(crate) refused: Vec<(Refused, usize)>,
    /// Documents that it did not get.
    pub(crate) left: Batch,
    /// Why it did not; `None` when the daemon's time was over, or that of a flush.
    pub(crate) failed: Option<Failed>,
}

/// Why a call failed that may succeed later.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The answer's `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// For the log.
    pub(crate) text: String,
}

impl Uploader {
    /// For so many requests under way at once.
    pub(crate) fn new(
        caller: Caller,
        metrics: Arc<DestinationMetrics>,
        watch: Watch,
        flush: Arc<Flush>,
        concurrency: usize,
    ) -> Self {
        Self {
            caller,
            metrics,
            watch,
            flush,
            offered: Mutex::default(),
            encoder: Mutex::new(Encoder::new(concurrency)),
            batches: LogLimit::ten_per_second(),
            losses: LogLimit::ten_per_minute(),
            unprocessed: LogLimit::ten_per_minute(),
        }
    }

    /// What a request may hold at the moment.
    pub(crate) fn limits(&self) -> Limits {
        match self.offer() {
            Some(offer) => Limits {
                documents: offer.documents_max,
                bytes: offer.bytes_max.min(FRAMED_BYTES_MAX),
                whole_blocks: true,
            },
            None => batch::PLAIN,
        }
    }

    /// Brings every document of the batch to its end, or hands it back.
    pub(crate) async fn deliver(&self, mut batch: Batch) -> Delivery {
        let mut delivery = Delivery::default();
        let mut parts = Vec::new();
        loop {
            let limits = self.limits();
            let Some(part) = parts.pop().or_else(|| some(batch.cut(limits))) else {
                return delivery;
            };
            match self.call(&part).await {
                Called::Accepted(unprocessed) => {
                    let refused = unprocessed.min(part.len());
                    delivery.sent += part.len() - refused;
                    delivery.refused.push((Refused::Unprocessed, refused));
                }
                Called::Split(_) if part.len() > 1 => {
                    let mut second = part;
                    let first = second.cut(Limits {
                        documents: second.len() / 2,
                        bytes: usize::MAX,
                        whole_blocks: false,
                    });
                    parts.extend([second, first]);
                }
                Called::Split(reason) => delivery.refused.push((reason, part.len())),
                Called::Again => parts.push(part),
                Called::Failed(failed) => {
                    delivery.left = part;
                    parts
                        .into_iter()
                        .rev()
                        .for_each(|part| delivery.left.append(part));
                    delivery.left.append(batch);
                    delivery.failed = failed;
                    return delivery;
                }
            }
        }
    }

    /// One call.
    async fn call(&self, part: &Batch) -> Called {
        let started = clock::now();
        let framed_bytes = part.bytes() + part.len() * framing::framed_bytes(0);
        let format = match self.offer() {
            Some(offer) if framed_bytes <= offer.bytes_max => Format::Framed,
            Some(_) | None => Format::Json,
        };
        let encoded = self
            .encoder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .encode(part, format);
        let body = match encoded {
            Ok(body) => body,
            Err(error) => {
                return Called::Failed(Some(Failed {
                    retry_after: None,
                    text: error.to_string(),
                }));
            }
        };
        let attempt = tokio::select! {
            biased;
            () = self.watch.reached(Phase::Over) => return Called::Failed(None),
            () = self.flush.is_pressing() => return Called::Failed(None),
            attempt = attempt::attempt(&self.caller, format, body) => attempt,
        };
        let is_refused_form = format == Format::Framed && attempt.refuses_form;
        self.note_offer(&attempt, is_refused_form);
        if is_refused_form {
            return Called::Again;
        }
        match attempt.verdict {
            Verdict::Accepted => {
                let entries = self.unprocessed_in(&attempt);
                self.note_unprocessed(part, &entries);
                let elapsed = clock::now().saturating_duration_since(started);
                self.note_sent(part.len(), entries.len().min(part.len()), elapsed);
                Called::Accepted(entries.len())
            }
            Verdict::Split(reason) => {
                self.metrics.call_failed(Failure::Http4xx);
                if part.len() == 1 {
                    self.note_loss(part, &attempt);
                }
                Called::Split(reason)
            }
            Verdict::Retry(failure) => {
                self.metrics.call_failed(failure);
                if attempt.is_forbidden {
                    self.caller.refresh_credentials();
                }
                Called::Failed(Some(Failed {
                    retry_after: attempt.retry_after,
                    text: attempt.text,
                }))
            }
        }
    }

    fn offer(&self) -> Option<Offer> {
        let offered = self.offered.lock();
        offered.unwrap_or_else(PoisonError::into_inner).offer
    }

    /// The newest answer counts; one without an offer takes it back (`docs/framed-segments.md`).
    fn note_offer(&self, attempt: &Attempt, is_refused_form: bool) {
        let Some(header) = &attempt.offer else {
            return;
        };
        let header = header.as_ref().filter(|_| !is_refused_form);
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        if offered.header.as_ref() != header {
            let text = header.and_then(|value| value.to_str().ok());
            *offered = Offered {
                offer: text.and_then(Offer::parse),
                header: header.cloned(),
            };
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
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let Some(suppressed) = self.batches.admit(clock::now(), 1) else {
            return;
        };
        // AWS's lines, which tooling matches (`spec/daemon.md` section 4.4).
        let seconds = elapsed.as_secs_f64();
        let more = match suppressed {
            0 => String::new(),
            suppressed => format!(" and {suppressed} batches before it"),
        };
        if unprocessed == 0 {
            tracing::info!(
                "Successfully sent batch of {count} segments ({seconds:.3} seconds){more}"
            );
        } else {
            tracing::info!(
                "Sent batch of {count} segments but had {unprocessed} Unprocessed segments ({seconds:.3} seconds){more}"
            );
        }
    }

    fn note_unprocessed(&self, part: &Batch, entries: &[Unprocessed]) {
        for entry in entries {
            let code = entry.error_code.as_deref().unwrap_or("none");
            self.metrics.unprocessed(code);
            if let Some(suppressed) = self.unprocessed.admit(clock::now(), 1) {
                let trace_id = entry
                    .id
                    .as_deref()
                    .and_then(|id| answer::trace_id_of(id, part.iter()));
                tracing::error!(
                    trace_id = trace_id.as_deref().unwrap_or("unknown"),
                    reason = code,
                    suppressed,
                    "Unprocessed segment"
                );
            }
        }
    }

    fn note_loss(&self, part: &Batch, attempt: &Attempt) {
        if let Some(suppressed) = self.losses.admit(clock::now(), 1) {
            let count = part.len();
            let text = &attempt.text;
            let trace_id = part.iter().next().and_then(answer::trace_id_in);
            tracing::error!(
                count,
                trace_id = trace_id.as_deref().unwrap_or("unknown"),
                suppressed,
                "Sending segment batch failed with: {text}"
            );
        }
    }
}

/// How one call ended.
enum Called {
    /// So many documents are listed as unprocessed.
    Accepted(usize),
    /// One of the documents is at fault.
    Split(Refused),
    /// The same documents in another form.
    Again,
    /// The same documents later; `None` when the daemon's time is over, or that of a flush.
    Failed(Option<Failed>),
}

fn some(batch: Batch) -> Option<Batch> {
    (!batch.is_empty()).then_some(batch)
}
