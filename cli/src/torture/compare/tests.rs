//! The checker finds every way in which a store or daemon could cheat: true answers pass, and each
//! doctored one is found out.

use proptest::prelude::*;
use radiograph_protocol::timestamp::Timestamp;

use super::*;
use crate::torture::books::Books;

const TRACES: u64 = 40;

fn traffic() -> Traffic {
    Traffic::new(42, Timestamp::from_seconds(1_795_000_000))
}

fn all_pieces() -> Vec<Piece> {
    (0..TRACES)
        .flat_map(|trace| traffic().pieces(trace))
        .collect()
}

/// What a collector answers that holds these documents.
fn answers(held: &[Piece]) -> Stored {
    let traffic = traffic();
    let mut stored = Stored::default();
    let mut by_trace: BTreeMap<u64, Vec<Piece>> = BTreeMap::new();
    for piece in held {
        let trace = by_trace.entry(Traffic::trace_of(piece.number)).or_default();
        trace.push(*piece);
    }
    for (trace, pieces) in by_trace {
        let trace_id = traffic.trace_id(trace).to_string();
        let revision = u64::try_from(pieces.len()).unwrap();
        stored.revisions.insert(trace_id.clone(), vec![revision]);
        let mut visible: BTreeMap<u64, Piece> = BTreeMap::new();
        for piece in pieces {
            let speaker = visible.entry(piece.entity).or_insert(piece);
            if piece.is_complete {
                *speaker = piece;
            }
        }
        let entities = visible.values().map(|piece| {
            let parent = piece.parent.filter(|_| !piece.is_segment);
            let inside = parent.filter(|parent| visible.contains_key(parent));
            Entity {
                id: id(piece.entity),
                number: Some(piece.number),
                inside: inside.map(id),
            }
        });
        stored.traces.insert(trace_id, entities.collect());
        let visible: Vec<Piece> = visible.into_values().collect();
        fold::add_trace(&mut stored.graph, &visible);
    }
    stored
}

/// All documents acknowledged.
fn acknowledged() -> Closed {
    let mut books = Books::default();
    let numbers = || all_pieces().into_iter().map(|piece| piece.number);
    books.posted(numbers());
    books.acknowledged(numbers());
    books.close()
}

/// All documents sent to a daemon, which was killed while it held so many.
fn killed(in_memory: u64) -> Closed {
    let mut books = Books::default();
    let life = books.born();
    let pieces = all_pieces();
    pieces
        .iter()
        .for_each(|piece| books.sent(life, piece.number));
    let counts = crate::torture::counts::Counts {
        received: u64::try_from(pieces.len()).unwrap(),
        held: in_memory,
        ..Default::default()
    };
    books.polled(life, pieces.len(), counts, 0);
    books.polled(life, pieces.len(), counts, 0);
    books.killed(life);
    books.close()
}

/// The violations of a true answer after it was changed.
fn doctored(change: impl FnOnce(&mut Stored)) -> Vec<Violation> {
    let mut stored = answers(&all_pieces());
    change(&mut stored);
    compare(&traffic(), &acknowledged(), &stored).violations
}

fn first_trace(stored: &mut Stored) -> (String, &mut Vec<Entity>) {
    let (id, entities) = stored.traces.iter_mut().next().unwrap();
    (id.clone(), entities)
}

#[test]
fn a_true_answer_has_no_violation_and_everything_is_found() {
    let verdict = compare(&traffic(), &acknowledged(), &answers(&all_pieces()));
    assert_eq!(verdict.violations, []);
    assert!(verdict.lost.is_empty());
    let all = u64::try_from(all_pieces().len()).unwrap();
    assert_eq!(verdict.found + verdict.superseded, all);
    assert!(verdict.superseded > 0, "some are announced first");
}

#[test]
fn an_acknowledged_document_that_is_missing_is_found_out_each_single_one() {
    let pieces = all_pieces();
    for (place, gone) in pieces.iter().enumerate() {
        let mut held = pieces.clone();
        held.remove(place);
        let verdict = compare(&traffic(), &acknowledged(), &answers(&held));
        // one that is superseded is missing in the count of documents alone
        let is_told = verdict.violations.iter().any(|violation| match violation {
            Violation::Missing { number, .. } => *number == gone.number,
            Violation::Unsettled { trace_id, .. } => {
                traffic().trace_with(trace_id) == Some(Traffic::trace_of(gone.number))
            }
            _ => false,
        });
        assert!(is_told, "{gone:?}: {:?}", verdict.violations);
    }
}

#[test]
fn a_trace_that_is_gone_as_a_whole_is_found_out() {
    let violations = doctored(|stored| {
        let (id, _) = first_trace(stored);
        stored.traces.remove(&id);
        stored.revisions.remove(&id);
    });
    let missing = |each: &Violation| matches!(each, Violation::Missing { .. });
    assert!(violations.iter().any(missing), "{violations:?}");
}

#[test]
fn what_is_there_twice_is_found_out() {
    let mut expected = None;
    let violations = doctored(|stored| {
        let (trace_id, entities) = first_trace(stored);
        let first = entities[0].clone();
        expected = Some(Violation::Twice {
            trace_id,
            id: first.id.clone(),
        });
        entities.push(first);
    });
    assert_eq!(violations, [expected.unwrap()]);
    let violations = doctored(|stored| {
        let revisions = stored.revisions.values_mut().next().unwrap();
        revisions.push(revisions[0]);
    });
    let [Violation::Unsettled { revisions, .. }] = violations.as_slice() else {
        panic!("{violations:?}");
    };
    assert_eq!(revisions.len(), 2);
}

#[test]
fn documents_mixed_up_or_made_up_are_found_out() {
    type Change = fn(&mut Entity);
    let changes: [(&str, Change); 3] = [
        ("number of another", |entity| entity.number = Some(31)),
        ("number lost", |entity| entity.number = None),
        ("id of another", |entity| entity.id = id(1 << 60)),
    ];
    for (name, change) in changes {
        let violations = doctored(|stored| change(&mut first_trace(stored).1[0]));
        let foreign = |each: &Violation| matches!(each, Violation::Foreign { .. });
        assert!(violations.iter().any(foreign), "{name}: {violations:?}");
    }
    let stranger = "1-5759e988-bd862e3fe1be46a994272793".to_owned();
    let violations = doctored(|stored| {
        stored.revisions.insert(stranger.clone(), vec![1]);
    });
    let expected = Violation::Foreign {
        trace_id: stranger,
        id: String::new(),
    };
    assert_eq!(violations, [expected]);
}

#[test]
fn a_streamed_subsegment_in_the_wrong_place_is_found_out() {
    let violations = doctored(|stored| {
        let mut entities = stored.traces.values_mut().flatten();
        let nested = entities.find(|entity| entity.inside.is_some()).unwrap();
        nested.inside = None;
    });
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(matches!(violations[0], Violation::Misplaced { .. }));
}

#[test]
fn a_trace_that_was_not_settled_again_is_found_out() {
    for change in [-1_i64, 1] {
        let violations = doctored(|stored| {
            let revision = stored.revisions.values_mut().next().unwrap();
            revision[0] = revision[0].saturating_add_signed(change);
        });
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(matches!(violations[0], Violation::Unsettled { .. }));
    }
    let violations = doctored(|stored| {
        stored.revisions.pop_first();
    });
    assert!(matches!(violations[..], [Violation::Unsettled { .. }]));
}

#[test]
fn totals_that_are_not_the_sum_are_found_out() {
    let violations = doctored(|stored| stored.graph.nodes.values_mut().next().unwrap().0 += 1);
    assert!(matches!(violations[..], [Violation::Node { .. }]));
    let violations = doctored(|stored| stored.graph.nodes.values_mut().next().unwrap().1 += 1);
    assert!(matches!(violations[..], [Violation::Node { .. }]));
    let violations = doctored(|stored| *stored.graph.edges.values_mut().next().unwrap() -= 1);
    assert!(matches!(violations[..], [Violation::Edge { .. }]));
    let violations = doctored(|stored| {
        stored.graph.edges.pop_first();
    });
    assert!(matches!(violations[..], [Violation::Edge { .. }]));
}

#[test]
fn a_killed_daemon_may_lose_what_it_held_and_no_more() {
    let pieces = all_pieces();
    let outcome = |missing: usize, in_memory: u64| {
        // complete ones: whether an announcement is there may be invisible
        let mut left = missing;
        let held = pieces.iter().filter(|piece| {
            let goes = piece.is_complete && left > 0;
            left -= usize::from(goes);
            !goes
        });
        let held: Vec<Piece> = held.copied().collect();
        compare(&traffic(), &killed(in_memory), &answers(&held))
    };
    let verdict = outcome(5, 5);
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.lost, BTreeMap::from([(Reason::Killed, 5)]));
    let too_many = outcome(6, 5).violations;
    let [
        Violation::LostTooMuch {
            missing,
            bound,
            trace_id,
            ..
        },
    ] = too_many.as_slice()
    else {
        panic!("{too_many:?}");
    };
    assert_eq!((*missing, *bound), (6, 5));
    assert_eq!(traffic().trace_with(trace_id), Some(0));
    assert!(
        !outcome(1, 0).violations.is_empty(),
        "all was out of memory"
    );
}

#[test]
fn violations_name_the_trace_in_words() {
    let missing = Violation::Missing {
        trace_id: "1-5759e988-bd862e3fe1be46a994272793".to_owned(),
        number: 7,
    };
    assert_eq!(
        missing.to_string(),
        "1-5759e988-bd862e3fe1be46a994272793: document 7 is missing"
    );
}

proptest! {
    #[test]
    fn property_whatever_is_missing_without_leave_is_found_and_with_leave_is_not(
        gone in proptest::collection::btree_set(0_usize..200, 0..20),
    ) {
        let pieces = all_pieces();
        let (held, missing): (Vec<_>, Vec<_>) = pieces
            .iter()
            .enumerate()
            .partition(|(place, _)| !gone.contains(place));
        let held: Vec<Piece> = held.into_iter().map(|(_, piece)| *piece).collect();
        let answers = answers(&held);
        let strict = compare(&traffic(), &acknowledged(), &answers);
        prop_assert_eq!(strict.violations.is_empty(), missing.is_empty());
        let mut books = Books::default();
        books.posted(pieces.iter().map(|piece| piece.number));
        books.acknowledged(held.iter().map(|piece| piece.number));
        let lenient = compare(&traffic(), &books.close(), &answers);
        prop_assert_eq!(lenient.violations, []);
    }
}
