//! How the rules are used, as the metrics show it: a bounded number of rules, whatever there are.

use radiograph_protocol::sampling::Counts;
use radiograph_protocol::timestamp::Timestamp;

use super::{Sampling, State, Usage};

/// Rules that metrics show: as many as AWS allows, and the Default rule.
const RULES_SHOWN_MAX: usize = 26;

/// How all rules are used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RulesUsage {
    /// The rules that saw reports, in the order in which they are tried; of very many the first ones and
    /// the last, which is the Default rule.
    pub rules: Vec<RuleUsage>,
    /// Reports of anomalies that were left out since their rule had too many services.
    pub boost_services_left_out: u64,
}

/// How one rule is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleUsage {
    /// The rule.
    pub rule_name: String,
    /// What clients reported of it since its first report.
    pub counts: Counts,
    /// How its reservoir is divided.
    pub reservoir: Usage,
    /// Whether adaptive sampling has raised it.
    pub is_raised: bool,
}

impl Sampling {
    /// How the rules are used, for metrics.
    #[must_use]
    pub fn rules_usage(&self, now: Timestamp) -> RulesUsage {
        let state = self.state();
        let names = state.rule_set.rules.iter();
        let names: Vec<&str> = names
            .map(|record| record.sampling_rule.rule_name.as_str())
            .collect();
        let (first, last) = match names.split_last() {
            Some((last, first)) => (first, Some(last)),
            None => (names.as_slice(), None),
        };
        let shown = first.iter().take(RULES_SHOWN_MAX - 1).chain(last);
        RulesUsage {
            rules: shown
                .filter_map(|name| state.rule_usage(name, now))
                .collect(),
            boost_services_left_out: state.boosts.services_left_out(),
        }
    }
}

impl State {
    /// `None` without reports.
    fn rule_usage(&self, rule_name: &str, now: Timestamp) -> Option<RuleUsage> {
        let allocation = self.allocations.get(rule_name)?;
        Some(RuleUsage {
            rule_name: rule_name.to_owned(),
            counts: self.windows.total(rule_name),
            reservoir: allocation.usage(now),
            is_raised: self.adaptive.is_raised(rule_name),
        })
    }
}
