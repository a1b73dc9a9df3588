//! What a document says about sampling: which trace it belongs to, whether it begins one, whether a
//! sampler has decided already, and the request that a rule is compared with.
//!
//! One pass over the text without a tree; embedded subsegments, annotations and metadata are passed
//! over. Nothing is checked beyond what the decision needs: refusing documents is the collector's.
//! Source: `spec/segment-document.md` sections 1, 2, 4 and 5, `spec/sampling.md` section 2.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};

use super::rule::Request;
use crate::ids::TraceId;
use crate::segment::lenient::{FromJson, Key, Seen};
use crate::segment::{Aws, Http, Kind};

/// A document as far as a sampling decision needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Head<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Segment or independent subsegment.
    pub kind: Kind,
    /// Whether it names a caller or an enclosing segment.
    pub has_parent: bool,
    /// Whether an SDK made it, which then has decided or has obeyed its caller: `aws.xray` names an
    /// SDK or a sampling rule.
    pub is_decided: bool,
    name: Cow<'a, str>,
    origin: Option<Cow<'a, str>>,
    method: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
}

/// Reads a document; `None` when it is not one JSON object with a name and a trace id, or has a
/// `type` or `parent_id` that no document can have.
#[must_use]
pub fn read(document: &[u8]) -> Option<Head<'_>> {
    let first = document.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return None;
    }
    let members: Seen<Members<'_>> = serde_json::from_slice(document).ok()?;
    members.value()?.into_head()
}

impl Head<'_> {
    /// Whether the trace begins with it: a segment without a caller.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.kind == Kind::Segment && !self.has_parent
    }

    /// The request as an SDK in the sender's place would have described it; without `http` the
    /// method, host and path are unknown.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        let (host, path) = self.url.as_deref().map_or((None, None), host_and_path);
        Request {
            service_name: Some(&self.name),
            service_type: Some(self.origin.as_deref().unwrap_or_default()),
            host,
            http_method: self.method.as_deref(),
            url_path: path,
            ..Request::default()
        }
    }
}

/// Host with its port and path without its query. Some senders give only a path, and then the host
/// is unknown.
fn host_and_path(url: &str) -> (Option<&str>, Option<&str>) {
    let is_end = |each: char| matches!(each, '/' | '?' | '#');
    let (host, rest) = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(is_end) => {
            let (authority, rest) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
            let host = authority.rsplit('@').next();
            (host.filter(|host| !host.is_empty()), rest)
        }
        _ => (None, url),
    };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    (host, Some(if path.is_empty() { "/" } else { path }))
}

#[derive(Default)]
struct Members<'a> {
    trace_id: Seen<Cow<'a, str>>,
    kind: Seen<Cow<'a, str>>,
    parent_id: Seen<Cow<'a, str>>,
    name: Seen<Cow<'a, str>>,
    origin: Seen<Cow<'a, str>>,
    http: Seen<Http<'a>>,
    aws: Seen<Aws<'a>>,
}

impl<'a> FromJson<'a> for Members<'a> {
    fn from_object<A: MapAccess<'a>, const KEEPS: bool>(
        mut object: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut this = Self::default();
        while let Some(key) = object.next_key::<Key<'a>>()? {
            match &*key.0 {
                "trace_id" => this.trace_id = object.next_value()?,
                "type" => this.kind = object.next_value()?,
                "parent_id" => this.parent_id = object.next_value()?,
                "name" => this.name = object.next_value()?,
                "origin" => this.origin = object.next_value()?,
                "http" => this.http = object.next_value()?,
                "aws" => this.aws = object.next_value()?,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(this))
    }
}

impl<'a> Members<'a> {
    fn into_head(self) -> Option<Head<'a>> {
        let kind = match self.kind {
            Seen::Absent => Kind::Segment,
            Seen::Value(kind) if kind == "segment" => Kind::Segment,
            Seen::Value(kind) if kind == "subsegment" => Kind::Subsegment,
            Seen::Value(_) | Seen::WrongType => return None,
        };
        if self.parent_id.is_wrong_type() {
            return None;
        }
        let request = self.http.value().and_then(|http| http.request);
        let request = request.unwrap_or_default();
        let xray = self.aws.value().and_then(|aws| aws.xray);
        Some(Head {
            trace_id: TraceId::parse(&self.trace_id.value()?).ok()?,
            kind,
            has_parent: self.parent_id.value().is_some(),
            is_decided: xray.is_some_and(|xray| {
                xray.sdk.is_some() || xray.sdk_version.is_some() || xray.rule().is_some()
            }),
            name: self.name.value()?,
            origin: self.origin.value(),
            method: request.method,
            url: request.url,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn document(change: impl FnOnce(&mut Value)) -> String {
        let mut document = json!({
            "name": "shop", "id": "3f1e0c2b9a8d7e6f", "start_time": 1.0, "end_time": 2.0,
            "trace_id": "1-6592008a-0f1e2d3c4b5a69788796a5b4",
        });
        change(&mut document);
        document.to_string()
    }

    #[test]
    fn roots_and_marks_of_samplers_are_told_apart() {
        type Change = fn(&mut Value);
        let cases: [(&str, bool, bool, Change); 13] = [
            ("bare segment", true, false, |_| ()),
            ("said to be a segment", true, false, |d| {
                d["type"] = json!("segment");
            }),
            ("null parent", true, false, |d| d["parent_id"] = json!(null)),
            ("called", false, false, |d| {
                d["parent_id"] = json!("a1b2c3d4e5f60718");
            }),
            ("subsegment", false, false, |d| {
                d["type"] = json!("subsegment");
            }),
            ("in progress", true, false, |d| {
                d["in_progress"] = json!(true);
            }),
            ("SDK", true, true, |d| {
                d["aws"] = json!({"xray": {"sdk": "X-Ray for Go"}});
            }),
            ("its version", true, true, |d| {
                d["aws"] = json!({"xray": {"sdk_version": "1"}});
            }),
            ("rule", true, true, |d| {
                d["aws"] = json!({"xray": {"sampling_rule_name": "r"}});
            }),
            ("rule of Node", true, true, |d| {
                d["aws"] = json!({"xray": {"rule_name": "r"}});
            }),
            ("other xray members", true, false, |d| {
                d["aws"] = json!({"xray": {"package": "p"}});
            }),
            ("marks of an odd type", true, false, |d| {
                d["aws"] = json!({"xray": {"sdk": 7}});
            }),
            ("marks elsewhere", true, false, |d| {
                d["metadata"] = json!({"aws": {"xray": {"sdk": "no"}}});
                d["subsegments"] = json!([{"aws": {"xray": {"sdk": "no"}}, "parent_id": "x"}]);
            }),
        ];
        for (name, is_root, is_decided, change) in cases {
            let text = document(change);
            let head = read(text.as_bytes()).unwrap();
            assert_eq!(
                (head.is_root(), head.is_decided),
                (is_root, is_decided),
                "{name}"
            );
        }
    }

    #[test]
    fn the_request_is_described_as_an_sdk_would() {
        let cases = [
            (
                json!("http://shop.test:8080/cart/1?q=/x"),
                Some("shop.test:8080"),
                Some("/cart/1"),
            ),
            (
                json!("https://user:pw@shop.test"),
                Some("shop.test"),
                Some("/"),
            ),
            (json!("https://shop.test?q=1"), Some("shop.test"), Some("/")),
            (
                json!("https://shop.test/a#b?c"),
                Some("shop.test"),
                Some("/a"),
            ),
            (json!("/cart/1?to=http://elsewhere/"), None, Some("/cart/1")),
            (json!("http:///a"), None, Some("/a")),
            (json!(""), None, Some("/")),
            (json!(7), None, None),
        ];
        for (url, host, path) in cases {
            let text = document(|d| {
                d["origin"] = json!("AWS::ECS::Container");
                d["http"] = json!({"request": {"method": "POST", "url": url}});
            });
            let head = read(text.as_bytes()).unwrap();
            let expected = Request {
                service_name: Some("shop"),
                service_type: Some("AWS::ECS::Container"),
                host,
                http_method: Some("POST"),
                url_path: path,
                ..Request::default()
            };
            assert_eq!(head.request(), expected, "{url}");
        }
        let text = document(|_| ());
        let expected = Request {
            service_name: Some("shop"),
            service_type: Some(""),
            ..Request::default()
        };
        assert_eq!(read(text.as_bytes()).unwrap().request(), expected);
    }

    #[test]
    fn what_is_no_readable_document_is_nothing() {
        let cases = [
            document(|d| d["trace_id"] = json!("1-2-3")),
            document(|d| d["trace_id"] = json!(null)),
            document(|d| d["name"] = json!(7)),
            document(|d| d["type"] = json!("span")),
            document(|d| d["type"] = json!(7)),
            document(|d| d["parent_id"] = json!(7)),
            format!("[{}]", document(|_| ())),
            format!("{} x", document(|_| ())),
            "T1SCuwH".to_owned(),
            "{".to_owned(),
            String::new(),
            " \n".to_owned(),
        ];
        for text in cases {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"{\"name\":\"\xff\"}"), None);
    }

    #[test]
    fn every_recorded_segment_of_an_sdk_is_marked() {
        let (mut segments, mut unreadable) = (0, 0);
        for recording in radiograph_proto_fixtures::recordings() {
            if !recording.name.starts_with("aws-xray-sdk") {
                continue;
            }
            for datagram in &recording.datagrams {
                let (_, body) = datagram.split_once('\n').unwrap();
                let Some(head) = read(body.as_bytes()) else {
                    unreadable += 1;
                    continue;
                };
                let is_segment = head.kind == Kind::Segment;
                assert_eq!(head.is_decided, is_segment, "{}: {body}", recording.name);
                segments += usize::from(is_segment);
            }
        }
        assert!(segments > 50, "{segments}");
        assert_eq!(
            unreadable, 2,
            "trace ids that a bad header brought into flask_headers"
        );
    }

    proptest! {
        #[test]
        fn property_no_document_makes_it_panic(bytes in any::<Vec<u8>>(), url in ".*") {
            let _either = read(&bytes);
            let text = document(|d| d["http"] = json!({"request": {"url": url}}));
            prop_assert!(read(text.as_bytes()).unwrap().request().url_path.is_some());
        }
    }
}
