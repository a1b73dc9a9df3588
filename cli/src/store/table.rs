//! What `radiograph store` prints: a line for each thing that was done or found, and the sums.

use std::fmt;

use radiograph_collector::store::embedded::check::{Repaired, Report};
use serde::Serialize;

/// The result of a check, and of the repair before it.
#[derive(Debug, Serialize)]
pub(super) struct Table<'a> {
    /// What was repaired; `None` when nothing was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repaired: Option<&'a Repaired>,
    /// What a check found, afterwards.
    pub(super) report: &'a Report,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        if let Some(repaired) = self.repaired {
            for action in &repaired.actions {
                writeln!(f, "{action}")?;
            }
            writeln!(f, "repaired: {} views derived again", repaired.views)?;
        }
        for finding in &report.findings {
            writeln!(f, "{finding}")?;
        }
        for (name, count) in [
            ("logs", report.logs),
            ("sealed files", report.sealed),
            ("bytes", report.bytes),
            ("traces", report.traces),
            ("documents", report.documents),
            ("documents unparsed", report.unparsed),
            ("views as derived", report.views),
            ("traces to settle", report.pending),
        ] {
            writeln!(f, "{name:20}{count:>16}")?;
        }
        write!(f, "{:20}{:>16}", "problems", report.problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_stand_below_each_other_and_the_problems_come_last() {
        let report = Report {
            documents: 12_345,
            problems: 2,
            ..Report::default()
        };
        let repaired = Repaired::default();
        let table = Table {
            repaired: Some(&repaired),
            report: &report,
        };
        let text = table.to_string();
        assert!(
            text.starts_with("repaired: 0 views derived again\nlogs "),
            "{text}"
        );
        assert!(
            text.contains("\ndocuments                      12345\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\nproblems                           2"),
            "{text}"
        );
    }
}
