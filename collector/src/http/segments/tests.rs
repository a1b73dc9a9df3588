//! Every framed body that is no good has its named refusal, and none costs more than its bytes.

use super::*;

const SEGMENT: &[u8] = br#"{"name":"shop","id":"3f1e0c2b9a8d7e6f","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","start_time":1704067210.1,"end_time":1704067210.4}"#;

fn framed(documents: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for document in documents {
        assert!(framing::push(&mut body, document));
    }
    body
}

/// What a body comes to: its texts, or the name and message of its refusal.
fn outcome(body: &[u8]) -> Result<Vec<String>, (&'static str, String)> {
    framed_texts(body).map_err(|error| (error.name(), error.message))
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

#[test]
#[rustfmt::skip]
fn the_form_of_a_body_is_what_its_headers_say() {
    let (name, version_1) = ("content-type", framing::CONTENT_TYPE);
    let rows: [(&str, HeaderMap, Option<Form>); 7] = [
        ("nothing said", headers(&[]), Some(Form::Json)),
        ("JSON", headers(&[(name, "application/json; charset=utf-8")]), Some(Form::Json)),
        ("something else", headers(&[(name, "text/plain")]), Some(Form::Json)),
        ("framed", headers(&[(name, version_1)]), Some(Form::Framed)),
        ("case and blanks", headers(&[(name, " Application/Vnd.Radiograph.Segments.V1 ; x=y")]), Some(Form::Framed)),
        ("version 2", headers(&[(name, "application/vnd.radiograph.segments.v2")]), None),
        ("version 10", headers(&[(name, "application/vnd.radiograph.segments.v10")]), None),
    ];
    for (row, headers, expected) in rows {
        let form = Form::of(&headers).map_err(|error| error.name());
        let expected = expected.ok_or("UnsupportedMediaTypeException");
        assert_eq!(form, expected, "{row}");
    }
}

#[test]
fn documents_come_out_as_the_daemon_would_have_written_them_into_json() {
    let sent: [&[u8]; 4] = [SEGMENT, b"{\"x\":\"\xff\xc3\xe2\x82y\"}", b"", b"T1SAAAA"];
    let expected: Vec<String> = sent
        .iter()
        .map(|document| String::from_utf8_lossy(document).into_owned())
        .collect();
    assert_eq!(expected[1], "{\"x\":\"\u{fffd}\u{fffd}\u{fffd}y\"}");
    let body = framed(&sent);
    assert_eq!(outcome(&body), Ok(expected));
}

#[test]
#[rustfmt::skip]
fn every_bad_body_has_its_named_refusal() {
    let serialization = "SerializationException";
    let good = framed(&[SEGMENT]);
    let torn = &good[..good.len() - 1];
    let too_large = vec![0; framing::BODY_BYTES_MAX + 1];
    let too_many = framed(&[SEGMENT; framing::DOCUMENTS_MAX + 1]);
    let claims_all = [&u32::MAX.to_le_bytes()[..], SEGMENT].concat();
    let rows: [(&str, Vec<u8>, &str, &str); 6] = [
        ("torn document", torn.to_vec(), serialization, "request body: document 0 has 137 bytes instead of 138"),
        ("torn length", vec![1, 0, 0], serialization, "request body: length of document 0 has 3 bytes instead of 4"),
        ("a length of 4 GiB", claims_all, serialization, "request body: document 0 has 138 bytes instead of 4294967295"),
        ("JSON after all", b"{\"TraceSegmentDocuments\":[]}".to_vec(), serialization, ""),
        ("too many bytes", too_large, "RequestEntityTooLarge", "request body is larger than 8388608 bytes"),
        ("1001 documents", too_many, "InvalidRequestException", "Exceeding maximum segment count: 1000"),
    ];
    for (row, body, error, message) in rows {
        let (name, told) = outcome(&body).unwrap_err();
        assert_eq!(name, error, "{row}: {told}");
        if !message.is_empty() {
            assert_eq!(told, message, "{row}");
        }
    }
}

#[test]
fn the_largest_body_is_taken() {
    let mut body = framed(&[SEGMENT]);
    let rest = vec![b'x'; framing::BODY_BYTES_MAX - framing::framed_bytes(body.len())];
    assert!(framing::push(&mut body, &rest));
    assert_eq!(body.len(), framing::BODY_BYTES_MAX);
    assert_eq!(framed_texts(&body).unwrap()[1].len(), rest.len());
}
