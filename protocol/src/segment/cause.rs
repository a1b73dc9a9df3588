//! The `cause` of an error: exceptions, or a reference to one described elsewhere in the trace.
//! Source: `spec/segment-document.md` section 6.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::lenient::{FromJson, json_object};

/// `cause`.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause<'a> {
    /// An exception that another entity of the trace describes.
    Reference(Cow<'a, str>),
    /// Exceptions described here. Node writes references as an object with an `id` and nothing else;
    /// such an object has no exceptions.
    Described(Exceptions<'a>),
}

impl<'a> Cause<'a> {
    /// The exceptions described here; none for a reference.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception<'a>] {
        match self {
            Self::Reference(_) => &[],
            Self::Described(described) => described.exceptions.as_deref().unwrap_or(&[]),
        }
    }
}

impl<'a> FromJson<'a> for Cause<'a> {
    fn from_text(text: Cow<'a, str>) -> Option<Self> {
        Some(Self::Reference(text))
    }

    fn from_object<A: MapAccess<'a>, const KEEPS: bool>(
        object: A,
    ) -> Result<Option<Self>, A::Error> {
        Ok(Exceptions::from_object::<A, KEEPS>(object)?.map(Self::Described))
    }
}

json_object! {
    /// `cause` as an object.
    pub struct Exceptions<'a> {
        /// Node's spelling of a reference.
        id: Cow<'a, str> = "id",
        /// The exceptions, outermost first.
        exceptions: Vec<Exception<'a>> = "exceptions",
    }
}

json_object! {
    /// One element of `cause.exceptions`; its stack is not read.
    pub struct Exception<'a> {
        /// 16 hex digits.
        id: Cow<'a, str> = "id",
        /// What was said.
        message: Cow<'a, str> = "message",
        /// The exception's class.
        kind: Cow<'a, str> = "type",
    }
}
