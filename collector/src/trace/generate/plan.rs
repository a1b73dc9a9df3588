//! The random numbers behind a generated trace, named. A choice among what was made earlier is an
//! index that [`super::build`] resolves, so that a plan shrinks to fewer and simpler entities.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;

/// Traces and the links between them.
#[derive(Debug, Clone)]
pub(super) struct TracesPlan {
    pub(super) traces: Vec<TracePlan>,
    pub(super) links: Vec<LinkPlan>,
}

/// A trace.
#[derive(Debug, Clone)]
pub(super) struct TracePlan {
    /// The id is random to its last bit, as W3C ids are.
    pub(super) is_w3c: bool,
    /// Some ids are spelled in upper case.
    pub(super) is_shouting: bool,
    /// Embedded subsegments carry what only documents of their own need, as Python sends it.
    pub(super) is_python: bool,
    pub(super) start: i64,
    pub(super) requests: Vec<RequestPlan>,
}

/// One service's work for one request.
#[derive(Debug, Clone)]
pub(super) struct RequestPlan {
    pub(super) service: usize,
    pub(super) caller: Caller,
    pub(super) timing: Timing,
    pub(super) result: ResultPlan,
    pub(super) user: Option<u8>,
    pub(super) host: Option<u8>,
    pub(super) annotations: Vec<(u8, AnnotationPlan)>,
    pub(super) sending: SendingPlan,
    pub(super) work: Vec<WorkPlan>,
}

/// Who a segment names as its parent.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// Nobody.
    Client,
    /// One of the calls made so far.
    Call(Index),
    /// One of the segments so far, as Lambda does it.
    Segment(Index),
    /// Somebody who does not report to us.
    Unknown,
}

/// A subsegment.
#[derive(Debug, Clone)]
pub(super) struct WorkPlan {
    pub(super) kind: Kind,
    /// The subsegment of the same request that it is part of; `None` for the segment itself.
    pub(super) within: Option<Index>,
    pub(super) timing: Timing,
    pub(super) result: ResultPlan,
    pub(super) annotations: Vec<(u8, AnnotationPlan)>,
    pub(super) sending: SendingPlan,
}

/// What a subsegment does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Local,
    /// With a namespace that leads nowhere.
    Named(&'static str),
    /// In a Lambda function, which it names.
    Handler,
    Remote {
        host: u8,
        is_traced: bool,
    },
    Sql(u8),
    DynamoDb {
        table: Option<u8>,
    },
    S3 {
        bucket: Option<u8>,
    },
    Sqs {
        queue: u8,
    },
    Sns,
    Lambda {
        function: u8,
    },
    Ssm,
}

/// Start against the start of what it is part of, and length, in microseconds. Clocks differ, so a
/// child may begin long before its parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) offset: i64,
    pub(super) length: Option<i64>,
}

/// How something ended, and how that is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResultPlan {
    pub(super) flags: &'static [&'static str],
    pub(super) status: Option<u16>,
    /// An exception is described, handled or not.
    pub(super) has_cause: bool,
}

/// See [`super::Sending`].
#[derive(Debug, Clone, Copy)]
pub(super) struct SendingPlan {
    pub(super) is_streamed: bool,
    pub(super) is_unfinished_first: bool,
    pub(super) is_early: bool,
    pub(super) has_rival: bool,
    pub(super) is_withheld: bool,
    pub(super) is_repeated: bool,
}

/// The value of an annotation.
#[derive(Debug, Clone)]
pub(super) enum AnnotationPlan {
    Text(u8),
    Number(i8),
    Bool(bool),
    /// Of a type that is not indexed.
    Null,
}

/// A link from an entity of one trace to one of another.
#[derive(Debug, Clone)]
pub(super) struct LinkPlan {
    pub(super) from: (Index, Index),
    pub(super) to: (Index, Index),
    pub(super) kind: Option<&'static str>,
}

/// Plans of so many traces.
pub(super) fn traces(count: Range<usize>) -> impl Strategy<Value = TracesPlan> {
    let entity = || (any::<Index>(), any::<Index>());
    let kind = prop::sample::select(vec![None, Some("parent"), Some("parent"), Some("child")]);
    let link = (entity(), entity(), kind).prop_map(|(from, to, kind)| LinkPlan { from, to, kind });
    (
        prop::collection::vec(trace(), count),
        prop::collection::vec(link, 0..5),
    )
        .prop_map(|(traces, links)| TracesPlan { traces, links })
}

fn rarely(one_in: u32) -> impl Strategy<Value = bool> {
    prop::bool::weighted(1.0 / f64::from(one_in))
}

fn trace() -> impl Strategy<Value = TracePlan> {
    (
        rarely(3),
        rarely(6),
        any::<bool>(),
        0..150_000_000_i64,
        prop::collection::vec(request(), 1..6),
    )
        .prop_map(
            |(is_w3c, is_shouting, is_python, start, requests)| TracePlan {
                is_w3c,
                is_shouting,
                is_python,
                start,
                requests,
            },
        )
}

fn request() -> impl Strategy<Value = RequestPlan> {
    let caller = prop_oneof![
        2 => Just(Caller::Client),
        8 => any::<Index>().prop_map(Caller::Call),
        2 => any::<Index>().prop_map(Caller::Segment),
        1 => Just(Caller::Unknown),
    ];
    (
        0..super::build::SERVICES.len(),
        caller,
        timing(),
        result(),
        prop::option::of(0..3_u8),
        prop::option::of(0..3_u8),
        annotations(),
        sending(),
        prop::collection::vec(work(), 0..6),
    )
        .prop_map(
            |(service, caller, timing, result, user, host, annotations, sending, work)| {
                RequestPlan {
                    service,
                    caller,
                    timing,
                    result,
                    user,
                    host,
                    annotations,
                    sending,
                    work,
                }
            },
        )
}

fn work() -> impl Strategy<Value = WorkPlan> {
    let kind = prop_oneof![
        2 => Just(Kind::Local),
        1 => prop::sample::select(vec!["local", "other"]).prop_map(Kind::Named),
        1 => Just(Kind::Handler),
        6 => (0..3_u8, rarely(4)).prop_map(|(host, is_traced)| Kind::Remote { host, is_traced }),
        1 => (0..2_u8).prop_map(Kind::Sql),
        1 => prop::option::of(0..2_u8).prop_map(|table| Kind::DynamoDb { table }),
        1 => prop::option::of(0..2_u8).prop_map(|bucket| Kind::S3 { bucket }),
        2 => (0..2_u8).prop_map(|queue| Kind::Sqs { queue }),
        1 => Just(Kind::Sns),
        1 => (0..2_u8).prop_map(|function| Kind::Lambda { function }),
        1 => Just(Kind::Ssm),
    ];
    (
        kind,
        prop::option::weighted(0.3, any::<Index>()),
        timing(),
        result(),
        annotations(),
        sending(),
    )
        .prop_map(
            |(kind, within, timing, result, annotations, sending)| WorkPlan {
                kind,
                within,
                timing,
                result,
                annotations,
                sending,
            },
        )
}

fn timing() -> impl Strategy<Value = Timing> {
    let offset = prop_oneof![
        3 => 0..400_000_i64,
        // several that begin together
        2 => (0..3_i64).prop_map(|tenths| tenths * 100_000),
        1 => -3_000_000..5_000_000_i64,
    ];
    let length = prop_oneof![
        1 => Just(0),
        8 => 0..500_000_i64,
        2 => 0..90_000_000_i64,
    ];
    (offset, prop::option::weighted(0.9, length))
        .prop_map(|(offset, length)| Timing { offset, length })
}

fn result() -> impl Strategy<Value = ResultPlan> {
    const ENDINGS: [(&[&str], Option<u16>); 10] = [
        (&[], None),
        (&[], Some(200)),
        (&[], Some(302)),
        (&["error"], None),
        (&["error", "throttle"], Some(429)),
        (&["throttle"], None),
        (&["fault"], None),
        (&["error", "fault"], Some(404)),
        (&[], Some(429)),
        (&[], Some(503)),
    ];
    let ending = prop_oneof![
        1 => Just(0_usize),
        2 => Just(1),
        2 => 0..ENDINGS.len(),
    ];
    (ending, rarely(3)).prop_map(|(ending, has_cause)| ResultPlan {
        flags: ENDINGS[ending].0,
        status: ENDINGS[ending].1,
        has_cause,
    })
}

fn sending() -> impl Strategy<Value = SendingPlan> {
    (
        rarely(3),
        rarely(3),
        any::<bool>(),
        rarely(8),
        rarely(15),
        rarely(6),
    )
        .prop_map(
            |(is_streamed, is_unfinished_first, is_early, has_rival, is_withheld, is_repeated)| {
                SendingPlan {
                    is_streamed,
                    is_unfinished_first,
                    is_early,
                    has_rival,
                    is_withheld,
                    is_repeated,
                }
            },
        )
}

fn annotations() -> impl Strategy<Value = Vec<(u8, AnnotationPlan)>> {
    let value = prop_oneof![
        any::<u8>().prop_map(AnnotationPlan::Text),
        any::<i8>().prop_map(AnnotationPlan::Number),
        any::<bool>().prop_map(AnnotationPlan::Bool),
        Just(AnnotationPlan::Null),
    ];
    prop::collection::vec((0..20_u8, value), 0..3)
}
