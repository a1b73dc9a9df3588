//! GetSamplingTargets: reports and anomalies taken in, and for each report the client's share.
//! Source: `spec/sampling.md` sections 5 to 8, `spec/api.md` 3.4.

use radiograph_protocol::api::sampling::{
    BoostStatisticsDocument, GetSamplingTargetsRequest, GetSamplingTargetsResponse,
    SamplingTargetDocument, StatisticsDocument, UnprocessedStatistics, WholeSeconds,
};
use radiograph_protocol::timestamp::Timestamp;

use super::allocation::Allocation;
use super::{State, report};

impl State {
    pub(super) fn targets(
        &mut self,
        request: &GetSamplingTargetsRequest,
        now: Timestamp,
    ) -> GetSamplingTargetsResponse {
        let is_repetition = !self.admit(&request.statistics, now);
        let mut unprocessed_boosts = Vec::new();
        for document in &request.boosts {
            match self.boost_refusal(document) {
                Some(refusal) => unprocessed_boosts.push(refusal),
                None if is_repetition => {}
                None => self.boosts.add(document, now),
            }
        }
        let mut targets = Vec::with_capacity(request.statistics.len());
        let mut unprocessed = Vec::new();
        for document in &request.statistics {
            match self.target(document, now) {
                Some(target) => targets.push(target),
                None => unprocessed.push(unknown_rule(&document.rule_name)),
            }
        }
        GetSamplingTargetsResponse {
            sampling_target_documents: targets,
            last_rule_modification: WholeSeconds(self.rule_set.last_modification.seconds_ceil()),
            unprocessed_statistics: unprocessed,
            unprocessed_boost_statistics: unprocessed_boosts,
        }
    }

    /// Takes all reports of the call in before any quota is computed; `false` when they all repeat what
    /// came before, so that the whole call is one that a proxy sent again.
    fn admit(&mut self, documents: &[StatisticsDocument], now: Timestamp) -> bool {
        let (mut is_empty, mut has_new) = (true, false);
        for report in report::merged(documents) {
            let Some(record) = self.rule_set.find(report.rule_name) else {
                continue;
            };
            let reservoir_size = self.adaptive.reservoir_size(&record.sampling_rule);
            let allocation = self
                .allocations
                .entry(report.rule_name.to_owned())
                .or_insert_with(|| Allocation::new(reservoir_size, self.lease));
            is_empty = false;
            if allocation.admit(&report, now) {
                has_new = true;
                self.windows.add(report.rule_name, report.counts, now);
            }
        }
        is_empty || has_new
    }

    /// `None` for a rule that is not there.
    fn target(
        &mut self,
        document: &StatisticsDocument,
        now: Timestamp,
    ) -> Option<SamplingTargetDocument> {
        let rule = &self.rule_set.find(&document.rule_name)?.sampling_rule;
        let allocation = self.allocations.get_mut(&document.rule_name)?;
        let sampling_boost = if self.adaptive.contains(&rule.rule_name) {
            None
        } else {
            self.boosts.boost(rule, now)
        };
        Some(SamplingTargetDocument {
            rule_name: rule.rule_name.clone(),
            fixed_rate: self.adaptive.fixed_rate(rule),
            reservoir: allocation.grant(&document.client_id, now),
            interval: allocation.interval_seconds(),
            sampling_boost,
        })
    }

    fn boost_refusal(&self, document: &BoostStatisticsDocument) -> Option<UnprocessedStatistics> {
        let Some(record) = self.rule_set.find(&document.rule_name) else {
            return Some(unknown_rule(&document.rule_name));
        };
        let rule = &record.sampling_rule;
        let has_boost = rule.sampling_rate_boost.is_some() && !rule.is_default();
        (!has_boost).then(|| unprocessed(&document.rule_name, "Rule has no sampling rate boost"))
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
