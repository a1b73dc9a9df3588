//! The rules as last fetched, each with its reservoir and what is to be reported of it. Pure.
//!
//! Source: `spec/sampling.md` sections 1 to 4.

use radiograph_protocol::api::sampling::{SamplingRuleRecord, StatisticsDocument};
use radiograph_protocol::sampling::targets::Target;
use radiograph_protocol::sampling::{Counts, Decision, Request, Reservoir, SamplingRule};
use radiograph_protocol::timestamp::Timestamp;

/// Seconds of one cycle; a server's `Interval` is honoured in steps of it.
const CYCLE_SECONDS: u32 = 10;

/// Cycles a rule may pause at most, five minutes: a server's slip must not silence a rule.
const CYCLES_MAX: u32 = 30;

/// Whose times `CreatedAt` and `ModifiedAt` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    /// Here the times say whether somebody edited the Default rule.
    Radiograph,
    /// The service gives its Default rule a time of change from the beginning; only its values tell.
    Aws,
}

/// Rules in the order in which they are tried; empty until the first were fetched.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    /// Rules too old to be believed decide nothing, but their reservoirs live on.
    is_abandoned: bool,
}

#[derive(Debug)]
struct Entry {
    rule: SamplingRule,
    /// The Default rule as nobody has edited it.
    is_untouched_default: bool,
    reservoir: Reservoir,
    /// Sent, or to be sent, and not yet acknowledged.
    unreported: Counts,
    /// Cycles until the next report.
    cycles_left: u32,
}

impl Table {
    /// Takes over fetched rules; those known by name keep reservoir, lease and counts.
    pub(super) fn reload(&mut self, records: Vec<SamplingRuleRecord>, server: Server) {
        let mut known = std::mem::take(&mut self.entries);
        self.is_abandoned = false;
        for record in records {
            let is_untouched_default = is_untouched_default(&record, server);
            let rule = record.sampling_rule;
            let place = known
                .iter()
                .position(|entry| entry.rule.rule_name == rule.rule_name);
            let mut entry = match place {
                Some(place) => known.swap_remove(place),
                None => Entry::new(&rule),
            };
            entry.reservoir.apply_rule(&rule);
            entry.rule = rule;
            entry.is_untouched_default = is_untouched_default;
            self.entries.push(entry);
        }
    }

    /// Stops deciding until the next rules.
    pub(super) const fn abandon(&mut self) {
        self.is_abandoned = true;
    }

    /// How many rules there are.
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a rule could drop anything; the Default rule that nobody edited counts only where
    /// `with_untouched_default` says so.
    pub(super) fn could_drop(&self, with_untouched_default: bool) -> bool {
        let counting = |entry: &&Entry| with_untouched_default || !entry.is_untouched_default;
        let mut counting = self.entries.iter().filter(counting);
        !self.is_abandoned && counting.any(|entry| entry.reservoir.fixed_rate() < 1.0)
    }

    /// Decides by the first rule that matches; without one the request is recorded.
    pub(super) fn decide(
        &mut self,
        request: &Request<'_>,
        with_untouched_default: bool,
        now_seconds: i64,
        draw: f64,
    ) -> Decision {
        let matching = |entry: &&mut Entry| entry.rule.matches(request);
        match self.entries.iter_mut().find(matching) {
            Some(entry) if with_untouched_default || !entry.is_untouched_default => {
                entry.reservoir.decide(now_seconds, draw)
            }
            Some(_) | None => Decision::Record,
        }
    }

    /// Begins a cycle: the reports that are due. They count as unreported until
    /// [`Table::acknowledge`]d.
    pub(super) fn reports(&mut self, client_id: &str, now: Timestamp) -> Vec<StatisticsDocument> {
        let mut due = Vec::new();
        for entry in &mut self.entries {
            entry.cycles_left = entry.cycles_left.saturating_sub(1);
            if entry.cycles_left == 0 {
                entry.unreported += entry.reservoir.take_counts();
                due.extend(
                    entry
                        .unreported
                        .report(&entry.rule.rule_name, client_id, now),
                );
            }
        }
        due
    }

    /// The server has counted these reports.
    pub(super) fn acknowledge(&mut self, reports: &[StatisticsDocument]) {
        for report in reports {
            if let Some(entry) = self.entry(&report.rule_name) {
                entry.unreported = Counts::default();
            }
        }
    }

    /// Takes over what the server answered; a target of a rule unknown here is passed over.
    pub(super) fn apply(&mut self, targets: &[Target]) {
        for target in targets {
            if let Some(entry) = self.entry(&target.rule_name) {
                let rate = target
                    .fixed_rate
                    .unwrap_or_else(|| entry.reservoir.fixed_rate());
                entry.reservoir.apply_target(rate, target.lease);
                let interval = target.interval_seconds.unwrap_or(CYCLE_SECONDS);
                entry.cycles_left = interval.div_ceil(CYCLE_SECONDS).clamp(1, CYCLES_MAX);
            }
        }
    }

    fn entry(&mut self, rule_name: &str) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.rule.rule_name == rule_name)
    }
}

impl Entry {
    fn new(rule: &SamplingRule) -> Self {
        Self {
            rule: rule.clone(),
            is_untouched_default: false,
            reservoir: Reservoir::new(rule),
            unreported: Counts::default(),
            cycles_left: 0,
        }
    }
}

/// A drop-in must not begin to drop what was kept before, so the built-in rule counts only once it
/// was edited (`spec/sampling.md` section 1).
fn is_untouched_default(record: &SamplingRuleRecord, server: Server) -> bool {
    let rule = &record.sampling_rule;
    let is_edited = match server {
        Server::Radiograph => record.modified_at > record.created_at,
        Server::Aws => rule.reservoir_size != 1 || (rule.fixed_rate - 0.05).abs() > f64::EPSILON,
    };
    rule.is_default() && !is_edited
}

#[cfg(test)]
mod tests;
