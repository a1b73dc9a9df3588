//! `spool verify`: reads every record whole.

use std::io::Write;

use crate::spool::inspect::Found;
use crate::spool_command::{CommandError, Finding, Target};

#[derive(Default)]
struct Totals {
    files: u64,
    records: u64,
    documents: u64,
    bytes: u64,
    damaged: u64,
}

/// One line per damage, then one per destination.
pub(super) fn run(targets: &[Target], out: &mut dyn Write) -> Result<Finding, CommandError> {
    let mut finding = Finding::Good;
    for target in targets {
        let totals = verify(target, out)?;
        writeln!(
            out,
            "{}: {} files, {} records, {} documents, {} bytes, {} damaged",
            target.name,
            totals.files,
            totals.records,
            totals.documents,
            totals.bytes,
            totals.damaged
        )?;
        if totals.damaged > 0 {
            finding = Finding::Bad;
        }
    }
    Ok(finding)
}

fn verify(target: &Target, out: &mut dyn Write) -> Result<Totals, CommandError> {
    let view = target.view()?;
    let name = &target.name;
    let mut totals = Totals::default();
    if view.damaged_slots > 0 {
        totals.damaged += u64::from(view.damaged_slots);
        writeln!(
            out,
            "{name}: damaged note of what is delivered; some may be delivered again"
        )?;
    }
    for number in &view.files {
        let unreadable = |source| target.unreadable(source);
        let Some(mut records) = view.records(*number).map_err(unreadable)? else {
            continue;
        };
        totals.files += 1;
        totals.bytes += records.file_bytes();
        while let Some(found) = records.next().map_err(unreadable)? {
            match found {
                Found::Record(record) => {
                    totals.records += 1;
                    if records.documents(&record).map_err(unreadable)?.is_some() {
                        totals.documents += record.count;
                        continue;
                    }
                    totals.damaged += 1;
                    let (offset, count) = (record.offset, record.count);
                    writeln!(
                        out,
                        "{name}: file {number:016x}: damaged record of {count} documents at byte {offset}"
                    )?;
                }
                Found::Damaged { offset, bytes } => {
                    totals.damaged += 1;
                    writeln!(
                        out,
                        "{name}: file {number:016x}: {bytes} damaged bytes at byte {offset}"
                    )?;
                }
                Found::Torn { bytes } => writeln!(
                    out,
                    "{name}: file {number:016x}: ends in {bytes} bytes of a record that is not written to its end"
                )?,
                Found::OtherVersion => {
                    writeln!(
                        out,
                        "{name}: file {number:016x}: written by another release, not read"
                    )?;
                }
            }
        }
    }
    Ok(totals)
}
