//! The sampling service: hands out the rules, spreads each rule's reservoir over the clients that
//! report, and sums what they report.
//!
//! The rules are a value that `rules.rs` takes from the store and replaces; everything else is in
//! memory and rebuilt from reports within one interval, so a restart loses nothing that matters.
//! Nothing here reads the clock or waits, but for [`Adaptive`]; one lock is held for one call.
//! Source: `spec/sampling.md` sections 5 to 8, `spec/api.md` 3.3, 3.4.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use radiograph_protocol::api::sampling::{
    GetSamplingRulesResponse, GetSamplingStatisticSummariesResponse, GetSamplingTargetsRequest,
    GetSamplingTargetsResponse, SamplingRuleRecord,
};
use radiograph_protocol::timestamp::Timestamp;

mod adaptive;
mod allocation;
mod boost;
mod report;
mod rule_set;
mod rules;
mod statistics;
mod stored_rules;
mod targets;
mod usage;
mod validate;

pub use adaptive::{
    Adaptive, AdaptiveRule, AdaptiveSettings, Cause, DeleteAdaptiveSamplingRequest,
    DeleteAdaptiveSamplingResponse, GetAdaptiveSamplingResponse, PutAdaptiveSamplingRequest,
    PutAdaptiveSamplingResponse, ShownRaise, Signal,
};
pub use allocation::{CLIENTS_PER_RULE_MAX, Usage};
pub use rule_set::{ACCOUNT_DEFAULT, REGION_DEFAULT, RuleSet, rule_arn};
pub use rules::Rules;
pub use usage::{RuleUsage, RulesUsage};

use adaptive::AdaptiveRules;
use allocation::Allocation;
use boost::Boosts;
use statistics::Windows;

/// How long a quota holds without a new report, unless configured otherwise. AWS: five minutes.
pub const LEASE_DEFAULT: Duration = Duration::from_secs(300);

/// The sampling service, shared by all requests.
#[derive(Debug)]
pub struct Sampling {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rule_set: RuleSet,
    lease: Duration,
    /// By rule name; a rule gets its entry with its first report.
    allocations: BTreeMap<String, Allocation>,
    windows: Windows,
    boosts: Boosts,
    adaptive: AdaptiveRules,
}

impl Sampling {
    /// A service for these rules that knows no client yet. Quotas hold for `lease`, or three report
    /// intervals if that is longer.
    #[must_use]
    pub fn new(rule_set: RuleSet, lease: Duration) -> Self {
        let state = State {
            rule_set,
            lease,
            allocations: BTreeMap::new(),
            windows: Windows::default(),
            boosts: Boosts::default(),
            adaptive: AdaptiveRules::default(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// GetSamplingRules: every rule, in the order in which they are tried. Equal rules give equal
    /// bytes, since one sampler drops all its state when the answer differs.
    #[must_use]
    pub fn rules(&self) -> GetSamplingRulesResponse {
        GetSamplingRulesResponse {
            sampling_rule_records: self.state().rule_set.rules.to_vec(),
        }
    }

    /// GetSamplingTargets: takes the reports in and answers each with the client's share. `now` is
    /// the server's clock; the clients' own times only tell repeated documents apart.
    #[must_use]
    pub fn targets(
        &self,
        request: &GetSamplingTargetsRequest,
        now: Timestamp,
    ) -> GetSamplingTargetsResponse {
        self.state().targets(request, now)
    }

    /// GetSamplingStatisticSummaries: the last closed window of every rule that saw reports.
    #[must_use]
    pub fn statistic_summaries(&self, now: Timestamp) -> GetSamplingStatisticSummariesResponse {
        GetSamplingStatisticSummariesResponse {
            sampling_statistic_summaries: self.state().windows.last_closed(now),
        }
    }

    /// When a rule was last created, changed or deleted.
    #[must_use]
    pub fn last_rule_modification(&self) -> Timestamp {
        self.state().rule_set.last_modification
    }

    /// Puts other rules in place. Clients of a rule that stays keep their leases, those of a rule
    /// that is gone are forgotten, and where a reservoir shrank its shares are computed anew. Rules no
    /// later than those in place are not put in place: calls may overtake each other.
    pub fn replace_rules(&self, rule_set: RuleSet, now: Timestamp) {
        let mut state = self.state();
        if rule_set.last_modification > state.rule_set.last_modification {
            state.replace_rules(rule_set, now);
        }
    }

    /// How each rule's reservoir is used, by rule name, for metrics.
    #[must_use]
    pub fn usage(&self, now: Timestamp) -> BTreeMap<String, Usage> {
        let state = self.state();
        let usages = state.allocations.iter();
        usages
            .map(|(name, allocation)| (name.clone(), allocation.usage(now)))
            .collect()
    }

    /// A panic elsewhere leaves at worst a lease that was not granted, so the state is used on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn replace_rules(&mut self, rule_set: RuleSet, now: Timestamp) {
        self.rule_set = rule_set;
        let (rule_set, adaptive) = (&self.rule_set, &self.adaptive);
        self.allocations.retain(|name, allocation| {
            let record: Option<&SamplingRuleRecord> = rule_set.find(name);
            if let Some(record) = record {
                allocation.resize(adaptive.reservoir_size(&record.sampling_rule), now);
            }
            record.is_some()
        });
        self.windows.retain(|name| rule_set.find(name).is_some());
        self.boosts.retain(|name| rule_set.find(name).is_some());
        self.adaptive.retain(|name| rule_set.find(name).is_some());
    }
}

#[cfg(test)]
mod tests;
