//! A segment or subsegment as it stands in the text: the mandatory members may be missing or of a
//! wrong type here. [`super::verdict`] turns it into an [`super::Entity`].

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::lenient::{FromJson, Key, Number, Seen, member};
use super::verdict::check_embedded;
use super::{AnnotationValue, Aws, Cause, Entity, Http, Link, RejectionCode, Sql};
use crate::ids::{SegmentId, TraceId};
use crate::limits::{ANNOTATION_KEY_CHARS_MAX, ANNOTATION_VALUE_CHARS_MAX};

/// The members of a segment or subsegment that something is read from; those alone that are checked,
/// unless it `KEEPS` the others.
#[derive(Debug, Default)]
pub(super) struct EntityWire<'a, const KEEPS: bool> {
    pub(super) id: Seen<Cow<'a, str>>,
    pub(super) name: Seen<Cow<'a, str>>,
    pub(super) trace_id: Seen<Cow<'a, str>>,
    pub(super) parent_id: Seen<Cow<'a, str>>,
    pub(super) kind: Seen<Cow<'a, str>>,
    pub(super) start_time: Seen<f64>,
    pub(super) end_time: Seen<f64>,
    pub(super) in_progress: Seen<bool>,
    pub(super) namespace: Option<Cow<'a, str>>,
    pub(super) origin: Option<Cow<'a, str>>,
    pub(super) user: Option<Cow<'a, str>>,
    pub(super) resource_arn: Option<Cow<'a, str>>,
    pub(super) error: Option<bool>,
    pub(super) throttle: Option<bool>,
    pub(super) fault: Option<bool>,
    pub(super) traced: Option<bool>,
    pub(super) http: Option<Box<Http<'a>>>,
    pub(super) aws: Option<Box<Aws<'a>>>,
    pub(super) sql: Option<Box<Sql<'a>>>,
    pub(super) cause: Option<Box<Cause<'a>>>,
    pub(super) annotations: Annotations<'a>,
    pub(super) links: Vec<Link<'a>>,
    pub(super) subsegments: Subsegments<'a, KEEPS>,
}

impl<'a, const KEEPS: bool> EntityWire<'a, KEEPS> {
    pub(super) fn read<A: MapAccess<'a>>(&mut self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<Key<'a>>()? {
            match &*key.0 {
                "id" => self.id = object.next_value()?,
                "name" => self.name = object.next_value()?,
                "trace_id" => self.trace_id = object.next_value()?,
                "parent_id" => self.parent_id = object.next_value()?,
                "type" => self.kind = object.next_value()?,
                "start_time" => self.start_time = object.next_value()?,
                "end_time" => self.end_time = object.next_value()?,
                "in_progress" => self.in_progress = object.next_value()?,
                "namespace" => self.namespace = member::<A, _, KEEPS>(&mut object)?,
                "origin" => self.origin = member::<A, _, KEEPS>(&mut object)?,
                "user" => self.user = member::<A, _, KEEPS>(&mut object)?,
                "resource_arn" => self.resource_arn = member::<A, _, KEEPS>(&mut object)?,
                "error" => self.error = member::<A, _, KEEPS>(&mut object)?,
                "throttle" => self.throttle = member::<A, _, KEEPS>(&mut object)?,
                "fault" => self.fault = member::<A, _, KEEPS>(&mut object)?,
                "traced" => self.traced = member::<A, _, KEEPS>(&mut object)?,
                "http" => self.http = member::<A, _, KEEPS>(&mut object)?,
                "aws" => self.aws = member::<A, _, KEEPS>(&mut object)?,
                "sql" => self.sql = member::<A, _, KEEPS>(&mut object)?,
                "cause" => self.cause = member::<A, _, KEEPS>(&mut object)?.map(Box::new),
                "annotations" => {
                    self.annotations = member::<A, _, KEEPS>(&mut object)?.unwrap_or_default();
                }
                "links" => self.links = member::<A, _, KEEPS>(&mut object)?.unwrap_or_default(),
                "subsegments" => {
                    let subsegments = object.next_value::<Seen<Subsegments<'a, KEEPS>>>()?;
                    self.subsegments = subsegments.value().unwrap_or_default();
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// `subsegments`, each checked as soon as it is read. Unlike other arrays, an element that is no
/// object may not be passed over, since one bad embedded subsegment refuses the whole document; of
/// several the first is told.
#[derive(Debug)]
pub(super) struct Subsegments<'a, const KEEPS: bool>(
    pub(super) Result<Vec<Entity<'a>>, RejectionCode>,
);

impl<const KEEPS: bool> Default for Subsegments<'_, KEEPS> {
    fn default() -> Self {
        Self(Ok(Vec::new()))
    }
}

impl<'a, const KEEPS: bool> FromJson<'a> for Subsegments<'a, KEEPS> {
    fn from_array<A: SeqAccess<'a>, const _SAME: bool>(
        mut array: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut all = Ok(Vec::new());
        while let Some(element) = array.next_element::<Seen<Embedded<'a, KEEPS>>>()? {
            let checked = match element {
                Seen::Value(Embedded(checked)) => checked,
                Seen::Absent | Seen::WrongType => Err(RejectionCode::ParseError),
            };
            match (&mut all, checked) {
                (Ok(entities), Ok(entity)) if KEEPS => entities.push(entity),
                (Ok(_), Ok(_)) => {}
                (Ok(_), Err(code)) => all = Err(code),
                // what follows is read on, since it may be no JSON at all
                (Err(_), _) => {}
            }
        }
        Ok(Some(Self(all)))
    }
}

/// An embedded subsegment and the verdict about it.
struct Embedded<'a, const KEEPS: bool>(Result<Entity<'a>, RejectionCode>);

impl<'a, const KEEPS: bool> FromJson<'a> for Embedded<'a, KEEPS> {
    fn from_object<A: MapAccess<'a>, const _SAME: bool>(
        object: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut wire = EntityWire::<KEEPS>::default();
        wire.read(object)?;
        Ok(Some(Self(check_embedded(&mut wire))))
    }
}

/// `annotations`: keys and values of an indexable type and length.
#[derive(Debug, Default)]
pub(super) struct Annotations<'a>(pub(super) Vec<(Cow<'a, str>, AnnotationValue<'a>)>);

impl<'a> FromJson<'a> for Annotations<'a> {
    fn from_object<A: MapAccess<'a>, const KEEPS: bool>(
        mut object: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut pairs: Vec<(Cow<'a, str>, Option<AnnotationValue<'a>>)> = Vec::new();
        while let Some(key) = object.next_key::<Key<'a>>()? {
            let value = member::<A, _, KEEPS>(&mut object)?;
            if KEEPS {
                pairs.push((key.0, value));
            }
        }
        // the last of repeated keys wins, also when it cannot be indexed; sorted, since a hostile
        // document has a hundred thousand of them
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs.reverse();
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        let indexable = pairs
            .into_iter()
            .rev()
            .filter_map(|(key, value)| Some((key, value?)));
        let is_short = |key: &str| has_at_most(ANNOTATION_KEY_CHARS_MAX, key);
        Ok(Some(Self(
            indexable.filter(|(key, _)| is_short(key)).collect(),
        )))
    }
}

/// Whether a text has no more characters than these; nearly every one has no more bytes.
fn has_at_most(chars_max: usize, text: &str) -> bool {
    text.len() <= chars_max || text.chars().count() <= chars_max
}

impl<'a> FromJson<'a> for AnnotationValue<'a> {
    fn from_text(text: Cow<'a, str>) -> Option<Self> {
        has_at_most(ANNOTATION_VALUE_CHARS_MAX, &text).then_some(Self::Text(text))
    }

    fn from_bool(value: bool) -> Option<Self> {
        Some(Self::Bool(value))
    }

    fn from_number(number: Number) -> Option<Self> {
        // -0 and 0 are one value
        f64::from_number(number).map(|value| Self::Number(value + 0.0))
    }
}

impl<'a> FromJson<'a> for Link<'a> {
    fn from_object<A: MapAccess<'a>, const KEEPS: bool>(
        mut object: A,
    ) -> Result<Option<Self>, A::Error> {
        let (mut trace_id, mut id, mut reference_type) = (None, None, None);
        while let Some(key) = object.next_key::<Key<'a>>()? {
            match &*key.0 {
                "trace_id" => trace_id = member::<A, Cow<'a, str>, KEEPS>(&mut object)?,
                "id" => id = member::<A, Cow<'a, str>, KEEPS>(&mut object)?,
                "attributes" => {
                    let attributes = member::<A, LinkAttributes<'a>, KEEPS>(&mut object)?;
                    reference_type = attributes.and_then(|found| found.reference_type);
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        let trace_id = trace_id.and_then(|text| TraceId::parse_any(&text).ok());
        let id = id.and_then(|text| SegmentId::parse(&text).ok());
        Ok(trace_id.zip(id).map(|(trace_id, id)| Self {
            trace_id,
            id,
            reference_type,
        }))
    }
}

super::lenient::json_object! {
    struct LinkAttributes<'a> {
        reference_type: Cow<'a, str> = "aws.xray.reserved.reference_type",
    }
}
