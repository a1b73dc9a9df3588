//! The task that judges each minute of the groups that have insights enabled, a minute after it ended.
//!
//! A round reads, for each group, the minutes since the last round: from the running totals, or, for a
//! group with a filter, by a fold over the views of those minutes. After a start, and for a group that is
//! new or has another filter, it reads the hour before as well. What was judged is a record, written
//! after the insights of the round: a crash between the two means that minutes are judged again, to the
//! same insights. Of several collectors on one store the one that writes first has judged. What fell
//! beyond a bound in a round that was written is counted in the metrics and told in one line per bound:
//! as often as there are rounds with something to judge, which is once a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::Insights;
use super::bounds::{Beyond, Bound};
use super::counts::MinuteCounts;
use super::insight::{Insight, OfGroup};
use super::kept;
use super::past::LOOK_BACK_SECONDS;
use super::watch::GroupWatch;
use crate::clock;
use crate::error::ServiceError;
use crate::filter::Expression;
use crate::groups::{GroupSet, StoredGroup};
use crate::record;
use crate::store::StoreError;
use crate::worker::on_worker;

/// How often is looked whether a minute is due.
const EVERY: Duration = Duration::from_secs(15);

/// Seconds after its end that a minute is judged: what comes later than that is not judged.
const LATE_SECONDS_MAX: i64 = 60;

/// Seconds that are judged when a group has insights enabled, so that what goes on is seen.
const FIRST_LOOK_SECONDS: i64 = 3600;

/// Seconds that are judged when the collector was away; what lies before is not.
const CATCH_UP_SECONDS_MAX: i64 = 6 * 3600;

/// Record of what is known between rounds.
const WATCHES_KEY: &str = "insight-watches";

/// What is known of each watched group, by ARN.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Watches {
    groups: BTreeMap<String, GroupWatch>,
}

/// Finds insights, round by round.
pub(crate) struct Detecting {
    insights: Insights,
    watches: Watches,
    /// Version of the record that `watches` is; none before the first round.
    version: Option<u64>,
    /// What fell beyond a bound in the round under way.
    beyond: Beyond,
}

impl Detecting {
    /// Finds the insights that `insights` answers with.
    pub(crate) fn new(insights: Insights) -> Self {
        Self {
            insights,
            watches: Watches::default(),
            version: None,
            beyond: Beyond::default(),
        }
    }

    /// Works until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.round(clock::now()).await {
                // what was not written is judged again
                self.version = None;
                warn!(%error, "insights could not be looked for");
            }
        }
    }

    /// Judges all minutes that are due at `now`.
    ///
    /// # Errors
    /// When something cannot be read or written; it is to be tried again with a fresh start.
    pub(crate) async fn round(&mut self, now: Timestamp) -> Result<(), ServiceError> {
        let due = now.seconds_floor().saturating_sub(LATE_SECONDS_MAX);
        let due = due.div_euclid(60) * 60;
        self.beyond = Beyond::default();
        let set = self.insights.groups.load().await?;
        self.read_watches().await?;
        let mut changed = self.abandon_others(&set);
        let mut has_judged = !changed.is_empty();
        for group in set.groups().iter().filter(|group| is_watched(group)) {
            let (judged, found) = self.judge(&set, group, due).await?;
            has_judged |= judged;
            changed.extend(found);
        }
        if !has_judged {
            return Ok(());
        }
        let store = &*self.insights.store;
        let kept = kept::put(store, &last_of_each(changed), now.seconds_floor()).await?;
        let bytes = serde_json::to_vec(&self.watches).map_err(|error| StoreError::State {
            reason: error.to_string(),
        })?;
        let known = self.version.unwrap_or_default();
        let version = store.put_state(WATCHES_KEY, known, bytes).await?;
        self.version = Some(version);
        self.beyond.add(&kept);
        self.tell();
        Ok(())
    }

    /// Counts and tells what fell beyond a bound.
    fn tell(&self) {
        for (bound, count) in self.beyond.counts() {
            let reason = bound.name();
            self.insights.metrics.insights_limited(reason, count);
            warn!(reason, count, "a bound of insights was met");
        }
    }

    /// Takes over what another collector has judged, or this one before it stopped.
    async fn read_watches(&mut self) -> Result<(), StoreError> {
        let store = &*self.insights.store;
        let version = match store.state(WATCHES_KEY).await? {
            Some(record) => record.version,
            None => 0,
        };
        if self.version != Some(version) {
            let (watches, version) = record::read(store, WATCHES_KEY, Watches::default).await?;
            self.watches = watches;
            self.version = Some(version);
        }
        Ok(())
    }

    /// Ends what is active in groups that are gone or have insights enabled no longer.
    fn abandon_others(&mut self, set: &GroupSet) -> Vec<Insight> {
        let mut ended = Vec::new();
        let beyond = &mut self.beyond;
        self.watches.groups.retain(|arn, watch| {
            let mut groups = set.groups().iter();
            let is_kept = groups.any(|group| group.arn == *arn && is_watched(group));
            if !is_kept {
                ended.extend(watch.abandon(beyond));
            }
            is_kept
        });
        ended
    }

    /// Judges a group's minutes until `due`: whether there were any, and the insights that changed.
    async fn judge(
        &mut self,
        set: &GroupSet,
        group: &StoredGroup,
        due: i64,
    ) -> Result<(bool, Vec<Insight>), ServiceError> {
        let filter = set.restriction(None, Some(&group.arn))?;
        let first = due.saturating_sub(FIRST_LOOK_SECONDS);
        let known = self.watches.groups.remove(&group.arn);
        let mut watch =
            known.unwrap_or_else(|| GroupWatch::new(first, group.filter_expression.clone()));
        let mut changed = Vec::new();
        if watch.filter_expression != group.filter_expression {
            changed.extend(watch.abandon(&mut self.beyond));
            watch = GroupWatch::new(watch.judged_until, group.filter_expression.clone());
        }
        if watch.judged_until > due.saturating_add(LOOK_BACK_SECONDS) {
            warn!(group = %group.name, "the clock was set back; insights start afresh");
            changed.extend(watch.abandon(&mut self.beyond));
            watch = GroupWatch::new(due, group.filter_expression.clone());
        }
        let from = watch
            .judged_until
            .max(due.saturating_sub(CATCH_UP_SECONDS_MAX));
        let missed = minutes(watch.judged_until, from).count();
        self.beyond.many(Bound::MinutesCaughtUp, missed as u64);
        let has_minutes = from < due;
        if has_minutes && !watch.has_learned() {
            for minute in minutes(from - LOOK_BACK_SECONDS, from) {
                let counts = self.counts(filter.clone(), minute).await?;
                watch.learn(minute, counts);
            }
            watch.learned();
        }
        let of_group = OfGroup {
            name: group.name.clone(),
            arn: group.arn.clone(),
            filter_expression: group.filter_expression.clone(),
        };
        for minute in minutes(from, due) {
            let counts = self.counts(filter.clone(), minute).await?;
            let of_group = of_group.clone();
            let work = move || {
                let before = watch.open().len();
                let mut beyond = Beyond::default();
                let found = watch.judge(minute, counts, &of_group, &mut beyond);
                (watch, before, found, beyond)
            };
            let (judged, before, found, beyond) = on_worker(work).await?;
            watch = judged;
            self.beyond.add(&beyond);
            if before != watch.open().len() {
                let (group, count) = (&group.name, watch.open().len());
                info!(%group, count, "the number of active insights has changed");
            }
            changed.extend(found);
        }
        let has_judged = has_minutes || !changed.is_empty();
        self.watches.groups.insert(group.arn.clone(), watch);
        Ok((has_judged, changed))
    }

    async fn counts(
        &self,
        filter: Option<Expression>,
        minute: i64,
    ) -> Result<MinuteCounts, StoreError> {
        let at = Timestamp::from_seconds;
        let window = (at(minute), at(minute.saturating_add(60)));
        let totals = self.insights.query.group_totals(filter, window).await?;
        on_worker(move || MinuteCounts::of(&totals)).await
    }
}

fn is_watched(group: &StoredGroup) -> bool {
    group.insights.insights_enabled
}

/// The starts of the minutes of `[from, until)`.
fn minutes(from: i64, until: i64) -> impl Iterator<Item = i64> {
    let count = (until - from).div_euclid(60).max(0);
    (0..count).map(move |number| from + number * 60)
}

/// Each insight as it was at last.
fn last_of_each(changed: Vec<Insight>) -> Vec<Insight> {
    let mut last = BTreeMap::new();
    for insight in changed {
        last.insert(insight.id, insight);
    }
    last.into_values().collect()
}

#[cfg(test)]
mod tests;
