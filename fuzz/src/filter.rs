//! Filter expressions: `collector::filter`.

use std::sync::OnceLock;

use radiograph_collector::filter::{Expression, GroupRef, parse, parse_group, parse_selector};
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::view::{TraceView, view};
use radiograph_protocol::limits::FILTER_CHARS_MAX;

/// A trace with something for every kind of term.
const DOCUMENT: &str = r#"{"trace_id":"1-6553f128-000000000000000000000004","id":"4000000000000001",
"name":"web","start_time":1,"end_time":3,"user":"alice","annotations":{"plan":"gold","items":3},
"fault":true,"http":{"request":{"method":"GET","url":"http://web/"},"response":{"status":500}},
"subsegments":[{"id":"4000000000000002","name":"api","start_time":1,"end_time":2.5,
"namespace":"remote","fault":true}]}"#;

/// A filter expression: refused at a place within the text, or read; what was read has an opposite
/// and reads back from its print.
///
/// # Panics
/// When that does not hold.
pub fn filter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let is_selector = parse_selector(&text, group).is_ok();
    match parse(&text, group) {
        Ok(expression) => {
            assert!(is_selector, "an expression is no selector");
            check(&expression);
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line - 1);
            let columns = line.map_or(0, |line| line.chars().count() + 1);
            assert!((1..=columns).contains(&error.column), "{error:?}");
        }
    }
}

fn check(expression: &Expression) {
    let printed = expression.to_string();
    // each token may be longer in print: a text at the limit may have one beyond it
    if printed.chars().count() <= FILTER_CHARS_MAX {
        let read = parse(&printed, group);
        assert_eq!(read.as_ref(), Ok(expression), "{printed}");
    }
    static VIEW: OnceLock<Option<TraceView>> = OnceLock::new();
    let view = VIEW.get_or_init(|| view([DOCUMENT], &Producers::default()));
    let view = view.as_ref();
    let holds = view.map(|view| expression.matches(view));
    assert!(holds.is_some(), "the trace has no view");
    if let Ok(opposite) = parse(&format!("!({printed})"), group) {
        assert_eq!(view.map(|view| !opposite.matches(view)), holds, "{printed}");
    }
}

/// Every name is that of a group.
fn group(_: GroupRef<'_>) -> Option<Expression> {
    parse_group("responsetime > 2 OR fault").ok()
}
