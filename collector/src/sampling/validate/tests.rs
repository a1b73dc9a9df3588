//! Each member just within and just beyond its bounds, on create and on update alike.

use radiograph_protocol::api::decode;
use radiograph_protocol::api::sampling::{CreateSamplingRuleRequest, UpdateSamplingRuleRequest};
use serde_json::{Value, json};

use super::*;

/// A rule with only the required members.
fn least() -> Value {
    json!({
        "RuleName": "pay", "ResourceARN": "*", "Priority": 5, "FixedRate": 0.5, "ReservoirSize": 10,
        "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "POST",
        "URLPath": "/pay/*", "Version": 1
    })
}

fn created(rule: &Value) -> Result<SamplingRule, String> {
    let body = json!({"SamplingRule": rule}).to_string();
    let request: CreateSamplingRuleRequest = decode(body.as_bytes()).unwrap();
    new_rule(request.sampling_rule.unwrap(), "eu-west-1", "111122223333")
        .map_err(|error| error.to_string())
}

fn changed(rule: &SamplingRule, update: &Value) -> Result<SamplingRule, String> {
    let body = json!({"SamplingRuleUpdate": update}).to_string();
    let request: UpdateSamplingRuleRequest = decode(body.as_bytes()).unwrap();
    RuleChange::checked(request.sampling_rule_update.unwrap())
        .and_then(|change| change.applied_to(rule))
        .map_err(|error| error.to_string())
}

fn refused<T>(text: &str) -> Result<T, String> {
    Err(format!("InvalidRequestException: {text}"))
}

/// So many characters of two bytes each: bounds are in characters.
fn chars(count: usize) -> Value {
    Value::from("é".repeat(count))
}

fn attributes_of(count: usize) -> Value {
    let entries = (0..count).map(|number| (number.to_string(), json!("*")));
    Value::Object(entries.collect())
}

#[test]
fn a_rule_of_the_required_members_is_one() {
    let expected = SamplingRule {
        rule_name: "pay".to_owned(),
        priority: 5,
        fixed_rate: 0.5,
        reservoir_size: 10,
        http_method: "POST".to_owned(),
        url_path: "/pay/*".to_owned(),
        ..SamplingRule::default_rule(
            "arn:aws:xray:eu-west-1:111122223333:sampling-rule/pay".to_owned(),
        )
    };
    assert_eq!(created(&least()), Ok(expected.clone()));
    let mut with_arn = least();
    with_arn["RuleARN"] = json!("arn:of:mine");
    assert_eq!(created(&with_arn), Ok(expected), "a given ARN is ignored");
}

#[test]
fn each_required_member_is_required() {
    let rule = least();
    for member in rule.as_object().unwrap().keys() {
        let text = refused(&format!("{member} must not be null"));
        let mut absent = rule.clone();
        absent.as_object_mut().unwrap().remove(member);
        assert_eq!(created(&absent), text);
        let mut null = rule.clone();
        null[member] = Value::Null;
        assert_eq!(created(&null), text);
    }
}

/// Member, values within its bounds, values beyond, what is said of those.
type Row = (&'static str, Vec<Value>, Vec<Value>, &'static str);

const NOT_32_BITS: &str = "must be between 0 and 2147483647";
const INT_MAX: i64 = i32::MAX as i64;

fn text_bounds() -> Vec<Row> {
    let text = |member: &'static str, most: usize, said: &'static str| {
        let inside = vec![json!(""), json!("*"), chars(most)];
        (member, inside, vec![chars(most + 1)], said)
    };
    vec![
        text("ResourceARN", 500, "must have at most 500 characters"),
        text("ServiceName", 64, "must have at most 64 characters"),
        text("ServiceType", 64, "must have at most 64 characters"),
        text("Host", 64, "must have at most 64 characters"),
        text("HTTPMethod", 10, "must have at most 10 characters"),
        text("URLPath", 128, "must have at most 128 characters"),
    ]
}

fn number_bounds() -> Vec<Row> {
    vec![
        (
            "Priority",
            vec![json!(1), json!(9999)],
            vec![json!(0), json!(-1), json!(10_000), json!(i64::MAX)],
            "must be between 1 and 9999",
        ),
        (
            "FixedRate",
            vec![json!(0), json!(0.0), json!(1), json!(1.0)],
            vec![json!(-1e-9), json!(1.000_000_1), json!(100)],
            "must be between 0 and 1",
        ),
        (
            "ReservoirSize",
            vec![json!(0), json!(INT_MAX)],
            vec![json!(-1), json!(INT_MAX + 1)],
            NOT_32_BITS,
        ),
    ]
}

fn attribute_bounds() -> Vec<Row> {
    let (sound, long) = ("é".repeat(32), "é".repeat(33));
    let attribute = |key: &str, pattern: &str| json!({ key: pattern });
    let length = "must have 1 to 32 characters";
    vec![
        (
            "Attributes",
            vec![json!({}), attributes_of(5), attribute(&sound, &sound)],
            vec![attributes_of(6)],
            "must have at most 5 entries",
        ),
        (
            "Keys of Attributes",
            vec![],
            vec![attribute("", "*"), attribute(&long, "*")],
            length,
        ),
        (
            "Values of Attributes",
            vec![],
            vec![attribute("k", ""), attribute("k", &long)],
            length,
        ),
    ]
}

fn boost_bounds() -> Vec<Row> {
    let boost =
        |rate: f64, minutes: i64| json!({"MaxRate": rate, "CooldownWindowMinutes": minutes});
    let whole = vec![boost(0.0, 0), boost(1.0, INT_MAX)];
    let (rate, minutes) = ("MaxRate", "CooldownWindowMinutes");
    let beyond = vec![boost(-0.1, 1), boost(1.1, 1)];
    let beyond_minutes = vec![boost(0.5, -1), boost(0.5, INT_MAX + 1)];
    let (no_rate, no_minutes) = (json!({ minutes: 1 }), json!({ rate: 0.5 }));
    vec![
        ("SamplingRateBoost", whole, vec![], ""),
        (rate, vec![], beyond, "must be between 0 and 1"),
        (rate, vec![], vec![no_rate], "must not be null"),
        (minutes, vec![], beyond_minutes, NOT_32_BITS),
        (minutes, vec![], vec![no_minutes], "must not be null"),
    ]
}

/// The member of the rule that a row is about.
fn member_of(row: &'static str) -> &'static str {
    match row {
        "Keys of Attributes" | "Values of Attributes" => "Attributes",
        "MaxRate" | "CooldownWindowMinutes" => "SamplingRateBoost",
        member => member,
    }
}

#[test]
fn each_member_has_its_bounds_on_create_and_update() {
    let rule = created(&least()).unwrap();
    let rows = [
        text_bounds(),
        number_bounds(),
        attribute_bounds(),
        boost_bounds(),
    ];
    for (row, inside, outside, said) in rows.concat() {
        let member = member_of(row);
        for value in inside {
            let mut given = least();
            given[member] = value.clone();
            let made = created(&given).unwrap_or_else(|error| panic!("{value}: {error}"));
            let update = json!({ member: value });
            assert_eq!(changed(&rule, &update), Ok(made.clone()), "{update}");
            let shown = serde_json::to_value(&made).unwrap();
            let shown = &shown[member];
            assert!(
                *shown == value || shown.as_f64() == value.as_f64() && value.is_number(),
                "{member}: {shown}"
            );
        }
        for value in outside {
            let mut given = least();
            given[member] = value.clone();
            let text = format!("{row} {said}");
            assert_eq!(created(&given), refused(&text), "create {member} {value}");
            let update = json!({ member: value });
            assert_eq!(changed(&rule, &update), refused(&text), "update {update}");
        }
    }
}

#[test]
fn numbers_that_are_none_are_no_rates() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let members = RuleMembers {
            fixed_rate: Some(number),
            ..RuleMembers::default()
        };
        let error = RuleChange::checked(members).unwrap_err();
        assert_eq!(error.message, "FixedRate must be between 0 and 1");
    }
}

#[test]
fn minus_zero_is_written_as_zero() {
    let mut given = least();
    given["FixedRate"] = json!(-0.0);
    let rule = created(&given).unwrap();
    assert!(rule.fixed_rate.is_sign_positive());
}

#[test]
fn a_new_rule_has_a_name_of_1_to_32_characters_and_version_1() {
    let length = "RuleName must have 1 to 32 characters";
    for (member, value, text) in [
        ("RuleName", json!(""), length),
        ("RuleName", chars(33), length),
        ("Version", json!(0), "Version must be 1"),
        ("Version", json!(2), "Version must be 1"),
    ] {
        let mut given = least();
        given[member] = value;
        assert_eq!(created(&given), refused(text));
    }
    let mut given = least();
    given["RuleName"] = chars(32);
    assert_eq!(created(&given).unwrap().rule_name, "é".repeat(32));
}

#[test]
fn a_null_pattern_of_an_attribute_is_none() {
    let mut given = least();
    given["Attributes"] = attributes_of(5);
    given["Attributes"]["zone"] = Value::Null;
    assert_eq!(created(&given).unwrap().attributes.len(), 5);
}

#[test]
fn an_update_leaves_what_it_omits_but_for_the_boost() {
    let mut given = least();
    given["Attributes"] = json!({"tier": "gold"});
    given["SamplingRateBoost"] = json!({"MaxRate": 0.5, "CooldownWindowMinutes": 10});
    let rule = created(&given).unwrap();
    assert!(rule.sampling_rate_boost.is_some());
    let bare = SamplingRule {
        sampling_rate_boost: None,
        ..rule.clone()
    };
    assert_eq!(changed(&rule, &json!({})), Ok(bare.clone()));
    let nulls = json!({"Host": null, "Attributes": null, "SamplingRateBoost": null});
    assert_eq!(changed(&rule, &nulls), Ok(bare.clone()));
    assert_eq!(
        changed(&bare, &json!({"Version": 7})),
        Ok(bare),
        "a version says nothing"
    );
    let emptied = changed(&rule, &json!({"Attributes": {}})).unwrap();
    assert_eq!(emptied.attributes, BTreeMap::new(), "replaced as a whole");
}

#[test]
fn of_the_default_rule_rate_and_reservoir_alone_may_change() {
    let rule = SamplingRule::default_rule("arn".to_owned());
    let update = json!({"FixedRate": 0.25, "ReservoirSize": 7, "Host": "*"});
    let expected = SamplingRule {
        fixed_rate: 0.25,
        reservoir_size: 7,
        ..rule.clone()
    };
    assert_eq!(changed(&rule, &update), Ok(expected));
    let text =
        "Only the reservoir size and fixed rate of the default sampling rule can be modified";
    for update in [
        json!({"ResourceARN": "arn"}),
        json!({"Priority": 9999}),
        json!({"ServiceName": "shop"}),
        json!({"ServiceType": ""}),
        json!({"Host": "h"}),
        json!({"HTTPMethod": "GET"}),
        json!({"URLPath": "/"}),
        json!({"Attributes": {"k": "v"}}),
        json!({"FixedRate": 0.25, "SamplingRateBoost": {"MaxRate": 1, "CooldownWindowMinutes": 1}}),
    ] {
        assert_eq!(changed(&rule, &update), refused(text), "{update}");
    }
}

#[test]
fn a_request_names_its_rule_in_one_way() {
    let id = |name: Option<&str>, arn: Option<&str>| {
        RuleId::checked(name.map(str::to_owned), arn.map(str::to_owned))
            .map_err(|error| error.to_string())
    };
    assert_eq!(id(Some("pay"), None), Ok(RuleId::Name("pay".to_owned())));
    assert_eq!(id(None, Some("arn")), Ok(RuleId::Arn("arn".to_owned())));
    let both = "Request cannot contain both sampling rule name and sampling rule ARN";
    assert_eq!(id(Some("pay"), Some("arn")), refused(both));
    let neither = "Request must contain either sampling rule name or sampling rule ARN";
    assert_eq!(id(None, None), refused(neither));
    let length = "RuleName must have 1 to 32 characters";
    assert_eq!(id(Some(""), None), refused(length));
    assert_eq!(id(Some(&"x".repeat(33)), None), refused(length));
}
