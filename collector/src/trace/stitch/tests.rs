//! Stitching row by row, on hand-made documents.

use radiograph_protocol::ids::SegmentId;

use super::*;

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

fn segment(id: u64, members: &str) -> String {
    format!(
        r#"{{"trace_id":"{TRACE}","id":"{id:016x}","name":"s{id}","start_time":{id}{members}}}"#
    )
}

fn subsegment(id: u64, parent: u64, members: &str) -> String {
    segment(
        id,
        &format!(r#","type":"subsegment","parent_id":"{parent:016x}"{members}"#),
    )
}

fn id(bits: u64) -> SegmentId {
    SegmentId::from_bits(bits).unwrap()
}

/// Each entity as (id, parent, is segment), read from one stitching of these documents.
fn stitched(documents: &[String]) -> Vec<(u64, Option<u64>, bool)> {
    let parsed = parse_all(documents.iter().map(String::as_str));
    let trace = stitch(&parsed).unwrap();
    let parent_of = |member: &Member<'_>| Some(trace.member(member.parent?).entity.id.bits());
    trace
        .members()
        .map(|(_, m)| (m.entity.id.bits(), parent_of(m), m.is_segment))
        .collect()
}

#[test]
fn a_circle_is_cut_at_its_earliest_segment() {
    let documents = [
        segment(2, r#","end_time":9,"parent_id":"0000000000000003""#),
        subsegment(3, 4, r#","end_time":9"#),
        subsegment(4, 2, r#","end_time":9"#),
    ];
    let expected = vec![(2, None, true), (3, Some(4), false), (4, Some(2), false)];
    assert_eq!(stitched(&documents), expected);
}

#[test]
fn a_circle_without_segments_is_cut_at_its_earliest_subsegment() {
    let documents = [
        subsegment(3, 4, r#","end_time":9"#),
        subsegment(4, 3, r#","end_time":9"#),
    ];
    assert_eq!(
        stitched(&documents),
        vec![(3, None, false), (4, Some(3), false)]
    );
}

#[test]
fn a_link_to_itself_is_cut_and_what_hangs_below_a_circle_stays() {
    let documents = [
        segment(2, r#","end_time":9,"parent_id":"0000000000000002""#),
        subsegment(3, 2, r#","end_time":9"#),
    ];
    assert_eq!(
        stitched(&documents),
        vec![(2, None, true), (3, Some(2), false)]
    );
}

#[test]
fn an_embedded_copy_of_its_own_parent_is_harmless() {
    let inner = r#"{"id":"0000000000000002","name":"x","start_time":2,"end_time":5}"#;
    let documents = [segment(
        2,
        &format!(r#","end_time":9,"subsegments":[{inner}]"#),
    )];
    assert_eq!(stitched(&documents), vec![(2, None, true)]);
}

#[test]
fn a_segment_version_beats_a_subsegment_version_and_complete_beats_unfinished() {
    let documents = [
        subsegment(2, 9, r#","end_time":99"#),
        segment(2, r#","in_progress":true"#),
        segment(2, r#","end_time":3"#),
        segment(2, r#","end_time":4,"user":"a""#),
        segment(2, r#","end_time":4,"user":"b""#),
    ];
    let parsed = parse_all(documents.iter().map(String::as_str));
    let trace = stitch(&parsed).unwrap();
    let (_, member) = trace.members().next().unwrap();
    assert!(member.is_segment);
    assert_eq!(member.entity.end, Some(Timestamp::from_seconds(4)));
    // equal end and length: the greater text
    assert_eq!(member.entity.user.as_deref(), Some("b"));
    assert_eq!(trace.revision, 5);
}

#[test]
fn children_are_united_over_all_versions() {
    let child =
        |id: u64| format!(r#"{{"id":"{id:016x}","name":"c","start_time":{id},"end_time":{id}}}"#);
    let documents = [
        segment(
            2,
            &format!(r#","in_progress":true,"subsegments":[{}]"#, child(3)),
        ),
        segment(2, &format!(r#","end_time":9,"subsegments":[{}]"#, child(4))),
    ];
    let expected = vec![(2, None, true), (3, Some(2), false), (4, Some(2), false)];
    assert_eq!(stitched(&documents), expected);
}

#[test]
fn a_tie_of_embedded_versions_is_decided_by_their_own_text() {
    let child = |user: &str| {
        format!(r#"{{"id":"0000000000000003","name":"{user}","start_time":3,"end_time":4}}"#)
    };
    let with = |parent: u64, user: &str| {
        segment(
            parent,
            &format!(r#","end_time":9,"subsegments":[{}]"#, child(user)),
        )
    };
    for documents in [[with(2, "a"), with(5, "b")], [with(5, "b"), with(2, "a")]] {
        let parsed = parse_all(documents.iter().map(String::as_str));
        let trace = stitch(&parsed).unwrap();
        let three = trace
            .members()
            .find(|(_, m)| m.entity.id == id(3))
            .unwrap()
            .1;
        assert_eq!((&*three.entity.name, three.parent_id), ("b", Some(id(5))));
    }
}

#[test]
fn owners_are_segments_and_topmost_orphans() {
    let documents = [
        segment(2, r#","end_time":9"#),
        subsegment(3, 2, r#","end_time":9"#),
        subsegment(4, 99, r#","end_time":9"#),
        subsegment(5, 4, r#","end_time":9"#),
    ];
    let parsed = parse_all(documents.iter().map(String::as_str));
    let trace = stitch(&parsed).unwrap();
    let owner = |of: u64| {
        let member = trace
            .members()
            .find(|(_, m)| m.entity.id == id(of))
            .unwrap()
            .1;
        trace.member(member.owner).entity.id.bits()
    };
    assert_eq!([owner(2), owner(3), owner(4), owner(5)], [2, 2, 4, 4]);
    assert!(trace.is_partial());
}

#[test]
fn a_chain_of_streamed_subsegments_may_have_any_length() {
    let length = 20_000;
    let mut documents = vec![segment(1, r#","end_time":99999"#)];
    documents.extend((2..length).map(|at| subsegment(at, at - 1, r#","end_time":99999"#)));
    let parsed = parse_all(documents.iter().map(String::as_str));
    let trace = stitch(&parsed).unwrap();
    assert_eq!(
        trace
            .members()
            .filter(|(_, member)| member.parent.is_none())
            .count(),
        1
    );
    let entries = crate::trace::documents::entries(&trace, &parsed);
    assert_eq!(entries.len(), 1);
    assert_eq!(
        entries[0].document.matches("\"subsegments\":[").count(),
        19_998
    );
}

#[test]
fn a_called_service_that_is_missing_makes_the_trace_partial() {
    let call = |traced: &str| {
        let inner = format!(
            r#"{{"id":"0000000000000003","name":"x","namespace":"remote","start_time":2,"end_time":5{traced}}}"#
        );
        segment(2, &format!(r#","end_time":9,"subsegments":[{inner}]"#))
    };
    let is_partial = |documents: &[String]| {
        let parsed = parse_all(documents.iter().map(String::as_str));
        stitch(&parsed).unwrap().is_partial()
    };
    assert!(!is_partial(&[call("")]));
    assert!(is_partial(&[call(r#","traced":true"#)]));
    let answer = segment(7, r#","end_time":8,"parent_id":"0000000000000003""#);
    assert!(!is_partial(&[call(r#","traced":true"#), answer]));
}
