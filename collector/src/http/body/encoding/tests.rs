//! Every compressed body that is no good has its named refusal, and no bomb gets beyond its bound.

use std::io::Write as _;

use axum::http::HeaderValue;

use super::*;

const JSON: &[u8] = br#"{"TraceSegmentDocuments":["{}"]}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
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

/// Bytes of two values in no order, which compress to some sixth.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'0' + u8::from(state > u32::MAX / 2)
    };
    (0..length).map(|_| next()).collect()
}

/// What a body comes to: its length, or the name and message of its refusal.
fn outcome(encoding: Encoding, body: &[u8]) -> Result<usize, (&'static str, String)> {
    let whole = encoding.decompressed(body);
    whole
        .map(|whole| whole.len())
        .map_err(|error| (error.name(), error.message))
}

#[test]
#[rustfmt::skip]
fn the_encoding_is_what_the_headers_say() {
    let rows: [(&[&[u8]], Option<Encoding>); 12] = [
        (&[], Some(Encoding::Identity)),
        (&[b"identity"], Some(Encoding::Identity)),
        (&[b""], Some(Encoding::Identity)),
        (&[b"gzip"], Some(Encoding::Gzip)),
        (&[b" X-GZip "], Some(Encoding::Gzip)),
        (&[b"ZStd"], Some(Encoding::Zstd)),
        (&[b"identity, zstd"], Some(Encoding::Zstd)),
        (&[b"zstd, zstd"], None),
        (&[b"gzip", b"zstd"], None),
        (&[b"br"], None),
        (&[b"deflate"], None),
        (&[b"\xe9"], None),
    ];
    for (values, expected) in rows {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("content-encoding", HeaderValue::from_bytes(value).unwrap());
        }
        let encoding = Encoding::of(&headers).map_err(|error| error.name());
        assert_eq!(encoding, expected.ok_or("UnsupportedMediaTypeException"), "{values:?}");
    }
}

#[tokio::test]
async fn bodies_come_out_as_they_were() {
    let large = noise(REQUEST_BODY_BYTES_MAX);
    for body in [JSON, &large] {
        for (encoding, sent) in [
            (Encoding::Identity, body.to_vec()),
            (Encoding::Gzip, gzip(body)),
            (Encoding::Zstd, zstd(body)),
            (Encoding::Zstd, zstd_with_window(body, WINDOW_LOG_MAX)),
            (
                Encoding::Zstd,
                [zstd(&body[..7]), zstd(&body[7..])].concat(),
            ),
        ] {
            let decoded = encoding.decoded(sent.into()).await;
            assert!(decoded.unwrap() == body, "{encoding:?} of {}", body.len());
        }
    }
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
        let decoded = encoding.decoded(Bytes::new()).await;
        assert_eq!(decoded, Ok(Bytes::new()), "{encoding:?} of nothing");
    }
}

#[test]
#[rustfmt::skip]
fn every_bad_body_has_its_named_refusal() {
    use Encoding::{Gzip, Zstd};
    let serialization = "SerializationException";
    let ratio = "request body decompresses to more than 1000 times its length";
    let large = "request body is larger than 8388608 bytes";
    let beyond = noise(REQUEST_BODY_BYTES_MAX + 1);
    let zeros = vec![0; REQUEST_BODY_BYTES_MAX + 1];
    let wide = zstd_with_window(&zeros, WINDOW_LOG_MAX + 1);
    let twice = [gzip(JSON), gzip(JSON)].concat();
    let after = [gzip(JSON), vec![0]].concat();
    let mut checksum = gzip(JSON);
    let last = checksum.len() - 5;
    checksum[last] ^= 1;
    let rows: [(&str, Encoding, Vec<u8>, &str, &str); 11] = [
        ("JSON, not gzip", Gzip, JSON.to_vec(), serialization, "request body is not gzip: invalid gzip header"),
        ("JSON, not zstd", Zstd, JSON.to_vec(), serialization, "request body is not zstd: Unknown frame descriptor"),
        ("zstd, not gzip", Gzip, zstd(JSON), serialization, "request body is not gzip: invalid gzip header"),
        ("two members", Gzip, twice, serialization, "request body is not gzip: there are bytes after its end"),
        ("bytes after gzip", Gzip, after, serialization, "request body is not gzip: there are bytes after its end"),
        ("bytes after zstd", Zstd, [zstd(JSON), vec![1, 2, 3, 4, 5]].concat(), serialization, ""),
        ("a checksum that is wrong", Gzip, checksum, serialization, "request body is not gzip: corrupt gzip stream does not have a matching checksum"),
        ("a window too wide", Zstd, wide, serialization, "request body is not zstd: Frame requires too much memory for decoding"),
        ("a bomb of zstd", Zstd, zstd(&zeros), serialization, ratio),
        ("too large, zstd", Zstd, zstd(&beyond), "RequestEntityTooLarge", large),
        ("too large, gzip", Gzip, gzip(&beyond), "RequestEntityTooLarge", large),
    ];
    for (row, encoding, body, error, message) in rows {
        let (name, told) = outcome(encoding, &body).unwrap_err();
        assert_eq!(name, error, "{row}: {told}");
        if !message.is_empty() {
            assert_eq!(told, message, "{row}");
        }
    }
}

#[test]
fn what_compresses_well_is_taken_up_to_the_ratio() {
    let free = zstd(&vec![b' '; RATIO_FREE_BYTES]);
    assert!(free.len() * RATIO_MAX < RATIO_FREE_BYTES);
    assert_eq!(outcome(Encoding::Zstd, &free), Ok(RATIO_FREE_BYTES));
    let one_more = zstd(&vec![b' '; RATIO_FREE_BYTES + 1]);
    let (name, _) = outcome(Encoding::Zstd, &one_more).unwrap_err();
    assert_eq!(name, "SerializationException");
}

#[test]
fn a_bomb_of_any_size_is_never_decompressed_beyond_the_limit() {
    // 4 GiB of zeros, made of frames that are repeated, and 64 MiB, which gzip makes 1000 times smaller
    let frames = zstd(&vec![0; 16 << 20]).repeat(256);
    assert!(frames.len() < 1 << 20, "{} bytes", frames.len());
    let member = gzip(&vec![0; 64 << 20]);
    for whole in [
        unzstd(&frames, REQUEST_BODY_BYTES_MAX),
        gunzip(&member, REQUEST_BODY_BYTES_MAX),
    ] {
        let whole = whole.unwrap();
        assert_eq!(whole.len(), REQUEST_BODY_BYTES_MAX + 1);
        assert!(whole.capacity() <= 4 * REQUEST_BODY_BYTES_MAX);
    }
    let (name, _) = outcome(Encoding::Gzip, &member).unwrap_err();
    assert_eq!(name, "RequestEntityTooLarge");
}

#[test]
fn a_compressed_body_cut_off_anywhere_is_refused() {
    for (encoding, body) in [(Encoding::Gzip, gzip(JSON)), (Encoding::Zstd, zstd(JSON))] {
        // nothing at all is an empty body, whatever the headers say
        for cut in 1..body.len() {
            let (name, _) = outcome(encoding, &body[..cut]).unwrap_err();
            assert_eq!(name, "SerializationException", "{encoding:?} cut at {cut}");
        }
    }
}

#[test]
fn no_flipped_bit_does_worse_than_a_refusal_or_another_body() {
    for (encoding, body) in [(Encoding::Gzip, gzip(JSON)), (Encoding::Zstd, zstd(JSON))] {
        for bit in 0..body.len() * 8 {
            let mut damaged = body.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match outcome(encoding, &damaged) {
                Ok(length) => assert!(length <= REQUEST_BODY_BYTES_MAX, "bit {bit}"),
                Err((name, message)) => {
                    assert_eq!(name, "SerializationException", "bit {bit}: {message}");
                }
            }
        }
    }
}
