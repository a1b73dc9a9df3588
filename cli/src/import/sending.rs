//! One chunk at a time to a collector, with repeats of what it does not take at once.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::Context;
use radiograph_collector::clock;
use radiograph_protocol::segment;
use serde_json::json;
use tokio::time::sleep;

use super::count::Counts;
use crate::api::{Api, ApiError};
use crate::bundle::{self, Piece};

/// The first pause before a call is repeated; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Where documents are sent to.
pub(super) struct Sending {
    pub(super) api: Api,
    /// How long a call is repeated.
    pub(super) patience: Duration,
}

impl Sending {
    /// Sends those documents of a chunk that the collector does not have.
    ///
    /// # Errors
    /// When the collector refuses the call, or takes nothing for too long.
    pub(super) async fn chunk(
        &self,
        documents: Vec<Vec<u8>>,
        payload: Vec<u8>,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        let all = documents.len();
        let missing = self.missing(documents).await?;
        counts.found(all.saturating_sub(missing.len()));
        if missing.is_empty() {
            return Ok(());
        }
        // a chunk is a framed body already
        let body = match missing.len() == all {
            true => payload,
            false => bundle::payload(&missing)?,
        };
        let unprocessed = self.repeat(|| self.api.put_framed(body.clone())).await;
        counts.took(missing.len(), &unprocessed.context("sending documents")?);
        Ok(())
    }

    /// Those that the collector does not have, each once. Ones without a trace id that can be read are
    /// the collector's to refuse.
    async fn missing(&self, documents: Vec<Vec<u8>>) -> anyhow::Result<Vec<Vec<u8>>> {
        let traces: BTreeSet<String> = documents.iter().filter_map(|text| trace_of(text)).collect();
        if traces.is_empty() {
            return Ok(documents);
        }
        let request = json!({"TraceIds": traces}).to_string();
        let began = clock::instant();
        let mut pause = PAUSE_MIN;
        loop {
            let stream = self.repeat(|| self.api.stream("/Export", request.clone()));
            let stream = stream.await.context("asking which documents are there")?;
            let mut is_there: HashMap<&[u8], bool> = HashMap::new();
            is_there.extend(documents.iter().map(|text| (text.as_slice(), false)));
            let read = bundle::read(stream, |piece| {
                let Piece::Chunk(count, raw_bytes, payload) = piece else {
                    return Ok(());
                };
                for known in bundle::documents(count, raw_bytes, &payload)? {
                    if let Some(is_there) = is_there.get_mut(known.as_slice()) {
                        *is_there = true;
                    }
                }
                Ok(())
            });
            match read.await {
                Ok(_) => {
                    let missing = documents.iter();
                    let missing =
                        missing.filter(|text| is_there.get(text.as_slice()) == Some(&false));
                    return Ok(missing.cloned().collect());
                }
                // the connection broke: asking is free
                Err(error) if began.elapsed() >= self.patience => {
                    return Err(error).context("asking which documents are there");
                }
                Err(_) => sleep(pause).await,
            }
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Calls until there is an answer that a repeat would not change.
    async fn repeat<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, ApiError> {
        let (began, mut pause) = (clock::instant(), PAUSE_MIN);
        loop {
            match call().await {
                Err(error) if is_passing(&error) && began.elapsed() < self.patience => {
                    tracing::debug!(%error, "the call is repeated");
                }
                outcome => return outcome,
            }
            sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }
}

/// Whether a repeat may go better.
fn is_passing(error: &ApiError) -> bool {
    match error {
        ApiError::NoAnswer { .. } => true,
        ApiError::Refused { status, .. } => matches!(status, 408 | 429 | 500..=599),
        ApiError::Odd { .. } => false,
    }
}

fn trace_of(document: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?;
    let document = segment::parse(text).ok()?;
    Some(document.trace_id.to_string())
}
