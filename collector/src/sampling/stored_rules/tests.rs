//! What depends on the other rules: names, the count of them, the time of the last change; and, by a
//! map as the model, that any sequence of changes leaves what it should.

use std::collections::BTreeMap;

use proptest::prelude::*;
use radiograph_protocol::sampling::rule::DEFAULT_RULE_NAME;

use super::*;
use crate::sampling::validate::new_rule;
use radiograph_protocol::api::sampling::RuleMembers;
use radiograph_protocol::api::tags::Tag;

const HOME: (&str, &str) = ("eu-west-1", "111122223333");
const EXISTS: &str = "InvalidRequestException: Sampling rule already exists";
const UNKNOWN: &str = "InvalidRequestException: Sampling rule does not exist";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_704_067_200 + seconds)
}

fn fresh() -> StoredRules {
    StoredRules::fresh(HOME.0, HOME.1)
}

fn rule(name: &str, priority: i64, rate: f64) -> SamplingRule {
    let any = || Some("*".to_owned());
    let members = RuleMembers {
        rule_name: Some(name.to_owned()),
        resource_arn: any(),
        priority: Some(priority),
        fixed_rate: Some(rate),
        reservoir_size: Some(5),
        service_name: any(),
        service_type: any(),
        host: any(),
        http_method: any(),
        url_path: any(),
        version: Some(1),
        ..RuleMembers::default()
    };
    new_rule(members, HOME.0, HOME.1).unwrap()
}

fn named(name: &str) -> RuleId {
    RuleId::Name(name.to_owned())
}

fn rate(rate: f64) -> RuleChange {
    let members = RuleMembers {
        fixed_rate: Some(rate),
        ..RuleMembers::default()
    };
    RuleChange::checked(members).unwrap()
}

fn names(stored: &StoredRules) -> Vec<String> {
    let snapshot = stored.snapshot();
    let rules = snapshot.rules.iter();
    rules
        .map(|record| record.sampling_rule.rule_name.clone())
        .collect()
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Result<T, ApiError>, text: &str) {
    assert_eq!(answer.unwrap_err().to_string(), text);
}

#[test]
fn a_name_is_taken_once_and_the_default_rule_stays() {
    let mut stored = fresh();
    let tags = TagSet::default;
    stored
        .insert(rule("pay", 5, 0.1), tags(), 25, at(0))
        .unwrap();
    let before = stored.clone();
    let taken = stored.insert(rule("pay", 6, 0.1), tags(), 25, at(1));
    assert_refused(taken, EXISTS);
    let taken = stored.insert(rule(DEFAULT_RULE_NAME, 6, 0.1), tags(), 25, at(1));
    assert_refused(taken, EXISTS);
    assert_refused(stored.update(&named("gone"), &rate(0.2), at(1)), UNKNOWN);
    assert_refused(stored.remove(&named("gone"), at(1)), UNKNOWN);
    let arn = RuleId::Arn("arn:aws:xray:eu-west-1:111122223333:sampling-rule/gone".to_owned());
    assert_refused(stored.remove(&arn, at(1)), UNKNOWN);
    assert_refused(
        stored.remove(&named(DEFAULT_RULE_NAME), at(1)),
        "InvalidRequestException: The default sampling rule cannot be deleted",
    );
    assert_eq!(stored, before, "what is refused changes nothing");
    // names differ by case
    stored
        .insert(rule("Pay", 5, 0.1), tags(), 25, at(1))
        .unwrap();
    assert_eq!(names(&stored), ["Pay", "pay", "Default"]);
}

#[test]
fn there_are_so_many_rules_besides_the_default_rule() {
    let mut stored = fresh();
    for number in 0..25 {
        let rule = rule(&number.to_string(), 1, 0.1);
        stored.insert(rule, TagSet::default(), 25, at(0)).unwrap();
    }
    let refused = stored
        .insert(rule("more", 1, 0.1), TagSet::default(), 25, at(0))
        .unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::RuleLimitExceeded);
    assert_eq!(refused.message, "Exceeding maximum sampling rule count: 25");
    assert_eq!(names(&stored).len(), 26);
    stored.remove(&named("7"), at(1)).unwrap();
    stored
        .insert(rule("more", 1, 0.1), TagSet::default(), 25, at(2))
        .unwrap();
}

#[test]
fn every_change_of_a_rule_has_a_time_of_its_own_even_when_the_clock_goes_back() {
    let mut stored = fresh();
    let made = stored
        .insert(rule("pay", 5, 0.1), TagSet::default(), 25, at(100))
        .unwrap();
    assert_eq!((made.created_at, made.modified_at), (at(100), at(100)));
    let updated = stored.update(&named("pay"), &rate(0.2), at(50)).unwrap();
    assert_eq!(updated.created_at, at(100));
    assert_eq!(updated.modified_at, at(100).plus_micros(1));
    assert_eq!(stored.snapshot().last_modification, updated.modified_at);
    stored.remove(&named("pay"), at(100)).unwrap();
    assert_eq!(
        stored.snapshot().last_modification,
        at(100).plus_micros(2),
        "deleting counts"
    );
}

#[test]
fn the_default_rule_counts_as_edited_once_it_was() {
    let mut stored = fresh();
    let arn = "arn:aws:xray:eu-west-1:111122223333:sampling-rule/Default";
    let tags = stored.tags_mut(arn).unwrap();
    *tags = TagSet::checked(vec![Tag::new("k", "v")], arn).unwrap();
    let record = |stored: &StoredRules| stored.snapshot().rules[0].clone();
    assert_eq!(record(&stored).modified_at, Timestamp::default());
    assert_eq!(stored.snapshot().last_modification, Timestamp::default());
    // as it was, but somebody means it now
    stored
        .update(&RuleId::Arn(arn.to_owned()), &rate(0.05), at(1))
        .unwrap();
    let edited = record(&stored);
    assert_eq!(
        (edited.created_at, edited.modified_at),
        (Timestamp::default(), at(1))
    );
}

#[test]
fn rules_survive_being_stored_as_json() {
    let mut stored = fresh();
    let tags = TagSet::checked(vec![Tag::new("team", "x")], "pay").unwrap();
    let now = at(0).plus_micros(1);
    stored
        .insert(rule("pay", 5, 0.1 + 0.2), tags.clone(), 25, now)
        .unwrap();
    let json = serde_json::to_vec(&stored).unwrap();
    let read: StoredRules = serde_json::from_slice(&json).unwrap();
    assert_eq!(read, stored);
    let arn = "arn:aws:xray:eu-west-1:111122223333:sampling-rule/pay";
    assert_eq!(read.tags(arn), Some(&tags));
}

#[test]
fn rules_that_were_stored_before_they_had_tags_are_read() {
    let record = serde_json::to_value(&*fresh().snapshot().rules).unwrap();
    let json = serde_json::json!({"rules": record, "last_modification": 0.0});
    let read: StoredRules = serde_json::from_value(json).unwrap();
    assert_eq!(read, fresh());
}

#[derive(Debug, Clone)]
enum Step {
    Create(u8, i64, f64),
    Update(u8, f64),
    Delete(u8),
    Tag(u8),
}

fn step() -> impl Strategy<Value = Step> {
    // 0 is the Default rule
    let rule = 0..7_u8;
    prop_oneof![
        3 => (rule.clone(), 1..4_i64, 0.0..=1.0).prop_map(|(r, p, f)| Step::Create(r, p, f)),
        2 => (rule.clone(), 0.0..=1.0).prop_map(|(r, f)| Step::Update(r, f)),
        1 => rule.clone().prop_map(Step::Delete),
        1 => rule.prop_map(Step::Tag),
    ]
}

fn name_of(number: u8) -> String {
    match number {
        0 => DEFAULT_RULE_NAME.to_owned(),
        number => format!("rule-{number}"),
    }
}

const MODEL_RULES_MAX: u16 = 4;

/// What the step would do to rates and priorities by name; whether it changes a rule.
fn modelled(model: &mut BTreeMap<String, (i64, f64)>, step: &Step) -> bool {
    match step {
        Step::Create(number, priority, rate) => {
            let name = name_of(*number);
            let is_free = !model.contains_key(&name);
            let is_made = is_free && model.len() <= usize::from(MODEL_RULES_MAX);
            if is_made {
                model.insert(name, (*priority, *rate));
            }
            is_made
        }
        Step::Update(number, new_rate) => {
            let found = model.get_mut(&name_of(*number));
            found.map(|(_, rate)| *rate = *new_rate).is_some()
        }
        Step::Delete(number) => *number != 0 && model.remove(&name_of(*number)).is_some(),
        Step::Tag(_) => false,
    }
}

fn act(stored: &mut StoredRules, step: &Step, now: Timestamp) -> bool {
    match step {
        Step::Create(number, priority, rate) => {
            let rule = rule(&name_of(*number), *priority, *rate);
            let made = stored.insert(rule, TagSet::default(), MODEL_RULES_MAX, now);
            made.is_ok()
        }
        Step::Update(number, new_rate) => stored
            .update(&named(&name_of(*number)), &rate(*new_rate), now)
            .is_ok(),
        Step::Delete(number) => stored.remove(&named(&name_of(*number)), now).is_ok(),
        Step::Tag(number) => {
            let arn = format!(
                "arn:aws:xray:eu-west-1:111122223333:sampling-rule/{}",
                name_of(*number)
            );
            if let Some(tags) = stored.tags_mut(&arn) {
                *tags = TagSet::checked(vec![Tag::new("k", now.to_string())], &arn).unwrap();
            }
            false
        }
    }
}

proptest! {
    #[test]
    fn property_any_sequence_of_changes_leaves_what_a_map_would_hold_and_no_time_goes_back(
        steps in prop::collection::vec((step(), -5..20_i64), 0..60),
    ) {
        let mut stored = fresh();
        let mut model = BTreeMap::from([(DEFAULT_RULE_NAME.to_owned(), (10_000, 0.05))]);
        let mut clock = 0;
        for (step, ticks) in steps {
            clock += ticks;
            let before = stored.snapshot().last_modification;
            let is_done = act(&mut stored, &step, at(clock));
            prop_assert_eq!(is_done, modelled(&mut model, &step), "{:?}", step);
            stored = serde_json::from_slice(&serde_json::to_vec(&stored).unwrap()).unwrap();
            let snapshot = stored.snapshot();
            if is_done {
                prop_assert!(snapshot.last_modification > before);
                prop_assert!(snapshot.last_modification >= at(clock));
            } else {
                prop_assert_eq!(snapshot.last_modification, before);
            }
            let found = snapshot.rules.iter().map(|record| {
                let rule = &record.sampling_rule;
                (rule.rule_name.clone(), (i64::from(rule.priority), rule.fixed_rate))
            });
            prop_assert_eq!(&found.collect::<BTreeMap<_, _>>(), &model);
            prop_assert_eq!(snapshot.rules.len(), model.len(), "no name comes twice");
            prop_assert!(
                snapshot.rules.is_sorted_by(|a, b| a.sampling_rule.compare(&b.sampling_rule).is_lt())
            );
            let latest = snapshot.rules.iter().map(|record| record.modified_at).max();
            prop_assert!(latest.unwrap() <= snapshot.last_modification);
        }
    }
}
