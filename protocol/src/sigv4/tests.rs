//! Signatures against those of the specification, and that nothing signed can be changed.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn signable<'a>(headers: &[(&'a str, &[u8])], path: &'a str, body: &[u8]) -> Signable<'a> {
    Signable {
        method: "POST",
        path,
        query: "",
        headers: headers
            .iter()
            .map(|(name, value)| (*name, canonical_values([*value])))
            .collect(),
        body_sha256: Sha256::digest(body).into(),
    }
}

#[test]
fn the_specifications_vector_is_met() {
    let body = br#"{"StartTime": 1704063600, "EndTime": 1704067200}"#;
    let headers: [(&str, &[u8]); 3] = [
        ("host", b"127.0.0.1:2000"),
        ("content-type", b"application/json"),
        ("x-amz-date", b"20240101T000000Z"),
    ];
    let request = signable(&headers, "/TraceSummaries", body);
    assert_eq!(
        hex(&Sha256::digest(canonical::request(&request))),
        "a613f34295092ebcaa204f4f54e1daeb0da27a2caa1ff2fbab301b9a23de55c0"
    );
    let time = SigningTime::parse("20240101T000000Z").unwrap();
    let date = time.date();
    let scope = Scope {
        date: &date,
        region: "us-east-1",
        service: SERVICE,
    };
    let signature = request.signature(SECRET, time, scope);
    assert_eq!(
        hex(&signature),
        "fed9ca3b128c3cb7b1eba77964253425362c711ede704fc4b7fc88a15fdeded4"
    );
    let signed_headers = request.signed_headers();
    let header = authorization("AKIDEXAMPLE", scope, &signed_headers, &signature);
    let read = Authorization::parse(&header).unwrap();
    assert_eq!(read.access_key_id, "AKIDEXAMPLE");
    assert_eq!(read.scope, scope);
    assert_eq!(read.signed_headers.join(";"), signed_headers);
    assert_eq!(read.signature, signature);
    assert!(request.is_signed_by(SECRET, time, scope, &signature));
    assert!(!request.is_signed_by("other", time, scope, &signature));
}

#[test]
fn secrets_are_the_same_as_a_whole_or_not() {
    for (expected, given, is_same) in [
        ("token", "token", true),
        ("token", "toke", false),
        ("token", "token\0", false),
        ("token", "", false),
        ("", "", true),
    ] {
        assert_eq!(
            is_same_secret(expected, given.as_bytes()),
            is_same,
            "{given:?}"
        );
    }
}

/// What is changed of a signed request.
#[derive(Debug, Clone, Copy)]
enum Part {
    Method,
    Path,
    Query,
    HeaderName,
    HeaderValue,
    Body,
    Time,
    Region,
    Signature,
}

const PARTS: [Part; 9] = [
    Part::Method,
    Part::Path,
    Part::Query,
    Part::HeaderName,
    Part::HeaderValue,
    Part::Body,
    Part::Time,
    Part::Region,
    Part::Signature,
];

/// One byte of a text, another letter than before.
fn with_other_letter(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'q' { b'z' } else { b'q' };
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn property_any_change_of_one_byte_breaks_a_signature(
        part in prop::sample::select(&PARTS[..]),
        at in any::<usize>(),
        path in "/[A-Za-z]{0,20}",
        value in "[a-z0-9]{1,20}",
        body in prop::collection::vec(any::<u8>(), 1..200),
        flip in 1..=255_u8,
    ) {
        let time = SigningTime::from_seconds(1_704_067_200);
        let scope = Scope { date: "20240101", region: "eu-west-1", service: SERVICE };
        let header = [("x-a", value.as_bytes())];
        let request = Signable { query: "k=v", ..signable(&header, &path, &body) };
        let mut signature = request.signature(SECRET, time, scope);
        prop_assert!(request.is_signed_by(SECRET, time, scope, &signature));

        let mut changed = request.clone();
        let (mut other_time, mut other_scope) = (time, scope);
        let text = with_other_letter(match part {
            Part::Path => &path,
            Part::HeaderValue => &value,
            Part::Region => scope.region,
            _ => "k=v",
        }, at);
        match part {
            Part::Method => changed.method = "PUT",
            Part::Path => changed.path = &text,
            Part::Query => changed.query = &text,
            Part::HeaderName => changed.headers = [("x-b", value.clone().into_bytes())].into(),
            Part::HeaderValue => changed.headers = [("x-a", text.clone().into_bytes())].into(),
            Part::Body => {
                let mut body = body.clone();
                let at = at % body.len();
                body[at] ^= flip;
                changed.body_sha256 = Sha256::digest(&body).into();
            }
            Part::Time => other_time = time.plus_seconds(1),
            Part::Region => other_scope.region = &text,
            Part::Signature => signature[at % 32] ^= flip,
        }
        prop_assert!(!changed.is_signed_by(SECRET, other_time, other_scope, &signature), "{part:?}");
    }

    #[test]
    fn property_what_is_signed_is_read_back_and_verified(
        id in "[A-Za-z0-9/+=]{1,30}",
        region in "[a-z0-9-]{1,20}",
        secret in ".{0,50}",
        seconds in 0..253_402_300_799_i64,
    ) {
        let time = SigningTime::from_seconds(seconds);
        let date = time.date();
        let scope = Scope { date: &date, region: &region, service: SERVICE };
        let request = signable(&[("host", b"h"), ("x-amz-date", b"d")], "/", b"");
        let signature = request.signature(&secret, time, scope);
        let header = authorization(&id, scope, &request.signed_headers(), &signature);
        let read = Authorization::parse(&header).unwrap();
        prop_assert_eq!(read.access_key_id, &id);
        prop_assert!(request.is_signed_by(&secret, time, read.scope, &read.signature));
        prop_assert_eq!(SigningTime::parse(&time.to_string()), Some(time));
    }
}
