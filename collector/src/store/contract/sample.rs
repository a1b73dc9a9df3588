//! Values for the suite.

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use crate::trace::histogram::Histogram;
use crate::trace::node::{EdgeKey, NodeKey};
use crate::trace::summary::{Annotation, AnnotationValue, HttpSummary, Summary};
use crate::trace::totals::{EdgeTotals, MinuteTotals, NodeTotals, Span, Statistics, Totals};
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
        summary: summary(start, latest),
        contributions: contributions(start, latest, revision),
    }
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
        http: HttpSummary {
            status: Some(404),
            ..HttpSummary::default()
        },
        annotations: vec![Annotation {
            key: "game".to_owned(),
            value: AnnotationValue::Number(0.1),
            services: vec![node()],
        }],
        users: vec![("5M388M1E".to_owned(), vec![node()])],
        services: vec![NodeKey::client_of("Scorekeep"), node()],
        resource_arns: Vec::new(),
        instance_ids: Vec::new(),
        availability_zones: Vec::new(),
        entry_point: Some(node()),
        fault_root_causes: Vec::new(),
        error_root_causes: Vec::new(),
        response_time_root_causes: Vec::new(),
        segments: vec![(start, Some(latest))],
    }
}

/// One node with as many requests as the revision says, and one edge, in the minute of the start.
fn contributions(start: Timestamp, end: Timestamp, revision: u32) -> Totals {
    let elapsed = end.since(start);
    let span = Span { start, end };
    let failed = Statistics::of(
        Flags {
            error: true,
            ..Flags::default()
        },
        elapsed,
    );
    let one = NodeTotals {
        present: 1,
        sent: 1,
        roots: 1,
        statistics: failed,
        response_times: Histogram::of(elapsed),
        durations: Histogram::of(elapsed),
        span,
    };
    let mut minute = MinuteTotals::default();
    for _ in 0..revision {
        minute.add_node(&node(), &one, 1);
    }
    let edge = EdgeKey {
        source: NodeKey::client_of("Scorekeep"),
        target: node(),
    };
    let call = EdgeTotals {
        present: 1,
        source_sent: 1,
        target_sent: 1,
        statistics: Statistics::of(Flags::default(), Elapsed::from_micros(1)),
        response_times: Histogram::of(elapsed),
        aliases: [(node(), 1)].into(),
        span,
    };
    minute.add_edge(&edge, &call, 1);
    Totals {
        minutes: [(start.minute(), minute)].into(),
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
    totals
}

/// The sum of what these views contribute, all spans of time alike.
#[must_use]
pub fn sum(views: &[TraceView]) -> MinuteTotals {
    let mut sum = Totals::default();
    for view in views {
        sum.add(&view.contributions, 1);
    }
    without_spans(sum.all())
}
