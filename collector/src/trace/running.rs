//! Contributions to the service graph as a store keeps them: sums per minute, per ten minutes and per
//! hour, so that a window is answered from few blocks whatever the traffic.
//!
//! Measured by `bench/graph`, CPU of a busy two-core machine, 16 nodes and 19 edges in every minute of
//! 24 h, at 1 and at 1,000 traces per second (3,000 and 45,000 histogram entries in a minute):
//! - a window of 6 h takes 1 and 7 ms, of 24 h 2 and 10 ms, cut in the middle of an hour; with services
//!   and JSON 2.5 and 12 ms, 3.5 and 15 ms. Minutes alone would be 17 million entries to add up;
//! - adding a batch of 256 views of 40 contributions each takes 1 and 2 ms, for all three lengths;
//! - a minute takes 23 and 85 KB, the longer stretches included.
//!
//! Memory is bounded by minutes × (nodes + edges) × different grid values of their histograms.
//! What is zero vanishes, and a name that nothing refers to any more goes with it: when everything was
//! taken away again, nothing is left. Source: `spec/traces-and-graph.md` sections 7.1, 7.3 and 7.5.

use std::collections::BTreeMap;
use std::ops::Range;

use radiograph_protocol::timestamp::{Minute, Timestamp};

use self::block::{Block, EdgeId};
use self::gather::Gathered;
use self::names::Names;
use self::tally::Tally;
use super::totals::{MinuteTotals, Totals, Wanted};

mod block;
mod gather;
mod names;
mod packed;
mod tally;

/// Sums of contributions, to be corrected by `new - old` whenever a view is replaced.
#[derive(Debug)]
pub struct RunningTotals {
    names: Names,
    /// The same additions by stretches of time, from the shortest to the longest.
    levels: [Level; 3],
}

/// Sums by stretches of time of one length.
#[derive(Debug)]
struct Level {
    /// Length of a stretch; a multiple of that of the level before.
    minutes: i64,
    /// By minutes since the epoch, divided by that length.
    blocks: BTreeMap<i64, Block>,
}

impl Default for RunningTotals {
    fn default() -> Self {
        let level = |minutes| Level {
            minutes,
            blocks: BTreeMap::new(),
        };
        Self {
            names: Names::default(),
            levels: [1, 10, 60].map(level),
        }
    }
}

impl RunningTotals {
    /// Adds `factor` times everything of `other`; `-1` takes it away again.
    ///
    /// Each histogram that `other` names is packed anew, so fold many traces into one addition.
    pub fn add(&mut self, other: &Totals, factor: i64) {
        let buffer = &mut Vec::new();
        for (minute, totals) in &other.minutes {
            for level in &mut self.levels {
                let at = minutes_since_epoch(*minute).div_euclid(level.minutes);
                let block = level.blocks.entry(at).or_default();
                block.add(totals, factor, &mut self.names, buffer);
                if block.is_empty() {
                    level.blocks.remove(&at);
                }
            }
        }
    }

    /// The sum over the minutes of `[start, end)`, cut as [`Minute::is_in`] says. Exact, but for spans
    /// of time, which may be wider once something was taken away.
    #[must_use]
    pub fn window(&self, start: Timestamp, end: Timestamp) -> MinuteTotals {
        let mut gathered = Gathered::default();
        let mut rest = minutes_in(start, end);
        for (at, level) in self.levels.iter().enumerate() {
            // what the next level cannot take, at both ends; the longest stretches take all that is left
            let whole = match self.levels.get(at + 1) {
                Some(next) => whole_stretches(&rest, next.minutes),
                None => rest.end..rest.end,
            };
            for part in [rest.start..whole.start, whole.end..rest.end] {
                level
                    .within(&part)
                    .for_each(|(_, block)| gathered.add(block));
            }
            rest = whole;
        }
        gathered.sum(&self.names)
    }

    /// What the minutes of a window say of these nodes and edges alone, minute by minute.
    #[must_use]
    pub fn minutes(&self, start: Timestamp, end: Timestamp, wanted: &Wanted) -> Totals {
        let nodes: Vec<_> = wanted
            .nodes
            .iter()
            .filter_map(|key| Some((key, self.names.id(key)?)))
            .collect();
        let edge_id = |key: &super::node::EdgeKey| {
            let (source, target) = (self.names.id(&key.source)?, self.names.id(&key.target)?);
            Some(EdgeId { source, target })
        };
        let edges: Vec<_> = wanted
            .edges
            .iter()
            .filter_map(|key| Some((key, edge_id(key)?)))
            .collect();
        let tally = &mut Tally::new();
        let mut totals = Totals::default();
        let [finest, ..] = &self.levels;
        for (at, block) in finest.within(&minutes_in(start, end)) {
            let mut sum = MinuteTotals::default();
            for (key, id) in &nodes {
                let found = block.nodes.get(id);
                let node = found.and_then(|found| gather::node(&[found], tally));
                sum.nodes.extend(node.map(|node| ((*key).clone(), node)));
            }
            for (key, id) in &edges {
                let found = block.edges.get(id);
                let edge = found.and_then(|found| gather::edge(&[found], &self.names, tally));
                sum.edges.extend(edge.map(|edge| ((*key).clone(), edge)));
            }
            if !sum.is_empty() {
                totals.minutes.insert(minute_at(at), sum);
            }
        }
        totals
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.levels.iter().all(|level| level.blocks.is_empty())
    }
}

impl Level {
    /// The blocks of a range of minutes, which begins and ends where stretches do.
    fn within(&self, minutes: &Range<i64>) -> impl Iterator<Item = (i64, &Block)> {
        let at = |minute: i64| minute.div_euclid(self.minutes);
        // a range that ends before it begins would panic
        let range = at(minutes.start)..at(minutes.end).max(at(minutes.start));
        self.blocks.range(range).map(|(at, block)| (*at, block))
    }
}

/// Seconds of a minute.
const MINUTE_SECONDS: i64 = 60;

const fn minutes_since_epoch(minute: Minute) -> i64 {
    minute.seconds().div_euclid(MINUTE_SECONDS)
}

/// The minute that began so many minutes after the epoch.
const fn minute_at(minutes: i64) -> Minute {
    Timestamp::from_seconds(minutes.saturating_mul(MINUTE_SECONDS)).minute()
}

/// The minutes of the window `[start, end)`, as [`Minute::is_in`] has them.
const fn minutes_in(start: Timestamp, end: Timestamp) -> Range<i64> {
    let last = minutes_since_epoch(end.minute());
    let is_last_cut = end.micros() > minute_at(last).seconds().saturating_mul(1_000_000);
    minutes_since_epoch(start.minute())..last + is_last_cut as i64
}

/// The part of a range that is made of whole stretches; when there is none, it is empty and lies in
/// the range.
fn whole_stretches(minutes: &Range<i64>, length: i64) -> Range<i64> {
    let last = minutes.end.div_euclid(length) * length;
    let first = minutes.start.div_euclid(length) * length;
    let first = if first < minutes.start {
        first + length
    } else {
        first
    };
    let start = first.min(minutes.end);
    start..last.max(start)
}

#[cfg(test)]
mod tests;
