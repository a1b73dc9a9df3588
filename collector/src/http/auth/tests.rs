//! Requests that real clients signed, and every way in which one is refused.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use radiograph_protocol::sigv4::{self, Scope, Signable, canonical_values};
use serde_json::Value;

use super::*;
use crate::keys;

mod refusals;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const NOW: Timestamp = Timestamp::from_seconds(1_795_264_674);

fn key(id: &str, role: Role) -> AccessKey {
    AccessKey {
        id: id.to_owned(),
        secret: SECRET.to_owned(),
        role,
        session_token: None,
        expires_at: None,
    }
}

fn gate(all: &[AccessKey]) -> Gate {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.yaml");
    for key in all {
        keys::append(&path, key).unwrap();
    }
    Gate::of(KeyRing::open(path, Vec::new()).unwrap())
}

/// A request as it comes in.
#[derive(Debug, Clone)]
struct Call {
    method: &'static str,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    fn new() -> Self {
        let headers = [
            ("Host", "127.0.0.1:2080"),
            ("Content-Type", "application/json"),
            ("X-Amz-Date", "20261121T123754Z"),
        ];
        Self {
            method: "POST",
            uri: "/Groups".to_owned(),
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            body: b"{\"a\": 1}".to_vec(),
        }
    }

    /// With one more header, or one that is there changed.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(&mut self, name: &str) {
        self.headers
            .retain(|(each, _)| !each.eq_ignore_ascii_case(name));
    }

    fn header_map(&self) -> HeaderMap {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| {
                let name: HeaderName = name.parse().unwrap();
                (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
            })
            .collect()
    }

    /// Signed over all its headers, by their names in this list, when it is given.
    fn signed_by(self, id: &str, secret: &str, scope: &str, names: Option<&str>) -> Self {
        let map = self.header_map();
        let names: Vec<&str> = names.map_or_else(
            || map.keys().map(HeaderName::as_str).collect(),
            |names| names.split(';').collect(),
        );
        let values = |name: &str| {
            let values = map.get_all(name).iter().map(HeaderValue::as_bytes);
            canonical_values(values.collect::<Vec<_>>())
        };
        let date = map
            .get("x-amz-date")
            .map_or("20261121T123754Z", |date| date.to_str().unwrap());
        let time = SigningTime::parse(date).unwrap_or(signing_time(NOW));
        let parts: Vec<&str> = scope.split('/').collect();
        let scope = Scope {
            date: parts[0],
            region: parts[1],
            service: parts[2],
        };
        let (path, query) = self.uri.split_once('?').unwrap_or((&self.uri, ""));
        let request = Signable {
            method: self.method,
            path,
            query,
            headers: names.iter().map(|name| (*name, values(name))).collect(),
            body_sha256: Sha256::digest(&self.body).into(),
        };
        let signature = request.signature(secret, time, scope);
        let value = sigv4::authorization(id, scope, &names.join(";"), &signature);
        self.with("Authorization", &value)
    }

    fn signed(self) -> Self {
        self.signed_by("READ", SECRET, "20261121/eu-west-1/xray", None)
    }

    /// Its way through the gate: the signer's key, or name and sentence of the error.
    async fn through(
        &self,
        gate: &Gate,
        operation: &str,
        now: Timestamp,
    ) -> Result<Option<String>, String> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.uri.as_str())
            .body(Body::empty())
            .unwrap();
        *request.headers_mut() = self.header_map();
        let mut signer = Signer::default();
        gate.claim(&mut request, now)
            .map_err(|error| error.to_string())?;
        let (head, _) = request.into_parts();
        let body = Bytes::from(self.body.clone());
        let admitted = gate.admit(operation, &head, &body, now, &mut signer).await;
        match admitted {
            Ok(()) => Ok(signer.key_id().map(str::to_owned)),
            Err(Failure::Theirs(error)) => Err(error.to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn without_keys_everybody_is_let_in_and_nobody_is_known() {
    let call = Call::new().with("Authorization", "whatever");
    assert_eq!(
        call.through(&Gate::default(), "Backup", NOW).await,
        Ok(None)
    );
}

#[tokio::test]
async fn requests_that_real_clients_signed_are_let_in_at_their_time() {
    let gate = gate(&[key("AKIAIOSFODNN7EXAMPLE", Role::Admin)]);
    let (mut admitted, mut unsigned) = (0, 0);
    for client in ["boto3", "awscli", "aws-sdk-js-v3"] {
        let path = radiograph_proto_fixtures::root().join(format!("api/{client}.jsonl"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let scenario = line["scenario"].as_str().unwrap();
            let headers = line["headers"].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let call = Call {
                method: "POST",
                uri: text(&line["path"]),
                headers: headers
                    .map(|pair| (text(&pair[0]), text(&pair[1])))
                    .collect(),
                body: text(&line["body_utf8"]).into_bytes(),
            };
            let map = call.header_map();
            let Some(date) = map.get("x-amz-date") else {
                let refused = call.through(&gate, "GetServiceGraph", NOW).await;
                let missing = "MissingAuthenticationTokenException: Missing Authentication Token";
                assert_eq!(refused, Err(missing.to_owned()), "{client} {scenario}");
                unsigned += 1;
                continue;
            };
            let time = SigningTime::parse(date.to_str().unwrap()).unwrap();
            let time = Timestamp::from_seconds(time.seconds());
            let operation = scenario.split('/').next().unwrap();
            let signer = call.through(&gate, operation, time).await;
            let expected = Ok(Some("AKIAIOSFODNN7EXAMPLE".to_owned()));
            assert_eq!(signer, expected, "{client} {scenario}");
            admitted += 1;
            let mut changed = call.clone();
            changed.body.push(b' ');
            let refused = changed.through(&gate, operation, time).await.unwrap_err();
            assert!(
                refused.starts_with("InvalidSignatureException"),
                "{refused}"
            );
        }
    }
    assert_eq!((admitted, unsigned), (133, 1));
}

const SCOPE: &str = "20261121/eu-west-1/xray";

const NO_MATCH: &str =
    "InvalidSignatureException: The request signature we calculated does not match";

#[tokio::test]
async fn a_role_that_does_not_suffice_is_told_with_key_and_operation() {
    let gate = gate(&[
        key("WRITE", Role::Write),
        key("READ", Role::Read),
        key("ADMIN", Role::Admin),
    ]);
    for (id, operation, is_let_in) in [
        ("WRITE", "PutTraceSegments", true),
        ("WRITE", "GetTraceSummaries", false),
        ("READ", "GetTraceSummaries", true),
        ("READ", "PutTraceSegments", false),
        ("READ", "CreateGroup", false),
        ("ADMIN", "CreateGroup", true),
    ] {
        let call = Call::new().signed_by(id, SECRET, SCOPE, None);
        let role = id.to_lowercase();
        let expected = if is_let_in {
            Ok(Some(id.to_owned()))
        } else {
            Err(format!(
                "AccessDeniedException: User: {id} is not authorized to perform: xray:{operation} because its role is {role}"
            ))
        };
        assert_eq!(call.through(&gate, operation, NOW).await, expected);
    }
}

#[tokio::test]
async fn what_was_sent_before_is_refused_only_where_administrators_change_something() {
    let gate = gate(&[key("ADMIN", Role::Admin)]);
    let call = Call::new().signed_by("ADMIN", SECRET, SCOPE, None);
    let later = NOW.plus_micros(60_000_000);
    for operation in ["PutTraceSegments", "GetTraceSummaries"] {
        for now in [NOW, later] {
            let signer = call.through(&gate, operation, now).await.unwrap();
            assert_eq!(signer.as_deref(), Some("ADMIN"), "{operation}");
        }
    }
    let first = call.through(&gate, "DeleteGroup", NOW).await.unwrap();
    assert_eq!(first.as_deref(), Some("ADMIN"));
    let again = call.through(&gate, "DeleteGroup", later).await;
    let refused = "InvalidSignatureException: The same request was received before; sign it again";
    assert_eq!(again, Err(refused.to_owned()));
}

#[tokio::test]
async fn a_request_that_was_not_looked_at_before_its_body_is_refused() {
    let gate = gate(&[key("READ", Role::Read)]);
    let (head, ()) = Request::new(()).into_parts();
    let mut signer = Signer::default();
    let admitted = gate
        .admit("GetGroups", &head, &Bytes::new(), NOW, &mut signer)
        .await;
    let Err(Failure::Theirs(error)) = admitted else {
        panic!("let in");
    };
    assert_eq!(error.kind, ApiErrorKind::MissingAuthenticationToken);
    assert_eq!(signer.key_id(), None);
}

#[tokio::test]
async fn a_large_body_is_hashed_too() {
    let gate = gate(&[key("READ", Role::Read)]);
    let mut call = Call::new();
    call.body = vec![b' '; INLINE_BYTES_MAX + 1];
    let mut call = call.signed();
    let signer = call.through(&gate, "GetGroups", NOW).await.unwrap();
    assert_eq!(signer.as_deref(), Some("READ"));
    call.body[INLINE_BYTES_MAX] = b'x';
    let refused = call.through(&gate, "GetGroups", NOW).await.unwrap_err();
    assert!(refused.starts_with(NO_MATCH), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_any_change_of_one_byte_of_a_signed_request_is_refused(
        part in 0..4_usize,
        at in any::<usize>(),
        letter in "[a-zA-Z0-9]",
    ) {
        let gate = gate(&[key("READ", Role::Read)]);
        let mut call = Call { uri: "/Groups?a=b".to_owned(), ..Call::new() }.signed();
        let letter = letter.as_bytes()[0];
        let change = |text: &mut String| {
            let mut bytes = text.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = letter;
            let changed = String::from_utf8(bytes).unwrap();
            let is_other = !changed.eq_ignore_ascii_case(text);
            *text = changed;
            is_other
        };
        let is_other = match part {
            0 => change(&mut call.uri),
            1 => {
                let at = at % call.body.len();
                std::mem::replace(&mut call.body[at], letter) != letter
            }
            2 => {
                let count = call.headers.len();
                change(&mut call.headers[at % count].1)
            }
            _ => {
                let count = call.headers.len();
                change(&mut call.headers[at % count].0)
            }
        };
        // a path without its slash is none that a client can send
        prop_assume!(is_other && call.uri.starts_with('/'));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let admitted = runtime.block_on(call.through(&gate, "GetGroups", NOW));
        prop_assert!(admitted.is_err(), "{call:?}");
    }
}
