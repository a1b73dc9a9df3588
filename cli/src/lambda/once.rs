//! `--event`: one invocation from the command line.

use std::fs;
use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;

use super::invoke_api::checked;
use super::invoker::{Asked, Invoker};
use crate::output;

/// The event that the flag means: standard input for `-`, a file's content if there is such a file, else
/// the text itself.
///
/// # Errors
/// It cannot be read, or is not JSON.
pub(super) fn event(given: &str) -> anyhow::Result<Bytes> {
    let read = if given == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.context("--event -")?;
        bytes
    } else if fs::exists(given).unwrap_or(false) {
        fs::read(given).with_context(|| format!("--event {given}"))?
    } else {
        given.as_bytes().to_vec()
    };
    checked(read.into()).map_err(|reason| anyhow!("--event is neither a file nor JSON: {reason}"))
}

/// Invokes once and prints the result as it is.
///
/// # Errors
/// Standard output is closed, or everything was stopped.
pub(super) async fn invoke(invoker: &Invoker, event: Bytes) -> anyhow::Result<ExitCode> {
    let reading = async { Ok::<_, std::convert::Infallible>(event) };
    // asking for the log makes the answer come last, when everything is written and sent
    let asked = Asked {
        wants_log: true,
        ..Asked::default()
    };
    let Ok(Ok(taken)) = invoker.take(asked, reading).await else {
        bail!("there is no place for the invocation");
    };
    let answer = taken
        .answer
        .await
        .context("stopped before there was an answer")?;
    output::line(String::from_utf8_lossy(&answer.payload))?;
    Ok(if answer.is_error {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_file_or_json() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"from\": \"file\"}").unwrap();
        assert_eq!(
            event(file.path().to_str().unwrap()).unwrap(),
            "{\"from\": \"file\"}"
        );
        assert_eq!(event("{\"a\":1}").unwrap(), "{\"a\":1}");
        let refused = event("no-such-file.json").unwrap_err().to_string();
        assert!(
            refused.starts_with("--event is neither a file nor JSON"),
            "{refused}"
        );
    }
}
