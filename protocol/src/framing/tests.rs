//! Bodies and offers: the golden body, round trips, every truncation, every hostile offer.

use std::fs;

use proptest::prelude::*;

use super::*;

const NARROW: Offer = Offer {
    documents_max: 3,
    bytes_max: 40,
};

fn framed(documents: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for document in documents {
        assert!(push(&mut body, document));
    }
    body
}

/// An ordinary document, one that is not UTF-8, an empty one, OTLP, a line feed in front.
const GOLDEN_DOCUMENTS: [&[u8]; 5] = [
    br#"{"name":"shop","id":"3f1e0c2b9a8d7e6f","trace_id":"1-6592008a-0f1e2d3c4b5a69788796a5b4","start_time":1704067210.1,"end_time":1704067210.4}"#,
    b"{\"name\":\"sh\xffop\"}",
    b"",
    b"T1SAAAA",
    b"\n{}",
];

#[test]
fn the_golden_body_is_written_and_read_byte_for_byte() {
    let path = radiograph_proto_fixtures::root().join("golden/framed/v1.bin");
    let written = framed(&GOLDEN_DOCUMENTS);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &written).unwrap();
    }
    let golden = fs::read(&path).unwrap();
    assert_eq!(written, golden);
    assert_eq!(split(&golden, Offer::LARGEST).unwrap(), GOLDEN_DOCUMENTS);
    assert_eq!(golden[..5], [138, 0, 0, 0, b'{'], "length, little endian");
}

#[test]
fn a_body_cut_off_anywhere_but_between_documents_is_refused() {
    let body = framed(&GOLDEN_DOCUMENTS);
    let sizes = GOLDEN_DOCUMENTS.map(|document| framed_bytes(document.len()));
    let ends: Vec<usize> = (0..=sizes.len())
        .map(|count| sizes[..count].iter().sum())
        .collect();
    assert_eq!(ends.last(), Some(&body.len()));
    for cut in 0..body.len() {
        let read = split(&body[..cut], Offer::LARGEST);
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        let left = cut - ends[whole];
        let expected = match left {
            0 => Ok(GOLDEN_DOCUMENTS[..whole].to_vec()),
            1..LENGTH_BYTES => Err(FramingError::TornLength {
                index: whole,
                found: left,
            }),
            _ => Err(FramingError::TornDocument {
                index: whole,
                found: left - LENGTH_BYTES,
                length: u32::try_from(GOLDEN_DOCUMENTS[whole].len()).unwrap(),
            }),
        };
        assert_eq!(read, expected, "cut at {cut}");
    }
}

#[test]
fn limits_are_kept_to_the_document_and_to_the_byte() {
    let (documents_max, bytes_max) = (NARROW.documents_max, NARROW.bytes_max);
    assert_eq!(
        split(&framed(&[b"".as_slice(); 3]), NARROW).unwrap().len(),
        3
    );
    assert_eq!(
        split(&framed(&[b"".as_slice(); 4]), NARROW),
        Err(FramingError::TooManyDocuments { documents_max })
    );
    let largest = [b'x'; 36];
    assert_eq!(split(&framed(&[&largest]), NARROW).unwrap(), [largest]);
    assert_eq!(
        split(&framed(&[&[b'x'; 37]]), NARROW),
        Err(FramingError::TooManyBytes { bytes_max })
    );
    assert_eq!(
        split(&[0xff; 8], NARROW),
        Err(FramingError::TornDocument {
            index: 0,
            found: 4,
            length: u32::MAX
        })
    );
}

#[test]
fn the_collector_s_offer_is_read_back_by_the_daemon() {
    let header = Offer::LARGEST.to_string();
    assert_eq!(header, "framed-v1;documents=1000;bytes=8388608");
    assert_eq!(Offer::parse(&header), Some(Offer::LARGEST));
}

#[test]
#[rustfmt::skip]
fn offers_are_read_with_care() {
    let of = |documents_max, bytes_max| {
        Some(Offer {
            documents_max,
            bytes_max,
        })
    };
    let largest = Some(Offer::LARGEST);
    let rows: [(&str, &str, Option<Offer>); 21] = [
        ("smaller limits", "framed-v1;documents=7;bytes=100000", of(7, 100_000)),
        ("blanks, case, order", " Framed-V1 ; bytes=100000 ;documents=1 ", of(1, 100_000)),
        ("unknown parameters", "framed-v1;documents=1;x;y=z;bytes=100000", of(1, 100_000)),
        ("newest version first", "framed-v2;x=1, framed-v1;documents=1;bytes=100000", of(1, 100_000)),
        ("one that cannot be kept first", "framed-v1, framed-v1;documents=1;bytes=100000", of(1, 100_000)),
        ("larger than ours", "framed-v1;documents=1001;bytes=8388609", largest),
        ("larger than a number", "framed-v1;documents=99999999999999999999999;bytes=99999999999999999999999", largest),
        ("smallest that holds a datagram", "framed-v1;documents=1;bytes=65540", of(1, 65_540)),
        ("too small for a datagram", "framed-v1;documents=1;bytes=65539", None),
        ("no documents at all", "framed-v1;documents=0;bytes=100000", None),
        ("no limits", "framed-v1", None),
        ("one limit", "framed-v1;documents=1", None),
        ("a limit twice", "framed-v1;documents=1;documents=2;bytes=100000", None),
        ("negative", "framed-v1;documents=-1;bytes=100000", None),
        ("signed", "framed-v1;documents=+1;bytes=100000", None),
        ("fraction", "framed-v1;documents=1.0;bytes=100000", None),
        ("no digits", "framed-v1;documents=;bytes=100000", None),
        ("digits of another script", "framed-v1;documents=\u{0661};bytes=100000", None),
        ("unknown version", "framed-v2;documents=1;bytes=100000", None),
        ("empty", "", None),
        ("separators alone", ";,;=;,", None),
    ];
    for (row, header, expected) in rows {
        assert_eq!(Offer::parse(header), expected, "{row}");
    }
}

#[test]
fn only_errors_about_the_form_take_the_offer_back() {
    for (error, expected) in [
        ("UnsupportedMediaTypeException", true),
        ("SerializationException", true),
        ("InvalidRequestException", false),
        ("ThrottledException", false),
        ("RequestEntityTooLarge", false),
        ("", false),
    ] {
        assert_eq!(is_refusal(error), expected, "{error}");
    }
}

proptest! {
    #[test]
    fn property_any_documents_come_back_as_they_were(
        documents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..40)
    ) {
        let documents: Vec<&[u8]> = documents.iter().map(Vec::as_slice).collect();
        let body = framed(&documents);
        let bytes: usize = documents.iter().map(|document| framed_bytes(document.len())).sum();
        prop_assert_eq!(body.len(), bytes);
        prop_assert_eq!(split(&body, Offer::LARGEST).unwrap(), documents);
    }

    #[test]
    fn property_what_is_read_from_any_bytes_is_written_as_the_same_bytes(
        body in proptest::collection::vec(prop_oneof![4 => 0_u8..4, 1 => any::<u8>()], 0..60)
    ) {
        if let Ok(documents) = split(&body, Offer::LARGEST) {
            prop_assert_eq!(framed(&documents), body);
        }
    }

    #[test]
    fn property_an_offer_that_is_taken_lies_within_our_limits(header in "(framed-v1|;|documents=|bytes=|[0-9]{1,9}|,| ){0,12}") {
        if let Some(offer) = Offer::parse(&header) {
            prop_assert!((1..=DOCUMENTS_MAX).contains(&offer.documents_max));
            prop_assert!((65_540..=BODY_BYTES_MAX).contains(&offer.bytes_max));
        }
    }
}
