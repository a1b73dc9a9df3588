//! At the end everything is read back: each acknowledged trace is there once, or its hour is gone.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::api::{Answer, Api};
use crate::books::{Books, HOUR_SECONDS};
use crate::load::{DOCUMENTS_PER_TRACE, now, segments_of, trace_id};

/// Longer than settling waits for a trace to be quiet.
const SETTLED_AFTER: Duration = Duration::from_secs(3);
/// Traces whose documents are counted, beside all that are looked for by their summary.
const SAMPLE: usize = 20_000;
const IDS_PER_CALL: usize = 5;

/// What became of the acknowledged traces.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Found once.
    pub(crate) whole: u64,
    /// Not found, acknowledged in an earlier hour.
    pub(crate) dropped: u64,
}

/// Reads all summaries of the run, and the documents of some.
///
/// # Errors
/// The collector does not answer.
pub(crate) async fn everything(api: &Api, books: &Books) -> anyhow::Result<Checked> {
    sleep(SETTLED_AFTER).await;
    let traces = books.traces().clone();
    let Some(first) = traces.first() else {
        bail!("nothing was sent");
    };
    let end = now();
    let seen = summaries(api, books, first.at, end + 1).await?;
    let mut checked = Checked::default();
    let mut present = Vec::new();
    for (number, sent) in traces.iter().enumerate() {
        if sent.acknowledged == 0 {
            continue;
        }
        let id = trace_id(number, sent.at);
        let may_be_gone = sent.acknowledged / HOUR_SECONDS < end / HOUR_SECONDS;
        if seen.contains(&id) {
            checked.whole += 1;
            present.push((id, may_be_gone));
        } else if may_be_gone {
            checked.dropped += 1;
        } else {
            books.violation(format!("{id} was acknowledged and has no summary"));
        }
    }
    fastrand::shuffle(&mut present);
    present.truncate(SAMPLE);
    for some in present.chunks(IDS_PER_CALL) {
        let ids: Vec<&String> = some.iter().map(|(id, _)| id).collect();
        let Answer::Good(answer) = api.call("/Traces", &json!({"TraceIds": ids})).await else {
            bail!("BatchGetTraces is not answered");
        };
        for (id, may_be_gone) in some {
            let count = segments_of(&answer, id);
            let is_whole =
                count == DOCUMENTS_PER_TRACE || (*may_be_gone && count < DOCUMENTS_PER_TRACE);
            if !is_whole {
                books.violation(format!("{id} has {count} segments at the end"));
            }
        }
    }
    Ok(checked)
}

/// The ids of all summaries; a violation for each that comes twice.
async fn summaries(
    api: &Api,
    books: &Books,
    start: u64,
    end: u64,
) -> anyhow::Result<HashSet<String>> {
    let mut seen = HashSet::new();
    let mut token = Value::Null;
    loop {
        let body = json!({"StartTime": start, "EndTime": end, "NextToken": token});
        let Answer::Good(mut answer) = api.call("/TraceSummaries", &body).await else {
            bail!("GetTraceSummaries is not answered");
        };
        let page = answer.get("TraceSummaries").and_then(Value::as_array);
        for summary in page.into_iter().flatten() {
            let id = summary
                .get("Id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !seen.insert(id.to_owned()) {
                books.violation(format!("{id} is in two pages"));
            }
        }
        token = answer.get_mut("NextToken").map_or(Value::Null, Value::take);
        if token.is_null() {
            return Ok(seen);
        }
    }
}
