//! Tables at several widths.

use serde_json::json;

use super::*;

const ENDPOINT: &str = "http://127.0.0.1:2080";
const LINK: &str = "http://127.0.0.1:2080/#/traces/1-6592008a-0f1e2d3c4b5a69788796a5b4";

fn summary() -> Value {
    json!({
        "Id": "1-6592008a-0f1e2d3c4b5a69788796a5b4", "StartTime": 1_704_067_210.1,
        "Duration": 0.31, "ResponseTime": 0.3, "HasFault": true, "IsPartial": true,
        "Http": {"HttpURL": "https://shop.test/cart", "HttpStatus": 502, "HttpMethod": "GET"},
        "Annotations": {"tier": [{"AnnotationValue": {"StringValue": "gold"}}],
            "items": [{"AnnotationValue": {"NumberValue": 3.0}}]},
        "Users": [{"UserName": "u-17"}], "EntryPoint": {"Name": "shop"},
    })
}

#[test]
fn through_a_pipe_nothing_is_cut_and_the_link_is_a_column() {
    let expected = format!(
        "START                     DURATION  RESPONSE  STATUS         HTTP     ENTRY                        \
         ABOUT                           TRACE ID                             LINK\n\
         2024-01-01T00:00:10.100Z  0.310 s   0.300 s   fault,partial  GET 502  shop https://shop.test/cart  \
         user=u-17 items=3.0 tier=gold   1-6592008a-0f1e2d3c4b5a69788796a5b4  {LINK}"
    );
    let unaligned = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ")
    };
    let found = table(&[summary()], ENDPOINT, None);
    assert_eq!(unaligned(&found), unaligned(&expected));
    let lines: Vec<&str> = found.lines().collect();
    for title in ["DURATION", "HTTP", "TRACE ID", "LINK"] {
        let at = lines[0].find(title).unwrap();
        assert_eq!(lines[1].get(at - 2..at), Some("  "), "{title} is aligned");
    }
}

#[test]
fn a_terminal_gets_what_fits_and_always_the_trace_id() {
    for width in [20, 40, 80, 100, 120, 200] {
        let text = table(&[summary()], ENDPOINT, Some(width));
        assert!(
            text.contains(&format!("\u{1b}]8;;{LINK}\u{1b}\\")),
            "{width}"
        );
        let bare = text
            .replace(&format!("\u{1b}]8;;{LINK}\u{1b}\\"), "")
            .replace("\u{1b}]8;;\u{1b}\\", "");
        for line in bare.lines() {
            let chars = line.chars().count();
            // the id alone is 35 wide
            assert!(chars <= width.max(35), "{chars} of {width}: {line}");
        }
        assert!(
            bare.ends_with("1-6592008a-0f1e2d3c4b5a69788796a5b4"),
            "{width}"
        );
        assert_eq!(bare.contains("fault,partial"), width >= 80, "{width}");
        assert_eq!(bare.contains("user=u-17"), width == 200, "{width}");
    }
}

#[test]
fn what_a_trace_says_of_itself_is_not_obeyed_by_the_terminal() {
    let mut summary = summary();
    summary["Users"] = json!([{"UserName": "a\u{1b}[2J\nb"}]);
    summary["Http"]["HttpURL"] = json!("http://x/\u{7}\u{9b}1m");
    let text = table(&[summary], ENDPOINT, None);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn summaries_without_members_are_rows_all_the_same() {
    let text = table(&[json!({}), json!(3)], ENDPOINT, None);
    assert_eq!(text.lines().count(), 3);
    assert!(text.starts_with("START  DURATION"), "{text}");
}
