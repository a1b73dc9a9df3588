//! One round: a trace is written, and read back by its id, by its annotation and in the graph.

use std::time::{Duration, Instant};

use anyhow::Context;
use radiograph_collector::clock;
use serde_json::Value;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::sleep;

use super::note::{Note, requests};
use super::outcome::{Failed, Step, Went};
use crate::api::{Api, ApiError};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// The header line of every datagram.
const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// Where a canary writes and reads.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) api: Api,
    pub(super) daemon_address: Option<String>,
    /// How long a round may take.
    pub(super) within: Duration,
}

impl Canary {
    /// Sings once.
    ///
    /// # Errors
    /// The step that was not done in time, and why.
    pub(super) async fn sing(&self, note: &Note) -> Result<Went, Failed> {
        let began = clock::instant();
        let failed = |step| {
            move |reason| Failed {
                trace_id: note.trace_id(),
                step,
                reason,
            }
        };
        // before it is written: it has to be one more
        let before = self.requests(note).await;
        let before = before.map_err(|error| failed(Step::Graph)(in_words(&error)))?;
        let mut after = [Duration::ZERO; 4];
        for (step, after) in Step::ALL.into_iter().zip(&mut after) {
            match step {
                Step::Write => self.write(note).await,
                _ => self.wait(note, step, before, began).await,
            }
            .map_err(failed(step))?;
            *after = clock::instant().saturating_duration_since(began);
        }
        Ok(Went {
            trace_id: note.trace_id(),
            after,
        })
    }

    async fn write(&self, note: &Note) -> Result<(), String> {
        match &self.daemon_address {
            Some(address) => {
                let sent = send(address, &note.document()).await;
                sent.map_err(|error| format!("{error:#}"))
            }
            None => match self.api.put(&[note.document()]).await {
                Ok(unprocessed) if unprocessed.is_empty() => Ok(()),
                Ok(unprocessed) => Err(format!("refused: {}", Value::from(unprocessed))),
                Err(error) => Err(in_words(&error)),
            },
        }
    }

    /// Waits until the trace is there; the latest reason why it is not when that takes too long.
    async fn wait(
        &self,
        note: &Note,
        step: Step,
        before: u64,
        began: Instant,
    ) -> Result<(), String> {
        loop {
            let reason = match self.is_there(note, step, before).await {
                Ok(true) => return Ok(()),
                Ok(false) => "it is not there, or not whole".to_owned(),
                Err(error) => in_words(&error),
            };
            if clock::instant().saturating_duration_since(began) >= self.within {
                return Err(format!("not within {:?}: {reason}", self.within));
            }
            sleep(PAUSE).await;
        }
    }

    async fn is_there(&self, note: &Note, step: Step, before: u64) -> Result<bool, ApiError> {
        match step {
            Step::Write => Ok(true),
            Step::Trace => {
                let answer = self.api.call("/Traces", note.by_id().to_string()).await?;
                let traces = answer.get("Traces").and_then(Value::as_array);
                let traces = traces.map_or(&[] as &[Value], Vec::as_slice);
                Ok(matches!(traces, [trace] if note.is_whole(trace)))
            }
            Step::Summary => {
                let mut found = Vec::new();
                let each = |summary| found.push(summary);
                let request = note.by_annotation();
                let pages = self
                    .api
                    .pages("/TraceSummaries", request, "TraceSummaries", each);
                pages.await?;
                Ok(note.is_found(&found))
            }
            // other canaries may sing at the same time
            Step::Graph => Ok(self.requests(note).await? > before),
        }
    }

    async fn requests(&self, note: &Note) -> Result<u64, ApiError> {
        let mut services = Vec::new();
        let each = |service| services.push(service);
        let pages = self
            .api
            .pages("/ServiceGraph", note.window(), "Services", each);
        pages.await?;
        Ok(requests(&services))
    }
}

/// Sends one datagram; the address is looked up each time, as it may move while the canary lives.
async fn send(address: &str, document: &str) -> anyhow::Result<()> {
    let unknown = || format!("{address}: no such host");
    let found = lookup_host(address).await.with_context(unknown)?.next();
    let found = found.with_context(unknown)?;
    let local = if found.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(local).await.context("UDP socket")?;
    let datagram = format!("{HEADER}{document}");
    let sent = socket.send_to(datagram.as_bytes(), found).await;
    sent.with_context(|| format!("sending to {found}"))?;
    Ok(())
}

/// An error with its causes.
fn in_words(error: &ApiError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
