//! What passes and what is decided, in each mode; the kept share; traces stay whole.

use proptest::prelude::*;
use radiograph_protocol::api::sampling::SamplingRuleRecord;
use radiograph_protocol::sampling::SamplingRule;
use radiograph_protocol::sampling::targets::Target;
use radiograph_protocol::sampling::{Lease, Request};
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Value, json};

use super::super::table::Server;
use super::*;

const NOW: i64 = 1_704_067_210;

fn rule(rule_name: &str, change: impl FnOnce(&mut SamplingRule)) -> SamplingRuleRecord {
    let mut rule = SamplingRule {
        rule_name: rule_name.to_owned(),
        fixed_rate: 0.0,
        reservoir_size: 0,
        ..SamplingRule::default_rule(String::new())
    };
    change(&mut rule);
    SamplingRuleRecord {
        sampling_rule: rule,
        created_at: Timestamp::default(),
        modified_at: Timestamp::default(),
    }
}

fn decider(mode: SamplingMode, rules: Vec<SamplingRuleRecord>) -> Decider {
    let mut decider = Decider::new(mode);
    decider.table.reload(rules, Server::Radiograph);
    decider
}

fn document(trace: u32, change: impl FnOnce(&mut Value)) -> String {
    let mut document = json!({
        "name": "shop", "id": "3f1e0c2b9a8d7e6f", "start_time": 1.0, "end_time": 2.0,
        "trace_id": format!("1-6592008a-{trace:024x}"),
    });
    change(&mut document);
    document.to_string()
}

fn served(method: &str, url: &str) -> Value {
    json!({"request": {"method": method, "url": url}})
}

fn root(trace: u32) -> String {
    document(trace, |_| ())
}

fn child(trace: u32) -> String {
    document(trace, |d| d["parent_id"] = json!("a1b2c3d4e5f60718"))
}

fn marked(trace: u32) -> String {
    document(trace, |d| {
        d["aws"] = json!({"xray": {"sdk": "X-Ray for Go"}});
    })
}

fn is_kept(decider: &mut Decider, document: &str) -> bool {
    decider.decide(document.as_bytes(), NOW, &mut || 0.5) == Decision::Record
}

#[test]
fn roots_without_a_mark_are_decided_and_all_else_passes() {
    let mut decider = decider(SamplingMode::Auto, vec![rule("none", |_| ())]);
    let cases = [
        ("root", root(1), false),
        (
            "root in progress",
            document(2, |d| d["in_progress"] = json!(true)),
            false,
        ),
        ("marked root", marked(3), true),
        ("child", child(4), true),
        (
            "subsegment",
            document(5, |d| d["type"] = json!("subsegment")),
            true,
        ),
        ("OTLP", "T1SCuwH".to_owned(), true),
        ("no JSON", "{\"trace_id\":".to_owned(), true),
        (
            "no trace id",
            document(6, |d| d["trace_id"] = json!("1")),
            true,
        ),
        ("several documents", format!("[{}]", root(7)), true),
    ];
    for (name, document, kept) in cases {
        assert_eq!(is_kept(&mut decider, &document), kept, "{name}");
    }
}

#[test]
fn strictly_every_root_is_decided_and_by_the_untouched_default_rule_too() {
    let mut decider = decider(SamplingMode::Strict, vec![rule("Default", |_| ())]);
    assert!(!decider.is_idle());
    assert!(!is_kept(&mut decider, &marked(1)));
    assert!(!is_kept(&mut decider, &root(2)));
    assert!(is_kept(&mut decider, &child(3)));
    decider.set_mode(SamplingMode::Auto);
    assert!(decider.is_idle());
    assert!(
        is_kept(&mut decider, &root(2)),
        "the decisions of another mode are forgotten"
    );
}

#[test]
fn switched_off_everything_passes() {
    let mut decider = decider(SamplingMode::Off, vec![rule("none", |_| ())]);
    assert!(decider.is_idle());
    assert!(is_kept(&mut decider, &root(1)));
}

#[test]
fn a_root_falls_under_the_first_rule_that_matches_its_request() {
    let get = |url: &str| served("GET", url);
    let rules = vec![
        rule("health", |r| {
            r.url_path = "/health".into();
            r.http_method = "GET".into();
        }),
        rule("lambda", |r| r.service_type = "AWS::Lambda*".into()),
        rule("host", |r| r.host = "internal.test".into()),
        rule("name", |r| r.service_name = "batch-?".into()),
        rule("rest", |r| r.fixed_rate = 1.0),
    ];
    let mut decider = decider(SamplingMode::Auto, rules);
    let cases = [
        (
            "health",
            false,
            get("http://shop.test/health?x=1"),
            "",
            "shop",
        ),
        (
            "other method",
            true,
            served("PUT", "http://shop.test/health"),
            "",
            "shop",
        ),
        ("other path", true, get("http://shop.test/cart"), "", "shop"),
        (
            "type",
            false,
            get("http://shop.test/"),
            "AWS::Lambda::Function",
            "shop",
        ),
        ("host", false, get("http://internal.test/"), "", "shop"),
        ("name", false, get("http://shop.test/"), "", "batch-7"),
        (
            "unknown request matches every pattern",
            false,
            json!(null),
            "",
            "shop",
        ),
    ];
    for (trace, (case, kept, http, origin, name)) in (0..).zip(cases) {
        let text = document(trace, |d| {
            d["http"] = http;
            d["origin"] = json!(origin);
            d["name"] = json!(name);
        });
        assert_eq!(is_kept(&mut decider, &text), kept, "{case}");
    }
}

#[test]
fn a_trace_follows_its_first_document() {
    let mut decider = decider(SamplingMode::Auto, vec![rule("none", |_| ())]);
    for document in [root(1), child(1), root(1), marked(1)] {
        assert!(!is_kept(&mut decider, &document), "dropped: {document}");
    }
    for document in [child(2), root(2), child(2)] {
        assert!(is_kept(&mut decider, &document), "passed: {document}");
    }
    let reports = decider.table.reports("c", Timestamp::default());
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].request_count, 1, "decided once, counted once");
}

#[test]
fn remembered_drops_are_followed_until_they_are_forgotten_though_no_rule_drops_any_more() {
    let mut decider = decider(SamplingMode::Auto, vec![rule("none", |_| ())]);
    assert!(!is_kept(&mut decider, &root(1)));
    decider.table.abandon();
    assert!(!decider.is_idle());
    assert!(!is_kept(&mut decider, &child(1)));
    assert!(
        is_kept(&mut decider, &root(2)),
        "abandoned rules decide nothing"
    );
    decider.memory.forget_older(NOW + 600);
    assert!(decider.is_idle());
}

/// The rule's quota as leased, for good.
fn leased(decider: &mut Decider, rule_name: &str, quota: u32, fixed_rate: f64) {
    decider.table.apply(&[Target {
        rule_name: rule_name.to_owned(),
        fixed_rate: Some(fixed_rate),
        lease: Some(Lease {
            quota,
            ttl_seconds: i64::MAX,
        }),
        interval_seconds: None,
    }]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_the_kept_share_is_the_rules_at_any_request_rate(
        per_second in prop::collection::vec(0_u32..600, 1..6),
        quota in 0_u32..50,
        fixed_rate in 0.0_f64..=1.0,
        mode in prop_oneof![Just(SamplingMode::Auto), Just(SamplingMode::Strict)],
    ) {
        let mut decider = decider(mode, vec![rule("r", |r| r.reservoir_size = 50)]);
        leased(&mut decider, "r", quota, fixed_rate);
        // Multiples of the golden ratio fill [0, 1) evenly.
        let mut steps = 0.0_f64;
        let mut draw = || {
            steps += 0.618_033_988_749_894_9;
            steps.fract()
        };
        let (mut trace, mut kept, mut expected) = (0, 0_u32, 0.0);
        for (second, requests) in (NOW..).zip(&per_second) {
            let mut kept_now = 0;
            for _ in 0..*requests {
                trace += 1;
                let decision = decider.decide(root(trace).as_bytes(), second, &mut draw);
                kept_now += u32::from(decision == Decision::Record);
            }
            let by_quota = quota.min(*requests);
            prop_assert!(kept_now >= by_quota);
            kept += kept_now;
            expected += f64::from(by_quota) + fixed_rate * f64::from(requests - by_quota);
        }
        // A rate of one can drop nothing, so nothing is decided or counted then.
        let slack = 4.0 * f64::from(u32::try_from(per_second.len()).unwrap());
        prop_assert!((f64::from(kept) - expected).abs() <= slack, "{kept}, not {expected}");
        let counted = decider.table.reports("c", Timestamp::default());
        let counted: u64 = counted.iter().map(|report| report.request_count).sum();
        let all = if fixed_rate < 1.0 { u64::from(trace) } else { 0 };
        prop_assert_eq!(counted, all);
    }

    #[test]
    fn property_no_second_keeps_more_than_the_quota_when_the_rate_is_zero(
        quota in 0_u32..20,
        moments in prop::collection::vec((0_i64..3, 0_u32..60), 1..20),
    ) {
        let mut decider = decider(SamplingMode::Auto, vec![rule("r", |r| r.reservoir_size = 9)]);
        leased(&mut decider, "r", quota, 0.0);
        let (mut second, mut trace) = (NOW, 0);
        let mut kept = std::collections::BTreeMap::<i64, u32>::new();
        for (step, requests) in moments {
            second += step;
            for _ in 0..requests {
                trace += 1;
                let decision = decider.decide(root(trace).as_bytes(), second, &mut || 0.0);
                *kept.entry(second).or_default() += u32::from(decision == Decision::Record);
            }
        }
        prop_assert!(kept.values().all(|count| *count <= quota), "{kept:?} over {quota}");
    }

    #[test]
    fn property_a_trace_is_kept_or_dropped_whole_in_any_order_and_with_repeats(
        mode in prop_oneof![Just(SamplingMode::Auto), Just(SamplingMode::Strict)],
        arrivals in prop::collection::vec((0_u32..12, 0_usize..5, 0_i64..20), 1..150),
    ) {
        let mut decider = decider(mode, vec![rule("r", |r| r.reservoir_size = 1)]);
        let mut steps = 0.0_f64;
        let mut fates = std::collections::BTreeMap::<u32, Vec<Decision>>::new();
        leased(&mut decider, "r", 0, 0.5);
        for (trace, form, second) in arrivals {
            let text = match form {
                0 => root(trace),
                1 => document(trace, |d| d["in_progress"] = json!(true)),
                2 => child(trace),
                3 => document(trace, |d| d["type"] = json!("subsegment")),
                _ => marked(trace),
            };
            let mut draw = || {
                steps += 0.618_033_988_749_894_9;
                steps.fract()
            };
            let decision = decider.decide(text.as_bytes(), NOW + second, &mut draw);
            fates.entry(trace).or_default().push(decision);
        }
        for (trace, fate) in &fates {
            prop_assert!(fate.iter().all(|each| *each == fate[0]), "trace {trace}: {fate:?}");
        }
        let counted = decider.table.reports("c", Timestamp::default());
        let counted: u64 = counted.iter().map(|report| report.request_count).sum();
        prop_assert!(counted <= u64::try_from(fates.len()).unwrap(), "each at most once");
    }
}

#[test]
fn a_request_that_no_rule_matches_is_recorded() {
    let mut decider = decider(
        SamplingMode::Auto,
        vec![rule("other", |r| r.service_name = "other".into())],
    );
    assert!(is_kept(&mut decider, &root(1)));
    let request = Request {
        service_name: Some("other"),
        ..Request::default()
    };
    assert_eq!(
        decider.table.decide(&request, false, NOW, 0.5),
        Decision::Drop
    );
}
