//! What the sampling service keeps of the rules that adapt, and how targets come to know of it.

use std::collections::BTreeMap;

use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::timestamp::Timestamp;

use super::decision;
use super::{
    AdaptiveRule, AdaptiveSettings, Cause, Levels, Raised, SettingsByRule, ShownRaise, Signal,
};
use crate::sampling::boost::Unrecorded;
use crate::sampling::{Sampling, State};

/// The rules that adapt, by name.
#[derive(Debug, Default)]
pub(in crate::sampling) struct AdaptiveRules(BTreeMap<String, Adapting>);

#[derive(Debug)]
struct Adapting {
    settings: AdaptiveSettings,
    raise: Option<Raise>,
}

#[derive(Debug)]
struct Raise {
    raised: Raised,
    cause: Cause,
    /// What was decided at the last look.
    levels: Levels,
}

/// A rule that was raised or fell back.
pub(in crate::sampling) struct Change {
    pub(super) rule_name: String,
    /// Why it was raised; `None` when it fell back.
    pub(super) cause: Option<Cause>,
}

impl AdaptiveRules {
    /// Whether the rule has settings.
    pub(in crate::sampling) fn contains(&self, rule_name: &str) -> bool {
        self.0.contains_key(rule_name)
    }

    /// Whether the rule is raised.
    pub(in crate::sampling) fn is_raised(&self, rule_name: &str) -> bool {
        let adapting = self.0.get(rule_name);
        adapting.is_some_and(|adapting| adapting.raise.is_some())
    }

    /// The rule's reservoir as it is divided now.
    pub(in crate::sampling) fn reservoir_size(&self, rule: &SamplingRule) -> u32 {
        self.levels(rule).reservoir_size
    }

    /// The rule's rate as it is sent now.
    pub(in crate::sampling) fn fixed_rate(&self, rule: &SamplingRule) -> f64 {
        self.levels(rule).fixed_rate
    }

    /// Drops the rules that `is_kept` does not name.
    pub(in crate::sampling) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|rule_name, _| is_kept(rule_name));
    }

    /// Never below the rule's own, which may have been changed since the last look.
    fn levels(&self, rule: &SamplingRule) -> Levels {
        let own = own(rule);
        let raise = self.0.get(&rule.rule_name).and_then(|a| a.raise.as_ref());
        raise.map_or(own, |raise| Levels {
            fixed_rate: raise.levels.fixed_rate.max(own.fixed_rate),
            reservoir_size: raise.levels.reservoir_size.max(own.reservoir_size),
        })
    }

    /// Takes the settings over; who is raised stays raised under new ones.
    fn set(&mut self, settings: &SettingsByRule) {
        self.retain(|name| settings.contains_key(name));
        for (name, settings) in settings {
            match self.0.get_mut(name) {
                Some(adapting) => adapting.settings = *settings,
                None => {
                    let adapting = Adapting {
                        settings: *settings,
                        raise: None,
                    };
                    self.0.insert(name.clone(), adapting);
                }
            }
        }
    }
}

impl Sampling {
    /// Raises the rules that there is a cause for, and lets the others fall back after their cooldown;
    /// who changed. Without settings those of the last time hold.
    pub(in crate::sampling) fn adapt(
        &self,
        settings: Option<&SettingsByRule>,
        causes: &BTreeMap<String, Cause>,
        now: Timestamp,
    ) -> Vec<Change> {
        self.state().adapt(settings, causes, now)
    }

    /// These rules as answers show them; those that are not there are left out.
    pub(super) fn shown_adaptive(
        &self,
        settings: &[(String, AdaptiveSettings)],
    ) -> Vec<AdaptiveRule> {
        let state = self.state();
        let shown = settings.iter().filter_map(|(rule_name, settings)| {
            let rule = &state.rule_set.find(rule_name)?.sampling_rule;
            let adapting = state.adaptive.0.get(rule_name);
            let raise = adapting.and_then(|adapting| adapting.raise.as_ref());
            let levels = state.adaptive.levels(rule);
            Some(AdaptiveRule {
                rule_name: rule_name.clone(),
                settings: *settings,
                fixed_rate: levels.fixed_rate,
                reservoir_size: levels.reservoir_size,
                raised: raise.map(|raise| ShownRaise {
                    since: raise.raised.since,
                    last_signal: raise.raised.signalled,
                    cause: raise.cause.clone(),
                }),
            })
        });
        shown.collect()
    }
}

impl State {
    fn adapt(
        &mut self,
        settings: Option<&SettingsByRule>,
        causes: &BTreeMap<String, Cause>,
        now: Timestamp,
    ) -> Vec<Change> {
        if let Some(settings) = settings {
            self.adaptive.set(settings);
        }
        let mut changes = Vec::new();
        for record in self.rule_set.rules.iter() {
            let rule = &record.sampling_rule;
            let rule_name = &rule.rule_name;
            if let Some(adapting) = self.adaptive.0.get_mut(rule_name) {
                let reported = || self.boosts.unrecorded(rule_name, now).map(Cause::from);
                let cause = causes.get(rule_name).cloned().or_else(reported);
                let requests = self.windows.requests_per_second(rule_name, now);
                changes.extend(adapting.look(rule, cause, requests, now));
            }
            if let Some(allocation) = self.allocations.get_mut(rule_name) {
                allocation.resize(self.adaptive.reservoir_size(rule), now);
            }
        }
        changes
    }
}

impl Adapting {
    fn look(
        &mut self,
        rule: &SamplingRule,
        cause: Option<Cause>,
        requests_per_second: f64,
        now: Timestamp,
    ) -> Option<Change> {
        let before = self.raise.take();
        let was_raised = before.is_some();
        let (raised, earlier) = before.map(|raise| (raise.raised, raise.cause)).unzip();
        let raised = decision::next(raised, cause.is_some(), &self.settings, now);
        self.raise = raised.zip(cause.or(earlier)).map(|(raised, cause)| Raise {
            raised,
            cause,
            levels: decision::raise(own(rule), &self.settings, requests_per_second),
        });
        (self.raise.is_some() != was_raised).then(|| Change {
            rule_name: rule.rule_name.clone(),
            cause: self.raise.as_ref().map(|raise| raise.cause.clone()),
        })
    }
}

impl From<Unrecorded> for Cause {
    fn from(found: Unrecorded) -> Self {
        Self {
            service_name: found.service_name,
            signal: Signal::UnrecordedAnomalies,
            value: found.anomalies as f64,
            baseline: found.sampled_anomalies as f64,
        }
    }
}

const fn own(rule: &SamplingRule) -> Levels {
    Levels {
        fixed_rate: rule.fixed_rate,
        reservoir_size: rule.reservoir_size,
    }
}
