//! Traces of a hundred thousand entities in streamed documents, wide and deep.

use super::*;

/// As many subsegments as the issue asks for.
const SUBSEGMENTS: usize = 100_000;

/// Far less than recursion along a chain of documents would take.
const STACK_BYTES: usize = 256 << 10;

/// A segment with so many subsegments straight under it, every tenth a call of a table.
fn wide(subsegments: usize) -> Vec<String> {
    let mut documents = vec![segment(1, r#","end_time":2000"#)];
    documents.extend((2..subsegments + 2).map(|at| {
        let times = format!(r#""start_time":{}.5,"end_time":{}.75"#, at % 900 + 1000, at % 900 + 1000);
        let members = match at % 10 {
            0 => format!(
                r#""name":"dynamodb","namespace":"aws","aws":{{"operation":"GetItem","table_name":"t"}},{times}"#
            ),
            _ => format!(r#""name":"step","annotations":{{"at":{at}}},{times}"#),
        };
        subsegment(at, 1, &members)
    }));
    documents
}

/// A segment with one chain of so many subsegments, each within the one before.
fn deep(subsegments: usize) -> Vec<String> {
    let mut documents = vec![segment(1, r#","end_time":2000"#)];
    documents.extend((2..subsegments + 2).map(|at| {
        subsegment(
            at,
            at - 1,
            r#""name":"level","fault":true,"start_time":1000,"end_time":2000"#,
        )
    }));
    documents
}

#[test]
fn a_hundred_thousand_subsegments_side_by_side() {
    let derived = derive_within(STACK_BYTES, wide(SUBSEGMENTS));
    let calls = SUBSEGMENTS / 10;
    assert_eq!(derived.entries.len(), 1 + calls);
    let whole: Value = serde_json::from_str(&derived.entries[0].document).unwrap();
    let nested = whole["subsegments"].as_array().unwrap();
    assert_eq!(nested.len(), SUBSEGMENTS);
    let in_order = |pair: &[Value]| {
        let order = |one: &Value| (one["start_time"].as_f64(), one["id"].to_string());
        order(&pair[0]) < order(&pair[1])
    };
    assert!(
        nested.windows(2).all(in_order),
        "by start and id, each once"
    );
    let table = derived.service("t", Some("AWS::DynamoDB::Table"));
    assert_eq!(table["SummaryStatistics"]["OkCount"], calls);
    assert_eq!(
        table["SummaryStatistics"]["TotalResponseTime"],
        calls as f64 / 4.0
    );
    let shop = derived.service("shop", None);
    assert_eq!(shop["SummaryStatistics"]["TotalCount"], 1);
    assert_eq!(shop["Edges"][0]["SummaryStatistics"]["OkCount"], calls);
    assert_eq!(derived.summary["Revision"], SUBSEGMENTS + 1);
    assert_eq!(derived.summary["ResponseTime"], 1000.0);
    assert_eq!(derived.summary["IsPartial"], false);
    let indexed = derived.summary["Annotations"]["at"].as_array().unwrap();
    assert_eq!(indexed.len(), 50);
}

#[test]
fn a_hundred_thousand_subsegments_within_each_other() {
    let derived = derive_within(STACK_BYTES, deep(SUBSEGMENTS));
    assert_eq!(derived.entries.len(), 1);
    let whole = &derived.entries[0].document;
    // no JSON reader follows this deep: the text is looked at as text
    let ids: Vec<&str> = whole
        .split(r#""id":""#)
        .skip(1)
        .map(|rest| rest.get(..16).unwrap())
        .collect();
    let expected: Vec<String> = (1..SUBSEGMENTS + 2).map(id).collect();
    assert_eq!(ids, expected);
    assert_eq!(whole.matches(r#","subsegments":[{"#).count(), SUBSEGMENTS);
    assert!(whole.ends_with(&"]}".repeat(SUBSEGMENTS)));
    assert_eq!(derived.services.len(), 2, "shop and its client");
    assert_eq!(derived.summary["HasFault"], false);
    let causes = derived.summary["FaultRootCauses"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "one chain");
}

#[test]
fn a_thousand_services_call_one_another() {
    let levels = 1000;
    let mut documents = vec![segment(1, r#","end_time":2000"#)];
    for level in 1..levels {
        let (call, answer) = (level * 2, level * 2 + 1);
        documents.push(subsegment(
            call,
            call - 1,
            r#""name":"next.test","namespace":"remote","start_time":1000,"end_time":2000"#,
        ));
        let (answer, call) = (id(answer), id(call));
        documents.push(format!(
            r#"{{"trace_id":"{TRACE}","id":"{answer}","parent_id":"{call}","name":"s{level}","start_time":1000,"end_time":2000}}"#
        ));
    }
    let derived = derive_within(STACK_BYTES, documents);
    assert_eq!(derived.entries.len(), levels);
    assert_eq!(derived.services.len(), levels + 1);
    for service in &derived.services {
        let edges = service["Edges"].as_array().unwrap();
        let is_last = service["Name"] == format!("s{}", levels - 1);
        assert_eq!(edges.len(), usize::from(!is_last), "{service}");
        for edge in edges {
            assert_eq!(edge["SummaryStatistics"]["OkCount"], 1);
            let callee =
                &derived.services[usize::try_from(edge["ReferenceId"].as_u64().unwrap()).unwrap()];
            let aliases = edge["Aliases"].as_array().unwrap().len();
            let is_client = service["Type"] == "client";
            assert_eq!(
                aliases,
                usize::from(!is_client),
                "{} is next.test too",
                callee["Name"]
            );
        }
    }
    let path = &derived.summary["ResponseTimeRootCauses"][0]["Services"];
    assert_eq!(path.as_array().unwrap().len(), 500, "cut at 1,000 entities");
}

#[test]
fn twenty_thousand_services_answer_one_call() {
    let answers = 20_000;
    let call = r#""name":"all.test","namespace":"remote","start_time":1000,"end_time":2000"#;
    let mut documents = vec![segment(1, r#","end_time":2000"#), subsegment(2, 1, call)];
    documents.extend((0..answers).map(|at| {
        let (answer, call) = (id(at + 3), id(2));
        format!(
            r#"{{"trace_id":"{TRACE}","id":"{answer}","parent_id":"{call}","name":"s{at}","start_time":1000,"end_time":2000}}"#
        )
    }));
    let derived = derive_within(STACK_BYTES, documents);
    let edges = derived.service("shop", None)["Edges"].as_array().unwrap();
    assert_eq!(edges.len(), answers, "each at a node of its own");
    assert!(
        edges
            .iter()
            .all(|edge| edge["SummaryStatistics"]["TotalCount"] == 1)
    );
}

#[test]
fn a_circle_of_a_hundred_thousand_is_cut_at_one_place() {
    let mut documents = deep(SUBSEGMENTS);
    // the first subsegment hangs under the last one
    documents[1] = subsegment(
        2,
        SUBSEGMENTS + 1,
        r#""name":"level","start_time":999,"end_time":2000"#,
    );
    let derived = derive_within(STACK_BYTES, documents);
    let ids: Vec<&str> = derived
        .entries
        .iter()
        .map(|entry| entry.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [id(1), id(2)],
        "the segment, then the orphan at which the circle is cut"
    );
    let orphan = &derived.entries[1].document;
    assert_eq!(
        orphan.matches(r#","subsegments":[{"#).count(),
        SUBSEGMENTS - 1
    );
    assert_eq!(derived.summary["IsPartial"], true);
}

#[test]
fn what_is_derived_grows_in_proportion_to_the_documents() {
    for shape in [wide, deep] {
        let derive_of = |subsegments| derive_within(STACK_BYTES, shape(subsegments));
        let (tenth, whole) = (derive_of(2_000), derive_of(20_000));
        assert!(whole.entry_bytes() <= tenth.entry_bytes() * 11);
        assert!(whole.view_bytes() <= tenth.view_bytes() * 11);
        let sent: usize = shape(20_000).iter().map(String::len).sum();
        assert!(
            whole.view_bytes() <= sent,
            "{} of {sent}",
            whole.view_bytes()
        );
        assert!(
            whole.entry_bytes() <= sent * 2,
            "{} of {sent}",
            whole.entry_bytes()
        );
    }
}

/// Many failures at the end of one long chain: each has the whole chain in its cause.
#[test]
fn root_causes_stay_in_proportion_to_the_documents() {
    let (levels, failures) = (500, 200);
    let long = "x".repeat(1000);
    let failed = format!(
        r#""name":"level","fault":true,"start_time":1000,"end_time":2000,"cause":{{"exceptions":[{{"id":"00000000000000aa","type":"E","message":"{long}"}}]}}"#
    );
    let mut documents = vec![segment(1, r#","end_time":2000,"fault":true"#)];
    documents.extend((2..levels + 2).map(|at| subsegment(at, at - 1, &failed)));
    let last = levels + 1;
    documents.extend((0..failures).map(|at| subsegment(last + 1 + at, last, &failed)));
    let sent: usize = documents.iter().map(String::len).sum();
    let derived = derive_within(STACK_BYTES, documents);
    assert_ne!(derived.view.summary.fault_root_causes, Vec::new());
    assert!(
        derived.view_bytes() <= sent,
        "{} of {sent}",
        derived.view_bytes()
    );
}
