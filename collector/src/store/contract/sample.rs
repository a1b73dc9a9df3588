//! Values for the suite.

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::Timestamp;

use crate::trace::contributions;
use crate::trace::facts::{
    CallFacts, EntityAt, EntityFacts, Facts, HostFacts, HttpFacts, LinkFacts, NodeAt,
    ProducerFacts, SegmentAt, SegmentFacts, SegmentKind,
};
use crate::trace::node::NodeKey;
use crate::trace::summary::{Annotation, AnnotationValue, Summary};
use crate::trace::totals::{MinuteTotals, Span, Totals};
use crate::trace::view::TraceView;

/// Epoch seconds of 2026-11-21 14:00 UTC, a full hour.
pub const HOUR: i64 = 1_795_269_600;

/// A trace id by number.
#[must_use]
pub fn trace(number: u32) -> TraceId {
    TraceId::from_bits((0x6592_008a << 96) | u128::from(number))
}

/// A view of a trace that started at these epoch seconds and took one second.
#[must_use]
pub fn view(number: u32, revision: u32, start_seconds: i64) -> TraceView {
    lasting(number, revision, start_seconds, 1)
}

/// A view of a trace that started at these epoch seconds and took so many seconds.
#[must_use]
pub fn lasting(number: u32, revision: u32, start_seconds: i64, seconds: i64) -> TraceView {
    let start = Timestamp::from_seconds(start_seconds);
    let latest = Timestamp::from_seconds(start_seconds + seconds);
    TraceView {
        trace_id: trace(number),
        revision,
        nodes: vec![node(), NodeKey::client_of("Scorekeep")],
        summary: summary(start, latest),
        facts: facts(start, latest, revision),
    }
}

/// A view that links to these traces, other ones or its own, as they were with so many documents.
#[must_use]
pub fn linking(
    number: u32,
    revision: u32,
    start_seconds: i64,
    producers: &[(u32, u32)],
) -> TraceView {
    let mut view = view(number, revision, start_seconds);
    let start = view.summary.start;
    let link = |(producer, documents): &(u32, u32)| LinkFacts {
        trace_id: trace(*producer),
        id: SegmentId::from_bits(u64::from(*producer) + 1).unwrap(),
        consumer: SegmentAt(0),
        start,
        end: view.summary.latest,
        producer_revision: *documents,
        producer: (*documents > 0).then(|| ProducerFacts {
            node: NodeAt(1),
            is_sent: false,
            age: start.since(start),
        }),
    };
    view.facts.links = producers.iter().map(link).collect();
    view
}

fn node() -> NodeKey {
    NodeKey {
        name: "Scorekeep".to_owned(),
        kind: Some("AWS::EC2::Instance".to_owned()),
        account_id: None,
    }
}

fn summary(start: Timestamp, latest: Timestamp) -> Summary {
    let elapsed = Some(latest.since(start));
    Summary {
        start,
        latest,
        duration: elapsed,
        response_time: elapsed,
        has_fault: false,
        has_error: true,
        has_throttle: false,
        is_partial: false,
        root: Some(SegmentAt(0)),
        annotations: vec![Annotation {
            key: "game".to_owned(),
            value: AnnotationValue::Number(0.1),
            services: vec![NodeAt(0)],
        }],
        services: vec![NodeAt(0), NodeAt(1)],
        fault_root_causes: Vec::new(),
        error_root_causes: Vec::new(),
        response_time_root_causes: Vec::new(),
    }
}

/// As many requests as the revision says, and one call of a client, in the minute of the end.
fn facts(start: Timestamp, end: Timestamp, revision: u32) -> Facts {
    let segment = SegmentFacts {
        node: NodeAt(0),
        entity: EntityAt(0),
        earliest: start,
        latest: end,
        kind: SegmentKind::Sent,
        is_root: true,
        host: Some(Box::new(HostFacts {
            user: Some("5M388M1E".to_owned()),
            ..HostFacts::default()
        })),
    };
    let http = HttpFacts {
        status: Some(404),
        ..HttpFacts::default()
    };
    let error = Flags {
        error: true,
        ..Flags::default()
    };
    Facts {
        entities: vec![EntityFacts {
            start,
            end: Some(end),
            flags: error,
            http: Some(Box::new(http)),
        }],
        segments: vec![segment; usize::try_from(revision).unwrap_or(0)],
        calls: vec![CallFacts {
            source: None,
            target: SegmentAt(0),
            entity: EntityAt(0),
            is_counted: true,
            alias: None,
        }],
        links: Vec::new(),
    }
}

/// The same totals with all spans of time alike.
#[must_use]
pub fn without_spans(mut totals: MinuteTotals) -> MinuteTotals {
    let none = Span {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    totals.nodes.values_mut().for_each(|node| node.span = none);
    totals.edges.values_mut().for_each(|edge| edge.span = none);
    totals.links.values_mut().for_each(|link| link.span = none);
    totals
}

/// The sum of what these views contribute, all spans of time alike.
#[must_use]
pub fn sum(views: &[TraceView]) -> MinuteTotals {
    let mut sum = Totals::default();
    for view in views {
        contributions::add(view, &mut sum, 1);
    }
    without_spans(sum.all())
}
