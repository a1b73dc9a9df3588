//! Files as SDKs read them, what they refuse, and that rules which can be said locally come back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn file(version: u32, rules: &Value) -> String {
    json!({"version": version, "default": {"fixed_target": 1, "rate": 0.05}, "rules": rules})
        .to_string()
}

fn local(changes: &Value) -> Value {
    let mut rule = json!({
        "host": "*", "http_method": "POST", "url_path": "/cart/*", "fixed_target": 5, "rate": 0.2
    });
    for (member, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => rule.as_object_mut().unwrap().remove(member),
            value => rule
                .as_object_mut()
                .unwrap()
                .insert(member.clone(), value.clone()),
        };
    }
    rule
}

fn imported(text: &str) -> Vec<SamplingRule> {
    LocalRules::parse(text).unwrap().imported()
}

#[test]
fn rules_become_sampling_rules_in_their_order_before_the_default_rule() {
    let text = file(
        2,
        &json!([
            local(&json!({"description": "checkout"})),
            local(&json!({"host": "a.test"}))
        ]),
    );
    let any = || SamplingRule::default_rule(String::new());
    let first = SamplingRule {
        rule_name: "checkout".to_owned(),
        priority: 10,
        fixed_rate: 0.2,
        reservoir_size: 5,
        http_method: "POST".to_owned(),
        url_path: "/cart/*".to_owned(),
        ..any()
    };
    let second = SamplingRule {
        rule_name: "local-2".to_owned(),
        priority: 20,
        host: "a.test".to_owned(),
        ..first.clone()
    };
    assert_eq!(imported(&text), [first, second, any()]);
    let alone = r#"{"version":1,"default":{"fixed_target":7,"rate":1}}"#;
    let default = SamplingRule {
        fixed_rate: 1.0,
        reservoir_size: 7,
        ..any()
    };
    assert_eq!(imported(alone), [default]);
}

#[test]
fn version_1_calls_the_host_service_name() {
    let rule = local(&json!({"host": null, "service_name": "shop.test"}));
    assert_eq!(imported(&file(1, &json!([rule])))[0].host, "shop.test");
}

#[test]
fn names_are_unique_and_can_be_names() {
    let long = "x".repeat(33);
    let described = [
        "a", "a", "Default", "", &long, "local-1", "local-9", "\u{e9}",
    ];
    let rules = described.map(|text| local(&json!({"description": text})));
    let rules = imported(&file(2, &json!(rules)));
    let names: Vec<&str> = rules.iter().map(|rule| &*rule.rule_name).collect();
    let expected = [
        "a", "local-2", "local-3", "local-4", "local-5", "local-6", "local-9", "\u{e9}", "Default",
    ];
    assert_eq!(names, expected);
}

#[test]
fn each_file_that_is_none_has_its_text() {
    let word = |version: u32, word: &str| {
        format!("rule 1: rules of version {version} match on {word} and on nothing in its place")
    };
    let with = |changes: Value| file(2, &json!([local(&changes)]));
    let shape = "not a file of local rules".to_owned();
    let rows = [
        (String::new(), shape.clone()),
        ("[]".to_owned(), shape.clone()),
        (r#"{"version":2,"rules":[]}"#.to_owned(), shape.clone()),
        (
            r#"{"version":2,"default":{"rate":1}}"#.to_owned(),
            shape.clone(),
        ),
        (
            r#"{"version":2,"default":{"fixed_target":1,"rate":1,"host":"*"}}"#.to_owned(),
            shape.clone(),
        ),
        (with(json!({"url_path": null})), shape.clone()),
        (with(json!({"fixed_target": -1})), shape.clone()),
        (with(json!({"priority": 1})), shape),
        (
            file(0, &json!([])),
            "version 0: there are 1 and 2".to_owned(),
        ),
        (
            file(3, &json!([])),
            "version 3: there are 1 and 2".to_owned(),
        ),
        (with(json!({"host": null})), word(2, "host")),
        (with(json!({"service_name": "*"})), word(2, "host")),
        (
            file(1, &json!([local(&json!({}))])),
            word(1, "service_name"),
        ),
        (
            with(json!({"rate": 1.5})),
            "rule 1: rate 1.5 is not between 0 and 1".to_owned(),
        ),
        (
            r#"{"version":2,"default":{"fixed_target":1,"rate":-1}}"#.to_owned(),
            "default: rate -1 is not between 0 and 1".to_owned(),
        ),
        (
            with(json!({"fixed_target": 2_147_483_648_u32})),
            "rule 1: fixed_target 2147483648 is above 2147483647".to_owned(),
        ),
        (
            file(2, &json!(vec![local(&json!({})); 1000])),
            "1000 rules: there may be 999".to_owned(),
        ),
    ];
    for (text, expected) in rows {
        let refused = LocalRules::parse(&text).unwrap_err().to_string();
        assert_eq!(refused, expected, "{text}");
    }
    let most = imported(&file(2, &json!(vec![local(&json!({})); 999])));
    assert_eq!(most[998].priority, 9990);
}

#[test]
fn rules_that_ask_for_more_than_local_rules_know_are_left_out() {
    let plain = SamplingRule {
        rule_name: "plain".to_owned(),
        priority: 1,
        ..SamplingRule::default_rule(String::new())
    };
    let named = |name: &str| SamplingRule {
        rule_name: name.to_owned(),
        ..plain.clone()
    };
    let rules = [
        SamplingRule {
            service_name: "shop".to_owned(),
            ..named("service")
        },
        SamplingRule {
            service_type: "AWS::*".to_owned(),
            ..named("type")
        },
        plain.clone(),
        SamplingRule {
            resource_arn: String::new(),
            ..named("resource")
        },
        SamplingRule {
            attributes: [("k".to_owned(), "*".to_owned())].into(),
            ..named("attributes")
        },
        SamplingRule::default_rule(String::new()),
    ];
    let (file, left_out) = LocalRules::exported(&rules).unwrap();
    assert_eq!(left_out, ["service", "type", "resource", "attributes"]);
    let expected = json!({
        "version": 2,
        "default": {"fixed_target": 1, "rate": 0.05},
        "rules": [{
            "description": "plain", "host": "*", "http_method": "*", "url_path": "*",
            "fixed_target": 1, "rate": 0.05
        }]
    });
    assert_eq!(serde_json::to_value(&file).unwrap(), expected);
    let refused = LocalRules::exported(&rules[..5]).unwrap_err().to_string();
    assert_eq!(refused, "there is no Default rule");
}

proptest! {
    #[test]
    fn property_rules_of_a_file_come_back_after_export(
        rules in prop::collection::vec(("[a-z*?]{0,8}", "[A-Z]{1,4}", "/[a-z*]{0,8}", 0..100_u32, 0.0..=1.0), 0..20),
        default in (0..100_u32, 0.0..=1.0),
    ) {
        let rules: Vec<Value> = rules
            .iter()
            .enumerate()
            .map(|(index, (host, method, path, fixed_target, rate))| json!({
                "description": format!("rule {index}"), "host": host, "http_method": method,
                "url_path": path, "fixed_target": fixed_target, "rate": rate
            }))
            .collect();
        let text = json!({
            "version": 2, "rules": rules,
            "default": {"fixed_target": default.0, "rate": default.1}
        });
        let read = LocalRules::parse(&text.to_string()).unwrap();
        let imported = read.imported();
        prop_assert!(imported.is_sorted_by(|a, b| a.compare(b).is_lt()));
        let (exported, left_out) = LocalRules::exported(&imported).unwrap();
        prop_assert_eq!(left_out, Vec::<&str>::new());
        prop_assert_eq!(exported, read);
    }
}
