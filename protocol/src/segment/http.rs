//! The `http` block: a request as served (segments) or as made (subsegments), and its answer.
//! Source: `spec/segment-document.md` section 4.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};

use super::lenient::{FromJson, Key, json_object, member};

json_object! {
    /// `http`.
    pub struct Http<'a> {
        /// What was asked.
        request: HttpRequest<'a> = "request",
        /// What was answered.
        response: HttpResponse = "response",
    }
}

json_object! {
    /// `http.request`.
    pub struct HttpRequest<'a> {
        /// Request method, in the sender's case.
        method: Cow<'a, str> = "method",
        /// Full URL without user info; some senders give only a path.
        url: Cow<'a, str> = "url",
        /// User agent.
        user_agent: Cow<'a, str> = "user_agent",
        /// Socket address, or the first entry of `X-Forwarded-For`.
        client_ip: Cow<'a, str> = "client_ip",
        /// On subsegments: the called service is traced as well.
        traced: bool = "traced",
    }
}

/// `http.response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HttpResponse {
    /// HTTP status code.
    pub status: Option<i64>,
}

impl<'a> FromJson<'a> for HttpResponse {
    fn from_object<A: MapAccess<'a>, const KEEPS: bool>(
        mut object: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut this = Self::default();
        while let Some(key) = object.next_key::<Key<'a>>()? {
            if key.0 == "status" {
                this.status = member::<A, i64, KEEPS>(&mut object)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Some(this))
    }
}

impl Http<'_> {
    /// The status of the response, if one was reported.
    #[must_use]
    pub fn status(&self) -> Option<i64> {
        self.response?.status
    }
}
