//! What happened during a run, for the table and the progress.

use std::collections::BTreeMap;
use std::time::Duration;

use super::counts::Counts;
use super::plan::{Kind, Target};

/// Violations that are kept; a run that has more is broken anyway, and they are counted.
const VIOLATIONS_MAX: usize = 1_000;

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) faults: BTreeMap<Kind, u64>,
    /// Kills of a process that was still starting after one.
    pub(super) second_kills: u64,
    pub(super) collector_starts: u64,
    pub(super) daemon_starts: u64,
    /// The longest from a start to its line, killed ones between them included.
    pub(super) collector_start_max: Duration,
    pub(super) daemon_start_max: Duration,
    /// What went wrong besides the data.
    pub(super) violations: Vec<String>,
    /// Violations beyond those kept.
    pub(super) more_violations: u64,
}

impl Tally {
    /// A fault is about to happen.
    pub(super) fn fault(&mut self, kind: Kind) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// kill -9 so far.
    pub(super) fn kills(&self) -> u64 {
        let kills = self.faults.iter().filter(|(kind, _)| kind.is_kill());
        kills.map(|(_, count)| count).sum::<u64>() + self.second_kills
    }

    /// A process is up again after so long.
    pub(super) fn started(&mut self, target: Target, took: Duration) {
        let (starts, longest) = match target {
            Target::Collector => (&mut self.collector_starts, &mut self.collector_start_max),
            Target::Daemon => (&mut self.daemon_starts, &mut self.daemon_start_max),
        };
        *starts += 1;
        *longest = took.max(*longest);
    }

    /// A daemon at rest: its counters must add up.
    pub(super) fn check(&mut self, life: usize, counts: &Counts) {
        let unaccounted = counts.unaccounted();
        if unaccounted != 0 {
            self.violation(format!(
                "daemon {life}: {unaccounted} documents are in no counter: {counts:?}"
            ));
        }
    }

    /// Something that must not be.
    pub(super) fn violation(&mut self, text: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(text);
        } else {
            self.more_violations += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_kills_count_as_kills_and_other_faults_do_not() {
        let mut tally = Tally::default();
        tally.fault(Kind::KillCollector);
        tally.fault(Kind::KillDaemon);
        tally.fault(Kind::Cut);
        tally.second_kills = 1;
        assert_eq!(tally.kills(), 3);
    }

    #[test]
    fn counters_that_do_not_add_up_are_a_violation() {
        let mut tally = Tally::default();
        let even = Counts {
            received: 3,
            sent: 3,
            ..Counts::default()
        };
        tally.check(0, &even);
        assert_eq!(tally.violations, Vec::<String>::new());
        tally.check(1, &Counts { sent: 2, ..even });
        assert!(tally.violations[0].starts_with("daemon 1: 1 documents"));
    }

    #[test]
    fn violations_are_bounded_and_counted() {
        let mut tally = Tally::default();
        (0..VIOLATIONS_MAX + 5).for_each(|place| tally.violation(place.to_string()));
        assert_eq!(
            (tally.violations.len(), tally.more_violations),
            (VIOLATIONS_MAX, 5)
        );
    }
}
