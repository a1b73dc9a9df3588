//! Segment and subsegment documents.
//!
//! A document is kept as the text that was sent: what is returned to clients is cut from that text
//! ([`raw`]), so unknown members and every number survive unchanged. For everything derived it is
//! read into [`Document`]: typed, with the mandatory members checked. The typed form borrows from
//! the text and is never written back.
//!
//! Source: `spec/segment-document.md`; the checks and their order: `spec/api.md` section 3.1.

use std::borrow::Cow;

use crate::ids::{SegmentId, TraceId};
use crate::timestamp::Timestamp;

pub mod aws;
pub mod cause;
pub mod http;
pub(crate) mod lenient;
pub mod raw;
pub mod sql;
pub mod verdict;
mod wire;

pub use aws::Aws;
pub use cause::{Cause, Exception};
pub use http::Http;
pub use sql::Sql;
pub use verdict::{Rejection, RejectionCode, check, documents_in, parse};

/// A document that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Whether it is a segment or a subsegment sent on its own.
    pub kind: Kind,
    /// Of a segment: the caller's subsegment or segment, absent on roots. Of a subsegment: the
    /// enclosing segment or subsegment, always there.
    pub parent_id: Option<SegmentId>,
    /// The segment or subsegment itself, with all that is embedded in it.
    pub entity: Entity<'a>,
}

/// The two kinds of document (`spec/segment-document.md` section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One service's work for one request.
    Segment,
    /// A piece of it that was sent on its own (`"type":"subsegment"`).
    Subsegment,
}

/// A segment or subsegment; members of a wrong type are absent here.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity<'a> {
    /// Its id, unique within the trace.
    pub id: SegmentId,
    /// Its name, cut to [`crate::limits::NAME_CHARS_MAX`] characters, never empty.
    pub name: Cow<'a, str>,
    /// When it began.
    pub start: Timestamp,
    /// When it ended, at least `start`; `None` while it is in progress.
    pub end: Option<Timestamp>,
    /// `namespace` of a subsegment.
    pub namespace: Option<Cow<'a, str>>,
    /// `origin` of a segment: the kind of compute.
    pub origin: Option<Cow<'a, str>>,
    /// `user` of a segment.
    pub user: Option<Cow<'a, str>>,
    /// `resource_arn`.
    pub resource_arn: Option<Cow<'a, str>>,
    /// `error`, `throttle` and `fault` as sent, absent ones false.
    pub flags: SentFlags,
    /// The called service is traced as well, read from `http.request` and from beside `http`.
    pub traced: bool,
    /// The request served or made.
    pub http: Option<Box<Http<'a>>>,
    /// Where it runs, or which resource it calls.
    pub aws: Option<Box<Aws<'a>>>,
    /// The database call.
    pub sql: Option<Box<Sql<'a>>>,
    /// Why it failed.
    pub cause: Option<Box<Cause<'a>>>,
    /// Annotations of an indexable type, in the order of their keys; of repeated keys the last.
    pub annotations: Vec<(Cow<'a, str>, AnnotationValue<'a>)>,
    /// Links to other traces, well-formed ones only.
    pub links: Vec<Link<'a>>,
    /// Embedded subsegments.
    pub subsegments: Vec<Self>,
}

/// `error`, `throttle` and `fault` as a sender wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SentFlags {
    /// The client's mistake (4xx).
    pub error: bool,
    /// Too many requests (429).
    pub throttle: bool,
    /// The service's fault (5xx).
    pub fault: bool,
}

/// The value of an annotation; integers and decimals are one type.
#[derive(Debug, Clone, PartialEq)]
pub enum AnnotationValue<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
}

/// A link to an entity of another trace (`spec/segment-document.md` section 7).
#[derive(Debug, Clone, PartialEq)]
pub struct Link<'a> {
    /// The other trace.
    pub trace_id: TraceId,
    /// The entity there.
    pub id: SegmentId,
    /// The attribute `aws.xray.reserved.reference_type`, if it is there.
    pub reference_type: Option<Cow<'a, str>>,
}

impl Link<'_> {
    /// Whether the carrier consumes what the linked entity produced: the reference type is `parent`
    /// or missing (`spec/traces-and-graph.md` section 7.4).
    #[must_use]
    pub fn is_parent(&self) -> bool {
        self.reference_type
            .as_deref()
            .is_none_or(|kind| kind == "parent")
    }
}

/// An entity's outcome (`spec/traces-and-graph.md` section 2.6); several may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Client error, throttling included.
    pub error: bool,
    /// Throttled.
    pub throttle: bool,
    /// Fault.
    pub fault: bool,
}

impl Entity<'_> {
    /// The flags sent, united with what the HTTP status says.
    #[must_use]
    pub fn outcome(&self) -> Flags {
        let status = self.http.as_ref().and_then(|http| http.status());
        let throttle = self.flags.throttle || status == Some(429);
        Flags {
            throttle,
            error: self.flags.error || throttle || status.is_some_and(|s| (400..500).contains(&s)),
            fault: self.flags.fault || status.is_some_and(|s| (500..600).contains(&s)),
        }
    }

    /// The latest time known of it: its end, else its start.
    #[must_use]
    pub fn end_or_start(&self) -> Timestamp {
        self.end.unwrap_or(self.start)
    }
}

#[cfg(test)]
mod tests;
