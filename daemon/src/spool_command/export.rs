//! `spool export`: what waits for delivery, as JSON lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::de::IgnoredAny;

use crate::spool::inspect::Found;
use crate::spool_command::{CommandError, Finding, Target};

/// One line per document; how many could not be read is told apart from it.
pub(super) fn run(
    targets: &[Target],
    output: Option<&Path>,
    out: &mut dyn Write,
    problems: &mut dyn Write,
) -> Result<Finding, CommandError> {
    let Some(path) = output else {
        return export(targets, &mut BufWriter::new(out), problems);
    };
    let failed = |source| CommandError::Output {
        path: path.to_owned(),
        source,
    };
    let file = File::create(path).map_err(failed)?;
    export(targets, &mut BufWriter::new(file), problems).map_err(|error| match error {
        CommandError::Write(source) => failed(source),
        other => other,
    })
}

fn export(
    targets: &[Target],
    out: &mut dyn Write,
    problems: &mut dyn Write,
) -> Result<Finding, CommandError> {
    let mut damaged = 0;
    for target in targets {
        damaged += target.for_each_waiting(|_, document| {
            out.write_all(&line(document))?;
            out.write_all(b"\n")
        })?;
    }
    out.flush()?;
    if damaged > 0 {
        writeln!(
            problems,
            "{damaged} damaged places were left out; see `spool verify`"
        )?;
        return Ok(Finding::Bad);
    }
    Ok(Finding::Good)
}

impl Target {
    /// Calls with time and bytes of every document that waits for delivery, in order; how many places
    /// are damaged.
    pub(super) fn for_each_waiting(
        &self,
        mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> Result<u64, CommandError> {
        let view = self.view()?;
        let mut damaged = 0;
        for number in &view.files {
            let unreadable = |source| self.unreadable(source);
            let Some(mut records) = view.records(*number).map_err(unreadable)? else {
                continue;
            };
            while let Some(found) = records.next().map_err(unreadable)? {
                match found {
                    Found::Record(record) if record.is_delivered => {}
                    Found::Record(record) => {
                        let documents = records.documents(&record).map_err(unreadable)?;
                        damaged += u64::from(documents.is_none());
                        for document in documents.iter().flat_map(|documents| documents.iter()) {
                            visit(record.time_ms, document)?;
                        }
                    }
                    Found::Damaged { .. } => damaged += 1,
                    Found::Torn { .. } | Found::OtherVersion => {}
                }
            }
        }
        Ok(damaged)
    }
}

/// A document as one line. In JSON a line break is white space: within a string it is escaped.
fn line(document: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(document);
    if text.as_bytes() == document && serde_json::from_slice::<IgnoredAny>(document).is_ok() {
        let as_blank = |byte: &u8| match byte {
            b'\n' | b'\r' => b' ',
            other => *other,
        };
        return document.iter().map(as_blank).collect();
    }
    // Serializing a string to JSON has no way to fail.
    serde_json::to_vec(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_one_line() {
        let cases: [(&[u8], &str); 6] = [
            (b"{\"id\":\"a\"}", "{\"id\":\"a\"}"),
            (b"{\n  \"a\": \"x\\ny\"\r\n}\n", "{   \"a\": \"x\\ny\"  } "),
            (b"T1SAAAA", "\"T1SAAAA\""),
            (b"{\"a\":\"\n\"}", "\"{\\\"a\\\":\\\"\\n\\\"}\""),
            (b"{\"a\":\"\xff\"}", "\"{\\\"a\\\":\\\"\u{fffd}\\\"}\""),
            (b"", "\"\""),
        ];
        for (document, expected) in cases {
            let found = String::from_utf8(line(document)).unwrap();
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(document));
            serde_json::from_str::<IgnoredAny>(&found).unwrap();
        }
    }
}
