//! `radiograph why-not`: why a filter expression does not select a trace.
//!
//! The trace's documents are fetched and judged here, with the collector's own code for views and
//! filters; what differs from the collector's answer is only what it has not settled yet.
//! Source: `spec/filter-expressions.md`, `spec/api.md` sections 3.5 and 3.6.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::present::trace_summary;
use radiograph_collector::trace::view::{TraceView, view};
use radiograph_protocol::ids::TraceId;
use serde_json::{Value, json};

use crate::api::{Api, ApiError, Endpoint};
use crate::expression::{self, ExpressionError};
use crate::output;
use crate::query::{EXIT_EXPRESSION, EXIT_STOPPED};

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(60);

/// The exit code when the trace does match.
const EXIT_MATCHES: u8 = 3;

/// The exit code when there is no such trace.
const EXIT_UNKNOWN: u8 = 4;

/// The exit code when searches do not see the trace as it is now.
const EXIT_UNSETTLED: u8 = 5;

/// How far around its start, in microseconds, the trace is looked for in the summaries: times in JSON
/// are doubles, which are no exact microseconds.
const AROUND_MICROS: i64 = 500;

/// Say why a filter expression does not select a trace: which terms decide, and on which values.
///
/// Exit codes: 0 the trace does not match, and why is printed; 3 it does match; 4 there is no such
/// trace; 5 it is not settled yet, so that searches see an earlier state of it or none; 2 the
/// expression is none.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The trace.
    pub(crate) trace_id: TraceId,

    /// The filter expression.
    pub(crate) expression: String,

    /// Where.
    #[command(flatten)]
    pub(crate) at: Endpoint,
}

/// Prints the explanation; `stop` ends it early.
///
/// # Errors
/// The collector cannot be asked or refuses, or standard output is closed.
pub(crate) async fn report(
    options: &Options,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    tokio::select! {
        () = stop => Ok(ExitCode::from(EXIT_STOPPED)),
        done = run(options) => done,
    }
}

async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let api = options.at.api(CALL_MAX)?;
    let spelled = match expression::read(&api, &options.expression).await {
        Ok(spelled) => spelled,
        Err(ExpressionError::Wrong(pointed)) => {
            output::remark(pointed);
            return Ok(ExitCode::from(EXIT_EXPRESSION));
        }
        Err(ExpressionError::Api(error)) => return Err(error.into()),
    };
    let Some(view) = fetch(&api, options.trace_id).await? else {
        output::remark(format_args!("no such trace: {}", options.trace_id));
        return Ok(ExitCode::from(EXIT_UNKNOWN));
    };
    let why = spelled.why(&view);
    output::line(&why)?;
    let unsettled = match seen_by_searches(&api, &view).await? {
        Seen::AsItIs => None,
        Seen::Earlier => Some("searches still see an earlier state of it"),
        Seen::Not => Some("searches do not see it yet"),
    };
    if let Some(unsettled) = unsettled {
        output::remark(format_args!("the trace is not settled: {unsettled}"));
        return Ok(ExitCode::from(EXIT_UNSETTLED));
    }
    Ok(if why.is_match {
        ExitCode::from(EXIT_MATCHES)
    } else {
        ExitCode::SUCCESS
    })
}

/// The view of the trace's documents; `None` when there is no such trace.
async fn fetch(api: &Api, trace_id: TraceId) -> anyhow::Result<Option<TraceView>> {
    let request = json!({"TraceIds": [trace_id.to_string()]});
    let answer = api.call("/Traces", request.to_string()).await?;
    let Some(trace) = answer.pointer("/Traces/0") else {
        return Ok(None);
    };
    if trace.get("LimitExceeded").and_then(Value::as_bool) == Some(true) {
        output::remark("documents of the trace were dropped, as there were too many");
    }
    let segments = trace.get("Segments").and_then(Value::as_array);
    let segments = segments.context("/Traces: there is no list Segments")?;
    let documents = segments
        .iter()
        .filter_map(|segment| segment.get("Document")?.as_str());
    // those that the collector inferred follow from the others
    let sent = documents.filter(|document| {
        let document: Option<Value> = serde_json::from_str(document).ok();
        document.is_none_or(|document| document.get("inferred").is_none())
    });
    match view(sent, &Producers::default()) {
        Some(view) => Ok(Some(view)),
        None => bail!("/Traces: the trace's documents cannot be read"),
    }
}

/// What searches see of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// What its documents say.
    AsItIs,
    /// What earlier documents said.
    Earlier,
    /// Nothing.
    Not,
}

async fn seen_by_searches(api: &Api, view: &TraceView) -> anyhow::Result<Seen> {
    let start = view.summary.start;
    let request = json!({
        "StartTime": start.plus_micros(-AROUND_MICROS).seconds_f64(),
        "EndTime": start.plus_micros(AROUND_MICROS).seconds_f64(),
    });
    let expected = comparable(serde_json::to_value(trace_summary(view, None))?);
    let id = expected.get("Id").cloned();
    let mut seen = Seen::Not;
    api.pages("/TraceSummaries", request, "TraceSummaries", |summary| {
        if summary.get("Id") == id.as_ref() {
            let is_same = comparable(summary) == expected;
            seen = if is_same { Seen::AsItIs } else { Seen::Earlier };
        }
    })
    .await
    .map_err(|error: ApiError| anyhow::Error::new(error).context("whether it is settled"))?;
    Ok(seen)
}

/// A summary without the number of documents it was made of: they come back folded into each other.
fn comparable(mut summary: Value) -> Value {
    if let Some(summary) = summary.as_object_mut() {
        summary.remove("Revision");
    }
    summary
}
