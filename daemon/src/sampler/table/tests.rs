//! Which rules count, what a reload keeps, and when reports are due.

use radiograph_protocol::sampling::Lease;

use super::*;

const CLIENT: &str = "0a1b2c3d4e5f60718293a4b5";

fn record(rule_name: &str, fixed_rate: f64, reservoir_size: u32) -> SamplingRuleRecord {
    SamplingRuleRecord {
        sampling_rule: SamplingRule {
            rule_name: rule_name.to_owned(),
            fixed_rate,
            reservoir_size,
            ..SamplingRule::default_rule(String::new())
        },
        created_at: Timestamp::default(),
        modified_at: Timestamp::default(),
    }
}

fn table(records: Vec<SamplingRuleRecord>) -> Table {
    let mut table = Table::default();
    table.reload(records, Server::Radiograph);
    table
}

fn request(table: &mut Table) -> Decision {
    table.decide(&Request::default(), false, 100, 0.999)
}

fn target(rule_name: &str, interval_seconds: Option<u32>) -> Target {
    Target {
        rule_name: rule_name.to_owned(),
        fixed_rate: None,
        lease: None,
        interval_seconds,
    }
}

fn requests_reported(table: &mut Table) -> Vec<u64> {
    let reports = table.reports(CLIENT, Timestamp::from_seconds(100));
    table.acknowledge(&reports);
    reports.iter().map(|report| report.request_count).collect()
}

#[test]
fn the_default_rule_counts_only_once_somebody_has_edited_it() {
    let edited_here = SamplingRuleRecord {
        modified_at: Timestamp::from_seconds(5),
        ..record("Default", 0.05, 1)
    };
    let cases = [
        (
            "as made",
            Server::Radiograph,
            record("Default", 0.05, 1),
            true,
        ),
        (
            "changed back",
            Server::Radiograph,
            edited_here.clone(),
            false,
        ),
        (
            "values alone",
            Server::Radiograph,
            record("Default", 0.5, 9),
            true,
        ),
        ("AWS, as made", Server::Aws, edited_here, true),
        ("AWS, rate", Server::Aws, record("Default", 0.06, 1), false),
        (
            "AWS, reservoir",
            Server::Aws,
            record("Default", 0.05, 2),
            false,
        ),
        ("another rule", Server::Aws, record("mine", 0.05, 1), false),
    ];
    for (name, server, record, is_untouched) in cases {
        let mut table = Table::default();
        table.reload(vec![record], server);
        assert_eq!(table.could_drop(false), !is_untouched, "{name}");
        assert!(table.could_drop(true), "{name}");
        let first_two = [request(&mut table), request(&mut table)];
        let second = if is_untouched {
            Decision::Record
        } else {
            Decision::Drop
        };
        assert_eq!(first_two, [Decision::Record, second], "{name}");
        let counted = if is_untouched { vec![] } else { vec![2] };
        assert_eq!(requests_reported(&mut table), counted, "{name}");
    }
}

#[test]
fn rules_that_record_all_could_not_drop_and_neither_can_abandoned_ones() {
    assert!(!Table::default().could_drop(true));
    assert!(!table(vec![record("all", 1.0, 0)]).could_drop(true));
    let mut none = table(vec![record("none", 0.0, 0)]);
    assert!(none.could_drop(false));
    none.abandon();
    assert!(!none.could_drop(true));
    none.reload(vec![record("none", 0.0, 0)], Server::Radiograph);
    assert!(none.could_drop(false));
}

#[test]
fn a_lowered_rate_of_a_target_can_make_a_rule_drop() {
    let mut table = table(vec![record("all", 1.0, 0)]);
    let lowered = Target {
        fixed_rate: Some(0.0),
        ..target("all", None)
    };
    table.apply(&[lowered]);
    assert!(table.could_drop(false));
    assert_eq!(request(&mut table), Decision::Drop);
}

#[test]
fn a_reload_keeps_lease_and_counts_of_rules_it_knows() {
    let mut table = table(vec![record("kept", 0.0, 9), record("gone", 0.0, 9)]);
    let lease = Lease {
        quota: 3,
        ttl_seconds: 400,
    };
    let leased = Target {
        lease: Some(lease),
        ..target("kept", None)
    };
    table.apply(&[leased, target("unknown", None)]);
    assert_eq!(request(&mut table), Decision::Record);
    table.reload(
        vec![record("new", 0.0, 0), record("kept", 0.0, 9)],
        Server::Radiograph,
    );
    assert_eq!(table.len(), 2);
    assert_eq!(
        request(&mut table),
        Decision::Drop,
        "the new rule comes first"
    );
    table.reload(vec![record("kept", 0.0, 9)], Server::Radiograph);
    let decisions = [(); 3].map(|()| request(&mut table));
    assert_eq!(
        decisions,
        [Decision::Record, Decision::Record, Decision::Drop]
    );
    assert_eq!(requests_reported(&mut table), [4]);
}

#[test]
fn only_rules_in_use_are_reported_and_a_failed_report_is_repeated_with_the_next() {
    let mut table = table(vec![record("a", 0.0, 0), record("b", 0.0, 0)]);
    assert_eq!(requests_reported(&mut table), Vec::<u64>::new());
    request(&mut table);
    let now = Timestamp::from_seconds(100);
    let failed = table.reports(CLIENT, now);
    assert_eq!((failed.len(), failed[0].rule_name.as_str()), (1, "a"));
    request(&mut table);
    assert_eq!(requests_reported(&mut table), [2]);
    assert_eq!(requests_reported(&mut table), Vec::<u64>::new());
}

#[test]
fn an_interval_is_honoured_in_steps_of_ten_seconds() {
    let cases = [
        (None, 1),
        (Some(0), 1),
        (Some(10), 1),
        (Some(11), 2),
        (Some(30), 3),
        (Some(u32::MAX), CYCLES_MAX),
    ];
    for (interval, cycles) in cases {
        let mut table = table(vec![record("a", 0.0, 0)]);
        table.apply(&[target("a", interval)]);
        request(&mut table);
        let silent = (1..).take_while(|_| requests_reported(&mut table).is_empty());
        assert_eq!(
            silent.count() + 1,
            usize::try_from(cycles).unwrap(),
            "{interval:?}"
        );
    }
}
