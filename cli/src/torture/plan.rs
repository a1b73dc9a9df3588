//! Which faults come when: the same seed gives the same faults with the same pauses between them.
//!
//! Pure. A plan has no end; who carries it out stops after some time or some kills.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

/// Which of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Collector,
    Daemon,
}

/// The kinds of faults, as `--only` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// kill -9 of the collector, now and then again while it starts.
    KillCollector,
    /// kill -9 of the daemon, now and then again while it starts.
    KillDaemon,
    /// SIGTERM to the collector, and a new one.
    RestartCollector,
    /// SIGTERM to the daemon, and a new one.
    RestartDaemon,
    /// SIGSTOP and after a moment SIGCONT to the collector.
    PauseCollector,
    /// SIGSTOP and after a moment SIGCONT to the daemon.
    PauseDaemon,
    /// Connections between daemon and collector are refused, reset, stalled or cut in mid-answer.
    Cut,
    /// The collector's files cannot grow for a moment, as on a full disk.
    FullCollector,
    /// The daemon's spool cannot grow for a moment.
    FullDaemon,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Kind {
    /// Whether it is a kill -9.
    pub(super) const fn is_kill(self) -> bool {
        matches!(self, Self::KillCollector | Self::KillDaemon)
    }

    /// Whether a limit on file sizes is needed for it.
    pub(super) const fn is_full(self) -> bool {
        matches!(self, Self::FullCollector | Self::FullDaemon)
    }

    /// How often it comes, against the others: kills are what the torture is for.
    const fn weight(self) -> usize {
        if self.is_kill() { 4 } else { 1 }
    }
}

/// How connections suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutMode {
    /// New ones are closed at once, those there are reset.
    Refuse,
    /// Those there are reset, once.
    Reset,
    /// No byte passes in either direction.
    Stall,
    /// After so many bytes of an answer the connection is reset.
    MidAnswer { bytes: usize },
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `again` that long after the new process was started, ready or not.
    Kill {
        target: Target,
        again: Option<Duration>,
    },
    Restart {
        target: Target,
    },
    Pause {
        target: Target,
        lasts: Duration,
    },
    /// Other faults go on meanwhile.
    Cut {
        mode: CutMode,
        lasts: Duration,
    },
    /// No file may become larger than the largest one now and so many bytes: a write may be torn.
    Full {
        target: Target,
        spare_bytes: u64,
        lasts: Duration,
    },
}

impl Fault {
    /// Its kind.
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Kill { target, .. } => match target {
                Target::Collector => Kind::KillCollector,
                Target::Daemon => Kind::KillDaemon,
            },
            Self::Restart { target } => match target {
                Target::Collector => Kind::RestartCollector,
                Target::Daemon => Kind::RestartDaemon,
            },
            Self::Pause { target, .. } => match target {
                Target::Collector => Kind::PauseCollector,
                Target::Daemon => Kind::PauseDaemon,
            },
            Self::Cut { .. } => Kind::Cut,
            Self::Full { target, .. } => match target {
                Target::Collector => Kind::FullCollector,
                Target::Daemon => Kind::FullDaemon,
            },
        }
    }
}

/// A fault, and how long to wait before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) wait: Duration,
    pub(super) fault: Fault,
}

/// One step after another, without end.
#[derive(Debug)]
pub(super) struct Plan {
    rng: fastrand::Rng,
    /// Each kind as often as it weighs; empty gives no step.
    kinds: Vec<Kind>,
    every: Duration,
}

impl Plan {
    /// Faults of these kinds, `every` so often on average.
    pub(super) fn new(seed: u64, kinds: &[Kind], every: Duration) -> Self {
        let weighed = |kind: &Kind| std::iter::repeat_n(*kind, kind.weight());
        Self {
            rng: fastrand::Rng::with_seed(seed),
            kinds: kinds.iter().flat_map(weighed).collect(),
            every,
        }
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(range))
    }

    fn kill(&mut self, target: Target) -> Fault {
        // a quarter dies again while it recovers: the second death must not cost more than the first
        let dies_again = self.rng.u8(0..4) == 0;
        let after = Duration::from_micros(self.rng.u64(0..50_000));
        Fault::Kill {
            target,
            again: dies_again.then_some(after),
        }
    }

    fn cut(&mut self) -> Fault {
        let mode = match self.rng.u8(0..4) {
            0 => CutMode::Refuse,
            1 => CutMode::Reset,
            2 => CutMode::Stall,
            // an answer has some 300 bytes, head and body
            _ => CutMode::MidAnswer {
                bytes: self.rng.usize(0..300),
            },
        };
        Fault::Cut {
            mode,
            lasts: self.millis(50..2_500),
        }
    }

    fn full(&mut self, target: Target) -> Fault {
        // from a torn header to a few commits
        let most = 1 << self.rng.u32(1..16);
        Fault::Full {
            target,
            spare_bytes: self.rng.u64(0..most),
            lasts: self.millis(50..1_500),
        }
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let wait = self.every.mul_f64(self.rng.f64() * 2.0);
        let kind = *self.rng.choice(&self.kinds)?;
        let fault = match kind {
            Kind::KillCollector => self.kill(Target::Collector),
            Kind::KillDaemon => self.kill(Target::Daemon),
            Kind::RestartCollector => Fault::Restart {
                target: Target::Collector,
            },
            Kind::RestartDaemon => Fault::Restart {
                target: Target::Daemon,
            },
            Kind::PauseCollector => Fault::Pause {
                target: Target::Collector,
                lasts: self.millis(10..2_000),
            },
            Kind::PauseDaemon => Fault::Pause {
                target: Target::Daemon,
                lasts: self.millis(10..2_000),
            },
            Kind::Cut => self.cut(),
            Kind::FullCollector => self.full(Target::Collector),
            Kind::FullDaemon => self.full(Target::Daemon),
        };
        Some(Step { wait, fault })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const EVERY: Duration = Duration::from_millis(500);

    fn steps(seed: u64, kinds: &[Kind]) -> Vec<Step> {
        Plan::new(seed, kinds, EVERY).take(2_000).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
        let kinds = Kind::value_variants();
        assert_eq!(steps(7, kinds), steps(7, kinds));
        assert_ne!(steps(7, kinds), steps(8, kinds));
    }

    #[test]
    fn every_kind_that_was_asked_for_comes_and_no_other() {
        for kinds in [
            Kind::value_variants(),
            &[Kind::Cut, Kind::PauseDaemon],
            &[Kind::KillCollector],
        ] {
            let came: BTreeSet<Kind> = steps(1, kinds).iter().map(|s| s.fault.kind()).collect();
            assert_eq!(came, kinds.iter().copied().collect());
        }
        assert_eq!(Plan::new(1, &[], EVERY).next(), None);
    }

    #[test]
    fn steps_come_as_often_as_asked_on_average() {
        let steps = steps(3, Kind::value_variants());
        let waited: Duration = steps.iter().map(|step| step.wait).sum();
        let average = waited / u32::try_from(steps.len()).unwrap();
        assert!(
            average > EVERY.mul_f64(0.9) && average < EVERY.mul_f64(1.1),
            "{average:?}"
        );
        assert!(steps.iter().all(|step| step.wait <= EVERY * 2));
    }

    #[test]
    fn kinds_are_named_as_the_option_names_them() {
        for kind in Kind::value_variants() {
            assert_eq!(Kind::from_str(&kind.to_string(), false), Ok(*kind));
        }
    }
}
