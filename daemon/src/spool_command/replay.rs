//! `spool replay`: sends what waits for delivery, a call after the other, oldest first.
//!
//! What the endpoint refuses for good is told and forgotten, as the daemon would; when it stays out of
//! reach, the rest stays in the spool.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::batch::Batch;
use crate::call::{Caller, CallerError};
use crate::clock;
use crate::config::{self, Config, Destination};
use crate::documents::Documents;
use crate::intake::Block;
use crate::retry;
use crate::spool::inspect::Found;
use crate::spool::{Limits, Spool, SpoolError};
use crate::spool_command::{CommandError, Finding, Target};
use crate::upload::answer::{self, Verdict};
use crate::upload::attempt::{self, Attempt};
use crate::upload::body::{self, Format};

/// What PutTraceSegments takes at once.
const DOCUMENTS_MAX: usize = 50;
/// Attempts per call: about two minutes of an endpoint that is away.
const ATTEMPTS_MAX: u32 = 10;

/// No bound: a person decides what to do with what is there.
const UNBOUNDED: Limits = Limits {
    bytes_max: u64::MAX,
    age_max: Duration::MAX,
    free_min: 0,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) delivered: u64,
    pub(super) refused: u64,
    pub(super) damaged: u64,
}

/// Sends everything that waits to this endpoint; keeps it too when `keep` is set.
pub(super) fn run(
    targets: &[Target],
    endpoint: &str,
    keep: bool,
    out: &mut dyn Write,
) -> Result<Finding, CommandError> {
    // reqwest panics without one.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(CommandError::NoTlsProvider);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let caller = caller(endpoint).await?;
        let send = async |documents: &Documents| {
            let batch = Batch::of(Arc::new(Block::uncharged(documents.clone())));
            let body = body::json(&batch);
            attempt::attempt(&caller, Format::Json, body).await
        };
        replay(targets, keep, send, tokio::time::sleep, out).await
    })
}

/// Calls go to the endpoint as a daemon's would that is configured with nothing else.
async fn caller(endpoint: &str) -> Result<Caller, CallerError> {
    let config = Config {
        variables: config::process_variables(),
        ..Config::default()
    };
    let destination = Destination {
        endpoint: Some(endpoint.to_owned()),
        ..Destination::default()
    };
    Caller::new(&destination, &config).await
}

/// Sends with `send` and waits with `pause`.
pub(super) async fn replay(
    targets: &[Target],
    keep: bool,
    send: impl AsyncFn(&Documents) -> Attempt,
    pause: impl AsyncFn(Duration),
    out: &mut dyn Write,
) -> Result<Finding, CommandError> {
    let mut finding = Finding::Good;
    for target in targets {
        let mut totals = Totals::default();
        let outcome = if keep {
            replay_view(target, &send, &pause, &mut totals).await
        } else {
            replay_spool(target, &send, &pause, &mut totals).await
        };
        writeln!(
            out,
            "{}: {} documents delivered, {} refused, {} damaged places",
            target.name, totals.delivered, totals.refused, totals.damaged
        )?;
        outcome?;
        if totals.refused + totals.damaged > 0 {
            finding = Finding::Bad;
        }
    }
    Ok(finding)
}

/// Takes what is there and forgets what was delivered.
async fn replay_spool(
    target: &Target,
    send: &impl AsyncFn(&Documents) -> Attempt,
    pause: &impl AsyncFn(Duration),
    totals: &mut Totals,
) -> Result<(), CommandError> {
    let opened = Spool::open(&target.directory, UNBOUNDED, clock::epoch_ms());
    let (mut spool, opened) = opened.map_err(|error| match error {
        error @ SpoolError::InUse { .. } => CommandError::InUse(error),
        error => CommandError::Spool(error),
    })?;
    totals.damaged += opened.damaged_records;
    while let Some(taken) = spool.take(clock::epoch_ms()).map_err(CommandError::Spool)? {
        deliver(taken.documents, send, pause, totals).await?;
        spool.done(taken.token);
    }
    totals.damaged += spool.expire(clock::epoch_ms()).documents();
    Ok(())
}

/// Reads what is there, and leaves it.
async fn replay_view(
    target: &Target,
    send: &impl AsyncFn(&Documents) -> Attempt,
    pause: &impl AsyncFn(Duration),
    totals: &mut Totals,
) -> Result<(), CommandError> {
    let view = target.view()?;
    let unreadable = |source| target.unreadable(source);
    for number in &view.files {
        let Some(mut records) = view.records(*number).map_err(unreadable)? else {
            continue;
        };
        while let Some(found) = records.next().map_err(unreadable)? {
            match found {
                Found::Record(record) if record.is_delivered => {}
                Found::Record(record) => match records.documents(&record).map_err(unreadable)? {
                    Some(documents) => deliver(documents, send, pause, totals).await?,
                    None => totals.damaged += 1,
                },
                Found::Damaged { .. } => totals.damaged += 1,
                Found::Torn { .. } | Found::OtherVersion => {}
            }
        }
    }
    Ok(())
}

/// Brings every document of a record to its end: delivered or refused.
async fn deliver(
    documents: Documents,
    send: &impl AsyncFn(&Documents) -> Attempt,
    pause: &impl AsyncFn(Duration),
    totals: &mut Totals,
) -> Result<(), CommandError> {
    let mut parts = vec![documents];
    while let Some(part) = parts.pop() {
        let count = part.len();
        if count > DOCUMENTS_MAX {
            parts.extend(split(&part, DOCUMENTS_MAX));
            continue;
        }
        let attempt = call(&part, send, pause).await?;
        match attempt.verdict {
            Verdict::Split(_) if count > 1 => parts.extend(split(&part, count / 2)),
            Verdict::Accepted => {
                let listed = answer::unprocessed(&attempt.body).map_or(0, |listed| listed.len());
                let unprocessed = listed.min(count);
                totals.refused += unprocessed as u64;
                totals.delivered += (count - unprocessed) as u64;
            }
            // Those to try again have been, in `call`.
            Verdict::Split(_) | Verdict::Retry(_) => {
                totals.refused += count as u64;
            }
        }
    }
    Ok(())
}

/// One call with as many attempts as are allowed.
async fn call(
    documents: &Documents,
    send: &impl AsyncFn(&Documents) -> Attempt,
    pause: &impl AsyncFn(Duration),
) -> Result<Attempt, CommandError> {
    let mut failures = 0;
    loop {
        let attempt = send(documents).await;
        if !matches!(attempt.verdict, Verdict::Retry(_)) {
            return Ok(attempt);
        }
        failures += 1;
        if failures >= ATTEMPTS_MAX {
            return Err(CommandError::Undelivered {
                attempts: failures,
                text: attempt.text,
            });
        }
        pause(retry::delay(failures, attempt.retry_after, fastrand::f64())).await;
    }
}

/// The documents behind the first `count`, then those: a stack gives them back in order.
fn split(documents: &Documents, count: usize) -> [Documents; 2] {
    let first = documents.iter().take(count).collect();
    let rest = documents.iter().skip(count).collect();
    [rest, first]
}
