//! The rules of this installation as one value: what the store keeps and the service serves.
//!
//! Creating, changing and deleting rules means making another value and replacing the whole.

use radiograph_protocol::api::sampling::SamplingRuleRecord;
use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::sampling::rule::DEFAULT_RULE_NAME;
use radiograph_protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// The region in ARNs unless configured otherwise (`spec/api.md` 1.7).
pub const REGION_DEFAULT: &str = "us-east-1";

/// The account in ARNs unless configured otherwise (`spec/api.md` 1.7).
pub const ACCOUNT_DEFAULT: &str = "000000000000";

/// All sampling rules, the Default rule always among them.
///
/// Stored as JSON: the rules inside are written without absent members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleSet {
    /// The rules, unique by name.
    pub rules: Vec<SamplingRuleRecord>,
    /// When a rule was last created, changed or deleted. It moves with the rules and never on its
    /// own: clients reload all rules whenever it is later than their last fetch.
    pub last_modification: Timestamp,
}

impl RuleSet {
    /// The rules of a store that nobody has touched: the Default rule, as old as the epoch.
    #[must_use]
    pub fn fresh(region: &str, account: &str) -> Self {
        let arn = rule_arn(region, account, DEFAULT_RULE_NAME);
        let default_rule = SamplingRuleRecord {
            sampling_rule: SamplingRule::default_rule(arn),
            created_at: Timestamp::default(),
            modified_at: Timestamp::default(),
        };
        Self {
            rules: vec![default_rule],
            last_modification: Timestamp::default(),
        }
    }

    /// The rule of this name.
    #[must_use]
    pub fn find(&self, rule_name: &str) -> Option<&SamplingRuleRecord> {
        let mut rules = self.rules.iter();
        rules.find(|record| record.sampling_rule.rule_name == rule_name)
    }

    /// The same rules in the order in which they are tried, which is the order of the answer.
    pub(super) fn sorted(mut self) -> Self {
        self.rules
            .sort_by(|a, b| a.sampling_rule.compare(&b.sampling_rule));
        self
    }
}

/// The ARN of a sampling rule (`spec/api.md` 1.7).
#[must_use]
pub fn rule_arn(region: &str, account: &str, rule_name: &str) -> String {
    format!("arn:aws:xray:{region}:{account}:sampling-rule/{rule_name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_being_stored_as_json() {
        let mut rule_set = RuleSet::fresh("eu-west-1", ACCOUNT_DEFAULT);
        rule_set.last_modification = Timestamp::from_micros(1_704_067_200_000_001);
        let json = serde_json::to_vec(&rule_set).unwrap();
        assert_eq!(serde_json::from_slice::<RuleSet>(&json).unwrap(), rule_set);
    }
}
