//! `radiograph pin`, `pins` and `unpin`: what a collector's retention is to leave alone.

mod options;
mod table;

use std::time::Duration;

use anyhow::bail;
use radiograph_collector::clock;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::output;

pub(crate) use options::{ListOptions, Options, UnpinOptions};
use table::row;

/// How long a call may take: counting what pins hold reads it.
const CALL_MAX: Duration = Duration::from_secs(60);

/// Makes a pin, and prints it.
///
/// # Errors
/// The collector cannot be reached or refuses.
pub(crate) async fn pin(options: &Options) -> anyhow::Result<()> {
    let request = request(options, clock::now());
    let api = options.at.api(CALL_MAX)?;
    let answer = api.call("/CreatePin", request.to_string()).await?;
    let Some(pin) = answer.get("Pin") else {
        bail!("the answer has no pin: {answer}");
    };
    Ok(output::line(row(pin))?)
}

/// Prints all pins, a line each.
///
/// # Errors
/// The collector cannot be reached or refuses.
pub(crate) async fn list(options: &ListOptions) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    let answer = api.call("/Pins", json!({}).to_string()).await?;
    let Some(pins) = answer.get("Pins").and_then(Value::as_array) else {
        bail!("the answer has no pins: {answer}");
    };
    for pin in pins {
        output::line(if options.json {
            pin.to_string()
        } else {
            row(pin)
        })?;
    }
    Ok(())
}

/// Removes pins.
///
/// # Errors
/// The collector cannot be reached or refuses; the pins before the one named are removed.
pub(crate) async fn unpin(options: &UnpinOptions) -> anyhow::Result<()> {
    let api = options.at.api(CALL_MAX)?;
    for id in &options.ids {
        let request = json!({"PinId": id}).to_string();
        if let Err(error) = api.call("/DeletePin", request).await {
            bail!("pin {id}: {error}");
        }
        output::line(format_args!("{id} unpinned"))?;
    }
    Ok(())
}

/// CreatePin, without what was not said.
fn request(options: &Options, now: Timestamp) -> Value {
    let mut request = serde_json::Map::new();
    let mut put = |member: &str, value: Value| request.insert(member.to_owned(), value);
    if !options.trace_ids.is_empty() {
        put("TraceIds", json!(options.trace_ids));
    }
    if let Some(since) = &options.since {
        put("StartTime", since.before(now));
        let until = options.until.as_ref();
        put(
            "EndTime",
            until.map_or_else(|| json!(now), |until| until.before(now)),
        );
    }
    if let Some(filter) = &options.filter {
        put("FilterExpression", json!(filter));
    }
    if let Some(note) = &options.note {
        put("Note", json!(note));
    }
    Value::Object(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn asked(line: &str) -> Option<Value> {
        let line = Line::try_parse_from(line.split(' ')).ok()?;
        Some(request(
            &line.options,
            Timestamp::from_seconds(1_795_269_600),
        ))
    }

    #[test]
    fn a_line_becomes_a_request() {
        for (line, expected) in [
            (
                "pin 1-6592008a-000000000000000000000001 --note why",
                json!({"TraceIds": ["1-6592008a-000000000000000000000001"], "Note": "why"}),
            ),
            (
                "pin --since 2h",
                json!({"StartTime": 1_795_262_400.0, "EndTime": 1_795_269_600.0}),
            ),
            (
                "pin --since 2026-11-21T12:00:00Z --until 1795269000.5 --filter fault",
                json!({
                    "StartTime": "2026-11-21T12:00:00Z",
                    "EndTime": 1_795_269_000.5,
                    "FilterExpression": "fault"
                }),
            ),
        ] {
            assert_eq!(asked(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_says_too_little_or_too_much_is_refused() {
        for line in [
            "pin",
            "pin --until 1h",
            "pin --filter fault",
            "pin 1-6592008a-000000000000000000000001 --since 1h",
            "pin --since -1h",
        ] {
            assert_eq!(asked(line), None, "{line}");
        }
    }
}
