//! Running totals against plain ones: the same additions give the same answers.

use proptest::prelude::*;
use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::Elapsed;

use super::*;
use crate::trace::contributions;
use crate::trace::facts::{
    CallFacts, EntityAt, EntityFacts, Facts, LinkFacts, NodeAt, ProducerFacts, SegmentAt,
    SegmentFacts, SegmentKind,
};
use crate::trace::node::{EdgeKey, NodeKey};
use crate::trace::summary::Summary;
use crate::trace::totals::Span;
use crate::trace::view::TraceView;

/// Not the start of an hour, so that stretches of all lengths are cut.
const BEGIN: i64 = 1_700_000_040;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(BEGIN + seconds)
}

/// One call from one node to another, with an alias and a link back, `seconds` after the beginning.
#[derive(Debug, Clone)]
struct Call {
    seconds: i64,
    millis: Option<i64>,
    ends: (u8, u8),
    alias: Option<u8>,
    link_age_seconds: Option<i64>,
    flags: Flags,
}

const CALL: Call = Call {
    seconds: 0,
    millis: Some(157),
    ends: (0, 1),
    alias: Some(2),
    link_age_seconds: Some(3),
    flags: Flags {
        error: false,
        throttle: false,
        fault: false,
    },
};

fn view(call: &Call) -> TraceView {
    let name = |number: u8| NodeKey::client_of(&format!("node-{number}"));
    let (source, target) = call.ends;
    let start = at(call.seconds);
    let end = call.millis.map(|millis| start.plus_micros(millis * 1000));
    let segment = |node: u32, kind| SegmentFacts {
        node: NodeAt(node),
        entity: EntityAt(0),
        earliest: start.plus_micros(-5000),
        latest: end.unwrap_or(start),
        kind,
        is_root: node == 0,
        host: None,
    };
    let producer = |age| ProducerFacts {
        node: NodeAt(1),
        is_sent: true,
        age: Elapsed::from_micros(age * 1_000_000),
    };
    let link = |age| LinkFacts {
        trace_id: TraceId::from_bits(1),
        id: SegmentId::from_bits(1).unwrap(),
        consumer: SegmentAt(0),
        start,
        end: end.unwrap_or(start),
        producer_revision: 1,
        producer: Some(producer(age)),
    };
    TraceView {
        trace_id: TraceId::from_bits(2),
        revision: 1,
        nodes: vec![
            name(source),
            name(target),
            name(call.alias.unwrap_or_default()),
        ],
        summary: summary(start),
        facts: Facts {
            entities: vec![EntityFacts {
                start,
                end,
                flags: call.flags,
                http: None,
            }],
            segments: vec![
                segment(0, SegmentKind::Sent),
                segment(1, SegmentKind::Inferred),
            ],
            calls: vec![CallFacts {
                source: Some(SegmentAt(0)),
                target: SegmentAt(1),
                entity: EntityAt(0),
                is_counted: true,
                alias: call.alias.map(|_| NodeAt(2)),
            }],
            links: call.link_age_seconds.map(link).into_iter().collect(),
        },
    }
}

fn summary(start: Timestamp) -> Summary {
    Summary {
        start,
        latest: start,
        duration: None,
        response_time: None,
        has_fault: false,
        has_error: false,
        has_throttle: false,
        is_partial: false,
        root: None,
        annotations: Vec::new(),
        services: Vec::new(),
        fault_root_causes: Vec::new(),
        error_root_causes: Vec::new(),
        response_time_root_causes: Vec::new(),
    }
}

/// Calls of three and a half hours.
fn call() -> impl Strategy<Value = Call> {
    let millis = prop_oneof![0..40_i64, 990..1_020_i64, 0..2_000_000_i64];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (
        0..3 * 3600 + 1800_i64,
        prop::option::weighted(0.9, millis),
        (0..4_u8, 0..4_u8),
        prop::option::of(0..4_u8),
        prop::option::of(0..100_i64),
        flags,
    )
        .prop_map(
            |(seconds, millis, ends, alias, link_age_seconds, flags)| Call {
                seconds,
                millis,
                ends,
                alias,
                link_age_seconds,
                flags: Flags {
                    error: flags.0,
                    throttle: flags.1,
                    fault: flags.2,
                },
            },
        )
}

/// Calls in batches, each with whether it is taken away again by the batch after it.
fn batches() -> impl Strategy<Value = Vec<Vec<(Call, bool)>>> {
    let batch = prop::collection::vec((call(), prop::bool::weighted(0.3)), 0..12);
    prop::collection::vec(batch, 1..6)
}

/// Windows before, in and after the calls, of any length, also none.
fn window() -> impl Strategy<Value = (Timestamp, Timestamp)> {
    let seconds = -3600..5 * 3600_i64;
    let minutes = (-60..300_i64).prop_map(|minutes| minutes * 60);
    let time = prop_oneof![seconds, minutes];
    (time.clone(), time).prop_map(|(one, other)| (at(one.min(other)), at(one.max(other))))
}

/// Both kinds of totals after the same additions.
fn both(batches: &[Vec<(Call, bool)>]) -> (Totals, RunningTotals) {
    let (mut plain, mut running) = (Totals::default(), RunningTotals::default());
    let mut late = Totals::default();
    for batch in batches {
        plain.add(&late, -1);
        running.add(&late, -1);
        late = Totals::default();
        let mut fresh = Totals::default();
        for (call, is_taken_back) in batch {
            let view = view(call);
            contributions::add(&view, &mut fresh, 1);
            if *is_taken_back {
                contributions::add(&view, &mut late, 1);
            }
        }
        plain.add(&fresh, 1);
        running.add(&fresh, 1);
    }
    (plain, running)
}

/// The times of a window, to be taken out before comparing the rest.
fn spans_mut(totals: &mut MinuteTotals) -> impl Iterator<Item = &mut Span> {
    let nodes = totals.nodes.values_mut().map(|node| &mut node.span);
    let edges = totals.edges.values_mut().map(|edge| &mut edge.span);
    let links = totals.links.values_mut().map(|link| &mut link.span);
    nodes.chain(edges).chain(links)
}

fn without_spans(mut totals: MinuteTotals) -> (Vec<Span>, MinuteTotals) {
    let none = Span {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    let spans = spans_mut(&mut totals).map(|span| std::mem::replace(span, none));
    (spans.collect(), totals)
}

proptest! {
    #[test]
    fn property_without_subtractions_every_window_is_exact(
        calls in prop::collection::vec(prop::collection::vec(call(), 0..12), 1..6),
        (start, end) in window(),
    ) {
        let kept = |batch: Vec<Call>| batch.into_iter().map(|call| (call, false)).collect();
        let batches: Vec<_> = calls.into_iter().map(kept).collect();
        let (plain, running) = both(&batches);
        prop_assert_eq!(running.window(start, end), plain.window(start, end));
    }

    #[test]
    fn property_after_subtractions_spans_alone_may_be_wider(
        batches in batches(),
        (start, end) in window(),
    ) {
        let (plain, running) = both(&batches);
        let (exact, plain) = without_spans(plain.window(start, end));
        let (shown, running) = without_spans(running.window(start, end));
        prop_assert_eq!(running, plain);
        for (exact, shown) in exact.iter().zip(&shown) {
            prop_assert!(shown.start <= exact.start && shown.end >= exact.end);
        }
    }

    #[test]
    fn property_single_minutes_are_exact_even_after_subtractions(
        batches in batches(),
        (start, end) in window(),
        wanted in prop::collection::btree_set((0..5_u8, 0..5_u8), 0..5),
    ) {
        let (plain, running) = both(&batches);
        let name = |number: u8| NodeKey::client_of(&format!("node-{number}"));
        let edge = |(source, target)| EdgeKey { source: name(source), target: name(target) };
        let wanted = Wanted {
            nodes: wanted.iter().map(|(node, _)| name(*node)).collect(),
            edges: wanted.iter().copied().map(edge).collect(),
        };
        let shown = running.minutes(start, end, &wanted);
        prop_assert_eq!(shown, plain.minutes(start, end, &wanted));
    }

    #[test]
    fn property_nothing_is_left_when_everything_was_taken_away(batches in batches()) {
        let (plain, mut running) = both(&batches);
        running.add(&plain, -1);
        prop_assert!(running.is_empty(), "{:?}", running);
    }

    #[test]
    fn property_changes_may_be_folded_before_they_are_added(
        before in prop::collection::vec(call(), 0..8),
        after in prop::collection::vec(call(), 0..8),
    ) {
        let mut running = RunningTotals::default();
        let mut change = Totals::default();
        for call in &before {
            running.add_view(&view(call), 1);
            contributions::add(&view(call), &mut change, -1);
        }
        let mut expected = Totals::default();
        for call in &after {
            contributions::add(&view(call), &mut change, 1);
            contributions::add(&view(call), &mut expected, 1);
        }
        running.add(&change, 1);
        let all = |of: MinuteTotals| without_spans(of).1;
        let (start, end) = (at(-3600), at(5 * 3600));
        prop_assert_eq!(all(running.window(start, end)), all(expected.all()));
    }
}

#[test]
fn a_request_that_ends_counts_though_as_many_are_present_as_before() {
    let unfinished = Call {
        millis: None,
        ..CALL
    };
    let mut change = Totals::default();
    contributions::add(&view(&unfinished), &mut change, -1);
    contributions::add(&view(&CALL), &mut change, 1);
    let mut running = RunningTotals::default();
    running.add_view(&view(&unfinished), 1);
    running.add(&change, 1);
    let window = running.window(at(0), at(60));
    let requests = |node: &crate::trace::totals::NodeTotals| (node.present, node.statistics.ok);
    assert_eq!(
        window.nodes.values().map(requests).collect::<Vec<_>>(),
        [(1, 1), (1, 1)]
    );
}

#[test]
fn names_that_nothing_refers_to_any_more_are_forgotten() {
    let mut running = RunningTotals::default();
    for number in 0..200 {
        let call = Call {
            ends: (number, number),
            alias: Some(number + 1),
            ..CALL
        };
        running.add_view(&view(&call), 1);
        running.add_view(&view(&call), -1);
    }
    assert!(running.is_empty(), "{running:?}");
}

#[test]
fn windows_are_put_together_from_the_longest_stretches_that_fit() {
    let rows = [
        // (first minute, last minute excluded, minutes of the whole hours)
        (0..60, 60, 0..60),
        (1..60, 60, 60..60),
        (59..121, 60, 60..120),
        (7..9, 10, 9..9),
        (7..13, 10, 10..10),
        (7..23, 10, 10..20),
        (-7..23, 10, 0..20),
        (-130..-50, 60, -120..-60),
        (5..5, 10, 5..5),
    ];
    for (minutes, length, whole) in rows {
        assert_eq!(whole_stretches(&minutes, length), whole, "{minutes:?}");
    }
}

#[test]
fn windows_at_the_ends_of_time_are_answered() {
    let mut running = RunningTotals::default();
    running.add_view(&view(&CALL), 1);
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    assert_eq!(running.window(first, last).nodes.len(), 2);
    assert!(running.window(last, first).is_empty());
    assert!(running.window(first, first).is_empty());
    assert!(running.window(last, last).is_empty());
}

#[test]
fn a_view_that_is_taken_away_leaves_no_empty_minute() {
    let mut plain = Totals::default();
    let view = view(&CALL);
    contributions::add(&view, &mut plain, 1);
    assert_eq!(plain.minutes.len(), 1);
    contributions::add(&view, &mut plain, -1);
    assert_eq!(plain, Totals::default());
    contributions::add(&view, &mut plain, -1);
    contributions::add(&view, &mut plain, 1);
    assert_eq!(plain, Totals::default(), "the other way round");
}

impl RunningTotals {
    /// Adds `factor` times what one trace adds to the graph.
    fn add_view(&mut self, view: &TraceView, factor: i64) {
        self.add(&contributions::contributions(view), factor);
    }
}
