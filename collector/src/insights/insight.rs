//! An insight as it is kept, and as answers show it. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use radiograph_protocol::api::insights as api;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bounds::{Beyond, Bound};
use super::counts::Counts;
use super::id::{self, insight_id};
use super::pairs;
use crate::trace::node::NodeKey;
use crate::trace::present::service_id;

/// Services that an insight names as the most anomalous.
pub(crate) const TOP_MAX: usize = 5;

/// Events of one insight; beyond it the oldest but the first go.
pub(crate) const EVENTS_MAX: usize = 50;

/// Seconds between events when nothing changes but numbers.
const EVENT_EVERY_SECONDS: i64 = 300;

/// The group that an insight is about, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfGroup {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// Without one, all traces.
    pub(crate) filter_expression: Option<String>,
}

/// Requests from outside and to the root cause service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Impact {
    pub(crate) clients: Counts,
    pub(crate) root_cause: Counts,
}

impl Impact {
    /// Adds the other.
    pub(crate) const fn add(&mut self, other: Self) {
        self.clients.add(other.clients);
        self.root_cause.add(other.root_cause);
    }
}

/// What an insight was at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Epoch seconds.
    at: i64,
    root_cause: NodeKey,
    impact: Impact,
    /// The worst first.
    top: Vec<NodeKey>,
}

/// An insight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Insight {
    #[serde(with = "id")]
    pub(crate) id: Uuid,
    pub(crate) group: OfGroup,
    pub(crate) root_cause: NodeKey,
    /// Start of its first minute in epoch seconds.
    pub(crate) start: i64,
    /// End of its last minute that exceeded the past; of the last judged one while active.
    pub(crate) end: i64,
    pub(crate) is_closed: bool,
    /// Services that were anomalous in it, with their faults above what was expected.
    #[serde(with = "pairs")]
    pub(crate) services: BTreeMap<NodeKey, i64>,
    /// From its start to its last minute that exceeded the past.
    pub(crate) impact: Impact,
    /// Since then: it counts when another such minute follows.
    pub(crate) since: Impact,
    /// End of its last minute that exceeded the past.
    pub(crate) exceeded_until: i64,
    /// When it changed last, in epoch seconds.
    pub(crate) updated: i64,
    /// Oldest first; never empty once it is shown.
    events: Vec<Event>,
}

impl Insight {
    /// A new one, whose id is the same for the same group, service and start.
    pub(crate) fn new(group: OfGroup, root_cause: NodeKey, start: i64) -> Self {
        Self {
            id: insight_id(&group.arn, &root_cause, start),
            group,
            root_cause,
            start,
            end: start,
            is_closed: false,
            services: BTreeMap::new(),
            impact: Impact::default(),
            since: Impact::default(),
            exceeded_until: start,
            updated: start,
            events: Vec::new(),
        }
    }

    /// Notes what it is at `at`, if that is worth an event. One that has to go for it is counted in
    /// `beyond`.
    pub(crate) fn note(&mut self, at: i64, beyond: &mut Beyond) {
        let event = Event {
            at,
            root_cause: self.root_cause.clone(),
            impact: self.impact,
            top: self.top(),
        };
        if let Some(last) = self.events.last() {
            let is_known = last.root_cause == event.root_cause && last.top == event.top;
            let has_counted = last.impact != event.impact;
            let is_due = at - last.at >= EVENT_EVERY_SECONDS || self.is_closed;
            if is_known && !(has_counted && is_due) {
                return;
            }
            if last.at == at {
                // pages of events are told apart by time
                self.events.pop();
            }
        }
        self.events.push(event);
        if self.events.len() > EVENTS_MAX {
            // the first tells how it began
            self.events.remove(1);
            beyond.one(Bound::EventsKept);
        }
    }

    /// The most anomalous services, the worst first, the root cause before others that are as bad.
    fn top(&self) -> Vec<NodeKey> {
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by_key(|(key, excess)| (Reverse(**excess), **key != self.root_cause));
        let keys = services.into_iter().map(|(key, _)| key.clone());
        keys.take(TOP_MAX).collect()
    }

    /// The insight in an answer.
    pub(crate) fn shown(&self) -> api::Insight {
        api::Insight {
            insight_id: self.id.to_string(),
            group_arn: self.group.arn.clone(),
            group_name: self.group.name.clone(),
            root_cause_service_id: service_id(&self.root_cause),
            categories: ["FAULT"],
            state: if self.is_closed { "CLOSED" } else { "ACTIVE" },
            start_time: Timestamp::from_seconds(self.start),
            end_time: Timestamp::from_seconds(self.end),
            summary: summary(&self.group.name, &self.root_cause, &self.impact),
            client_request_impact_statistics: shown_counts(self.impact.clients),
            root_cause_service_request_impact_statistics: shown_counts(self.impact.root_cause),
            top_anomalous_services: anomalous(&self.top()),
        }
    }

    /// The insight in a list.
    pub(crate) fn shown_in_list(&self) -> api::InsightSummary {
        api::InsightSummary {
            insight: self.shown(),
            last_update_time: Timestamp::from_seconds(self.updated),
        }
    }

    /// Its events, newest first.
    pub(crate) fn shown_events(&self) -> impl Iterator<Item = api::InsightEvent> {
        let shown = |event: &Event| api::InsightEvent {
            summary: summary(&self.group.name, &event.root_cause, &event.impact),
            event_time: Timestamp::from_seconds(event.at),
            client_request_impact_statistics: shown_counts(event.impact.clients),
            root_cause_service_request_impact_statistics: shown_counts(event.impact.root_cause),
            top_anomalous_services: anomalous(&event.top),
        };
        self.events.iter().rev().map(shown)
    }
}

/// Three sentences. Grafana shows the second alone and takes every full stop for an end, so there is
/// none in the first two: not in a group's name, and services are named in the third.
fn summary(group: &str, root_cause: &NodeKey, impact: &Impact) -> String {
    let kind = match &root_cause.kind {
        Some(kind) => format!(" ({kind})"),
        None => String::new(),
    };
    format!(
        "The rate of faults in group {group} is higher than expected. {} requests to the root cause \
         service were faults, and {} requests from clients. The root cause service is {}{kind}.",
        share(impact.root_cause),
        share(impact.clients),
        root_cause.name,
    )
}

/// `12 of 48 (25 %)`.
fn share(counts: Counts) -> String {
    let Counts { faults, total, .. } = counts;
    let percent = i128::from(faults) * 100 / i128::from(total.max(1));
    format!("{faults} of {total} ({percent} %)")
}

const fn shown_counts(counts: Counts) -> api::RequestImpactStatistics {
    api::RequestImpactStatistics {
        fault_count: counts.faults,
        ok_count: counts.ok,
        total_count: counts.total,
    }
}

fn anomalous(keys: &[NodeKey]) -> Vec<api::AnomalousService> {
    let shown = |key| api::AnomalousService {
        service_id: service_id(key),
    };
    keys.iter().map(shown).collect()
}
