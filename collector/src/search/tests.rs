//! Candidates against evaluating every view: none may be missing, and exact ones are those.

mod hostile;
mod many;

use proptest::prelude::*;

use super::*;
use crate::filter::tests::examples::EXAMPLES;
use crate::filter::tests::properties::expression;
use crate::filter::tests::traces::seven;
use crate::filter::{Expression, GroupRef, parse, parse_group};
use crate::trace::generate;
use crate::trace::link::Producers;
use crate::trace::view::{TraceView, view};

/// The index of these views.
fn built(views: &[TraceView]) -> Vec<u8> {
    let mut builder = IndexBuilder::default();
    for view in views {
        builder.add(view);
    }
    assert_eq!(builder.rows() as usize, views.len());
    builder.finish().unwrap()
}

fn open(bytes: &[u8]) -> Index<&[u8]> {
    Index::open(bytes, bytes.len() as u64).unwrap()
}

fn slow_group(_: GroupRef<'_>) -> Option<Expression> {
    parse_group("responsetime > 2").ok()
}

fn read(text: &str) -> Expression {
    parse(text, slow_group).unwrap()
}

/// Checks the candidates of an expression and hands them back.
fn checked(index: &Index<&[u8]>, views: &[TraceView], expression: &Expression) -> Candidates {
    let plan = Plan::of(expression);
    let found = plan.candidates(index, 0..index.rows()).unwrap();
    assert_eq!(found.clauses.len(), plan.clauses().len());
    for (row, view) in (0..).zip(views) {
        let (is_candidate, matches) = (found.rows.contains(row), expression.matches(view));
        assert!(is_candidate || !matches, "{expression} loses row {row}");
        let is_wrong = found.is_exact && is_candidate && !matches;
        assert!(!is_wrong, "{expression} is not exact in row {row}");
    }
    assert!(found.rows.max().is_none_or(|row| row < index.rows()));
    found
}

/// Views of the seven traces and of random ones, some of them several times.
fn views() -> impl Strategy<Value = Vec<TraceView>> {
    let generated = generate::trace().prop_map(|trace| {
        let documents = trace.documents.iter().map(String::as_str);
        view(documents, &Producers::default())
    });
    let one = prop_oneof![
        (0..7_usize).prop_map(|number| Some(seven().swap_remove(number))),
        generated,
    ];
    prop::collection::vec(one, 0..24).prop_map(|views| views.into_iter().flatten().collect())
}

/// Expressions about what these views hold.
fn about(views: Vec<TraceView>) -> impl Strategy<Value = (Vec<TraceView>, Vec<Expression>)> {
    let nodes = views.iter().flat_map(|view| view.nodes.clone());
    let mut names: Vec<String> = nodes.map(|node| format!("{:?}", node.name)).collect();
    names.push("\"web\"".to_owned());
    let name = prop::sample::select(names);
    let flag = prop::sample::select(vec![
        "ok",
        "!ok",
        "fault",
        "fault = false",
        "error",
        "throttle",
        "partial",
        "root",
        "!inferred",
        "inferred",
        "responsetime > 0.1",
        "ok AND root",
        "fault OR error",
        "!(partial OR ok)",
    ]);
    let call_flag = prop::sample::select(vec![
        "ok",
        "!fault",
        "source.ok",
        "destination.fault",
        "!source.error",
        "throttle OR error",
        "!(source.ok AND destination.ok)",
        "destination.type = \"remote\"",
    ]);
    let term = (name.clone(), name, flag, call_flag, 0..8).prop_map(
        |(one, other, flag, call_flag, kind)| match kind {
            0 => format!("service({one})"),
            1 => format!("service({one}) {{ {flag} }}"),
            2 => format!("service() {{ {flag} }}"),
            3 => format!("edge({one}, {other})"),
            4 => format!("edge({one}, {other}) {{ {call_flag} }}"),
            5 => format!("edge() {{ {call_flag} }}"),
            6 => format!("edge(id(type: \"client\"), {other}) {{ {call_flag} }}"),
            _ => format!("service(id(name: {one}, type: \"client\")) {{ {flag} }}"),
        },
    );
    let negated = (any::<bool>(), term).prop_map(|(is_negated, term)| match is_negated {
        true => format!("!{term}"),
        false => term,
    });
    let texts = prop::collection::vec(negated, 1..4);
    let expressions = prop::collection::vec(texts, 1..12).prop_map(|texts| {
        let joined = texts.iter().map(|terms| read(&terms.join(" AND ")));
        joined.collect()
    });
    (Just(views), expressions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn property_no_candidate_is_missing(
        views in views(),
        expressions in prop::collection::vec(expression(), 1..40),
    ) {
        let bytes = built(&views);
        let index = open(&bytes);
        for expression in &expressions {
            checked(&index, &views, expression);
        }
    }

    #[test]
    fn property_no_candidate_of_a_node_or_edge_is_missing(
        (views, expressions) in views().prop_flat_map(about),
    ) {
        let bytes = built(&views);
        let index = open(&bytes);
        for expression in &expressions {
            checked(&index, &views, expression);
        }
    }

    #[test]
    fn property_an_index_put_in_order_is_that_of_views_in_this_order(
        (views, expressions) in views().prop_flat_map(about),
        order in prop::collection::vec(any::<u32>(), 24),
    ) {
        let mut numbers: Vec<usize> = (0..views.len()).collect();
        numbers.sort_by_key(|number| order[*number % order.len()]);
        let mut places = vec![LEFT_OUT; views.len()];
        let mut builder = IndexBuilder::default();
        views.iter().for_each(|view| builder.add(view));
        let mut in_order = Vec::new();
        for (place, number) in (0..).zip(numbers) {
            places[number] = place;
            in_order.push(views[number].clone());
        }
        let bytes = builder.finish_in_order(&places).unwrap();
        let (index, anew) = (open(&bytes), built(&in_order));
        let anew = open(&anew);
        for expression in &expressions {
            let found = checked(&index, &in_order, expression);
            prop_assert_eq!(found.rows, checked(&anew, &in_order, expression).rows);
        }
    }

    #[test]
    fn property_a_merged_index_misses_no_candidate(
        (views, expressions) in views().prop_flat_map(about),
        order in prop::collection::vec(any::<u32>(), 24),
        random in prop::collection::vec(expression(), 1..10),
    ) {
        let first: Vec<_> = views.iter().step_by(2).cloned().collect();
        let second: Vec<_> = views.iter().skip(1).step_by(2).cloned().collect();
        let inputs = [built(&first), built(&second)];
        let indexes = [open(&inputs[0]), open(&inputs[1])];
        // rows of both in any order; each fourth of the first is left out
        let mut places: Vec<(u32, usize, usize)> = Vec::new();
        for (input, count) in [first.len(), second.len()].into_iter().enumerate() {
            let rows = (0..count).filter(|row| input == 1 || row % 4 != 3);
            for row in rows {
                places.push((order[places.len() % order.len()], input, row));
            }
        }
        places.sort_unstable();
        let mut maps = [vec![LEFT_OUT; first.len()], vec![LEFT_OUT; second.len()]];
        let mut merged_views = Vec::new();
        for (place, (_, input, row)) in (0..).zip(places) {
            maps[input][row] = place;
            merged_views.push([&first, &second][input][row].clone());
        }
        let rows = u32::try_from(merged_views.len()).unwrap();
        let bytes = merge(&[(&indexes[0], &maps[0]), (&indexes[1], &maps[1])], rows).unwrap();
        let index = open(&bytes);
        let anew = built(&merged_views);
        let anew = open(&anew);
        for expression in expressions.iter().chain(&random) {
            let merged = checked(&index, &merged_views, expression);
            let built = checked(&anew, &merged_views, expression);
            prop_assert_eq!(merged.rows, built.rows, "{}", expression);
            prop_assert_eq!(merged.is_exact, built.is_exact, "{}", expression);
        }
    }
}

#[test]
fn every_worked_example_keeps_its_traces() {
    let views = seven();
    let bytes = built(&views);
    let index = open(&bytes);
    let mut exact = 0;
    for (text, _) in EXAMPLES {
        let found = checked(&index, &views, &read(text));
        exact += usize::from(found.is_exact);
    }
    // what is left asks for a number or several things of one segment, call or cause
    assert_eq!(exact, 62, "examples that the index answers alone");
}

#[test]
fn each_clause_tells_what_it_kept() {
    let views = seven();
    let bytes = built(&views);
    let index = open(&bytes);
    let plan = Plan::of(&read(
        r#"!fault AND service("api") { responsetime > 1 } AND user = "nobody" AND ok"#,
    ));
    let found = plan.candidates(&index, 0..7).unwrap();
    assert!(found.rows.is_empty());
    assert!(found.is_exact);
    assert_eq!(
        plan.clauses(),
        [
            "!fault",
            r#"service("api") { responsetime > 1 }"#,
            r#"user = "nobody""#,
            "ok"
        ]
    );
    let used = |precision, rows| ClauseUse { precision, rows };
    let expected = [
        used(Precision::Exact, 6),
        used(Precision::Inexact, 3),
        used(Precision::Exact, 0),
        used(Precision::Skipped, 0),
    ];
    assert_eq!(found.clauses, expected);
}

#[test]
fn what_is_asked_of_a_host_follows_for_the_trace() {
    let views = seven();
    let bytes = built(&views);
    let index = open(&bytes);
    let expression = read(r#"service() { user = "alice" AND ok }"#);
    let found = checked(&index, &views, &expression);
    assert_eq!(found.rows.iter().collect::<Vec<_>>(), [0]);
    let opposite = checked(&index, &views, &read(r#"!service() { user = "alice" }"#));
    assert_eq!(opposite.rows.len(), 7);
}

#[test]
fn candidates_come_in_ranges() {
    let views: Vec<_> = (0..30).flat_map(|_| seven()).collect();
    let bytes = built(&views);
    let index = open(&bytes);
    let plan = Plan::of(&read("responsetime > 5"));
    let found = plan.candidates(&index, 0..210).unwrap();
    assert!(found.is_exact);
    assert_eq!(found.rows.iter().take(3).collect::<Vec<_>>(), [1, 8, 15]);
    let part = plan.candidates(&index, 100..120).unwrap();
    assert_eq!(part.rows.iter().collect::<Vec<_>>(), [106, 113]);
    let everything = Plan::of(&read("")).candidates(&index, 200..u32::MAX);
    assert_eq!(everything.unwrap().rows.len(), 10);
}
