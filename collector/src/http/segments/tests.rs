//! Every framed body that is no good has its named refusal, and none costs more than its bytes.

use std::io::Write as _;

use super::*;

const SEGMENT: &[u8] = br#"{"name":"shop","id":"3f1e0c2b9a8d7e6f","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","start_time":1704067210.1,"end_time":1704067210.4}"#;

fn framed(documents: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for document in documents {
        assert!(framing::push(&mut body, document));
    }
    body
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

/// Compressed with a window of 2^`log` bytes, which the head asks the reader to allocate.
fn zstd_with_window(bytes: &[u8], log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(log).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What a body comes to: its texts, or the name and message of its refusal.
fn outcome(form: Form, body: &[u8]) -> Result<Vec<String>, (&'static str, String)> {
    framed_texts(form, body).map_err(|error| (error.name(), error.message))
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
    let encoding = "content-encoding";
    let rows: [(&str, HeaderMap, Option<Form>); 15] = [
        ("nothing said", headers(&[]), Some(Form::Json)),
        ("JSON", headers(&[(name, "application/json; charset=utf-8")]), Some(Form::Json)),
        ("something else", headers(&[(name, "text/plain")]), Some(Form::Json)),
        ("JSON with an encoding, as before", headers(&[(encoding, "gzip")]), Some(Form::Json)),
        ("framed", headers(&[(name, version_1)]), Some(Form::Framed)),
        ("identity", headers(&[(name, version_1), (encoding, "identity")]), Some(Form::Framed)),
        ("zstd", headers(&[(name, version_1), (encoding, "zstd")]), Some(Form::FramedZstd)),
        ("case and blanks", headers(&[(name, " Application/Vnd.Radiograph.Segments.V1 ; x=y"), (encoding, " ZStd ")]), Some(Form::FramedZstd)),
        ("gzip", headers(&[(name, version_1), (encoding, "gzip")]), None),
        ("zstd twice", headers(&[(name, version_1), (encoding, "zstd, zstd")]), None),
        ("zstd twice, by headers", headers(&[(name, version_1), (encoding, "zstd"), (encoding, "zstd")]), None),
        ("zstd and another", headers(&[(name, version_1), (encoding, "gzip"), (encoding, "zstd")]), None),
        ("encoding that is no text", headers(&[(name, version_1), (encoding, "\u{e9}")]), None),
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
    assert_eq!(outcome(Form::Framed, &body), Ok(expected.clone()));
    assert_eq!(
        outcome(Form::FramedZstd, &zstd(&body)),
        Ok(expected.clone())
    );
    let in_two_frames = [zstd(&body[..7]), zstd(&body[7..])].concat();
    assert_eq!(outcome(Form::FramedZstd, &in_two_frames), Ok(expected));
}

#[test]
#[rustfmt::skip]
fn every_bad_body_has_its_named_refusal() {
    let serialization = "SerializationException";
    let good = framed(&[SEGMENT]);
    let torn = &good[..good.len() - 1];
    let bomb = vec![0; framing::BODY_BYTES_MAX + 1];
    let too_many = framed(&[SEGMENT; framing::DOCUMENTS_MAX + 1]);
    let claims_all = [&u32::MAX.to_le_bytes()[..], SEGMENT].concat();
    let wide = zstd_with_window(&bomb, framing::WINDOW_LOG_MAX + 1);
    let rows: [(&str, Form, Vec<u8>, &str, &str); 12] = [
        ("torn document", Form::Framed, torn.to_vec(), serialization, "request body: document 0 has 137 bytes instead of 138"),
        ("torn length", Form::Framed, vec![1, 0, 0], serialization, "request body: length of document 0 has 3 bytes instead of 4"),
        ("a length of 4 GiB", Form::Framed, claims_all, serialization, "request body: document 0 has 138 bytes instead of 4294967295"),
        ("JSON after all", Form::Framed, b"{\"TraceSegmentDocuments\":[]}".to_vec(), serialization, ""),
        ("torn inside of zstd", Form::FramedZstd, zstd(torn), serialization, ""),
        ("not zstd", Form::FramedZstd, good.clone(), serialization, "request body is not zstd: Unknown frame descriptor"),
        ("bytes after zstd", Form::FramedZstd, [zstd(&good), vec![1, 2, 3, 4, 5]].concat(), serialization, ""),
        ("zstd not said", Form::Framed, zstd(&good), serialization, ""),
        ("a window too wide", Form::FramedZstd, wide, serialization, "request body is not zstd: Frame requires too much memory for decoding"),
        ("too many bytes", Form::Framed, bomb.clone(), "RequestEntityTooLarge", "request body is larger than 8388608 bytes"),
        ("a bomb", Form::FramedZstd, zstd(&bomb), "RequestEntityTooLarge", "request body is larger than 8388608 bytes"),
        ("1001 documents", Form::FramedZstd, zstd(&too_many), "InvalidRequestException", "Exceeding maximum segment count: 1000"),
    ];
    for (row, form, body, error, message) in rows {
        let (name, told) = outcome(form, &body).unwrap_err();
        assert_eq!(name, error, "{row}: {told}");
        if !message.is_empty() {
            assert_eq!(told, message, "{row}");
        }
    }
}

#[test]
fn a_bomb_of_any_size_is_never_decompressed_beyond_the_limit() {
    // 4 GiB of zeros, made of frames that are repeated
    let megabytes = zstd(&vec![0; 16 << 20]);
    let bomb = megabytes.repeat(256);
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let whole = decompress(&bomb).unwrap();
    assert_eq!(whole.len(), framing::BODY_BYTES_MAX + 1);
    assert!(whole.capacity() <= 4 * framing::BODY_BYTES_MAX);
}

#[test]
fn the_largest_body_is_taken_however_it_was_compressed() {
    let mut body = framed(&[SEGMENT]);
    let rest = vec![b'x'; framing::BODY_BYTES_MAX - framing::framed_bytes(body.len())];
    assert!(framing::push(&mut body, &rest));
    assert_eq!(body.len(), framing::BODY_BYTES_MAX);
    let streamed = zstd_with_window(&body, framing::WINDOW_LOG_MAX);
    for (form, body) in [
        (Form::Framed, body.clone()),
        (Form::FramedZstd, zstd(&body)),
        (Form::FramedZstd, streamed),
    ] {
        let texts = framed_texts(form, &body).unwrap();
        assert_eq!(texts[1].len(), rest.len());
    }
}

#[test]
fn a_compressed_body_cut_off_anywhere_is_refused() {
    let body = zstd(&framed(&[SEGMENT, b"{}", SEGMENT]));
    for cut in 0..body.len() {
        let (name, _) = outcome(Form::FramedZstd, &body[..cut]).unwrap_err();
        assert_eq!(name, "SerializationException", "cut at {cut}");
    }
}

#[test]
fn no_flipped_bit_does_worse_than_a_refusal_or_other_documents() {
    let body = zstd(&framed(&[SEGMENT, b"{}", SEGMENT]));
    for bit in 0..body.len() * 8 {
        let mut damaged = body.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match outcome(Form::FramedZstd, &damaged) {
            Ok(texts) => assert!(texts.len() <= framing::DOCUMENTS_MAX, "bit {bit}"),
            Err((name, message)) => {
                assert_eq!(name, "SerializationException", "bit {bit}: {message}");
            }
        }
    }
}
