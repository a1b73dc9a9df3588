//! Indexes of many rows: values, nodes and keys beyond their bounds, and several blocks of a column.

use radiograph_protocol::timestamp::Elapsed;

use super::*;
use crate::trace::node::NodeKey;
use crate::trace::summary::{Annotation, AnnotationValue};

const ROWS: u32 = 9000;

/// Views that differ in user, url, numbers and length.
fn many(rows: u32) -> Vec<TraceView> {
    let cart = seven().swap_remove(0);
    let annotation = |key: &str, value| Annotation {
        key: key.to_owned(),
        value,
        services: Vec::new(),
    };
    let one = |number: u32| {
        let mut view = cart.clone();
        let millis = i64::from(number.wrapping_mul(2_654_435_761) % 5000);
        let length = Elapsed::from_micros(millis * 1000);
        view.summary.response_time = (!number.is_multiple_of(7)).then_some(length);
        view.summary.duration = (!number.is_multiple_of(11)).then_some(length);
        view.summary.annotations = vec![
            annotation("order", AnnotationValue::Text(format!("order-{number}"))),
            annotation("total", AnnotationValue::Number(f64::from(number) / 4.0)),
            annotation("shard", AnnotationValue::Number(f64::from(number % 5))),
        ];
        let host = view
            .facts
            .segments
            .iter_mut()
            .find_map(|one| one.host.as_mut());
        host.unwrap().user = Some(format!("user-{}", number % 500));
        view
    };
    (0..rows).map(one).collect()
}

#[test]
fn values_beyond_their_bound_are_found_by_hash() {
    let views = many(ROWS);
    let bytes = built(&views);
    let index = open(&bytes);
    let rows = |text: &str| checked(&index, &views, &read(text)).rows.len();
    let mut strangers = 0;
    for number in (0..ROWS).step_by(100) {
        strangers += rows(&format!("annotation.order = \"order-{number}\"")) - 1;
        strangers += rows(&format!("annotation.total = {}", f64::from(number) / 4.0)) - 1;
        strangers += rows(&format!("annotation.order = \"none-{number}\""));
    }
    assert!(strangers < 100, "{strangers} rows too many in 270 look-ups");
    assert_eq!(rows("user = \"user-17\""), 18);
    assert_eq!(rows("user ENDSWITH \"-17\""), 18);
    assert_eq!(rows("annotation.shard >= 3"), 3600);
    assert_eq!(rows("annotation.order BEGINSWITH \"order-17\""), 9000);
    let above = rows("annotation.total > 2000");
    assert!((999..999 + 256).contains(&above), "{above}");
    assert_eq!(rows("annotation.total > 5000"), 0);
    assert_eq!(rows("annotation.order = true"), 0);
}

#[test]
fn numbers_of_all_blocks_compare_exactly() {
    let views = many(ROWS);
    let bytes = built(&views);
    let index = open(&bytes);
    for operator in ["=", "!=", "<", "<=", ">", ">="] {
        for than in ["0", "0.128", "2.5", "4.999", "7", "-1"] {
            for keyword in ["responsetime", "duration"] {
                let text = format!("{keyword} {operator} {than}");
                assert!(checked(&index, &views, &read(&text)).is_exact, "{text}");
            }
        }
    }
    assert_eq!(checked(&index, &views, &read("!duration")).rows.len(), 819);
}

#[test]
fn merged_lists_of_hashes_find_their_values() {
    let views = many(ROWS);
    let (first, second) = views.split_at(4000);
    let inputs = [built(first), built(second)];
    let indexes = [open(&inputs[0]), open(&inputs[1])];
    // the rows of both, backwards
    let maps = [4000, 5000].map(|count: u32| (0..count).collect::<Vec<u32>>());
    let maps = [
        maps[0].iter().map(|row| ROWS - 1 - row).collect::<Vec<_>>(),
        maps[1].iter().map(|row| 4999 - row).collect(),
    ];
    let bytes = merge(&[(&indexes[0], &maps[0]), (&indexes[1], &maps[1])], ROWS).unwrap();
    let index = open(&bytes);
    let backwards: Vec<_> = views.iter().rev().cloned().collect();
    for text in [
        "annotation.order = \"order-4321\"",
        "annotation.total = 12.25",
        "annotation.total < 100",
        "user = \"user-17\"",
        "responsetime > 4",
        "duration < 0.5",
        "!annotation.shard = 3",
    ] {
        let found = checked(&index, &backwards, &read(text));
        assert!(found.rows.len() < u64::from(ROWS), "{text}");
    }
}

#[test]
fn nodes_and_keys_without_room_are_candidates_for_any() {
    let mut views = many(3000);
    for (number, view) in views.iter_mut().enumerate() {
        let at = view.facts.segments[1].node.0 as usize;
        view.nodes[at] = NodeKey {
            name: format!("host-{number}"),
            ..view.nodes[at].clone()
        };
        view.summary.annotations[0].key = format!("key-{number}");
    }
    let bytes = built(&views);
    let index = open(&bytes);
    for text in [
        "service(\"host-3\")",
        "service(\"host-2900\")",
        "!service(\"host-2900\")",
        "edge(\"web\", \"host-2900\") { ok }",
        "edge(\"web\", \"host-3\")",
        "annotation[key-2900] = \"order-2900\"",
        "!annotation[key-2900]",
        "annotation[key-3]",
    ] {
        checked(&index, &views, &read(text));
    }
    let known = checked(&index, &views, &read("service(\"web\")"));
    assert_eq!(known.rows.len(), 3000);
    assert!(checked(&index, &views, &read("annotation[key-3]")).is_exact);
}
