//! What falls beyond the bounds of insights, counted by bound. Pure.
//!
//! Detection is handed one [`Beyond`] per round, so that a round that has to be done again counts once.
//! Every count is of things in a minute of a group, unless it says otherwise: what stays beyond a bound
//! counts again each minute, as it is left out again.

use std::collections::BTreeMap;

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    /// Services with requests that are not watched, since so many are.
    ServicesWatched,
    /// Services that are not looked at, since so many are anomalous.
    ServicesAnomalous,
    /// Callees whose faults an anomaly does not tell apart.
    CalleesBlamed,
    /// Anomalous services that belong to no insight, since so many are active.
    InsightsActive,
    /// Events that an insight let go.
    EventsKept,
    /// Insights that were let go before their time.
    InsightsKept,
    /// Minutes that are not judged, since the collector was away for too long.
    MinutesCaughtUp,
}

impl Bound {
    /// As metrics and the log call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ServicesWatched => "services_watched",
            Self::ServicesAnomalous => "services_anomalous",
            Self::CalleesBlamed => "callees_blamed",
            Self::InsightsActive => "insights_active",
            Self::EventsKept => "events_kept",
            Self::InsightsKept => "insights_kept",
            Self::MinutesCaughtUp => "minutes_caught_up",
        }
    }
}

/// How much fell beyond each bound. At most one entry per bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Beyond {
    counts: BTreeMap<Bound, u64>,
}

impl Beyond {
    /// Counts one thing.
    pub(crate) fn one(&mut self, bound: Bound) {
        self.many(bound, 1);
    }

    /// Counts so many things, or none.
    pub(crate) fn many(&mut self, bound: Bound, count: u64) {
        if count > 0 {
            let sum = self.counts.entry(bound).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Counts what another has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (bound, count) in other.counts() {
            self.many(bound, count);
        }
    }

    /// The bounds that something fell beyond.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Bound, u64)> {
        self.counts.iter().map(|(bound, count)| (*bound, *count))
    }
}
