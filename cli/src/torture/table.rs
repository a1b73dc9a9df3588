//! The table at the end of a run. Pure.

use std::fmt;
use std::time::Duration;

use super::books::Books;
use super::compare::Verdict;
use super::tally::Tally;

/// Violations that are printed.
const SHOWN_MAX: usize = 20;

/// What a run came to.
pub(super) struct Table<'a> {
    pub(super) seed: u64,
    pub(super) books: &'a Books,
    pub(super) tally: &'a Tally,
    pub(super) verdict: &'a Verdict,
    /// From the last fault until the daemon had delivered everything.
    pub(super) delivered: Duration,
    /// From the collector's last start until everything was read back as it must be.
    pub(super) settled: Duration,
    pub(super) time: Duration,
}

impl Table<'_> {
    /// Everything that must not be.
    pub(super) fn violations(&self) -> u64 {
        let found = self.tally.violations.len() + self.verdict.violations.len();
        u64::try_from(found).unwrap_or(u64::MAX) + self.tally.more_violations
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            books,
            tally,
            verdict,
            ..
        } = self;
        writeln!(f, "seed            {}", self.seed)?;
        writeln!(f, "time            {:.1} s", self.time.as_secs_f64())?;
        writeln!(
            f,
            "sent            {} documents by HTTP, {} datagrams",
            books.posted_documents(),
            books.datagrams()
        )?;
        let (by_http, by_udp) = books.repeats();
        writeln!(
            f,
            "repeated        {by_http} documents by HTTP, {by_udp} by UDP"
        )?;
        writeln!(
            f,
            "acknowledged    {} by HTTP",
            books.acknowledged_documents()
        )?;
        let received = books.received_datagrams();
        writeln!(f, "received        {received} by daemons, as last heard")?;
        writeln!(
            f,
            "there           {} documents, {} behind a later one of their segment",
            verdict.found, verdict.superseded
        )?;
        if verdict.lost.is_empty() {
            writeln!(f, "lost            none")?;
        }
        for (reason, count) in &verdict.lost {
            writeln!(f, "lost            {count} {}", reason.text())?;
        }
        for (kind, count) in &tally.faults {
            writeln!(f, "fault           {count} {kind}")?;
        }
        writeln!(
            f,
            "kills           {}, {} of them while starting after one",
            tally.kills(),
            tally.second_kills
        )?;
        writeln!(
            f,
            "restarts        collector {}, daemon {}",
            tally.collector_starts, tally.daemon_starts
        )?;
        writeln!(
            f,
            "recovery        collector {:.3} s, daemon {:.3} s at most; spool empty after {:.1} s, \
             read back after {:.1} s",
            tally.collector_start_max.as_secs_f64(),
            tally.daemon_start_max.as_secs_f64(),
            self.delivered.as_secs_f64(),
            self.settled.as_secs_f64()
        )?;
        write!(f, "violations      {}", self.violations())?;
        let of_data = verdict.violations.iter().map(ToString::to_string);
        let all = tally.violations.iter().cloned().chain(of_data);
        for violation in all.take(SHOWN_MAX) {
            write!(f, "\n  {violation}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::compare::Violation;

    fn table(tally: &Tally, verdict: &Verdict) -> (u64, String) {
        let table = Table {
            seed: 42,
            books: &Books::default(),
            tally,
            verdict,
            delivered: Duration::ZERO,
            settled: Duration::ZERO,
            time: Duration::from_millis(1_500),
        };
        (table.violations(), table.to_string())
    }

    #[test]
    fn a_clean_run_says_so_with_its_seed() {
        let (violations, text) = table(&Tally::default(), &Verdict::default());
        assert_eq!(violations, 0);
        assert!(text.starts_with("seed            42\ntime            1.5 s\n"));
        assert!(text.ends_with("\nviolations      0"), "{text}");
        assert!(text.contains("lost            none"));
    }

    #[test]
    fn violations_of_processes_and_data_are_counted_together_and_the_first_shown() {
        let mut tally = Tally::default();
        tally.violation("collector ended by itself".to_owned());
        let missing = |number| Violation::Missing {
            trace_id: "1-0".to_owned(),
            number,
        };
        let verdict = Verdict {
            violations: (0..100).map(missing).collect(),
            ..Verdict::default()
        };
        let (violations, text) = table(&tally, &verdict);
        assert_eq!(violations, 101);
        assert!(
            text.contains("violations      101\n  collector ended by itself\n  1-0: document 0")
        );
        assert!(text.ends_with("document 18 is missing"), "{text}");
    }
}
