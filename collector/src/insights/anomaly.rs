//! One service's way into an anomaly and out of it. Pure.
//!
//! It is suspected at the first minute that exceeds what the hour before lets expect, anomalous when
//! another one of the two after it does as well, and recovered after [`QUIET_SECONDS`] in which none
//! did, so that a service that flaps has one anomaly. What was expected at the first minute stays what
//! is expected until the hour behind a minute is free of the anomaly: a forecast that has an outage in
//! it would take the next one for usual.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::{Beyond, Bound};
use super::counts::Counts;
use super::pairs;
use super::past::{LOOK_BACK_SECONDS, Past};
use crate::trace::node::NodeKey;

/// Seconds without a minute that exceeds the past, after which an anomaly is over.
pub(crate) const QUIET_SECONDS: i64 = 600;

/// Seconds from the first minute in which a second one has to follow.
const CONFIRMED_WITHIN_SECONDS: i64 = 120;

/// Seconds after which what an anomaly has become is taken for usual: what is broken for a day stays
/// in the graphs, and the next hour is measured by it.
pub(crate) const ANOMALY_SECONDS_MAX: i64 = 24 * 3600;

/// Callees of one anomaly whose faults are kept apart.
pub(crate) const CALLEES_MAX: usize = 50;

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// One minute exceeded the past.
    Suspected,
    /// More than one did.
    Anomalous,
    /// It is over, and still in the hour behind.
    Recovered,
}

/// A service that does not do what its past lets expect, or did not a while ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Anomaly {
    pub(crate) stage: Stage,
    /// What was expected at the first minute.
    past: Past,
    /// First minute that exceeded it, in epoch seconds.
    pub(crate) first: i64,
    /// Last one.
    pub(crate) last: i64,
    /// Last one of an earlier anomaly that the hour behind may have in it.
    earlier: Option<i64>,
    /// Faults above the mean, in the minutes that exceeded the past.
    pub(crate) excess: i64,
    /// Calls that were faults in those minutes, by callee.
    #[serde(with = "pairs")]
    blamed: BTreeMap<NodeKey, i64>,
}

impl Anomaly {
    /// A service whose minute exceeds its past.
    pub(crate) const fn suspected(minute: i64, past: Past) -> Self {
        Self {
            stage: Stage::Suspected,
            past,
            first: minute,
            last: minute,
            earlier: None,
            excess: 0,
            blamed: BTreeMap::new(),
        }
    }

    /// Takes another minute in, with the calls to callees that were faults; `None` when it is past and
    /// nothing is to be remembered of it. Callees that it cannot tell apart are counted in `beyond`.
    pub(crate) fn after<'k>(
        self,
        minute: i64,
        counts: Counts,
        calls: impl Iterator<Item = (&'k NodeKey, i64)>,
        beyond: &mut Beyond,
    ) -> Option<Self> {
        // minutes between this one and the last that was judged had no requests
        let mut now = self.expired(minute - 60)?;
        if now.past.is_exceeded_by(counts) {
            if now.stage == Stage::Recovered {
                let earlier = Some(now.last);
                now = Self::suspected(minute, now.past);
                now.earlier = earlier;
            } else if minute > now.first {
                now.stage = Stage::Anomalous;
            }
            now.last = minute;
            now.excess = now.excess.saturating_add(now.past.excess(counts));
            now.blame(calls, beyond);
        }
        now.expired(minute)
    }

    /// What is left of it when the minute at `minute` is over.
    fn expired(mut self, minute: i64) -> Option<Self> {
        match self.stage {
            Stage::Anomalous if minute - self.first >= ANOMALY_SECONDS_MAX => return None,
            Stage::Anomalous if minute - self.last >= QUIET_SECONDS => {
                self.stage = Stage::Recovered;
            }
            Stage::Suspected if minute - self.first >= CONFIRMED_WITHIN_SECONDS => {
                self.stage = Stage::Recovered;
                self.last = self.earlier?;
            }
            _ => {}
        }
        let is_behind = self.stage == Stage::Recovered && minute - self.last >= LOOK_BACK_SECONDS;
        (!is_behind).then_some(self)
    }

    fn blame<'k>(&mut self, calls: impl Iterator<Item = (&'k NodeKey, i64)>, beyond: &mut Beyond) {
        for (callee, faults) in calls {
            if let Some(sum) = self.blamed.get_mut(callee) {
                *sum = sum.saturating_add(faults);
            } else if faults > 0 && self.blamed.len() < CALLEES_MAX {
                self.blamed.insert(callee.clone(), faults);
            } else if faults > 0 {
                beyond.one(Bound::CalleesBlamed);
            }
        }
    }

    /// The callee that it faults because of: of those that are anomalous themselves the one with most
    /// faults, provided that together they have half of what is too much here.
    pub(crate) fn blames(&self, is_anomalous: impl Fn(&NodeKey) -> bool) -> Option<&NodeKey> {
        let callees = self.blamed.iter().filter(|(key, _)| is_anomalous(key));
        let sum = callees
            .clone()
            .fold(0_i64, |sum, (_, faults)| sum.saturating_add(*faults));
        if sum.saturating_mul(2) < self.excess {
            return None;
        }
        // the first of those with as many
        let worst = callees.max_by_key(|(key, faults)| (**faults, std::cmp::Reverse(*key)));
        worst.map(|(key, _)| key)
    }

    /// Whether it is one now.
    pub(crate) fn is_anomalous(&self) -> bool {
        self.stage == Stage::Anomalous
    }
}
