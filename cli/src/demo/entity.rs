//! What a simulated request leaves behind: segments and subsegments before an SDK writes them.
//!
//! Times are microseconds since the trace began, so that the model needs no clock.

use std::borrow::Cow;

use radiograph_protocol::ids::SegmentId;
use radiograph_protocol::segment::SentFlags;
use serde_json::{Map, Value};

use super::services::Service;

/// Microseconds since the trace began.
pub(super) type Micros = i64;

/// One service's work for one request.
#[derive(Debug)]
pub(super) struct Segment {
    /// Whose work it is.
    pub(super) service: &'static Service,
    /// The caller's subsegment; `None` on the root.
    pub(super) parent_id: Option<SegmentId>,
    /// The work.
    pub(super) entity: Entity,
    /// How the SDK sends it.
    pub(super) delivery: Delivery,
}

/// The ways of an SDK to send a segment (`spec/segment-document.md` section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// In one document, when it has ended.
    Whole,
    /// Direct subsegments on their own as each ends, the segment without them last.
    Streamed,
    /// Announced as in progress when it began, and whole `held` later than everything else.
    Announced {
        /// How much later.
        held: Micros,
    },
}

/// A segment or subsegment.
#[derive(Debug)]
pub(super) struct Entity {
    /// Its id.
    pub(super) id: SegmentId,
    /// Its name.
    pub(super) name: Cow<'static, str>,
    /// When it began.
    pub(super) start: Micros,
    /// When it ended.
    pub(super) end: Micros,
    /// `aws` or `remote` on calls that leave the service.
    pub(super) namespace: Option<&'static str>,
    /// The called service sends a segment of its own.
    pub(super) traced: bool,
    /// What went wrong.
    pub(super) flags: SentFlags,
    /// Why.
    pub(super) cause: Option<Cause>,
    /// Every other member, as it stands in the document: `http`, `aws`, `sql`, `annotations`, ….
    pub(super) blocks: Map<String, Value>,
    /// Embedded subsegments in order of their start.
    pub(super) subsegments: Vec<Self>,
}

/// Why an entity failed.
#[derive(Debug)]
pub(super) enum Cause {
    /// The exception was raised here.
    Raised(Exception),
    /// It was raised in another entity of the trace, which describes it.
    PassedOn(SegmentId),
}

/// An exception as SDKs describe it.
#[derive(Debug)]
pub(super) struct Exception {
    /// Its id.
    pub(super) id: SegmentId,
    /// Its class.
    pub(super) kind: &'static str,
    /// What it says.
    pub(super) message: Cow<'static, str>,
    /// A downstream call failed.
    pub(super) remote: bool,
    /// The exception that caused it.
    pub(super) cause: Option<SegmentId>,
}

/// The flags that stand for an HTTP status.
pub(super) const fn flags_of(status: u16) -> SentFlags {
    SentFlags {
        error: status >= 400 && status < 500,
        throttle: status == 429,
        fault: status >= 500,
    }
}
