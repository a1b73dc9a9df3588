//! Segments as the datagrams an SDK sends for them.
//!
//! Each look keeps its SDK's peculiarities (`spec/segment-document.md` section 12): Python repeats
//! `type`, `trace_id` and `parent_id` on embedded subsegments, Node puts `traced` beside `http` and
//! refers to exceptions by an object, Java writes times with an exponent.

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::timestamp::{Elapsed, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::causes::cause;
use super::entity::{Delivery, Entity, Segment};
use super::services::{Look, Service};

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Datagram {
    /// Header line and document.
    pub(crate) text: String,
    /// How long to hold it back after the trace's other datagrams.
    pub(crate) held: Elapsed,
}

/// Writes a trace's segments in the order their services send them.
///
/// `began` is a whole millisecond: looks that count milliseconds round outwards from there.
///
/// # Errors
/// A document that cannot be written as JSON.
pub(super) fn write(
    trace_id: TraceId,
    began: Timestamp,
    segments: &mut [Segment],
) -> serde_json::Result<Vec<Datagram>> {
    let mut timed = Vec::new();
    for segment in segments {
        let writer = Writer {
            trace_id,
            began,
            service: segment.service,
        };
        let mut held = Elapsed::default();
        match segment.delivery {
            Delivery::Whole => {}
            Delivery::Streamed => {
                let parent = segment.entity.id;
                for child in segment.entity.subsegments.drain(..) {
                    let document = writer.independent(&child, parent)?;
                    timed.push((child.end, writer.datagram(&document, Elapsed::default())?));
                }
            }
            Delivery::Announced { held: micros } => {
                let document = writer.announcement(segment)?;
                let datagram = writer.datagram(&document, Elapsed::default())?;
                timed.push((segment.entity.start, datagram));
                held = Elapsed::from_micros(micros);
            }
        }
        let document = writer.segment(segment)?;
        timed.push((segment.entity.end, writer.datagram(&document, held)?));
    }
    timed.sort_by_key(|(sent, _)| *sent);
    Ok(timed.into_iter().map(|(_, datagram)| datagram).collect())
}

/// A document with its members in an SDK's order.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<TraceId>,
    id: SegmentId,
    name: &'a str,
    start_time: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<SegmentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_progress: Option<bool>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'static str>,
    #[serde(flatten)]
    blocks: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "is_false")]
    traced: bool,
    #[serde(skip_serializing_if = "is_false")]
    throttle: bool,
    #[serde(skip_serializing_if = "is_false")]
    error: bool,
    #[serde(skip_serializing_if = "is_false")]
    fault: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subsegments: Vec<Self>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Box<RawValue>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What the documents of one segment share.
struct Writer {
    trace_id: TraceId,
    began: Timestamp,
    service: &'static Service,
}

impl Writer {
    fn datagram(&self, document: &Document<'_>, held: Elapsed) -> serde_json::Result<Datagram> {
        let header = match self.service.look {
            Look::Java => r#"{"format": "json", "version": 1}"#,
            Look::Gateway | Look::Python | Look::Node => r#"{"format":"json","version":1}"#,
        };
        let text = format!("{header}\n{}", serde_json::to_string(document)?);
        Ok(Datagram { text, held })
    }

    fn segment<'a>(&self, segment: &'a Segment) -> serde_json::Result<Document<'a>> {
        Ok(Document {
            trace_id: Some(self.trace_id),
            parent_id: segment.parent_id,
            kind: None,
            namespace: None,
            ..self.entity(&segment.entity, None)?
        })
    }

    /// The segment as far as it is known when it begins.
    fn announcement<'a>(&self, segment: &'a Segment) -> serde_json::Result<Document<'a>> {
        Ok(Document {
            in_progress: Some(true),
            end_time: None,
            throttle: false,
            error: false,
            fault: false,
            cause: None,
            subsegments: Vec::new(),
            ..self.segment(segment)?
        })
    }

    fn independent<'a>(
        &self,
        entity: &'a Entity,
        parent_id: SegmentId,
    ) -> serde_json::Result<Document<'a>> {
        Ok(Document {
            trace_id: Some(self.trace_id),
            parent_id: Some(parent_id),
            kind: Some("subsegment"),
            ..self.entity(entity, Some(parent_id))?
        })
    }

    /// An entity as it is embedded in `parent_id`.
    fn entity<'a>(
        &self,
        entity: &'a Entity,
        parent_id: Option<SegmentId>,
    ) -> serde_json::Result<Document<'a>> {
        let look = self.service.look;
        let repeats = look == Look::Python && parent_id.is_some();
        let subsegments: serde_json::Result<Vec<_>> = entity
            .subsegments
            .iter()
            .map(|child| self.entity(child, Some(entity.id)))
            .collect();
        Ok(Document {
            trace_id: repeats.then_some(self.trace_id),
            id: entity.id,
            name: &entity.name,
            start_time: self.time(entity.start, 0)?,
            parent_id: parent_id.filter(|_| repeats),
            in_progress: (look == Look::Python).then_some(false),
            kind: repeats.then_some("subsegment"),
            namespace: entity.namespace.or_else(|| repeats.then_some("local")),
            blocks: &entity.blocks,
            traced: entity.traced && look == Look::Node,
            throttle: entity.flags.throttle,
            error: entity.flags.error,
            fault: entity.flags.fault,
            cause: entity
                .cause
                .as_ref()
                .map(|known| cause(known, self.service)),
            subsegments: subsegments?,
            end_time: Some(self.time(entity.end, 999)?),
        })
    }

    /// Epoch seconds in the look's own spelling; looks that count milliseconds cut off what is left
    /// after `rounding` microseconds were added.
    fn time(&self, micros: i64, rounding: i64) -> serde_json::Result<Box<RawValue>> {
        let exact = self.began.plus_micros(micros);
        let seconds = if self.service.look.counts_milliseconds() {
            let millis = exact.plus_micros(rounding).micros().div_euclid(1000);
            Timestamp::from_micros(millis * 1000).seconds_f64()
        } else {
            exact.seconds_f64()
        };
        RawValue::from_string(match self.service.look {
            Look::Java => format!("{seconds:E}"),
            Look::Gateway | Look::Python | Look::Node => format!("{seconds}"),
        })
    }
}
