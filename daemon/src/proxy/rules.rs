//! The last good answer to GetSamplingRules, for while the endpoint is down.
//!
//! SDKs abandon their rules after an hour without fresh ones, so an older copy is of no use. Targets
//! are never copied: a quota is for one client and ten seconds. Source: `spec/daemon.md` section 5.3.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::header::CONTENT_ENCODING;
use radiograph_protocol::sampling::load;

use super::answer::Reply;

/// The age at which a copy is worthless.
const AGE_MAX: Duration = Duration::from_secs(3600);

/// The copy, if there is one.
#[derive(Debug, Default)]
pub(super) struct RulesCopy(Mutex<Option<(Instant, Reply)>>);

impl RulesCopy {
    /// Keeps a good answer. One that is compressed was made for its client alone, and another may
    /// answer 200 to anything, so both are no copies.
    pub(super) fn keep(&self, reply: &Reply, now: Instant) {
        let is_plain = !reply.headers.contains_key(CONTENT_ENCODING);
        let has_rules = || load::load(&reply.body).is_ok_and(|rules| !rules.records.is_empty());
        if reply.status == StatusCode::OK && is_plain && has_rules() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, reply.clone()));
        }
    }

    /// The copy, unless it is too old.
    pub(super) fn copy(&self, now: Instant) -> Option<Reply> {
        let copy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, reply) = copy.as_ref()?;
        (now.saturating_duration_since(*at) < AGE_MAX).then(|| reply.clone())
    }
}

/// Whether a call asks for a later page of the rules, for which the copy is no answer. No SDK does.
pub(super) fn is_for_a_later_page(body: &[u8]) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    body.is_some_and(|body| {
        body.get("NextToken")
            .is_some_and(serde_json::Value::is_string)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use bytes::Bytes;
    use hyper::HeaderMap;

    const RULES: &str = r#"{"SamplingRuleRecords":[{"SamplingRule":{"RuleName":"Default",
        "ResourceARN":"*","Priority":10000,"FixedRate":0.05,"ServiceType":"*","Version":1}}]}"#;

    fn reply(body: &'static str) -> Reply {
        Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn a_copy_is_given_out_for_an_hour() {
        let (copy, start) = (RulesCopy::default(), clock::now());
        assert_eq!(copy.copy(start), None);
        copy.keep(&reply(RULES), start);
        let just_before = start + AGE_MAX - Duration::from_millis(1);
        assert_eq!(copy.copy(just_before), Some(reply(RULES)));
        assert_eq!(copy.copy(start + AGE_MAX), None);
    }

    #[test]
    fn answers_that_are_no_plain_rules_are_not_kept() {
        let (copy, now) = (RulesCopy::default(), clock::now());
        let mut compressed = reply(RULES);
        let gzip = "gzip".parse().unwrap();
        compressed.headers.insert(CONTENT_ENCODING, gzip);
        let refused = Reply {
            status: StatusCode::FORBIDDEN,
            ..reply(RULES)
        };
        let empty = reply(r#"{"SamplingRuleRecords":[]}"#);
        for bad in [reply("<html>"), reply("{}"), empty, compressed, refused] {
            copy.keep(&bad, now);
            assert_eq!(copy.copy(now), None, "{bad:?}");
        }
    }

    #[test]
    fn only_a_token_asks_for_a_later_page() {
        let cases = [
            ("", false),
            ("{}", false),
            (r#"{"NextToken":null}"#, false),
            (r#"{"NextToken":"a"}"#, true),
            ("[]", false),
        ];
        for (body, is_later) in cases {
            assert_eq!(is_for_a_later_page(body.as_bytes()), is_later, "{body}");
        }
    }
}
