//! Requests that are let in, and each way in which one is refused, by what its client is told.

use radiograph_protocol::hex::hex;

use super::*;

const MISSING: &str = "MissingAuthenticationTokenException: Missing Authentication Token";
const UNKNOWN: &str =
    "UnrecognizedClientException: The security token included in the request is invalid.";
const EXPIRED: &str =
    "ExpiredTokenException: The security token included in the request is expired";

/// Name, request, and the beginning of what its client is told; nothing when it is let in.
type Row = (&'static str, Call, &'static str);

fn by(call: Call, id: &str) -> Call {
    call.signed_by(id, SECRET, SCOPE, None)
}

fn over(names: &str) -> Call {
    Call::new().signed_by("READ", SECRET, SCOPE, Some(names))
}

fn scoped(scope: &str) -> Call {
    Call::new().signed_by("READ", SECRET, scope, None)
}

fn at(date: &str) -> Call {
    Call::new().with("X-Amz-Date", date).signed()
}

fn without(name: &str) -> Call {
    let mut call = Call::new();
    call.without(name);
    call
}

/// Signed, and then with one more header.
fn added(name: &str, value: &str) -> Call {
    let mut call = Call::new().signed();
    call.headers.push((name.to_owned(), value.to_owned()));
    call
}

/// Signed, with `Authorization` cut off there.
fn cut(at: &str) -> Call {
    let mut call = Call::new().signed();
    let value = &mut call.headers.last_mut().unwrap().1;
    *value = value.split(at).next().unwrap().to_owned();
    call
}

fn hashed(value: &str) -> Call {
    Call::new().with("X-Amz-Content-Sha256", value).signed()
}

fn token(value: &str) -> Call {
    Call::new().with("X-Amz-Security-Token", value)
}

fn let_in() -> Vec<Row> {
    let sha256 = hex(&Sha256::digest(Call::new().body));
    let mut values = Call::new().with("X-Amz-Meta", "  a   b ");
    let second = ("x-amz-meta".to_owned(), "c".to_owned());
    values.headers.push(second);
    let dated = without("X-Amz-Date").with("Date", "Sat, 21 Nov 2026 12:37:54 GMT");
    vec![
        ("good", Call::new().signed(), ""),
        ("few headers", over("host;x-amz-date"), ""),
        ("any region", scoped("20261121/mars-1/xray"), ""),
        ("Date alone", dated.signed(), ""),
        ("several values", values.signed(), ""),
        ("hash of the body", hashed(&sha256), ""),
        ("hash in upper case", hashed(&sha256.to_uppercase()), ""),
        ("temporary", by(token("tok/en=="), "TEMP"), ""),
        ("five minutes ago", at("20261121T123254Z"), ""),
        ("in five minutes", at("20261121T124254Z"), ""),
    ]
}

fn not_a_signature() -> Vec<Row> {
    let authorization = |value| Call::new().with("Authorization", value);
    vec![
        ("unsigned", Call::new(), MISSING),
        ("bearer", authorization("Bearer abc"), MISSING),
        ("empty", authorization(""), MISSING),
        (
            "no signature",
            cut(", Signature"),
            "InvalidSignatureException: Authorization header requires 'Signature' parameter",
        ),
        (
            "no headers",
            cut(", SignedHeaders"),
            "InvalidSignatureException: Authorization header requires 'SignedHeaders' parameter",
        ),
        (
            "no credential",
            cut(" Credential"),
            "InvalidSignatureException: Authorization header requires 'Credential' parameter",
        ),
        (
            "two signatures",
            added("Authorization", "AWS4-HMAC-SHA256"),
            "InvalidSignatureException: 'authorization' is sent more than once",
        ),
        (
            "other service",
            scoped("20261121/eu-west-1/s3"),
            "InvalidSignatureException: Credential should be scoped to correct service: 'xray'",
        ),
    ]
}

fn of_another_time() -> Vec<Row> {
    vec![
        (
            "two dates",
            added("X-Amz-Date", "20261121T123754Z"),
            "InvalidSignatureException: 'x-amz-date' is sent more than once",
        ),
        (
            "no date",
            without("X-Amz-Date").signed(),
            "InvalidSignatureException: Authorization header requires existence of either",
        ),
        (
            "odd date",
            at("2026-11-21"),
            "InvalidSignatureException: X-Amz-Date must be in the form",
        ),
        (
            "other day",
            scoped("20261120/eu-west-1/xray"),
            "InvalidSignatureException: Date in Credential scope does not match YYYYMMDD",
        ),
        (
            "old",
            at("20261121T123253Z"),
            "InvalidSignatureException: Signature expired: 20261121T123253Z is now earlier than \
             20261121T123254Z (20261121T123754Z - 5 min.)",
        ),
        (
            "early",
            at("20261121T124255Z"),
            "InvalidSignatureException: Signature not yet current: 20261121T124255Z is still later \
             than 20261121T124254Z (20261121T123754Z + 5 min.)",
        ),
    ]
}

fn of_another_request() -> Vec<Row> {
    let sha256 = hex(&Sha256::digest(b"another body"));
    let mut unsent = Call::new().signed();
    unsent.without("Content-Type");
    let other_hash = "InvalidSignatureException: x-amz-content-sha256 is not the SHA-256";
    vec![
        (
            "host unsigned",
            over("x-amz-date"),
            "InvalidSignatureException: 'host' must be a signed header",
        ),
        (
            "date unsigned",
            over("host"),
            "InvalidSignatureException: 'x-amz-date' must be a signed header",
        ),
        (
            "added later",
            added("X-Amz-Target", "x"),
            "InvalidSignatureException: 'x-amz-target' must be a signed header",
        ),
        (
            "taken away",
            unsent,
            "InvalidSignatureException: signed header 'content-type' is not sent",
        ),
        ("another body's hash", hashed(&sha256), other_hash),
        ("unhashed", hashed("UNSIGNED-PAYLOAD"), other_hash),
    ]
}

fn of_another_key() -> Vec<Row> {
    let wrong = Call::new().signed_by("READ", "wrong", SCOPE, None);
    vec![
        ("unknown key", by(Call::new(), "NOBODY"), UNKNOWN),
        ("wrong secret", wrong, NO_MATCH),
        ("token of a lasting key", token("t").signed(), UNKNOWN),
        ("token missing", by(Call::new(), "TEMP"), UNKNOWN),
        ("token wrong", by(token("tok/en="), "TEMP"), UNKNOWN),
        ("expired", by(token("tok/en=="), "OLD"), EXPIRED),
    ]
}

#[tokio::test]
async fn each_way_in_which_a_request_is_refused_has_a_name() {
    let temporary = |id: &str, seconds: i64| AccessKey {
        session_token: Some("tok/en==".to_owned()),
        expires_at: Some(NOW.plus_micros(seconds * 1_000_000)),
        ..key(id, Role::Read)
    };
    let gate = gate(&[
        key("READ", Role::Read),
        temporary("TEMP", 1),
        temporary("OLD", 0),
    ]);
    let rows = [
        let_in(),
        not_a_signature(),
        of_another_time(),
        of_another_request(),
        of_another_key(),
    ];
    for (row, call, expected) in rows.concat() {
        match call.through(&gate, "GetGroups", NOW).await {
            Ok(signer) => assert!(expected.is_empty() && signer.is_some(), "{row}"),
            Err(error) => assert!(
                !expected.is_empty() && error.starts_with(expected),
                "{row}: {error}"
            ),
        }
    }
}
