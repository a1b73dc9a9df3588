//! Recorded datagrams are counted, bad ones named.

use proptest::prelude::*;

use super::*;

fn recorded(scenario: &str) -> Vec<Result<Otlp, OtlpError>> {
    let recording = radiograph_proto_fixtures::recording(&format!("otlp-udp/{scenario}"));
    let bodies = recording.datagrams.iter().map(|datagram| {
        let (_, body) = datagram.split_once('\n').unwrap();
        inspect(body.as_bytes()).unwrap()
    });
    bodies.collect()
}

fn body(prefix: &str, protobuf: &[u8]) -> Vec<u8> {
    format!("{prefix}{}", STANDARD.encode(protobuf)).into_bytes()
}

#[test]
fn spans_of_recorded_exporters_are_counted() {
    for (scenario, sampled) in [("js", true), ("py_sampled", true), ("py_unsampled", false)] {
        for otlp in recorded(scenario) {
            let otlp = otlp.unwrap();
            assert_eq!(otlp.sampled, sampled, "{scenario}");
            assert!(otlp.spans > 0, "{scenario}");
        }
    }
}

#[test]
fn spans_in_several_scopes_and_resources_add_up() {
    // scope_spans with two spans, one of them empty; resource_spans with it twice and an attribute
    let scope = [0x12, 3, 0x0a, 1, 7, 0x12, 0];
    let mut resource = vec![0x0a, 0];
    for _ in 0..2 {
        resource.extend([0x12, 7]);
        resource.extend(scope);
    }
    let length = u8::try_from(resource.len()).unwrap();
    let mut request = vec![0x10, 1];
    for _ in 0..3 {
        request.extend([0x0a, length]);
        request.extend(&resource);
    }
    let counted = inspect(&body("T1U", &request));
    let expected = Otlp {
        sampled: false,
        spans: 12,
    };
    assert_eq!(counted, Some(Ok(expected)));
}

#[test]
fn a_request_without_spans_is_a_request() {
    let none = Otlp {
        sampled: true,
        spans: 0,
    };
    assert_eq!(inspect(b"T1S"), Some(Ok(none)));
    assert_eq!(inspect(&body("T1S", &[0x0a, 0])), Some(Ok(none)));
}

#[test]
fn only_the_two_prefixes_are_recognised() {
    for text in [
        "",
        "T1",
        "T1X",
        "T1AAAA",
        "M1AAAA",
        "t1sAAAA",
        " T1S",
        "{\"id\":\"T1S\"}",
    ] {
        assert_eq!(inspect(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn bad_base64_and_bad_protobuf_are_told_apart() {
    let cases: [(&str, &[u8], OtlpError); 8] = [
        ("no padding", b"T1SCg", OtlpError::Base64),
        ("line break", b"T1SCgAA\n", OtlpError::Base64),
        ("URL alphabet", b"T1SCg-_", OtlpError::Base64),
        ("no base64", b"T1U{\"id\":1}", OtlpError::Base64),
        ("not UTF-8", b"T1U\xff\xff\xff\xff", OtlpError::Base64),
        (
            "breaks off",
            &body("T1S", &[0x0a, 5, 0x12]),
            OtlpError::Protobuf,
        ),
        (
            "breaks off inside",
            &body("T1S", &[0x0a, 2, 0x12, 9]),
            OtlpError::Protobuf,
        ),
        (
            "a number where spans belong",
            &body("T1S", &[0x08, 1]),
            OtlpError::Protobuf,
        ),
    ];
    for (name, body, error) in cases {
        assert_eq!(inspect(body), Some(Err(error)), "{name}");
    }
}

proptest! {
    #[test]
    fn property_no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in "[A-Za-z0-9+/]{0,40}=*") {
        let _either = inspect(&body("T1S", &bytes));
        let _either = inspect(&[b"T1U", text.as_bytes()].concat());
        let _either = inspect(&bytes);
    }
}
