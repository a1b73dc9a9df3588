//! What holds of every expression, of every text, and of every trace.

use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::no_groups;
use super::traces::seven;
use crate::filter::ast::{
    AnnotationTest, CallSide, CallTerm, Clause, Comparison, Expression, GroupBy, GroupTerm,
    NodePattern, NumberOp, TextOp, TraceTerm,
};
use crate::filter::keyword::{CauseList, KEYWORDS, Keyword, Scope};
use crate::filter::{GroupRef, Spelled, parse, parse_group, parse_selector};

/// What every group in these tests selects.
const GROUP: &str = "responsetime > 2 OR fault";

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of what knows groups"
)]
fn every_group(_: GroupRef<'_>) -> Option<Expression> {
    Some(parse_group(GROUP).unwrap())
}

/// Values that the seven traces have, and any others.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "web",
            "api",
            "alice",
            "GET",
            "gold",
            "orders",
            "resize",
            "i-0aa1",
            "rate exceeded",
            "AWS::DynamoDB::Table",
            "client",
            "http://shop.example.com/cart",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
        any::<String>(),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![0.0, 0.25, 1.0, 2.0, 2.5, 6.2, 200.0, 404.0, 12.0]),
        any::<f64>().prop_filter("no literal is NaN", |number| !number.is_nan()),
    ]
}

fn number_op() -> impl Strategy<Value = NumberOp> {
    prop::sample::select(vec![
        NumberOp::Equal,
        NumberOp::NotEqual,
        NumberOp::Less,
        NumberOp::LessOrEqual,
        NumberOp::Greater,
        NumberOp::GreaterOrEqual,
    ])
}

fn text_op() -> impl Strategy<Value = TextOp> {
    prop::sample::select(vec![
        TextOp::Equal,
        TextOp::NotEqual,
        TextOp::Contains,
        TextOp::BeginsWith,
        TextOp::EndsWith,
    ])
}

fn comparison(scope: Scope) -> impl Strategy<Value = Comparison> {
    let allowed = KEYWORDS
        .iter()
        .filter(|(_, _, scopes)| scopes.contains(&scope));
    let allowed: Vec<Keyword> = allowed.map(|(_, keyword, _)| *keyword).collect();
    let keyword = prop::sample::select(allowed);
    let operands = (
        any::<bool>(),
        prop::option::of((number_op(), number())),
        prop::option::of((text_op(), string())),
    );
    (keyword, operands).prop_map(|(keyword, (is, number, text))| match keyword {
        Keyword::Flag(keyword) => Comparison::Flag(keyword, is),
        Keyword::Number(keyword) => Comparison::Number(keyword, number),
        Keyword::Text(keyword) => Comparison::Text(keyword, text),
    })
}

fn call_term() -> impl Strategy<Value = CallTerm> {
    let of = |of: CallSide, scope: Scope| {
        comparison(scope).prop_map(move |comparison| CallTerm { of, comparison })
    };
    prop_oneof![
        of(CallSide::Call, Scope::Call),
        of(CallSide::Source, Scope::Segment),
        of(CallSide::Destination, Scope::Segment),
    ]
}

/// Terms joined in every way, a few levels deep.
fn clause<T: Clone + std::fmt::Debug + 'static>(
    term: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Clause<T>> {
    let leaf = term.prop_map(Clause::Term);
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Clause::And),
            vec(inner.clone(), 2..4).prop_map(Clause::Or),
            inner.prop_map(|inner| Clause::Not(Box::new(inner))),
        ]
    })
}

fn node() -> impl Strategy<Value = NodePattern> {
    let part = || prop::option::of(string());
    prop_oneof![
        string().prop_map(NodePattern::Name),
        (part(), part(), part())
            .prop_filter("at least one is given", |(name, kind, account_id)| {
                name.is_some() || kind.is_some() || account_id.is_some()
            })
            .prop_map(|(name, kind, account_id)| NodePattern::Id {
                name,
                kind,
                account_id,
            }),
    ]
}

fn annotation() -> impl Strategy<Value = TraceTerm> {
    let key = prop_oneof![
        prop::sample::select(vec!["plan", "items", "beta"]).prop_map(str::to_owned),
        "[a-zA-Z0-9_.:-]{1,6}",
        "[^\\] \t\r\n]([^\\]]{0,5}[^\\] \t\r\n])?",
    ];
    let test = prop_oneof![
        Just(AnnotationTest::Exists),
        any::<bool>().prop_map(AnnotationTest::Flag),
        (number_op(), number()).prop_map(|(operator, than)| AnnotationTest::Number(operator, than)),
        (text_op(), string()).prop_map(|(operator, than)| AnnotationTest::Text(operator, than)),
    ];
    (key, test).prop_map(|(key, test)| TraceTerm::Annotation { key, test })
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        number().prop_map(Value::from),
        string().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop::sample::select(vec!["Services", "Name", "EntityPath", "Coverage", "\"\\é"]);
    btree_map(name.prop_map(str::to_owned), value, 0..3).prop_map(Map::from_iter)
}

fn trace_term() -> impl Strategy<Value = TraceTerm> {
    let fields = |scope| clause(comparison(scope));
    let service = (
        prop_oneof![Just(NodePattern::Any), node()],
        prop::option::of(fields(Scope::Segment)),
    );
    let ends = prop_oneof![Just((NodePattern::Any, NodePattern::Any)), (node(), node()),];
    let edge = (ends, prop::option::of(clause(call_term())));
    let root_cause = prop::sample::select(CauseList::ALL.to_vec())
        .prop_flat_map(move |(list, _, scope)| (Just(list), fields(scope)));
    let group = (
        prop::sample::select(vec![GroupBy::Name, GroupBy::Arn]),
        string(),
    );
    prop_oneof![
        4 => comparison(Scope::Trace).prop_map(TraceTerm::Field),
        2 => annotation(),
        2 => service.prop_map(|(node, filter)| TraceTerm::Service { node, filter }),
        2 => edge.prop_map(|((source, target), filter)| TraceTerm::Edge { source, target, filter }),
        2 => root_cause.prop_map(|(list, filter)| TraceTerm::RootCause { list, filter }),
        1 => vec(object(json()), 0..3).prop_map(TraceTerm::RootCauseJson),
        1 => group.prop_map(|(by, value)| TraceTerm::Group(GroupTerm {
            by,
            expression: if by == GroupBy::Name && value == "Default" {
                Arc::default()
            } else {
                Arc::new(parse_group(GROUP).unwrap())
            },
            value,
        })),
    ]
}

pub(crate) fn expression() -> impl Strategy<Value = Expression> {
    prop::option::weighted(0.98, clause(trace_term())).prop_map(|clause| Expression { clause })
}

/// Pieces of expressions, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = vec![
        "ok",
        "!",
        "(",
        ")",
        "{",
        "}",
        "service",
        "edge",
        "id",
        "(",
        ")",
        ",",
        ":",
        "name",
        "\"a\"",
        "\"",
        "\\",
        "annotation.a",
        "annotation[",
        "]",
        "=",
        "!=",
        "<",
        "5",
        "-1e5",
        "AND",
        "OR",
        "CONTAINS",
        "rootcause.fault.entity",
        "rootcause.json",
        "#",
        "[{\"Services\":[]}]",
        "group.name",
        "user",
        "responsetime",
        "source.ok",
        "\n",
        "é",
        "true",
        " ",
    ];
    vec(prop::sample::select(pieces), 0..30).prop_map(|pieces| pieces.join(" "))
}

/// The text of an expression, one of a term where it has none.
fn of(expression: &Expression) -> String {
    let text = expression.to_string();
    if text.is_empty() {
        "ok".to_owned()
    } else {
        text
    }
}

proptest! {
    #[test]
    fn property_an_expression_reads_back_from_its_print(expression in expression()) {
        let printed = expression.to_string();
        prop_assert_eq!(parse(&printed, every_group), Ok(expression), "{}", printed);
    }

    #[test]
    fn property_any_text_is_read_or_refused(text in prop_oneof![any::<String>(), pieces()]) {
        match parse(&text, every_group) {
            Ok(expression) => {
                let printed = expression.to_string();
                prop_assert_eq!(parse(&printed, every_group), Ok(expression), "{}", printed);
            }
            Err(error) => {
                let lines: Vec<&str> = text.split('\n').collect();
                let line = lines.get(error.line - 1);
                let columns = line.map_or(0, |line| line.chars().count() + 1);
                prop_assert!((1..=columns).contains(&error.column), "{:?}", error);
                prop_assert!(error.message.starts_with("Error Location: line "), "{}", error);
            }
        }
        let is_selector = parse_selector(&text, every_group).is_ok();
        prop_assert!(is_selector || parse(&text, every_group).is_err());
    }

    #[test]
    fn property_negations_and_lists_keep_their_laws(a in expression(), b in expression()) {
        let (a, b) = (of(&a), of(&b));
        let read = |text: &str| parse(text, every_group).unwrap();
        let both = read(&format!("({a}) AND ({b})"));
        let implied = read(&format!("({a})({b})"));
        let either = read(&format!("({a}) OR ({b})"));
        let neither = read(&format!("!({a}) !({b})"));
        let opposite = read(&format!("!({a})"));
        let (a, b) = (read(&a), read(&b));
        for view in seven() {
            let (holds_a, holds_b) = (a.matches(&view), b.matches(&view));
            prop_assert_eq!(opposite.matches(&view), !holds_a);
            prop_assert_eq!(both.matches(&view), holds_a && holds_b);
            prop_assert_eq!(implied.matches(&view), holds_a && holds_b);
            prop_assert_eq!(either.matches(&view), holds_a || holds_b);
            prop_assert_eq!(neither.matches(&view), !(holds_a || holds_b));
        }
    }

    #[test]
    fn property_an_explanation_agrees_with_the_evaluator(expression in expression()) {
        let printed = expression.to_string();
        let spelled = Spelled::read(&printed, every_group).unwrap();
        prop_assert_eq!(spelled.expression(), &expression);
        for view in seven() {
            let why = spelled.why(&view);
            prop_assert_eq!(why.is_match, expression.matches(&view), "{}", printed);
            prop_assert_eq!(why.reasons.is_empty(), expression.clause.is_none());
            for reason in &why.reasons {
                // what decides came out as the whole did
                prop_assert_eq!(reason.holds != reason.is_negated, why.is_match, "{:?}", reason);
            }
        }
    }

    #[test]
    fn property_every_term_stands_where_it_is_said_to_stand(expression in expression()) {
        let printed = expression.to_string();
        if printed.contains('\n') {
            return Ok(());
        }
        let spelled = Spelled::read(&printed, every_group).unwrap();
        for line in spelled.outline() {
            let Some((row, column)) = line.place else { continue };
            prop_assert_eq!(row, 1);
            let there: String = printed.chars().skip(column - 1).collect();
            // what stands behind `!=` is printed as what it negates
            let keyword: String = line.text.chars().take_while(|c| *c != ' ').collect();
            prop_assert!(there.starts_with(&keyword), "{} at {}: {}", line.text, column, there);
        }
    }

    #[test]
    fn property_a_text_keeps_its_meaning_in_any_case(expression in expression()) {
        // strings, keys and JSON keep their case, so only expressions without them are compared
        let printed = expression.to_string();
        if printed.contains(['"', '#', '[']) || printed.contains("annotation") {
            return Ok(());
        }
        let upper = parse(&printed.to_ascii_uppercase(), no_groups);
        prop_assert_eq!(upper, Ok(expression));
    }
}
