//! What is said about a text that is no expression: `spec/filter-expressions.md` section 8.

use super::no_groups;
use crate::filter::{parse, parse_group};

/// The specification's own table: expression, message behind `Error Location: line 1, `.
const SPECIFIED: [(&str, &str); 19] = [
    (
        "duration < ",
        "position 12 : Invalid input symbol: 'duration < '",
    ),
    ("foo = 1", "position 1 : Invalid input symbol: 'foo'"),
    (
        r#"responsetime > "5""#,
        r#"position 16 : Invalid input symbol: 'responsetime > "5"'"#,
    ),
    (
        "http.url > 5",
        "position 10 : Invalid input symbol: 'http.url >'",
    ),
    ("user = 'alice'", "position 8 : Invalid input symbol: '''"),
    (
        r#"service("web") { annotation.plan = "gold" }"#,
        "position 18 : Invalid input symbol: 'annotation.plan'",
    ),
    (
        r#"service("web") { service("api") }"#,
        "position 18 : Invalid input symbol: 'service'",
    ),
    (
        r#"name = "web""#,
        "position 1 : Invalid input symbol: 'name'",
    ),
    (
        "coverage > 0.5",
        "position 1 : Invalid input symbol: 'coverage'",
    ),
    ("last", "position 1 : Invalid input symbol: 'last'"),
    ("(ok", "position 4 : Invalid input symbol: 'ok'"),
    ("ok )", "position 4 : Invalid input symbol: ')'"),
    (
        r#"edge("web")"#,
        r#"position 11 : Invalid input symbol: 'edge("web")'"#,
    ),
    (
        r#"service("web" { fault }"#,
        r#"position 15 : Invalid input symbol: 'service("web" {'"#,
    ),
    ("ok && fault", "position 4 : Invalid input symbol: '&'"),
    (
        r#"http.url CONTAINS "a"#,
        r#"position 21 : Invalid input symbol: '"a'"#,
    ),
    (
        "rootcause.fault.service",
        "position 24 : Invalid input symbol: 'rootcause.fault.service'",
    ),
    (
        r#"http.status CONTAINS "2""#,
        "position 13 : Invalid input symbol: 'http.status CONTAINS'",
    ),
    ("ok > 1", "position 4 : Invalid input symbol: 'ok >'"),
];

/// Ours, in the same form: what else is refused.
const REFUSED: [(&str, &str); 133] = [
    ("ok AND", "position 7 : Invalid input symbol: 'ok AND'"),
    ("ok OR ", "position 7 : Invalid input symbol: 'ok OR '"),
    ("!", "position 2 : Invalid input symbol: '!'"),
    ("(", "position 2 : Invalid input symbol: '('"),
    ("((ok)", "position 6 : Invalid input symbol: '(ok)'"),
    ("(ok ", "position 5 : Invalid input symbol: 'ok '"),
    ("ok =", "position 5 : Invalid input symbol: 'ok ='"),
    (
        "fault user =",
        "position 13 : Invalid input symbol: 'user ='",
    ),
    (
        "annotation.a >",
        "position 15 : Invalid input symbol: 'annotation.a >'",
    ),
    (
        "group.name",
        "position 11 : Invalid input symbol: 'group.name'",
    ),
    (
        "rootcause.json",
        "position 15 : Invalid input symbol: 'rootcause.json'",
    ),
    (
        "rootcause.json =",
        "position 17 : Invalid input symbol: 'rootcause.json ='",
    ),
    (
        "rootcause.json = #",
        "position 19 : Invalid input symbol: 'rootcause.json = #'",
    ),
    (
        "rootcause.json = #[{",
        "position 21 : Invalid input symbol: 'rootcause.json = #[{'",
    ),
    ("service", "position 8 : Invalid input symbol: 'service'"),
    ("service(", "position 9 : Invalid input symbol: 'service('"),
    (
        "service() {",
        "position 12 : Invalid input symbol: 'service() {'",
    ),
    ("service() { ok", "position 15 : Invalid input symbol: 'ok'"),
    (
        "annotation[a",
        "position 13 : Invalid input symbol: 'annotation[a'",
    ),
    (
        r#"user = "a\""#,
        r#"position 12 : Invalid input symbol: '"a\"'"#,
    ),
    (
        r#"user = "a\"#,
        r#"position 11 : Invalid input symbol: '"a\'"#,
    ),
    (")", "position 1 : Invalid input symbol: ')'"),
    ("()", "position 2 : Invalid input symbol: ')'"),
    ("!)", "position 2 : Invalid input symbol: ')'"),
    ("AND ok", "position 1 : Invalid input symbol: 'AND'"),
    ("ok AND OR ok", "position 8 : Invalid input symbol: 'OR'"),
    ("ok OR", "position 6 : Invalid input symbol: 'ok OR'"),
    (r#""web""#, r#"position 1 : Invalid input symbol: '"web"'"#),
    ("5", "position 1 : Invalid input symbol: '5'"),
    ("ok , fault", "position 4 : Invalid input symbol: ','"),
    ("(ok }", "position 5 : Invalid input symbol: '}'"),
    (
        "service() { ok )",
        "position 16 : Invalid input symbol: ')'",
    ),
    ("service() {}", "position 12 : Invalid input symbol: '}'"),
    ("edge() { }", "position 10 : Invalid input symbol: '}'"),
    (
        "rootcause.fault.entity {}",
        "position 25 : Invalid input symbol: '}'",
    ),
    ("ok {", "position 4 : Invalid input symbol: '{'"),
    ("(ok) = true", "position 6 : Invalid input symbol: '='"),
    (
        "ok = true = true",
        "position 11 : Invalid input symbol: '='",
    ),
    ("NOT ok", "position 1 : Invalid input symbol: 'NOT'"),
    ("!foo", "position 2 : Invalid input symbol: 'foo'"),
    (
        "annotation",
        "position 1 : Invalid input symbol: 'annotation'",
    ),
    (
        "annotation.",
        "position 1 : Invalid input symbol: 'annotation.'",
    ),
    (
        "annotation[ ]",
        "position 1 : Invalid input symbol: 'annotation[ ]'",
    ),
    (
        "rootcause.responsetime.exception { first }",
        "position 1 : Invalid input symbol: 'rootcause.responsetime.exception'",
    ),
    ("ok || fault", "position 4 : Invalid input symbol: '|'"),
    ("user = *", "position 8 : Invalid input symbol: '*'"),
    (
        "user = é AND ok ∧",
        "position 17 : Invalid input symbol: '∧'",
    ),
    ("duration < .5", "position 12 : Invalid input symbol: '.'"),
    ("duration < +5", "position 12 : Invalid input symbol: '+'"),
    ("duration < -", "position 12 : Invalid input symbol: '-'"),
    ("duration < 5.", "position 13 : Invalid input symbol: '.'"),
    (
        "duration < 5 - 1",
        "position 14 : Invalid input symbol: '-'",
    ),
    (
        "ok\u{a0}fault",
        "position 3 : Invalid input symbol: '\u{a0}'",
    ),
    (
        "annotation [x]",
        "position 1 : Invalid input symbol: 'annotation'",
    ),
    (
        r#"user = "a\n""#,
        r#"position 10 : Invalid input symbol: '"a\n'"#,
    ),
    ("duration < 5e", "position 13 : Invalid input symbol: 'e'"),
    (
        "duration = fast",
        "position 12 : Invalid input symbol: 'duration = fast'",
    ),
    (
        "duration = true",
        "position 12 : Invalid input symbol: 'duration = true'",
    ),
    ("ok = yes", "position 6 : Invalid input symbol: 'ok = yes'"),
    ("ok = 1", "position 6 : Invalid input symbol: 'ok = 1'"),
    (
        r#"ok = "maybe""#,
        r#"position 6 : Invalid input symbol: 'ok = "maybe"'"#,
    ),
    ("ok == true", "position 5 : Invalid input symbol: 'ok =='"),
    ("ok <> true", "position 4 : Invalid input symbol: 'ok <'"),
    ("user = 5", "position 8 : Invalid input symbol: 'user = 5'"),
    (
        "user = annotation[x]",
        "position 8 : Invalid input symbol: 'user = annotation[x]'",
    ),
    ("user = #", "position 8 : Invalid input symbol: 'user = #'"),
    (
        r#"annotation.a < "3""#,
        r#"position 16 : Invalid input symbol: 'annotation.a < "3"'"#,
    ),
    (
        "annotation.a >= true",
        "position 17 : Invalid input symbol: 'annotation.a >= true'",
    ),
    (
        "annotation.a > word",
        "position 16 : Invalid input symbol: 'annotation.a > word'",
    ),
    (
        "annotation.a CONTAINS 3",
        "position 23 : Invalid input symbol: 'annotation.a CONTAINS 3'",
    ),
    (
        "annotation.a BEGINSWITH true",
        "position 25 : Invalid input symbol: 'annotation.a BEGINSWITH true'",
    ),
    (
        "annotation.a = )",
        "position 16 : Invalid input symbol: 'annotation.a = )'",
    ),
    (
        "group.name = 5",
        "position 14 : Invalid input symbol: 'group.name = 5'",
    ),
    (
        "rootcause.json = [{}]",
        "position 18 : Invalid input symbol: '['",
    ),
    (
        "rootcause.json = #{}",
        "position 19 : Invalid input symbol: 'rootcause.json = #{'",
    ),
    (
        "rootcause.json = #[{} oops]",
        "position 23 : Invalid input symbol: 'rootcause.json = #[{} o'",
    ),
    (
        "fault CONTAINS true",
        "position 7 : Invalid input symbol: 'fault CONTAINS'",
    ),
    (
        "partial <= true",
        "position 9 : Invalid input symbol: 'partial <='",
    ),
    (
        "duration beginswith 5",
        "position 10 : Invalid input symbol: 'duration beginswith'",
    ),
    (
        "responsetime ENDSWITH 5",
        "position 14 : Invalid input symbol: 'responsetime ENDSWITH'",
    ),
    ("user < 5", "position 6 : Invalid input symbol: 'user <'"),
    ("user >= a", "position 6 : Invalid input symbol: 'user >='"),
    (
        r#"group.name CONTAINS "g""#,
        "position 12 : Invalid input symbol: 'group.name CONTAINS'",
    ),
    (
        "group.arn > a",
        "position 11 : Invalid input symbol: 'group.arn >'",
    ),
    (
        "rootcause.json < #[]",
        "position 16 : Invalid input symbol: 'rootcause.json <'",
    ),
    (
        "service() = true",
        "position 11 : Invalid input symbol: 'service() ='",
    ),
    (
        r#"edge() CONTAINS "a""#,
        "position 8 : Invalid input symbol: 'edge() CONTAINS'",
    ),
    (
        "rootcause.fault.service = true",
        "position 25 : Invalid input symbol: 'rootcause.fault.service ='",
    ),
    (
        "rootcause.fault.service fault",
        "position 25 : Invalid input symbol: 'rootcause.fault.service fault'",
    ),
    (
        "service(web)",
        "position 9 : Invalid input symbol: 'service(web'",
    ),
    (
        "service(5)",
        "position 9 : Invalid input symbol: 'service(5'",
    ),
    (
        "service(id)",
        "position 11 : Invalid input symbol: 'service(id)'",
    ),
    (
        "service(id())",
        "position 12 : Invalid input symbol: 'service(id()'",
    ),
    (
        r#"service(id("a"))"#,
        r#"position 12 : Invalid input symbol: 'service(id("a"'"#,
    ),
    (
        "service(id(name: web))",
        "position 18 : Invalid input symbol: 'service(id(name: web'",
    ),
    (
        r#"service(id(name = "a"))"#,
        "position 17 : Invalid input symbol: 'service(id(name ='",
    ),
    (
        r#"service(id(name: "a", name: "b"))"#,
        r#"position 23 : Invalid input symbol: 'service(id(name: "a", name'"#,
    ),
    (
        r#"service(id(name: "a" type: "b"))"#,
        r#"position 22 : Invalid input symbol: 'service(id(name: "a" type'"#,
    ),
    (
        r#"service(id(kind: "a"))"#,
        "position 12 : Invalid input symbol: 'service(id(kind'",
    ),
    (
        r#"service("a", "b")"#,
        r#"position 12 : Invalid input symbol: 'service("a",'"#,
    ),
    (
        r#"edge("a" "b")"#,
        r#"position 10 : Invalid input symbol: 'edge("a" "b"'"#,
    ),
    (
        r#"edge("a", )"#,
        r#"position 11 : Invalid input symbol: 'edge("a", )'"#,
    ),
    (
        r#"edge("a", "b", "c")"#,
        r#"position 14 : Invalid input symbol: 'edge("a", "b",'"#,
    ),
    ("remote", "position 1 : Invalid input symbol: 'remote'"),
    ("root", "position 1 : Invalid input symbol: 'root'"),
    ("first", "position 1 : Invalid input symbol: 'first'"),
    ("index = 1", "position 1 : Invalid input symbol: 'index'"),
    (
        "message = a",
        "position 1 : Invalid input symbol: 'message'",
    ),
    ("type = a", "position 1 : Invalid input symbol: 'type'"),
    (
        "source.ok",
        "position 1 : Invalid input symbol: 'source.ok'",
    ),
    (
        "service() { source.ok }",
        "position 13 : Invalid input symbol: 'source.ok'",
    ),
    (
        "service() { first }",
        "position 13 : Invalid input symbol: 'first'",
    ),
    (
        "service() { message }",
        "position 13 : Invalid input symbol: 'message'",
    ),
    (
        "service() { edge() }",
        "position 13 : Invalid input symbol: 'edge'",
    ),
    (
        "service() { group.name = g }",
        "position 13 : Invalid input symbol: 'group.name'",
    ),
    (
        "service() { rootcause.fault.service { last } }",
        "position 13 : Invalid input symbol: 'rootcause.fault.service'",
    ),
    (
        "edge() { inferred }",
        "position 10 : Invalid input symbol: 'inferred'",
    ),
    (
        "edge() { root }",
        "position 10 : Invalid input symbol: 'root'",
    ),
    (
        "edge() { user }",
        "position 10 : Invalid input symbol: 'user'",
    ),
    (
        "edge() { name = a }",
        "position 10 : Invalid input symbol: 'name'",
    ),
    (
        "edge() { account.id }",
        "position 10 : Invalid input symbol: 'account.id'",
    ),
    (
        "edge() { annotation.a }",
        "position 10 : Invalid input symbol: 'annotation.a'",
    ),
    (
        "edge() { source.first }",
        "position 10 : Invalid input symbol: 'source.first'",
    ),
    (
        "edge() { source. }",
        "position 10 : Invalid input symbol: 'source.'",
    ),
    (
        "edge() { source.source.ok }",
        "position 10 : Invalid input symbol: 'source.source.ok'",
    ),
    (
        "rootcause.fault.service { ok }",
        "position 27 : Invalid input symbol: 'ok'",
    ),
    (
        "rootcause.fault.service { remote }",
        "position 27 : Invalid input symbol: 'remote'",
    ),
    (
        "rootcause.fault.service { message = a }",
        "position 27 : Invalid input symbol: 'message'",
    ),
    (
        "rootcause.fault.entity { coverage > 0.5 }",
        "position 26 : Invalid input symbol: 'coverage'",
    ),
    (
        "rootcause.error.entity { coverage > 0.5 }",
        "position 26 : Invalid input symbol: 'coverage'",
    ),
    (
        "rootcause.fault.entity { type = a }",
        "position 26 : Invalid input symbol: 'type'",
    ),
    (
        "rootcause.fault.exception { remote }",
        "position 29 : Invalid input symbol: 'remote'",
    ),
    (
        "rootcause.responsetime.service { coverage = 1 }",
        "position 34 : Invalid input symbol: 'coverage'",
    ),
];

/// The message without the words in front that all of them have, and without the line.
fn message(text: &str) -> String {
    let error = parse(text, no_groups).unwrap_err();
    let message = error.message.strip_prefix("Error Location: line ");
    let (line, message) = message.unwrap_or(&error.message).split_once(", ").unwrap();
    assert_eq!(line, error.line.to_string(), "{text}");
    let position = format!("position {} : ", error.column);
    assert!(message.starts_with(&position), "{text}");
    assert!(!error.expected.is_empty(), "{text}");
    assert_eq!(error.to_string(), error.message);
    message.to_owned()
}

#[test]
fn every_error_of_the_specification_is_told_in_its_words() {
    for (text, expected) in SPECIFIED {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn whatever_else_is_no_expression_is_told_in_the_same_form() {
    for (text, expected) in REFUSED {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn places_are_counted_in_characters_and_by_line() {
    let error = parse("user = \"größe\" AND\r\n  ok\n AND föö = 1", no_groups).unwrap_err();
    assert_eq!((error.line, error.column), (3, 6));
    assert_eq!(
        error.message,
        "Error Location: line 3, position 6 : Invalid input symbol: 'föö'"
    );
    let error = parse("ok AND\n", no_groups).unwrap_err();
    assert_eq!(
        error.message,
        "Error Location: line 2, position 1 : Invalid input symbol: 'ok AND\n'"
    );
}

#[test]
fn of_a_long_term_200_characters_are_quoted() {
    let text = format!("user = \"{}\" ok > 1", "ä".repeat(300));
    assert!(message(&text).ends_with(": 'ok >'"));
    let text = format!("service(id(name: \"{}\", kind", "ä".repeat(300));
    let quoted = message(&text).split_once(": '").unwrap().1.to_owned();
    assert_eq!(quoted, format!("service(id(name: \"{}'", "ä".repeat(182)));
}

#[test]
fn what_was_expected_is_told_in_plain_words() {
    let rows = [
        ("duration < ", "a number"),
        ("ok = 1", "true or false"),
        ("ok > true", "'=' or '!='"),
        ("user > a", "'=', '!=', CONTAINS, BEGINSWITH or ENDSWITH"),
        ("(ok", "AND, OR or ')'"),
        ("service() { ok", "AND, OR or '}'"),
        ("rootcause.fault.service", "'{'"),
        (
            "rootcause.fault.entity { ok }",
            "one of the keywords first, last, remote, index, name",
        ),
        ("rootcause.json = #5", "a JSON array of objects"),
    ];
    for (text, expected) in rows {
        assert_eq!(
            parse(text, no_groups).unwrap_err().expected,
            expected,
            "{text}"
        );
    }
    let error = parse("foo", no_groups).unwrap_err();
    assert!(error.expected.contains("responsetime") && error.expected.contains("annotation.key"));
}

#[test]
fn a_text_may_have_8192_characters() {
    let longest = format!("user = \"{}\"", "ü".repeat(8192 - 9));
    let expression = parse(&longest, no_groups).unwrap();
    assert_eq!(expression.to_string(), longest);
    let error = parse(&format!("{longest} "), no_groups).unwrap_err();
    assert_eq!(error.message, "Filter expression too long");
    assert_eq!((error.line, error.column), (1, 8193));
}

#[test]
fn sixty_four_levels_are_read_and_a_65th_is_not() {
    let shapes = [
        ("(", "ok", ")"),
        ("!(", "ok", ")"),
        ("!", "ok = false", ""),
        ("(fault OR !(", "ok", "))"),
        ("(fault error OR ", "ok", ")"),
    ];
    for (open, inner, close) in shapes {
        let levels = open.matches('(').count().max(1);
        let nested = |times: usize| format!("{}{inner}{}", open.repeat(times), close.repeat(times));
        let deepest = parse(&nested(64 / levels), no_groups).unwrap();
        assert_eq!(
            parse(&deepest.to_string(), no_groups),
            Ok(deepest),
            "{open}"
        );
        let error = parse(&nested(64 / levels + 1), no_groups).unwrap_err();
        assert_eq!(error.message, "Filter expression too deep", "{open}");
        let bomb = parse(&open.repeat(8192 / open.len()), no_groups).unwrap_err();
        assert_eq!(bomb.message, "Filter expression too deep", "{open}");
    }
    let in_braces = |levels: usize| {
        let (open, close) = ("(".repeat(levels), ")".repeat(levels));
        parse(&format!("service() {{ {open}ok{close} }}"), no_groups)
    };
    assert!(in_braces(63).unwrap().to_string().contains("{ ok }"));
    assert_eq!(
        in_braces(64).unwrap_err().message,
        "Filter expression too deep"
    );
}

#[test]
fn a_json_bomb_is_refused() {
    let text = format!("rootcause.json = #{}", "[".repeat(8000));
    assert_eq!(
        message(&text),
        "position 19 : Invalid input symbol: 'rootcause.json = #['"
    );
    let text = format!("rootcause.json = #[{{\"a\":{}", "[".repeat(8000));
    assert!(message(&text).contains("Invalid input symbol: 'rootcause.json = #[{\"a\":[[["));
}

#[test]
fn an_unknown_group_is_named() {
    for keyword in ["group.name", "group.arn", "GROUP.NAME"] {
        let error = parse(&format!("ok {keyword} = \"nope\""), no_groups).unwrap_err();
        assert_eq!(error.message, "Group not found: nope");
        assert_eq!((error.line, error.column), (1, 7 + keyword.len()));
    }
}

#[test]
fn a_group_may_not_speak_of_groups() {
    for text in ["group.name = \"Default\"", "ok AND group.arn != a"] {
        let error = parse_group(text).unwrap_err();
        let keyword = if text.starts_with('g') {
            "group.name"
        } else {
            "group.arn"
        };
        assert!(error.message.ends_with(&format!(": '{keyword}'")), "{text}");
    }
    assert!(parse_group("ok").unwrap() == parse("ok", no_groups).unwrap());
}
