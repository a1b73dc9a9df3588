//! Signatures against those of other implementations.

use serde::Deserialize;

use super::*;

/// Signatures that another implementation made; the file says which.
const BOTOCORE: &str = include_str!("botocore.json");

#[derive(Deserialize)]
struct Golden {
    access_key_id: String,
    secret_access_key: String,
    seconds_since_epoch: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    method: String,
    url: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    token: Option<String>,
    region: String,
    service: String,
    authorization: String,
}

#[test]
fn signatures_are_those_of_botocore() {
    let golden: Golden = serde_json::from_str(BOTOCORE).unwrap();
    assert_eq!(golden.cases.len(), 10);
    for case in golden.cases {
        let keys = Credentials::lasting(
            &golden.access_key_id,
            &golden.secret_access_key,
            case.token.as_deref(),
        );
        let mut headers: HeaderMap = case
            .headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let scope = Scope {
            region: &case.region,
            service: &case.service,
        };
        let time = Duration::from_secs(golden.seconds_since_epoch);
        let (method, url) = (case.method.parse().unwrap(), Url::parse(&case.url).unwrap());
        let body = case.body.as_bytes();
        sign(&method, &url, &mut headers, body, &keys, scope, time).unwrap();
        let authorization = headers[AUTHORIZATION].to_str().unwrap();
        assert_eq!(authorization, case.authorization, "{}", case.name);
        let token = headers
            .get(AMZ_SECURITY_TOKEN)
            .map(|token| token.to_str().unwrap());
        assert_eq!(token, case.token.as_deref(), "{}", case.name);
        assert_eq!(headers[AMZ_DATE], "20261121T123754Z");
    }
}

/// From "aws-sig-v4-test-suite", which AWS published in 2015: name, method, query, form, signature.
#[test]
fn signatures_are_those_of_the_published_test_suite() {
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (
            "get-vanilla",
            Method::GET,
            "",
            None,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-vanilla-query-order-key-case",
            Method::GET,
            "?Param2=value2&Param1=value1",
            None,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "post-vanilla",
            Method::POST,
            "",
            None,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-x-www-form-urlencoded",
            Method::POST,
            "",
            Some(form),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ];
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let keys = Credentials::lasting("AKIDEXAMPLE", secret, None);
    let scope = Scope {
        region: "us-east-1",
        service: "service",
    };
    for (name, method, query, form, signature) in cases {
        let url = Url::parse(&format!("https://example.amazonaws.com/{query}")).unwrap();
        let mut headers = HeaderMap::new();
        let mut body = "";
        if let Some(form) = form {
            headers.insert("content-type", HeaderValue::from_static(form));
            body = "Param1=value1";
        }
        let time = Duration::from_secs(1_440_938_160);
        sign(
            &method,
            &url,
            &mut headers,
            body.as_bytes(),
            &keys,
            scope,
            time,
        )
        .unwrap();
        let authorization = headers[AUTHORIZATION].to_str().unwrap();
        let (_, signed) = authorization.split_once("Signature=").unwrap();
        assert_eq!(signed, signature, "{name}");
    }
}

#[test]
fn what_a_client_signed_is_replaced_and_what_hops_change_is_not_signed() {
    let mut headers = HeaderMap::new();
    for name in UNSIGNED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
    }
    for (name, value) in [
        ("x-amz-date", "old"),
        ("x-amz-security-token", "old"),
        ("x-a", "1"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers.append("x-a", HeaderValue::from_static("2"));
    let scope = Scope {
        region: "r",
        service: "xray",
    };
    let url = Url::parse("http://c/").unwrap();
    let keys = Credentials::lasting("AKID", "secret", None);
    sign(
        &Method::POST,
        &url,
        &mut headers,
        b"",
        &keys,
        scope,
        Duration::ZERO,
    )
    .unwrap();
    let authorization = headers[AUTHORIZATION].to_str().unwrap();
    assert!(
        authorization.contains("SignedHeaders=host;x-a;x-amz-date,"),
        "{authorization}"
    );
    assert_eq!(headers[AMZ_DATE], "19700101T000000Z");
    assert!(!headers.contains_key(AMZ_SECURITY_TOKEN));
    let signed = signable(&Method::POST, &url, &headers, b"");
    assert_eq!(signed.headers["x-a"], b"1,2");
}

#[test]
fn keys_that_no_header_can_hold_are_an_error() {
    let url = Url::parse("http://c/").unwrap();
    let scope = Scope {
        region: "r",
        service: "xray",
    };
    let keys = Credentials::lasting("A\nB", "secret", None);
    let mut headers = HeaderMap::new();
    let signed = sign(
        &Method::POST,
        &url,
        &mut headers,
        b"",
        &keys,
        scope,
        Duration::ZERO,
    );
    assert!(signed.is_err(), "{headers:?}");
}
