//! `radiograph export`: the documents of selected traces into a bundle.
//!
//! The file gets its name once the whole bundle is on disk and was found to be intact.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use radiograph_collector::clock;
use radiograph_protocol::bundle::Totals;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Map, Value, json};
use tokio::pin;

use crate::api::{Api, Endpoint};
use crate::bundle::{Piece, read};
use crate::output;
use crate::progress::Progress;
use crate::time_span::time_span;

/// How long a connection may take.
const CALL_MAX: Duration = Duration::from_secs(60);

/// Write the segment documents of traces into a bundle, to be imported elsewhere.
///
/// A trace is taken whole when any of it lies in the time chosen and it satisfies the filter; the
/// documents are those that were sent, byte for byte. What was acknowledged before is in the bundle.
/// Without any choice everything is exported. Exit code 0 when the bundle is whole, 1 otherwise; then
/// no file of this name is made.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The bundle to write, by custom .xray; - is standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Traces since so long ago: 30m, 2h [default: all].
    #[arg(long, value_name = "TIME", value_parser = time_span)]
    since: Option<Duration>,

    /// Traces until so long ago [default: now].
    #[arg(long, value_name = "TIME", value_parser = time_span)]
    until: Option<Duration>,

    /// Traces that satisfy a filter expression, as in GetTraceSummaries; it may name groups.
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,

    /// Only this trace; may be given up to 1000 times.
    #[arg(long, value_name = "ID", conflicts_with_all = ["since", "until", "filter"])]
    trace: Vec<String>,

    /// Where.
    #[command(flatten)]
    at: Endpoint,
}

/// Exports, and says on standard error what was exported.
///
/// # Errors
/// The collector or the file fails, or it is to stop before the bundle is whole.
pub(crate) async fn report(
    options: &Options,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    let request = options.request(clock::now());
    pin!(stop);
    let exported = tokio::select! {
        () = &mut stop => anyhow::bail!("stopped before the bundle was whole"),
        exported = export(&api, request, &options.file) => exported?,
    };
    let Totals {
        documents, traces, ..
    } = exported;
    let file = options.file.display();
    output::remark(format_args!(
        "{documents} documents of {traces} traces exported to {file}"
    ));
    Ok(())
}

impl Options {
    fn request(&self, now: Timestamp) -> Value {
        if !self.trace.is_empty() {
            return json!({"TraceIds": self.trace});
        }
        let ago = |span: Duration| {
            let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            json!(now.plus_micros(micros.saturating_neg()).seconds_f64())
        };
        let members = [
            ("StartTime", self.since.map(ago)),
            ("EndTime", self.until.map(ago)),
            (
                "FilterExpression",
                self.filter.as_ref().map(|text| json!(text)),
            ),
        ];
        let members = members.into_iter();
        let members = members.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

async fn export(api: &Api, request: Value, file: &Path) -> anyhow::Result<Totals> {
    // before anything is made
    let stream = api.stream("/Export", request.to_string()).await?;
    if file == Path::new("-") {
        return copy(stream, &mut io::stdout()).await;
    }
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or_else(|| Path::new("."));
    // goes away by itself when the bundle does not become whole
    let mut made = tempfile::NamedTempFile::new_in(parent)
        .with_context(|| format!("making a file in {}", parent.display()))?;
    let totals = copy(stream, made.as_file_mut()).await?;
    let named = || format!("writing {}", file.display());
    made.as_file().sync_all().with_context(named)?;
    made.persist(file)
        .map_err(|error| error.error)
        .with_context(named)?;
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .with_context(named)?;
    Ok(totals)
}

/// Writes a stream as it comes, and checks that it is a whole bundle.
async fn copy(stream: crate::api::Stream, out: &mut impl Write) -> anyhow::Result<Totals> {
    let progress = Progress::new();
    let (mut bytes, mut documents) = (0_u64, 0_u64);
    let copied = read(stream, |piece| {
        match piece {
            Piece::Bytes(piece) => {
                out.write_all(piece).context("writing the bundle")?;
                bytes = bytes.saturating_add(u64::try_from(piece.len())?);
            }
            Piece::Chunk(more, ..) => documents = documents.saturating_add(u64::try_from(more)?),
        }
        let mb = bytes / 1_000_000;
        progress.tell(format_args!("exporting: {documents} documents, {mb} MB"));
        Ok(())
    });
    let copied = copied.await;
    progress.clear();
    out.flush().context("writing the bundle")?;
    copied
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn request(line: &[&str]) -> Value {
        let words = ["export", "x.xray"].iter().chain(line);
        let options = Line::try_parse_from(words).unwrap().options;
        options.request(Timestamp::from_seconds(1_700_000_000))
    }

    #[test]
    fn what_is_asked_for_is_what_the_flags_say() {
        for (line, expected) in [
            (&[][..], json!({})),
            (&["--since", "1h"], json!({"StartTime": 1_699_996_400.0})),
            (
                &["--since", "2h", "--until", "1h", "--filter", "fault"],
                json!({"StartTime": 1_699_992_800.0, "EndTime": 1_699_996_400.0, "FilterExpression": "fault"}),
            ),
            (
                &["--trace", "a", "--trace", "b"],
                json!({"TraceIds": ["a", "b"]}),
            ),
        ] {
            assert_eq!(request(line), expected, "{line:?}");
        }
    }

    #[test]
    fn traces_and_times_do_not_go_together() {
        for flag in ["--since=1h", "--until=1h", "--filter=fault"] {
            let words = ["export", "x.xray", "--trace=a", flag];
            let error = Line::try_parse_from(words).unwrap_err();
            assert_eq!(
                error.kind(),
                clap::error::ErrorKind::ArgumentConflict,
                "{flag}"
            );
        }
    }
}
