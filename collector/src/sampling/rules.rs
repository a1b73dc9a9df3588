//! The sampling rules in the store: creating, changing, deleting and tagging them.
//!
//! All rules are one versioned record of the store; changes are compare-and-swap. What clients are
//! answered from is a snapshot in [`Sampling`], put in place after each change and, for the changes of
//! other collectors on the same store, before each answer ([`Rules::refresh`]). A change is told apart
//! from earlier ones by its time, which never goes back, so a snapshot that comes late replaces nothing.
//! Source: `spec/api.md` sections 3.3 and 4.2.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use radiograph_protocol::api::required;
use radiograph_protocol::api::sampling::{
    CreateSamplingRuleRequest, DeleteSamplingRuleRequest, SamplingRuleRecord,
    SamplingRuleRecordResponse, UpdateSamplingRuleRequest,
};
use radiograph_protocol::error::ApiError;
use radiograph_protocol::timestamp::Timestamp;

use super::Sampling;
use super::stored_rules::StoredRules;
use super::validate::{RuleChange, RuleId, new_rule};
use crate::error::ServiceError;
use crate::record;
use crate::store::{Store, StoreError};
use crate::tags::{TagSet, not_found};

/// Record of the sampling rules in the store.
const RULES_KEY: &str = "sampling-rules";

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Rules {
    store: Arc<dyn Store>,
    sampling: Arc<Sampling>,
    region: Arc<str>,
    account: Arc<str>,
    rules_max: u16,
    /// The record's version that was looked at last.
    version_seen: Arc<AtomicU64>,
}

impl Rules {
    /// The rules of `store` and the service that hands them out. New ones get ARNs of this region and
    /// account, and there may be `rules_max` of them besides the Default rule. Quotas hold for `lease`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        (region, account): (&str, &str),
        lease: Duration,
        rules_max: u16,
    ) -> Result<Self, StoreError> {
        let fresh = || StoredRules::fresh(region, account);
        let (stored, version) = record::read(&*store, RULES_KEY, fresh).await?;
        let sampling = Sampling::new(stored.snapshot(), lease);
        Ok(Self {
            store,
            sampling: Arc::new(sampling),
            region: region.into(),
            account: account.into(),
            rules_max,
            version_seen: Arc::new(version.into()),
        })
    }

    /// What hands the rules out.
    #[must_use]
    pub fn sampling(&self) -> Arc<Sampling> {
        Arc::clone(&self.sampling)
    }

    /// Puts the rules in place as they are in the store now. Rules that nobody has changed are not
    /// read again.
    ///
    /// # Errors
    /// When the store cannot be read; the rules in place stay.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), StoreError> {
        let record = self.store.state(RULES_KEY).await?;
        let version = record.map_or(0, |record| record.version);
        if version > self.version_seen.load(Ordering::Acquire) {
            let (stored, version) = self.read().await?;
            self.sampling.replace_rules(stored.snapshot(), now);
            self.version_seen.fetch_max(version, Ordering::Release);
        }
        Ok(())
    }

    /// CreateSamplingRule.
    ///
    /// # Errors
    /// When a member or tag is missing or unsound, the name is taken, there are too many rules, or the
    /// store cannot be used.
    pub async fn create(
        &self,
        request: CreateSamplingRuleRequest,
        now: Timestamp,
    ) -> Result<SamplingRuleRecordResponse, ServiceError> {
        let members = required(request.sampling_rule, "SamplingRule")?;
        let rule = new_rule(members, &self.region, &self.account)?;
        let tags = TagSet::checked(request.tags.unwrap_or_default(), &rule.rule_name)?;
        let insert = |stored: &mut StoredRules| {
            stored.insert(rule.clone(), tags.clone(), self.rules_max, now)
        };
        self.change(insert, now).await
    }

    /// UpdateSamplingRule.
    ///
    /// # Errors
    /// When a member is unsound, the request does not name one rule that is there, it is the Default
    /// rule and more is to change than may, or the store cannot be used.
    pub async fn update(
        &self,
        request: UpdateSamplingRuleRequest,
        now: Timestamp,
    ) -> Result<SamplingRuleRecordResponse, ServiceError> {
        let mut members = required(request.sampling_rule_update, "SamplingRuleUpdate")?;
        let id = RuleId::checked(members.rule_name.take(), members.rule_arn.take())?;
        let change = RuleChange::checked(members)?;
        self.change(|stored| stored.update(&id, &change, now), now)
            .await
    }

    /// DeleteSamplingRule: its tags go with it.
    ///
    /// # Errors
    /// When the request does not name one rule that is there, it is the Default rule, or the store
    /// cannot be used.
    pub async fn delete(
        &self,
        request: DeleteSamplingRuleRequest,
        now: Timestamp,
    ) -> Result<SamplingRuleRecordResponse, ServiceError> {
        let id = RuleId::checked(request.rule_name, request.rule_arn)?;
        self.change(|stored| stored.remove(&id, now), now).await
    }

    /// The tags of the rule with this ARN; `None` when there is no such rule.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn tags(&self, arn: &str) -> Result<Option<TagSet>, StoreError> {
        let (stored, _) = self.read().await?;
        Ok(stored.tags(arn).cloned())
    }

    /// Changes the tags of the rule with this ARN, which is no change of the rule.
    ///
    /// # Errors
    /// `ResourceNotFoundException` when there is no such rule; why `act` refused; or the store cannot be
    /// used.
    pub(crate) async fn change_tags(
        &self,
        arn: &str,
        mut act: impl FnMut(&mut TagSet) -> Result<(), ApiError>,
    ) -> Result<(), ServiceError> {
        let act =
            |stored: &mut StoredRules| act(stored.tags_mut(arn).ok_or_else(|| not_found(arn))?);
        record::change(&*self.store, RULES_KEY, || self.fresh(), act).await
    }

    /// Applies a change to the rules as they are and puts them in place; the rule that was changed.
    async fn change(
        &self,
        mut act: impl FnMut(&mut StoredRules) -> Result<SamplingRuleRecord, ApiError>,
        now: Timestamp,
    ) -> Result<SamplingRuleRecordResponse, ServiceError> {
        let act = |stored: &mut StoredRules| Ok((act(stored)?, stored.snapshot()));
        let (sampling_rule_record, snapshot) =
            record::change(&*self.store, RULES_KEY, || self.fresh(), act).await?;
        self.sampling.replace_rules(snapshot, now);
        Ok(SamplingRuleRecordResponse {
            sampling_rule_record,
        })
    }

    /// The rules and the version of their record, 0 when nobody has changed any yet.
    async fn read(&self) -> Result<(StoredRules, u64), StoreError> {
        record::read(&*self.store, RULES_KEY, || self.fresh()).await
    }

    fn fresh(&self) -> StoredRules {
        StoredRules::fresh(&self.region, &self.account)
    }
}

#[cfg(test)]
mod tests;
