//! The sampling rules with their tags as the store keeps them, and what may be done to them. Pure.
//!
//! What a rule may be like has been checked before (`validate.rs`); here is what depends on the others.
//! Source: `spec/api.md` section 4.2.

use radiograph_protocol::api::sampling::SamplingRuleRecord;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::rule_set::RuleSet;
use super::validate::{RuleChange, RuleId};
use crate::tags::TagSet;

/// All rules, the Default rule always among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredRules {
    rules: Vec<StoredRule>,
    last_modification: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredRule {
    #[serde(flatten)]
    record: SamplingRuleRecord,
    /// They vanish with the rule.
    #[serde(default)]
    tags: TagSet,
}

impl StoredRules {
    /// The rules of a store that nobody has touched.
    pub(super) fn fresh(region: &str, account: &str) -> Self {
        let fresh = RuleSet::fresh(region, account);
        let rules = fresh.rules.iter().map(|record| StoredRule {
            record: record.clone(),
            tags: TagSet::default(),
        });
        Self {
            rules: rules.collect(),
            last_modification: fresh.last_modification,
        }
    }

    /// What clients are sent.
    pub(super) fn snapshot(&self) -> RuleSet {
        let records = self.rules.iter().map(|rule| rule.record.clone());
        RuleSet::new(records.collect(), self.last_modification)
    }

    /// Takes a new rule in, of which there may be `rules_max` besides the Default rule.
    ///
    /// # Errors
    /// `InvalidRequestException` when there is one of this name, `RuleLimitExceededException` when
    /// there are too many.
    pub(super) fn insert(
        &mut self,
        rule: SamplingRule,
        tags: TagSet,
        rules_max: u16,
        now: Timestamp,
    ) -> Result<SamplingRuleRecord, ApiError> {
        let id = RuleId::Name(rule.rule_name.clone());
        if self.place(&id).is_ok() {
            return Err(ApiError::invalid_request("Sampling rule already exists"));
        }
        let is_custom = |rule: &&StoredRule| !rule.record.sampling_rule.is_default();
        if self.rules.iter().filter(is_custom).count() >= usize::from(rules_max) {
            return Err(ApiError {
                kind: ApiErrorKind::RuleLimitExceeded,
                message: format!("Exceeding maximum sampling rule count: {rules_max}"),
            });
        }
        let created_at = self.modified(now);
        let record = SamplingRuleRecord {
            sampling_rule: rule,
            created_at,
            modified_at: created_at,
        };
        self.rules.push(StoredRule {
            record: record.clone(),
            tags,
        });
        Ok(record)
    }

    /// Changes a rule; the rule as it is then.
    ///
    /// # Errors
    /// `InvalidRequestException` when there is no such rule, or more of the Default rule is to change
    /// than may.
    pub(super) fn update(
        &mut self,
        id: &RuleId,
        change: &RuleChange,
        now: Timestamp,
    ) -> Result<SamplingRuleRecord, ApiError> {
        let place = self.place(id)?;
        let modified_at = self.next_modification(now);
        let rule = self.rules.get_mut(place).ok_or_else(unknown)?;
        let record = SamplingRuleRecord {
            sampling_rule: change.applied_to(&rule.record.sampling_rule)?,
            created_at: rule.record.created_at,
            modified_at,
        };
        rule.record = record.clone();
        self.last_modification = modified_at;
        Ok(record)
    }

    /// Takes a rule out; the rule as it was.
    ///
    /// # Errors
    /// `InvalidRequestException` when there is no such rule, or it is the Default rule.
    pub(super) fn remove(
        &mut self,
        id: &RuleId,
        now: Timestamp,
    ) -> Result<SamplingRuleRecord, ApiError> {
        let place = self.place(id)?;
        let is_default = |rule: &StoredRule| rule.record.sampling_rule.is_default();
        if self.rules.get(place).is_some_and(is_default) {
            let message = "The default sampling rule cannot be deleted";
            return Err(ApiError::invalid_request(message));
        }
        self.modified(now);
        Ok(self.rules.remove(place).record)
    }

    /// The tags of the rule with this ARN.
    pub(super) fn tags(&self, arn: &str) -> Option<&TagSet> {
        let mut rules = self.rules.iter();
        rules
            .find(|rule| rule.record.sampling_rule.rule_arn == arn)
            .map(|rule| &rule.tags)
    }

    /// The tags of the rule with this ARN, to be changed: which is no change of the rule.
    pub(super) fn tags_mut(&mut self, arn: &str) -> Option<&mut TagSet> {
        let mut rules = self.rules.iter_mut();
        rules
            .find(|rule| rule.record.sampling_rule.rule_arn == arn)
            .map(|rule| &mut rule.tags)
    }

    fn place(&self, id: &RuleId) -> Result<usize, ApiError> {
        let mut rules = self.rules.iter();
        rules
            .position(|rule| id.is_of(&rule.record.sampling_rule))
            .ok_or_else(unknown)
    }

    /// When a change is made that is made now: later than every one before, even where the clock went
    /// back, for it is by this time that changes are told apart.
    fn next_modification(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_modification.plus_micros(1))
    }

    fn modified(&mut self, now: Timestamp) -> Timestamp {
        self.last_modification = self.next_modification(now);
        self.last_modification
    }
}

fn unknown() -> ApiError {
    ApiError::invalid_request("Sampling rule does not exist")
}

#[cfg(test)]
mod tests;
