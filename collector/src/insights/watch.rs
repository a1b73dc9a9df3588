//! Detection: the minutes of a group one after another, and what they say of its services. Pure.
//!
//! A minute is judged once, by what is known of it then: what comes later corrects the graphs and the
//! series, not what was judged. What is kept between minutes is small: an hour of counts per service,
//! which is read anew after a restart, and the services that are or were anomalous.
//! Bounds: [`SERVICES_MAX`], [`ANOMALIES_MAX`], [`super::rooting::OPEN_MAX`]; what falls beyond them is
//! counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::anomaly::{Anomaly, Stage};
use super::bounds::{Beyond, Bound};
use super::counts::{Counts, MinuteCounts};
use super::insight::{Impact, Insight, OfGroup};
use super::pairs;
use super::past::{LOOK_BACK_SECONDS, Past};

use crate::trace::node::NodeKey;

/// Services of a group that an hour of counts is kept of: as many as a service map shows. Others are not
/// watched until some have had no requests for an hour.
pub(crate) const SERVICES_MAX: usize = 10_000;

/// Services of a group that may be anomalous at once; others are not looked at meanwhile.
pub(crate) const ANOMALIES_MAX: usize = 200;

/// Minutes whose calls are kept: those that an anomaly needs to be more than a suspicion.
const RECENT_MINUTES: usize = 3;

/// What is known of a group between minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupWatch {
    /// End of the last minute that was judged, in epoch seconds.
    pub(crate) judged_until: i64,
    /// Filter expression of what was judged.
    pub(crate) filter_expression: Option<String>,
    /// Services that are anomalous, may be, or were within the hour.
    #[serde(with = "pairs")]
    pub(super) anomalies: BTreeMap<NodeKey, Anomaly>,
    /// Insights that are active, the oldest first.
    pub(super) open: Vec<Insight>,
    #[serde(skip)]
    memory: Memory,
}

/// What is read anew after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Memory {
    /// Minutes with requests of the last hour, by service, the oldest first.
    hour: BTreeMap<NodeKey, VecDeque<(i64, Counts)>>,
    /// The last minutes, the oldest first.
    recent: VecDeque<(i64, MinuteCounts)>,
    /// Whether it covers the hour before `judged_until`.
    is_complete: bool,
}

impl GroupWatch {
    /// One that has judged nothing; the first minute it judges begins at `judged_until`.
    pub(crate) fn new(judged_until: i64, filter_expression: Option<String>) -> Self {
        Self {
            judged_until,
            filter_expression,
            ..Self::default()
        }
    }

    /// Insights that are active.
    pub(crate) fn open(&self) -> &[Insight] {
        &self.open
    }

    /// Whether the hour before the next minute is known.
    pub(crate) const fn has_learned(&self) -> bool {
        self.memory.is_complete
    }

    /// Takes in the hour before the next minute: its minutes in order. They are not judged, so nothing
    /// falls beyond a bound.
    pub(crate) fn learn(&mut self, minute: i64, counts: MinuteCounts) {
        self.memory.remember(minute, counts, &mut Beyond::default());
    }

    /// The hour before the next minute has been taken in.
    pub(crate) const fn learned(&mut self) {
        self.memory.is_complete = true;
    }

    /// Forgets the hour and the services; active insights end.
    pub(crate) fn abandon(&mut self, beyond: &mut Beyond) -> Vec<Insight> {
        self.anomalies.clear();
        self.memory = Memory::default();
        let mut ended = std::mem::take(&mut self.open);
        for insight in &mut ended {
            insight.close(self.judged_until);
            insight.note(self.judged_until, beyond);
        }
        ended
    }

    /// Judges the minute behind those judged; the insights that changed, closed ones included. A gap
    /// before the minute counts as minutes without requests. What falls beyond a bound is counted in
    /// `beyond`.
    pub(crate) fn judge(
        &mut self,
        minute: i64,
        counts: MinuteCounts,
        group: &OfGroup,
        beyond: &mut Beyond,
    ) -> Vec<Insight> {
        self.judge_services(minute, &counts, beyond);
        self.memory.remember(minute, counts, beyond);
        self.judged_until = minute + 60;
        self.judge_insights(minute, group, beyond)
    }

    fn judge_services(&mut self, minute: i64, counts: &MinuteCounts, beyond: &mut Beyond) {
        let known = std::mem::take(&mut self.anomalies);
        let of_minute = |key: &NodeKey| counts.nodes.get(key).copied().unwrap_or_default();
        let calls = |caller: &NodeKey| {
            let caller = caller.clone();
            let of_caller = counts.edges.iter();
            of_caller
                .filter(move |(edge, _)| edge.source == caller && edge.target != caller)
                .map(|(edge, counts)| (&edge.target, counts.faults))
        };
        for (key, anomaly) in known {
            let now = of_minute(&key);
            if let Some(anomaly) = anomaly.after(minute, now, calls(&key), beyond) {
                self.anomalies.insert(key, anomaly);
            }
        }
        for (key, now) in &counts.nodes {
            if self.anomalies.contains_key(key) {
                continue;
            }
            if self.anomalies.len() >= ANOMALIES_MAX {
                beyond.one(Bound::ServicesAnomalous);
                continue;
            }
            let past = self.memory.past(key, minute);
            let Some(past) = past.filter(|past| past.is_exceeded_by(*now)) else {
                continue;
            };
            let suspected = Anomaly::suspected(minute, past);
            let suspected = suspected.after(minute, *now, calls(key), beyond);
            self.anomalies
                .extend(suspected.map(|anomaly| (key.clone(), anomaly)));
        }
    }

    fn judge_insights(
        &mut self,
        minute: i64,
        group: &OfGroup,
        beyond: &mut Beyond,
    ) -> Vec<Insight> {
        let until = minute + 60;
        let known: BTreeSet<_> = self.open.iter().map(|insight| insight.id).collect();
        let roots: BTreeMap<_, _> = self
            .open
            .iter()
            .map(|insight| (insight.id, insight.root_cause.clone()))
            .collect();
        let merged = self.root(group, until, beyond);
        let is_anomalous = |key: &NodeKey| {
            let anomaly = self.anomalies.get(key);
            anomaly.is_some_and(Anomaly::is_anomalous)
        };
        let mut changed = merged;
        let mut open = Vec::new();
        for mut insight in std::mem::take(&mut self.open) {
            let has_exceeded = self.update_services(&mut insight, minute);
            let is_other_root = roots.get(&insight.id) != Some(&insight.root_cause);
            if is_other_root {
                let is_known = known.contains(&insight.id);
                self.memory.count_anew(&mut insight, is_known);
            } else {
                insight
                    .since
                    .add(self.memory.impact(&insight.root_cause, minute));
            }
            if has_exceeded || is_other_root {
                let since = std::mem::take(&mut insight.since);
                insight.impact.add(since);
                insight.exceeded_until = until;
            }
            insight.end = until;
            insight.updated = until;
            if !insight.services.keys().any(is_anomalous) {
                insight.close(until);
            }
            insight.note(until, beyond);
            changed.push(insight.clone());
            if !insight.is_closed {
                open.push(insight);
            }
        }
        self.open = open;
        changed
    }

    /// Takes over what is too much at each service of an insight; whether the minute added to it.
    fn update_services(&self, insight: &mut Insight, minute: i64) -> bool {
        let mut has_exceeded = false;
        for (key, excess) in &mut insight.services {
            let anomaly = self.anomalies.get(key);
            let anomaly = anomaly.filter(|anomaly| anomaly.stage == Stage::Anomalous);
            if let Some(anomaly) = anomaly {
                *excess = anomaly.excess.max(*excess);
                has_exceeded |= anomaly.last == minute;
            }
        }
        has_exceeded
    }
}

impl Memory {
    /// What the hour before a minute lets expect of a service.
    fn past(&self, key: &NodeKey, minute: i64) -> Option<Past> {
        let minutes = self.hour.get(key)?.iter();
        let in_hour =
            minutes.filter(move |(at, _)| (minute - LOOK_BACK_SECONDS..minute).contains(at));
        Past::of(in_hour.map(|(_, counts)| *counts))
    }

    fn remember(&mut self, minute: i64, counts: MinuteCounts, beyond: &mut Beyond) {
        let first = minute + 60 - LOOK_BACK_SECONDS;
        self.hour.retain(|_, minutes| {
            while minutes.front().is_some_and(|(at, _)| *at < first) {
                minutes.pop_front();
            }
            !minutes.is_empty()
        });
        for (key, now) in &counts.nodes {
            if let Some(minutes) = self.hour.get_mut(key) {
                minutes.push_back((minute, *now));
            } else if self.hour.len() < SERVICES_MAX {
                self.hour
                    .insert(key.clone(), VecDeque::from([(minute, *now)]));
            } else {
                beyond.one(Bound::ServicesWatched);
            }
        }
        self.recent.push_back((minute, counts));
        if self.recent.len() > RECENT_MINUTES {
            self.recent.pop_front();
        }
    }

    /// Requests of a minute that an insight counts, if the minute is one of the last.
    fn impact(&self, root_cause: &NodeKey, minute: i64) -> Impact {
        let mut minutes = self.recent.iter();
        let found = minutes.find(|(at, _)| *at == minute);
        found.map_or_else(Impact::default, |(_, counts)| Impact {
            clients: counts.client_impact(root_cause),
            root_cause: counts.nodes.get(root_cause).copied().unwrap_or_default(),
        })
    }

    /// Counts an insight that has just begun from its start, and one whose root cause is another one
    /// by now for that one: an hour of its requests is known, and those from clients stay.
    fn count_anew(&self, insight: &mut Insight, is_known: bool) {
        let root_cause = insight.root_cause.clone();
        let mut sum = Impact::default();
        for (minute, _) in self.recent.iter().filter(|(at, _)| *at >= insight.start) {
            sum.add(self.impact(&root_cause, *minute));
        }
        if is_known {
            let mut requests = Counts::default();
            for (minute, counts) in self.hour.get(&root_cause).into_iter().flatten() {
                if *minute >= insight.start {
                    requests.add(*counts);
                }
            }
            let last = self.recent.back().map(|(minute, _)| *minute);
            let now = last.map_or_else(Impact::default, |minute| self.impact(&root_cause, minute));
            let mut clients = insight.impact.clients;
            clients.add(insight.since.clients);
            clients.add(now.clients);
            sum = Impact {
                clients,
                root_cause: requests,
            };
        }
        insight.impact = sum;
        insight.since = Impact::default();
    }
}

#[cfg(test)]
pub(crate) mod tests;
