//! `spool list`: files, or single documents.

use std::io::Write;

use serde::Deserialize;

use crate::spool::inspect::Found;
use crate::spool_command::{CommandError, Finding, Target, time};

/// Longer ids are no ids, and hostile ones must not flood a terminal.
const ID_CHARACTERS_MAX: usize = 64;

#[derive(Default)]
struct Summary {
    first_ms: Option<u64>,
    last_ms: Option<u64>,
    records: u64,
    documents: u64,
    delivered: u64,
}

/// One line per file.
pub(super) fn files(targets: &[Target], out: &mut dyn Write) -> Result<Finding, CommandError> {
    for target in targets {
        let view = target.view()?;
        for number in &view.files {
            let unreadable = |source| target.unreadable(source);
            let Some(mut records) = view.records(*number).map_err(unreadable)? else {
                continue;
            };
            let mut summary = Summary::default();
            while let Some(found) = records.next().map_err(unreadable)? {
                if let Found::Record(record) = found {
                    summary.first_ms = summary.first_ms.or(Some(record.time_ms));
                    summary.last_ms = Some(record.time_ms);
                    summary.records += 1;
                    summary.documents += record.count;
                    summary.delivered += u64::from(record.is_delivered);
                }
            }
            let shown = |time_ms: Option<u64>| time_ms.map_or_else(|| "-".to_owned(), time);
            writeln!(
                out,
                "{}\t{number:016x}\t{}\t{}\t{}\t{}\t{}\t{}",
                target.name,
                shown(summary.first_ms),
                shown(summary.last_ms),
                summary.records,
                summary.documents,
                records.file_bytes(),
                summary.state()
            )?;
        }
    }
    Ok(Finding::Good)
}

impl Summary {
    const fn state(&self) -> &'static str {
        if self.delivered == 0 {
            "waiting"
        } else if self.delivered < self.records {
            "partly-delivered"
        } else {
            "delivered"
        }
    }
}

/// One line per document that waits for delivery.
pub(super) fn documents(targets: &[Target], out: &mut dyn Write) -> Result<Finding, CommandError> {
    for target in targets {
        target.for_each_waiting(|time_ms, document| {
            let ids: Ids = serde_json::from_slice(document).unwrap_or_default();
            writeln!(
                out,
                "{}\t{}\t{}\t{}",
                target.name,
                time(time_ms),
                shown(ids.trace_id.as_deref()),
                shown(ids.id.as_deref())
            )
        })?;
    }
    Ok(Finding::Good)
}

#[derive(Default, Deserialize)]
struct Ids {
    trace_id: Option<String>,
    id: Option<String>,
}

/// An id as far as it can be shown on one line.
fn shown(id: Option<&str>) -> String {
    let id = id.filter(|id| !id.is_empty()).unwrap_or("-");
    let cut: String = id.chars().take(ID_CHARACTERS_MAX).collect();
    cut.escape_debug().to_string()
}
