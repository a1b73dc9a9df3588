//! The families about sampling rules. The label is the rule's name, and the service shows a bounded
//! number of rules.

use radiograph_admin::text::{Families, Kind};

use crate::sampling::{RuleUsage, RulesUsage};

/// Writes them; nothing of rules that saw no reports.
pub(super) fn sampling(families: &mut Families, usage: &RulesUsage) {
    let mut family = |kind, name, help, value: fn(&RuleUsage) -> u64| {
        let rules = usage.rules.iter();
        let samples = rules.map(|rule| (vec![("rule", rule.rule_name.as_str())], value(rule)));
        families.labelled(kind, name, help, samples);
    };
    family(
        Kind::Counter,
        "sampling_requests_total",
        "Requests that clients report to have matched a sampling rule.",
        |rule| rule.counts.requests,
    );
    family(
        Kind::Counter,
        "sampling_sampled_total",
        "Those of them that were recorded, by some clients' count without the borrowed ones.",
        |rule| rule.counts.sampled,
    );
    family(
        Kind::Counter,
        "sampling_borrowed_total",
        "Those of them that were recorded by borrowing.",
        |rule| rule.counts.borrows,
    );
    family(
        Kind::Gauge,
        "sampling_clients",
        "Clients that reported lately.",
        |rule| u64::try_from(rule.reservoir.clients_active).unwrap_or(u64::MAX),
    );
    family(
        Kind::Counter,
        "sampling_clients_forgotten_total",
        "Clients that were forgotten since there were too many.",
        |rule| rule.reservoir.clients_forgotten,
    );
    family(
        Kind::Gauge,
        "sampling_reservoir_size",
        "Requests per second that are divided among the clients.",
        |rule| u64::from(rule.reservoir.reservoir_size),
    );
    family(
        Kind::Gauge,
        "sampling_quota",
        "Requests per second that clients hold of them.",
        |rule| rule.reservoir.quota_granted,
    );
    family(
        Kind::Gauge,
        "sampling_rule_raised",
        "1 while adaptive sampling has raised the rule, else 0.",
        |rule| u64::from(rule.is_raised),
    );
    families.counter(
        "sampling_boost_services_left_out_total",
        "Reports of anomalies that were left out since their rule had too many services.",
        usage.boost_services_left_out,
    );
}
