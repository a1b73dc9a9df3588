//! Adaptive sampling: while errors or response times of its services are up, a rule with a budget
//! records more, and falls back after its cooldown. It acts through sampling targets alone, which every
//! SDK obeys within seconds, and never touches the rule, so nobody reloads rules for it.
//!
//! Every [`EVERY`] the minute totals of the service graph are read, and only while some rule has
//! settings: the running and the last full minute against the [`BASELINE_MINUTES`] before them, of the
//! same service (`signal.rs`). A trouble that lasts becomes its own baseline, so none keeps a rule
//! raised for good. What a rule is raised to is decided by pure functions (`decision.rs`). A rule with
//! settings sends no `SamplingBoost`, which would go beyond the budget; the anomalies that its clients
//! report are a signal instead. One without acts by the protocol of boosts alone (`boost.rs`).
//!
//! Settings are one versioned record of the store, by rule name, and leave it with their rule; whether a
//! rule is raised is in memory, and found anew within [`EVERY`] of a start. When the totals cannot be
//! read, there is no signal, and rules fall back. Bounds: one entry per sampling rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use radiograph_protocol::api::required;
use radiograph_protocol::error::ApiError;
use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::timestamp::Timestamp;
use tracing::{info, warn};

use self::decision::{Levels, Raised};
use super::Sampling;
use crate::clock;
use crate::error::ServiceError;
use crate::record;
use crate::store::{Store, StoreError};
use crate::worker::on_worker;

mod decision;
mod request;
mod rules;
mod signal;

pub use self::request::{
    AdaptiveRule, AdaptiveSettings, DeleteAdaptiveSamplingRequest, DeleteAdaptiveSamplingResponse,
    GetAdaptiveSamplingResponse, PutAdaptiveSamplingRequest, PutAdaptiveSamplingResponse,
    ShownRaise,
};
pub(super) use self::rules::AdaptiveRules;
pub use self::signal::{Cause, Signal};

/// Record of the settings in the store.
const SETTINGS_KEY: &str = "adaptive-sampling";

/// How often signals are looked for.
const EVERY: Duration = Duration::from_secs(10);

/// Minutes that the last two are compared with.
const BASELINE_MINUTES: i64 = 15;

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Settings by rule name.
pub(super) type SettingsByRule = BTreeMap<String, AdaptiveSettings>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Adaptive {
    store: Arc<dyn Store>,
    sampling: Arc<Sampling>,
}

impl Adaptive {
    /// Adaptive sampling of these rules, by what this store tells of their services.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sampling: Arc<Sampling>) -> Self {
        Self { store, sampling }
    }

    /// RadiographPutAdaptiveSampling: the rule adapts by these settings from the next look on.
    ///
    /// # Errors
    /// When a member is missing or unsound, there is no such rule, or the store cannot be used.
    pub async fn put(
        &self,
        request: PutAdaptiveSamplingRequest,
    ) -> Result<PutAdaptiveSamplingResponse, ServiceError> {
        let (rule_name, settings) = request.checked()?;
        let rules = self.rules();
        if !rules.contains_key(&rule_name) {
            return Err(ApiError::invalid_request("Sampling rule does not exist").into());
        }
        self.change(|stored| {
            stored.retain(|name, _| rules.contains_key(name));
            stored.insert(rule_name.clone(), settings);
            Ok(())
        })
        .await?;
        let mut shown = self.sampling.shown_adaptive(&[(rule_name, settings)]);
        let adaptive_sampling = shown
            .pop()
            .ok_or_else(|| ApiError::invalid_request("Sampling rule does not exist"))?;
        Ok(PutAdaptiveSamplingResponse { adaptive_sampling })
    }

    /// RadiographGetAdaptiveSampling: all rules that adapt, and what they are raised to now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self) -> Result<GetAdaptiveSamplingResponse, ServiceError> {
        let settings: Vec<_> = self.settings().await?.into_iter().collect();
        Ok(GetAdaptiveSamplingResponse {
            adaptive_sampling: self.sampling.shown_adaptive(&settings),
        })
    }

    /// RadiographDeleteAdaptiveSampling: the rule is its own again from the next look on.
    ///
    /// # Errors
    /// When the rule has no settings, or the store cannot be used.
    pub async fn delete(
        &self,
        request: DeleteAdaptiveSamplingRequest,
    ) -> Result<DeleteAdaptiveSamplingResponse, ServiceError> {
        let rule_name = required(request.rule_name, "RuleName")?;
        self.change(|stored| match stored.remove(&rule_name) {
            Some(_) => Ok(DeleteAdaptiveSamplingResponse {}),
            None => Err(ApiError::invalid_request(
                "Sampling rule has no adaptive sampling",
            )),
        })
        .await
    }

    /// Works until it is dropped.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look(clock::now()).await;
        }
    }

    /// Looks for signals, and raises rules or lets them fall back.
    async fn look(&self, now: Timestamp) {
        let (settings, causes) = match self.causes(now).await {
            Ok((settings, causes)) => (Some(settings), causes),
            Err(error) => {
                warn!(%error, "signals for adaptive sampling could not be looked for");
                (None, BTreeMap::new())
            }
        };
        for change in self.sampling.adapt(settings.as_ref(), &causes, now) {
            let rule = change.rule_name;
            match change.cause {
                Some(cause) => {
                    let (service, reason) = (cause.service_name, cause.signal.name());
                    info!(rule, service, reason, "sampling rule is raised");
                }
                None => info!(rule, "sampling rule is its own again"),
            }
        }
    }

    /// The settings, and why rules are to be raised, by rule name.
    async fn causes(
        &self,
        now: Timestamp,
    ) -> Result<(SettingsByRule, BTreeMap<String, Cause>), ServiceError> {
        let mut settings = self.settings().await?;
        let rules = self.rules();
        if settings.keys().any(|name| !rules.contains_key(name)) {
            // a rule that is made again later under the same name starts without them
            let known: BTreeSet<String> = rules.keys().cloned().collect();
            settings.retain(|name, _| known.contains(name));
            self.change(|stored| {
                stored.retain(|name, _| known.contains(name));
                Ok(())
            })
            .await?;
        }
        if settings.is_empty() {
            return Ok((settings, BTreeMap::new()));
        }
        let until = now.minute().seconds();
        let at =
            |minutes: i64| Timestamp::from_seconds(until).plus_micros(minutes * MICROS_PER_MINUTE);
        let recent = self.store.totals(at(-1), at(1)).await?;
        let baseline = self.store.totals(at(-1 - BASELINE_MINUTES), at(-1)).await?;
        let found = on_worker(move || {
            let causes = settings.iter().filter_map(|(name, settings)| {
                let cause = signal::cause(rules.get(name)?, settings, &recent, &baseline)?;
                Some((name.clone(), cause))
            });
            let causes = causes.collect();
            (settings, causes)
        });
        Ok(found.await?)
    }

    fn rules(&self) -> BTreeMap<String, SamplingRule> {
        let records = self.sampling.rules().sampling_rule_records.into_iter();
        records
            .map(|record| (record.sampling_rule.rule_name.clone(), record.sampling_rule))
            .collect()
    }

    async fn settings(&self) -> Result<SettingsByRule, StoreError> {
        let (settings, _) = record::read(&*self.store, SETTINGS_KEY, BTreeMap::new).await?;
        Ok(settings)
    }

    async fn change<T>(
        &self,
        act: impl FnMut(&mut SettingsByRule) -> Result<T, ApiError>,
    ) -> Result<T, ServiceError> {
        record::change(&*self.store, SETTINGS_KEY, BTreeMap::new, act).await
    }
}

#[cfg(test)]
mod tests;
