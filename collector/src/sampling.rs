//! The sampling service: hands out the rules, spreads each rule's reservoir over the clients that
//! report, and sums what they report.
//!
//! The rules are a value that the owner of the store hands in and replaces; everything else is in
//! memory and rebuilt from reports within one interval, so a restart loses nothing that matters.
//! Boosts are not computed: their documents are accepted and the rules keep their rates, which
//! `spec/sampling.md` section 8 calls fully compatible. Nothing here reads the clock or waits; one
//! lock is held for one call. Source: `spec/sampling.md` sections 5 to 8, `spec/api.md` 3.3, 3.4.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use radiograph_protocol::api::sampling::{
    BoostStatisticsDocument, GetSamplingRulesResponse, GetSamplingStatisticSummariesResponse,
    GetSamplingTargetsRequest, GetSamplingTargetsResponse, SamplingRuleRecord,
    SamplingTargetDocument, StatisticsDocument, UnprocessedStatistics, WholeSeconds,
};
use radiograph_protocol::timestamp::Timestamp;

mod allocation;
mod report;
mod rule_set;
mod statistics;

pub use allocation::{CLIENTS_PER_RULE_MAX, Usage};
pub use rule_set::{ACCOUNT_DEFAULT, REGION_DEFAULT, RuleSet, rule_arn};

use allocation::Allocation;
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
}

impl Sampling {
    /// A service for these rules that knows no client yet. Quotas hold for `lease`, or three report
    /// intervals if that is longer.
    #[must_use]
    pub fn new(rule_set: RuleSet, lease: Duration) -> Self {
        let state = State {
            rule_set: rule_set.sorted(),
            lease,
            allocations: BTreeMap::new(),
            windows: Windows::default(),
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
            sampling_rule_records: self.state().rule_set.rules.clone(),
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
    /// that is gone are forgotten, and where a reservoir shrank its shares are computed anew.
    pub fn replace_rules(&self, rule_set: RuleSet, now: Timestamp) {
        self.state().replace_rules(rule_set, now);
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
    fn targets(
        &mut self,
        request: &GetSamplingTargetsRequest,
        now: Timestamp,
    ) -> GetSamplingTargetsResponse {
        self.admit(&request.statistics, now);
        let mut targets = Vec::with_capacity(request.statistics.len());
        let mut unprocessed = Vec::new();
        for document in &request.statistics {
            match self.target(document, now) {
                Some(target) => targets.push(target),
                None => unprocessed.push(unknown_rule(&document.rule_name)),
            }
        }
        let boosts = request.boosts.iter();
        GetSamplingTargetsResponse {
            sampling_target_documents: targets,
            last_rule_modification: WholeSeconds(self.rule_set.last_modification.seconds_ceil()),
            unprocessed_statistics: unprocessed,
            unprocessed_boost_statistics: boosts
                .filter_map(|document| self.boost_refusal(document))
                .collect(),
        }
    }

    /// Takes all reports of the call in before any quota is computed.
    fn admit(&mut self, documents: &[StatisticsDocument], now: Timestamp) {
        for report in report::merged(documents) {
            let Some(record) = self.rule_set.find(report.rule_name) else {
                continue;
            };
            let reservoir_size = record.sampling_rule.reservoir_size;
            let allocation = self
                .allocations
                .entry(report.rule_name.to_owned())
                .or_insert_with(|| Allocation::new(reservoir_size, self.lease));
            if allocation.admit(&report, now) {
                self.windows.add(report.rule_name, report.counts, now);
            }
        }
    }

    /// `None` for a rule that is not there.
    fn target(
        &mut self,
        document: &StatisticsDocument,
        now: Timestamp,
    ) -> Option<SamplingTargetDocument> {
        let rule = &self.rule_set.find(&document.rule_name)?.sampling_rule;
        let allocation = self.allocations.get_mut(&document.rule_name)?;
        Some(SamplingTargetDocument {
            rule_name: rule.rule_name.clone(),
            fixed_rate: rule.fixed_rate,
            reservoir: allocation.grant(&document.client_id, now),
            interval: allocation.interval_seconds(),
            sampling_boost: None,
        })
    }

    fn boost_refusal(&self, document: &BoostStatisticsDocument) -> Option<UnprocessedStatistics> {
        let Some(record) = self.rule_set.find(&document.rule_name) else {
            return Some(unknown_rule(&document.rule_name));
        };
        let has_boost = record.sampling_rule.sampling_rate_boost.is_some();
        (!has_boost).then(|| unprocessed(&document.rule_name, "Rule has no sampling rate boost"))
    }

    fn replace_rules(&mut self, rule_set: RuleSet, now: Timestamp) {
        self.rule_set = rule_set.sorted();
        let rule_set = &self.rule_set;
        self.allocations.retain(|name, allocation| {
            let record: Option<&SamplingRuleRecord> = rule_set.find(name);
            if let Some(record) = record {
                allocation.resize(record.sampling_rule.reservoir_size, now);
            }
            record.is_some()
        });
        self.windows.retain(|name| rule_set.find(name).is_some());
    }
}

/// Clients know this text and code from AWS (`spec/api.md` 3.4).
fn unknown_rule(rule_name: &str) -> UnprocessedStatistics {
    unprocessed(rule_name, "Unknown rule")
}

fn unprocessed(rule_name: &str, message: &str) -> UnprocessedStatistics {
    UnprocessedStatistics {
        rule_name: rule_name.to_owned(),
        error_code: "400".to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
