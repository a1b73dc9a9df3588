//! `radiograph query`: the traces that a filter expression selects, as a table or as lines of JSON.
//!
//! The expression is read here first, so that a slip is pointed at without asking anybody. A window
//! longer than the collector answers is asked for in pieces, newest first. Memory: the traces found,
//! of which there are at most `--limit`.
//! Source: `spec/api.md` section 3.5.

mod console;
mod explained;
mod moment;
mod options;
mod search;
mod table;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use radiograph_collector::clock;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::expression::{self, ExpressionError};
use crate::output;
pub(crate) use options::Options;
use search::Search;

/// How long one page may take: a collector under load answers late rather than never.
const CALL_MAX: Duration = Duration::from_secs(60);

/// The exit code of an expression that is none, as of a flag that is none.
pub(crate) const EXIT_EXPRESSION: u8 = 2;

/// The exit code after SIGINT or SIGTERM.
pub(crate) const EXIT_STOPPED: u8 = 130;

/// Prints what is found; `stop` ends it early.
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
    let now = clock::now();
    let (start, end) = (options.since.before(now), options.until.before(now));
    if start >= end {
        bail!("--since {start} is not before --until {end}");
    }
    if options.explain {
        output::remark(expression::understood(&spelled));
    }
    let mut search = Search::new(&api, options);
    if options.json {
        let endpoint = &options.at.endpoint;
        let print = |summary| Ok(output::line(with_link(summary, endpoint))?);
        search.run((start, end), print).await?;
    } else {
        let mut found = Vec::new();
        let keep = |summary| {
            found.push(summary);
            Ok(())
        };
        search.run((start, end), keep).await?;
        let width = table::terminal_width();
        output::line(table::table(&found, &options.at.endpoint, width))?;
    }
    if options.explain {
        match search.explained() {
            Some(explained) => explained.lines().into_iter().for_each(output::remark),
            None => output::remark("the collector does not tell what it read"),
        }
    }
    output::remark(search.remark(start, end));
    Ok(ExitCode::SUCCESS)
}

/// A summary as the collector sent it, with where the console shows the trace.
fn with_link(mut summary: Value, endpoint: &str) -> Value {
    let link = console::link(endpoint, id_of(&summary));
    if let Some(summary) = summary.as_object_mut() {
        summary.insert("ConsoleUrl".to_owned(), json!(link));
    }
    summary
}

/// The trace's id; empty where the collector sent none.
fn id_of(summary: &Value) -> &str {
    summary
        .get("Id")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A time as people read it, in UTC to the millisecond.
fn shown(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_microsecond(time.micros());
    time.map_or_else(|_| "-".to_owned(), |time| format!("{time:.3}"))
}
