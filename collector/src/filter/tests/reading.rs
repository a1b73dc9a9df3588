//! What texts are read as: spellings of one meaning, their print, groups and selectors.

use std::cell::Cell;

use super::no_groups;
use super::traces::seven;
use crate::filter::ast::{AnnotationTest, Clause, NumberOp, TraceTerm};
use crate::filter::{
    Expression, GroupRef, NodePattern, Selector, parse, parse_group, parse_selector,
};
use crate::trace::node::{EdgeKey, NodeKey};

/// Texts, and how their meaning is printed.
const PRINTED: [(&str, &str); 45] = [
    ("", ""),
    ("  \n", ""),
    ("OK", "ok"),
    ("(((ok)))", "ok"),
    ("ok = true", "ok"),
    ("ok!=\"false\"", "ok"),
    ("ok != true", "ok = false"),
    ("!ok", "!ok"),
    ("!!ok", "!!ok"),
    ("!ok=false", "!(ok = false)"),
    ("!(!(duration > 1))", "!!(duration > 1)"),
    ("ok fault", "ok AND fault"),
    ("ok and fault And error", "ok AND fault AND error"),
    ("ok (fault error)", "ok AND (fault AND error)"),
    ("(ok AND fault) OR error", "ok AND fault OR error"),
    ("ok AND fault OR error", "ok AND fault OR error"),
    ("ok AND (fault OR error)", "ok AND (fault OR error)"),
    ("ok OR (fault OR error)", "ok OR (fault OR error)"),
    ("!(ok OR fault)", "!(ok OR fault)"),
    ("(!ok)(!fault)", "!ok AND !fault"),
    ("responsetime>5", "responsetime > 5"),
    ("responsetime >= 05.50", "responsetime >= 5.5"),
    ("duration <1e3", "duration < 1000"),
    ("duration < 1e300", "duration < 1e300"),
    ("duration < 1e999", "duration < 1e999"),
    ("duration < -1e999", "duration < -1e999"),
    ("duration > 1e-9", "duration > 1e-9"),
    ("http.STATUS=0200", "http.status = 200"),
    ("user=alice", r#"user = "alice""#),
    ("user = and", r#"user = "and""#),
    ("user = annotation.a", r#"user = "annotation.a""#),
    ("user contains true", r#"user CONTAINS "true""#),
    (r#"user = "a\"\\""#, r#"user = "a\"\\""#),
    ("annotation[plan]", "annotation.plan"),
    ("annotation[ a b ]=TRUE", "annotation[a b] = true"),
    ("annotation.a:b-c.d = x", r#"annotation.a:b-c.d = "x""#),
    ("!annotation.a != false", "!(annotation.a = true)"),
    ("service( ){ok}", "service() { ok }"),
    (
        r#"service(ID(account.id:"1",NAME:"a")){!ok}"#,
        r#"service(id(name: "a", account.id: "1")) { !ok }"#,
    ),
    (
        r#"edge( "a" ,id(type:"") ){SOURCE.OK OR !destination.user=a}"#,
        r#"edge("a", id(type: "")) { source.ok OR !(destination.user = "a") }"#,
    ),
    ("edge()", "edge()"),
    (
        "RootCause.ResponseTime.Entity{LAST coverage>0.5}",
        "rootcause.responsetime.entity { last AND coverage > 0.5 }",
    ),
    (
        r##"rootcause.json!=#[ { "a" : [ 1.0 , "\u00e9" ] } ]"##,
        r##"rootcause.json != #[{"a":[1.0,"é"]}]"##,
    ),
    ("!group.name = Default", r#"group.name != "Default""#),
    ("group.name != Default", r#"group.name != "Default""#),
];

#[test]
fn spellings_of_one_meaning_are_printed_alike() {
    for (text, printed) in PRINTED {
        let expression = parse(text, no_groups).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expression.to_string(), printed, "{text}");
        assert_eq!(parse(printed, no_groups), Ok(expression), "{text}");
    }
}

#[test]
fn a_term_is_a_plain_value() {
    let expression = parse("annotation.items >= 3", no_groups).unwrap();
    assert_eq!(
        expression.clause,
        Some(Clause::Term(TraceTerm::Annotation {
            key: "items".to_owned(),
            test: AnnotationTest::Number(NumberOp::GreaterOrEqual, 3.0),
        }))
    );
}

#[test]
fn every_keyword_is_read_in_every_place_the_table_gives_it() {
    use crate::filter::keyword::{KEYWORDS, Scope};
    let places = [
        (Scope::Trace, "", ""),
        (Scope::Segment, "service() { ", " }"),
        (Scope::Segment, "edge() { destination.", " }"),
        (Scope::Call, "edge() { ", " }"),
        (Scope::CauseService, "rootcause.error.service { ", " }"),
        (Scope::CauseEntity, "rootcause.error.entity { ", " }"),
        (
            Scope::CoveredEntity,
            "rootcause.responsetime.entity { ",
            " }",
        ),
        (Scope::CauseException, "rootcause.error.exception { ", " }"),
    ];
    for (scope, open, close) in places {
        for (keyword, _, scopes) in KEYWORDS {
            let text = format!("{open}{keyword}{close}");
            let read = parse(&text, no_groups);
            assert_eq!(read.is_ok(), scopes.contains(&scope), "{text}");
            if let Ok(expression) = read {
                assert_eq!(expression.to_string(), text);
            }
        }
    }
}

#[test]
fn a_group_stands_for_its_expression() {
    let asked = Cell::new(0);
    let groups = |group: GroupRef<'_>| {
        asked.set(asked.get() + 1);
        match group {
            GroupRef::Name("slow") => parse_group("responsetime > 2").ok(),
            GroupRef::Arn("arn:slow") => parse_group("responsetime > 2").ok(),
            GroupRef::Name("all") => parse_group("").ok(),
            GroupRef::Name(_) | GroupRef::Arn(_) => None,
        }
    };
    let selected = |text: &str| {
        let expression = parse(text, groups).unwrap();
        let views = seven();
        views.iter().filter(|view| expression.matches(view)).count()
    };
    let rows = [
        ("group.name = slow", 2),
        ("group.name = \"slow\" group.name = slow", 2),
        ("group.arn = \"arn:slow\"", 2),
        ("group.arn != \"arn:slow\"", 5),
        ("!group.name = slow", 5),
        ("group.name = all", 7),
        ("group.name != all", 0),
        ("group.name = Default", 7),
        ("group.name != Default", 0),
    ];
    for (text, count) in rows {
        assert_eq!(selected(text), count, "{text}");
    }
    assert_eq!(
        asked.get(),
        7,
        "a group is asked for once per text, Default never"
    );
}

fn node(name: &str, kind: &str) -> NodeKey {
    NodeKey {
        name: name.to_owned(),
        kind: (!kind.is_empty()).then(|| kind.to_owned()),
        account_id: None,
    }
}

fn selector(text: &str) -> Selector {
    parse_selector(text, no_groups).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn selectors_are_nodes_edges_or_traces() {
    let name = |name: &str| NodePattern::Name(name.to_owned());
    let id = NodePattern::Id {
        name: Some("a".to_owned()),
        kind: Some("t".to_owned()),
        account_id: None,
    };
    let rows = [
        (r#"service("a")"#, Selector::Nodes(name("a"))),
        (
            r#" id ( type : "t" , name : "a" ) "#,
            Selector::Nodes(id.clone()),
        ),
        (
            r#"service(id(name: "a", type: "t"))"#,
            Selector::Nodes(id.clone()),
        ),
        ("service()", Selector::Nodes(NodePattern::Any)),
        (
            r#"edge("a", id(name: "a", type: "t"))"#,
            Selector::Edges(name("a"), id),
        ),
        (
            "edge()",
            Selector::Edges(NodePattern::Any, NodePattern::Any),
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(selector(text), expected, "{text}");
    }
    for text in [
        "fault",
        "http.status = 403",
        r#"service("a") AND http.status = 403"#,
        r#"service("a") { fault }"#,
        r#"edge("a", "b") { fault }"#,
        r#"!service("a")"#,
        "",
    ] {
        let expression = parse(text, no_groups).unwrap();
        assert_eq!(selector(text), Selector::Traces(expression), "{text}");
    }
}

#[test]
fn what_is_neither_selector_nor_expression_is_told_as_errors_are() {
    let rows = [
        (
            r#"id(name: "a") AND ok"#,
            "position 15 : Invalid input symbol: 'AND'",
        ),
        (
            r#"id(nome: "a")"#,
            "position 4 : Invalid input symbol: 'id(nome'",
        ),
        (" id", "position 4 : Invalid input symbol: 'id'"),
        ("fnord", "position 1 : Invalid input symbol: 'fnord'"),
    ];
    for (text, expected) in rows {
        let error = parse_selector(text, no_groups).unwrap_err();
        assert_eq!(error.message, format!("Error Location: line 1, {expected}"));
    }
}

#[test]
fn nodes_are_selected_as_service_selects_them() {
    let rows: [(&str, NodeKey, bool); 11] = [
        (r#"service("a")"#, node("a", "t"), true),
        (r#"service("a")"#, node("a", ""), true),
        (r#"service("a")"#, node("b", "t"), false),
        (r#"service("a")"#, node("a", "client"), false),
        (r#"id(type: "client")"#, node("a", "client"), true),
        (r#"id(type: "client")"#, node("a", "t"), false),
        (r#"id(name: "a")"#, node("a", "client"), false),
        (r#"id(type: "")"#, node("a", ""), true),
        (r#"id(type: "")"#, node("a", "t"), false),
        ("service()", node("a", ""), true),
        ("service()", node("a", "client"), false),
    ];
    for (text, key, expected) in rows {
        assert_eq!(
            selector(text).selects_node(&key),
            expected,
            "{text} {key:?}"
        );
    }
    assert!(!selector("edge()").selects_node(&node("a", "")));
    assert!(!selector("ok").selects_node(&node("a", "")));
}

#[test]
fn edges_are_selected_as_edge_selects_calls() {
    let rows = [
        (r#"edge("a", "b")"#, ("a", "t"), ("b", ""), true),
        (r#"edge("a", "b")"#, ("b", ""), ("a", "t"), false),
        (r#"edge("a", "a")"#, ("a", "client"), ("a", "t"), true),
        (
            r#"edge(id(name: "a"), "a")"#,
            ("a", "client"),
            ("a", "t"),
            false,
        ),
        (
            r#"edge(id(type: "client"), "a")"#,
            ("a", "client"),
            ("a", "t"),
            true,
        ),
        (
            r#"edge(id(type: "client"), "a")"#,
            ("a", "t"),
            ("a", "t"),
            false,
        ),
        (r#"edge("a", id(type: "t"))"#, ("a", ""), ("b", "t"), true),
        ("edge()", ("a", "client"), ("a", "t"), true),
    ];
    for (text, (from, from_kind), (to, to_kind), expected) in rows {
        let edge = EdgeKey {
            source: node(from, from_kind),
            target: node(to, to_kind),
        };
        assert_eq!(
            selector(text).selects_edge(&edge),
            expected,
            "{text} {edge:?}"
        );
        assert!(!selector("service()").selects_edge(&edge));
        assert!(!selector("").selects_edge(&edge));
    }
}

#[test]
fn the_default_expression_is_the_empty_one() {
    assert_eq!(parse("", no_groups), Ok(Expression::default()));
}
