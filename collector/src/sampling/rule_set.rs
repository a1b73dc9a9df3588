//! The rules of this installation as one value: what clients are sent and reservoirs are spread by.
//!
//! A snapshot, cheap to clone: creating, changing and deleting rules makes another one
//! (`stored_rules.rs`), which replaces the whole.

use std::sync::Arc;

use radiograph_protocol::api::sampling::SamplingRuleRecord;
use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::sampling::rule::DEFAULT_RULE_NAME;
use radiograph_protocol::timestamp::Timestamp;

/// The region in ARNs unless configured otherwise (`spec/api.md` 1.7).
pub const REGION_DEFAULT: &str = "us-east-1";

/// The account in ARNs unless configured otherwise (`spec/api.md` 1.7).
pub const ACCOUNT_DEFAULT: &str = "000000000000";

/// All sampling rules, the Default rule always among them.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    /// The rules, unique by name, in the order in which they are tried, which is the order of answers.
    pub rules: Arc<[SamplingRuleRecord]>,
    /// When a rule was last created, changed or deleted. It moves with the rules and never on its
    /// own: clients reload all rules whenever it is later than their last fetch.
    pub last_modification: Timestamp,
}

impl RuleSet {
    /// These rules, in any order.
    #[must_use]
    pub fn new(mut rules: Vec<SamplingRuleRecord>, last_modification: Timestamp) -> Self {
        rules.sort_by(|a, b| a.sampling_rule.compare(&b.sampling_rule));
        Self {
            rules: rules.into(),
            last_modification,
        }
    }

    /// The rules of a store that nobody has touched: the Default rule, as old as the epoch.
    #[must_use]
    pub fn fresh(region: &str, account: &str) -> Self {
        let arn = rule_arn(region, account, DEFAULT_RULE_NAME);
        let default_rule = SamplingRuleRecord {
            sampling_rule: SamplingRule::default_rule(arn),
            created_at: Timestamp::default(),
            modified_at: Timestamp::default(),
        };
        Self::new(vec![default_rule], Timestamp::default())
    }

    /// The rule of this name.
    #[must_use]
    pub fn find(&self, rule_name: &str) -> Option<&SamplingRuleRecord> {
        let mut rules = self.rules.iter();
        rules.find(|record| record.sampling_rule.rule_name == rule_name)
    }
}

/// The ARN of a sampling rule (`spec/api.md` 1.7).
#[must_use]
pub fn rule_arn(region: &str, account: &str, rule_name: &str) -> String {
    format!("arn:aws:xray:{region}:{account}:sampling-rule/{rule_name}")
}
