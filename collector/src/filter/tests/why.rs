//! Explanations: each worked example of the specification asked of each of its traces, and odd ones,
//! against `why.txt`, which lies beside this file. `UPDATE_GOLDEN=1` rewrites it.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::Path;

use super::examples::EXAMPLES;
use super::traces::{SEVEN, entity, seven, trace};
use crate::filter::ast::Clause;
use crate::filter::{Expression, GroupRef, Spelled, parse, parse_group};
use serde_json::json;

/// Asked of the same traces: negations of lists, groups that fail, spellings with `!=`, several lines.
const MORE: [&str; 12] = [
    "",
    "!(ok OR fault)",
    "!(ok AND fault)",
    "ok != true\nAND http.status",
    r#"group.name != "slow""#,
    r#"!service("api") { fault }"#,
    r#"service("api") { !ok OR responsetime > 5 }"#,
    r#"service("web") { http.url CONTAINS "/v2/" AND http.status = 404 }"#,
    r#"edge("web", "api") { source.user = "bob" AND destination.duration < 1 }"#,
    r#"edge() { source.user }"#,
    r#"rootcause.json != #[{"ClientImpacting": true}]"#,
    r#"annotation.plan = 5 OR annotation[no such] CONTAINS """#,
];

fn slow(_: GroupRef<'_>) -> Option<Expression> {
    parse_group("responsetime > 2").ok()
}

fn explained(text: &str) -> String {
    let spelled = Spelled::read(text, slow).unwrap();
    let mut told = format!("### {text}\n");
    for line in spelled.outline() {
        let indent = line.depth * 2;
        let place = line
            .place
            .map_or_else(String::new, |(line, column)| format!("{line}:{column} "));
        writeln!(told, "# {:indent$}{place}{}", "", line.text).unwrap();
    }
    for (name, view) in SEVEN.into_iter().zip(seven()) {
        writeln!(told, "{name}: {}", spelled.why(&view)).unwrap();
    }
    told
}

#[test]
fn every_example_is_explained_on_every_trace_as_it_was() {
    let texts = EXAMPLES.iter().map(|(text, _)| *text).chain(MORE);
    let told: String = texts.map(explained).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/filter/tests/why.txt");
    if update_golden() {
        std::fs::write(&path, &told).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (place, (told, golden)) in told.lines().zip(golden.lines()).enumerate() {
        assert_eq!(told, golden, "line {} of why.txt", place + 1);
    }
    assert_eq!(told.lines().count(), golden.lines().count());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch for those who run the tests, not for the collector"
)]
fn update_golden() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}

/// The whole explanation of one expression on one of the seven traces.
fn why(text: &str, name: &str) -> String {
    let at = SEVEN.iter().position(|known| *known == name).unwrap();
    let spelled = Spelled::read(text, slow).unwrap();
    spelled.why(&seven()[at]).to_string()
}

#[test]
fn only_the_terms_that_decide_are_told() {
    assert_eq!(
        why("ok AND responsetime > 5 AND user", "T1"),
        "the trace does not match\n  1:8 responsetime > 5: is 0.25"
    );
    assert_eq!(
        why("error OR responsetime > 5", "T1"),
        "the trace does not match\n  1:1 error: is false\n  1:10 responsetime > 5: is 0.25"
    );
    assert_eq!(
        why("!(ok AND user)", "T1"),
        "the trace does not match\n  1:3 !(ok): is true\n  1:10 !(user): is \"alice\""
    );
    assert_eq!(
        why("error OR ok", "T1"),
        "the trace matches\n  1:10 ok: is true"
    );
}

#[test]
fn what_is_missing_is_told_with_what_is_there_instead() {
    assert_eq!(
        why("annotation[x]", "T1"),
        "the trace does not match\n  1:1 annotation[x]: no such annotation; keys: beta, items, plan"
    );
    assert_eq!(
        why(r#"service("a") { fault }"#, "T1"),
        "the trace does not match\n  1:1 service(\"a\") { fault }: no such service; services: \
         carts (AWS::DynamoDB::Table), web (AWS::ECS::Container), web (client)"
    );
    assert_eq!(
        why(r#"service("web") { fault }"#, "T1"),
        "the trace does not match\n  1:1 service(\"web\") { fault }: 1 segment, none satisfies what \
         is in the braces\n    web (AWS::ECS::Container)\n      1:18 fault: is false"
    );
}

#[test]
fn what_is_told_is_bounded_in_terms_values_and_characters() {
    let terms = vec!["fault"; 500].join(" OR ");
    let spelled = Spelled::read(&terms, slow).unwrap();
    let why = spelled.why(&seven()[0]);
    assert_eq!((why.reasons.len(), why.left_out), (100, 400));
    let annotations: serde_json::Map<_, _> = (0..50)
        .map(|at| (format!("k{at:02}"), json!("\u{1b}[31m".repeat(100))))
        .collect();
    let members = json!({"annotations": annotations});
    let view = trace(vec![entity(1, "a", 0.0, Some(1.0), members)]);
    let spelled = Spelled::read("annotation.x OR annotation.k00 = 1", slow).unwrap();
    let told = spelled.why(&view).to_string();
    assert!(
        told.contains("keys: k00, k01, k02, k03, k04, k05, k06, k07 and 42 more"),
        "{told}"
    );
    assert!(told.contains("\u{2026}\" (string)"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
}

/// Texts of a length, made to cost as much as they can.
fn hostile(chars: usize) -> Vec<String> {
    let filled = |piece: &str| piece.repeat(chars / piece.len());
    let half = chars / 2;
    vec![
        filled("ok "),
        filled("ok OR "),
        filled("!"),
        filled("("),
        filled("service(){ok}"),
        filled("annotation[a"),
        filled("\"\\\""),
        filled("user=\""),
        filled("-1e"),
        format!("{}{}", "(".repeat(half), ")".repeat(half)),
        format!("rootcause.json=#{}", "[".repeat(chars)),
        format!("user=\"{}", "\\\\".repeat(half)),
    ]
}

#[test]
fn reading_takes_steps_in_proportion_to_the_text() {
    for (small, large) in hostile(800).into_iter().zip(hostile(8000)) {
        let steps = |text: &str| {
            let before = crate::filter::lex::STEPS.get();
            // whether it is an expression does not matter here
            drop(parse(text, slow));
            crate::filter::lex::STEPS.get() - before
        };
        let (few, many) = (steps(&small), steps(&large));
        assert!(
            many <= large.chars().count() * 2 + 16,
            "{many} steps: {large:.40}"
        );
        assert!(
            many <= few * 10 + 100,
            "{few} and {many} steps: {large:.40}"
        );
    }
}

#[test]
fn evaluating_asks_each_term_of_a_trace_once_at_most() {
    for text in [
        "ok ".repeat(2000),
        "fault OR ".repeat(800) + "ok",
        "!(ok) ".repeat(1000),
    ] {
        let expression = parse(&text, slow).unwrap();
        let clause = expression.clause.unwrap();
        for holds in [true, false] {
            let asked = Cell::new(0);
            clause.holds(&|_| {
                asked.set(asked.get() + 1);
                holds
            });
            assert!((1..=terms(&clause)).contains(&asked.get()), "{text:.20}");
        }
    }
}

fn terms<T>(clause: &Clause<T>) -> usize {
    match clause {
        Clause::And(clauses) | Clause::Or(clauses) => clauses.iter().map(terms).sum(),
        Clause::Not(clause) => terms(clause),
        Clause::Term(_) => 1,
    }
}
