//! The checks of PutTraceSegments, in AWS's order, first failure wins.
//!
//! Source: `spec/api.md` section 3.1, `spec/segment-document.md` section 10. Where those are silent:
//! a wrong JSON type of any member that the checks read is a [`RejectionCode::ParseError`], and the
//! message of a bad embedded subsegment speaks of a subsegment although `Id` is the document's.

use std::borrow::Cow;
use std::fmt;
use std::mem::take;

use serde::de::{Deserialize as _, MapAccess};
use serde_json::value::RawValue;

use super::lenient::{FromJson, Seen};
use super::wire::EntityWire;
use super::{Document, Entity, Kind, SentFlags};
use crate::ids::{SegmentId, TraceId};
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX, NAME_CHARS_MAX};
use crate::timestamp::Timestamp;

/// Why a document was refused, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionCode {
    /// Not JSON, not an object, nested too deeply, or a mandatory member of the wrong type.
    ParseError,
    /// `type` is neither `segment` nor `subsegment`.
    UnknownType,
    /// No `id`.
    MissingId,
    /// `id` is not 16 hex digits.
    InvalidId,
    /// No or empty `name`.
    MissingName,
    /// No `trace_id`.
    MissingTraceId,
    /// `trace_id` is not `1-8hex-24hex`.
    InvalidTraceId,
    /// No `start_time`.
    MissingStartTime,
    /// A segment has `in_progress: true` and an `end_time`.
    InProgressSegmentHasEndTime,
    /// A subsegment has `in_progress: true` and an `end_time`.
    InProgressSubsegmentHasEndTime,
    /// Neither `end_time` nor `in_progress: true`.
    MissingEndTime,
    /// A subsegment sent on its own has no `parent_id`.
    MissingParentId,
    /// `parent_id` is not 16 hex digits.
    InvalidParentId,
    /// The document is larger than [`DOCUMENT_BYTES_MAX`].
    InvalidSegment,
}

impl RejectionCode {
    /// The name as it stands in `ErrorCode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParseError => "ParseError",
            Self::UnknownType => "UnknownType",
            Self::MissingId => "MissingId",
            Self::InvalidId => "InvalidId",
            Self::MissingName => "MissingName",
            Self::MissingTraceId => "MissingTraceId",
            Self::InvalidTraceId => "InvalidTraceId",
            Self::MissingStartTime => "MissingStartTime",
            Self::InProgressSegmentHasEndTime => "InProgressSegmentHasEndTime",
            Self::InProgressSubsegmentHasEndTime => "InProgressSubsegmentHasEndTime",
            Self::MissingEndTime => "MissingEndTime",
            Self::MissingParentId => "MissingParentId",
            Self::InvalidParentId => "InvalidParentId",
            Self::InvalidSegment => "InvalidSegment",
        }
    }
}

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refused document, as one entry of `UnprocessedTraceSegments` tells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// The document's own `id` as sent; `None` when it could not be read.
    pub id: Option<String>,
    /// Why.
    pub code: RejectionCode,
    /// AWS's wording of it.
    pub message: String,
}

impl Rejection {
    /// There is no JSON object to look at.
    #[must_use]
    pub fn unreadable() -> Self {
        let code = RejectionCode::ParseError;
        Self {
            id: None,
            code,
            message: format!("Invalid entity. ErrorCode: {code}"),
        }
    }

    fn of(id: Option<&str>, kind: Kind, code: RejectionCode) -> Self {
        let message = match kind {
            Kind::Segment => format!("Invalid segment. ErrorCode: {code}"),
            Kind::Subsegment => format!("Invalid subsegment. ErrorCode: {code}, Cause: null"),
        };
        Self {
            id: id.map(str::to_owned),
            code,
            message,
        }
    }
}

/// The documents in one string of `TraceSegmentDocuments`: the string itself, or each element of an
/// array (`spec/api.md` section 3.1).
///
/// # Errors
/// `MissingId` for an empty array, as AWS answers; `ParseError` for an array that is no JSON.
pub fn documents_in(text: &str) -> Result<Vec<&str>, Rejection> {
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text]);
    }
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Rejection::of(
            None,
            Kind::Segment,
            RejectionCode::InvalidSegment,
        ));
    }
    let elements: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|_| Rejection::unreadable())?;
    if elements.is_empty() {
        return Err(Rejection::of(None, Kind::Segment, RejectionCode::MissingId));
    }
    Ok(elements.into_iter().map(RawValue::get).collect())
}

/// Reads one document and checks it.
///
/// # Errors
/// The first check that fails.
pub fn parse(text: &str) -> Result<Document<'_>, Rejection> {
    read::<true>(text)
}

/// Checks one document as [`parse`] does, and keeps nothing of what it holds; returns the trace it belongs
/// to.
///
/// # Errors
/// The first check that fails, the same as of [`parse`].
pub fn check(text: &str) -> Result<TraceId, Rejection> {
    read::<false>(text).map(|document| document.trace_id)
}

fn read<const KEEPS: bool>(text: &str) -> Result<Document<'_>, Rejection> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Rejection::of(
            None,
            Kind::Segment,
            RejectionCode::InvalidSegment,
        ));
    }
    if is_nested_deeper_than(text, DOCUMENT_DEPTH_MAX) {
        return Err(Rejection::unreadable());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    // its own limit refuses the last of the levels that were just counted
    reader.disable_recursion_limit();
    match Seen::<Checked<'_, KEEPS>>::deserialize(&mut reader)
        .and_then(|seen| reader.end().map(|()| seen))
    {
        Ok(Seen::Value(Checked(verdict))) => verdict,
        Ok(Seen::Absent | Seen::WrongType) | Err(_) => Err(Rejection::unreadable()),
    }
}

/// A document and the verdict about it, as long as the text turns out to be JSON to its end.
struct Checked<'a, const KEEPS: bool>(Result<Document<'a>, Rejection>);

impl<'a, const KEEPS: bool> FromJson<'a> for Checked<'a, KEEPS> {
    fn from_object<A: MapAccess<'a>, const _SAME: bool>(
        object: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut wire = EntityWire::<KEEPS>::default();
        wire.read(object)?;
        let verdict = check_document(&mut wire).map_err(|(kind, code)| {
            let id = match &wire.id {
                Seen::Value(id) => Some(&**id),
                Seen::Absent | Seen::WrongType => None,
            };
            Rejection::of(id, kind, code)
        });
        Ok(Some(Self(verdict)))
    }
}

type Failure = (Kind, RejectionCode);

fn check_document<'a, const KEEPS: bool>(
    wire: &mut EntityWire<'a, KEEPS>,
) -> Result<Document<'a>, Failure> {
    let kind = match &wire.kind {
        Seen::Value(kind) if kind == "subsegment" => Kind::Subsegment,
        _ => Kind::Segment,
    };
    let fail = |code| (kind, code);
    if has_mandatory_of_wrong_type(wire)
        || [&wire.trace_id, &wire.parent_id, &wire.kind]
            .into_iter()
            .any(Seen::is_wrong_type)
    {
        return Err(fail(RejectionCode::ParseError));
    }
    if let Seen::Value(named) = &wire.kind
        && named != "segment"
        && named != "subsegment"
    {
        return Err(fail(RejectionCode::UnknownType));
    }
    let id = check_id(&wire.id).map_err(fail)?;
    let name = check_name(&mut wire.name).map_err(fail)?;
    let trace_id = match &wire.trace_id {
        Seen::Value(text) => {
            TraceId::parse(text).map_err(|_| fail(RejectionCode::InvalidTraceId))?
        }
        _ => return Err(fail(RejectionCode::MissingTraceId)),
    };
    let (start, end) = check_times(wire, kind).map_err(fail)?;
    let parent_id = match &wire.parent_id {
        Seen::Value(text) => {
            Some(SegmentId::parse(text).map_err(|_| fail(RejectionCode::InvalidParentId))?)
        }
        _ if kind == Kind::Subsegment => return Err(fail(RejectionCode::MissingParentId)),
        _ => None,
    };
    let entity = entity(wire, id, name, start, end).map_err(|code| (Kind::Subsegment, code))?;
    Ok(Document {
        trace_id,
        kind,
        parent_id,
        entity,
    })
}

/// An embedded subsegment: its own `type`, `trace_id` and `parent_id` are ignored
/// (`spec/traces-and-graph.md` section 2.1).
pub(super) fn check_embedded<'a, const KEEPS: bool>(
    wire: &mut EntityWire<'a, KEEPS>,
) -> Result<Entity<'a>, RejectionCode> {
    if has_mandatory_of_wrong_type(wire) {
        return Err(RejectionCode::ParseError);
    }
    let id = check_id(&wire.id)?;
    let name = check_name(&mut wire.name)?;
    let (start, end) = check_times(wire, Kind::Subsegment)?;
    entity(wire, id, name, start, end)
}

/// The rest of an entity; fails with the verdict about the first bad embedded subsegment.
fn entity<'a, const KEEPS: bool>(
    wire: &mut EntityWire<'a, KEEPS>,
    id: SegmentId,
    name: Cow<'a, str>,
    start: Timestamp,
    end: Option<Timestamp>,
) -> Result<Entity<'a>, RejectionCode> {
    let subsegments = take(&mut wire.subsegments).0?;
    let request = wire.http.as_ref().and_then(|http| http.request.as_ref());
    let traced = wire.traced == Some(true) || request.and_then(|r| r.traced) == Some(true);
    Ok(Entity {
        id,
        name,
        start,
        end,
        namespace: wire.namespace.take(),
        origin: wire.origin.take(),
        user: wire.user.take(),
        resource_arn: wire.resource_arn.take(),
        flags: SentFlags {
            error: wire.error == Some(true),
            throttle: wire.throttle == Some(true),
            fault: wire.fault == Some(true),
        },
        traced,
        http: wire.http.take(),
        aws: wire.aws.take(),
        sql: wire.sql.take(),
        cause: wire.cause.take(),
        annotations: take(&mut wire.annotations).0,
        links: take(&mut wire.links),
        subsegments,
    })
}

fn has_mandatory_of_wrong_type<const KEEPS: bool>(wire: &EntityWire<'_, KEEPS>) -> bool {
    wire.id.is_wrong_type()
        || wire.name.is_wrong_type()
        || wire.start_time.is_wrong_type()
        || wire.end_time.is_wrong_type()
        || wire.in_progress.is_wrong_type()
}

fn check_id(id: &Seen<Cow<'_, str>>) -> Result<SegmentId, RejectionCode> {
    match id {
        Seen::Value(text) => SegmentId::parse(text).map_err(|_| RejectionCode::InvalidId),
        _ => Err(RejectionCode::MissingId),
    }
}

fn check_name<'a>(name: &mut Seen<Cow<'a, str>>) -> Result<Cow<'a, str>, RejectionCode> {
    match take(name) {
        Seen::Value(name) if !name.is_empty() => Ok(cut(name)),
        _ => Err(RejectionCode::MissingName),
    }
}

fn cut(name: Cow<'_, str>) -> Cow<'_, str> {
    // nearly every name has fewer bytes than it may have characters
    if name.len() <= NAME_CHARS_MAX {
        return name;
    }
    match name.char_indices().nth(NAME_CHARS_MAX) {
        None => name,
        Some(_) => Cow::Owned(name.chars().take(NAME_CHARS_MAX).collect()),
    }
}

fn check_times<const KEEPS: bool>(
    wire: &EntityWire<'_, KEEPS>,
    kind: Kind,
) -> Result<(Timestamp, Option<Timestamp>), RejectionCode> {
    let time = |seen: &Seen<f64>| match seen {
        Seen::Value(seconds) => Timestamp::from_seconds_f64(*seconds),
        _ => None,
    };
    let start = time(&wire.start_time).ok_or(RejectionCode::MissingStartTime)?;
    let end = time(&wire.end_time);
    let in_progress = wire.in_progress == Seen::Value(true);
    match (end, in_progress, kind) {
        (Some(_), true, Kind::Segment) => Err(RejectionCode::InProgressSegmentHasEndTime),
        (Some(_), true, Kind::Subsegment) => Err(RejectionCode::InProgressSubsegmentHasEndTime),
        (None, false, _) => Err(RejectionCode::MissingEndTime),
        // a clock that ran backwards makes a duration of zero
        (Some(end), false, _) => Ok((start, Some(end.max(start)))),
        (None, true, _) => Ok((start, None)),
    }
}

/// Counts brackets outside of strings. The typed reader skips what it does not know without
/// counting, so that metadata nested a million times would come back to clients that cannot read it.
fn is_nested_deeper_than(text: &str, levels: usize) -> bool {
    // nearly every document has too few brackets to begin with; counted in bytes, 255 of them at a
    // time, since that takes the compiler one instruction for 16 and more of them
    let opening = |part: &[u8]| -> u8 {
        part.iter()
            .map(|byte| u8::from(matches!(byte, b'{' | b'[')))
            .sum()
    };
    let parts = text.as_bytes().chunks(usize::from(u8::MAX));
    if parts.map(|part| usize::from(opening(part))).sum::<usize>() <= levels {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > levels {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
