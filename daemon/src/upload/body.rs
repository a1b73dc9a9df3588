//! The body of a PutTraceSegments request: documents as they came, each one JSON string.
//!
//! Per document: 1 UTF-8 check, 1 escape, the dearest step of the daemon (`spec/floors.md` section
//! 2). Bytes that are not UTF-8 become U+FFFD, as AWS's daemon sends them.

use std::borrow::Cow;

use bytes::Bytes;

use crate::queue::Document;

/// Writes the request body.
pub(crate) fn encode(documents: &[Document]) -> Bytes {
    let texts: Vec<Cow<'_, str>> = documents
        .iter()
        .map(|document| String::from_utf8_lossy(document.body()))
        .collect();
    let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
    // An eighth covers the quotes of usual documents, so that the buffer seldom grows.
    let mut body = String::with_capacity(text_bytes + text_bytes / 8 + 64);
    body.push_str("{\"TraceSegmentDocuments\":[");
    let mut separator = "";
    for text in texts {
        body.push_str(separator);
        push_json_string(&mut body, &text);
        separator = ",";
    }
    body.push_str("]}");
    Bytes::from(body)
}

fn push_json_string(body: &mut String, text: &str) {
    // Serializing a string to JSON has no way to fail; an empty document keeps the request valid.
    let json = serde_json::to_string(text);
    body.push_str(json.as_deref().unwrap_or("\"\""));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BODY_BYTES_MAX;
    use crate::queue::Queue;
    use proptest::prelude::*;

    fn documents(bodies: &[&[u8]]) -> Vec<Document> {
        let queue = Queue::new(usize::MAX);
        bodies.iter().for_each(|body| assert!(queue.push(body)));
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn documents_become_json_strings_in_order() {
        let body = encode(&documents(&[
            b"{\"id\":\"a1\"}\n",
            b"T1SAAAA",
            b"<\\\x01\xff>",
        ]));
        assert_eq!(
            String::from_utf8(body.to_vec()).unwrap(),
            "{\"TraceSegmentDocuments\":[\"{\\\"id\\\":\\\"a1\\\"}\\n\",\"T1SAAAA\",\"<\\\\\\u0001\u{fffd}>\"]}"
        );
    }

    #[test]
    fn the_worst_batch_stays_below_four_mebibytes() {
        let worst = vec![0; BODY_BYTES_MAX / 50];
        let bodies: Vec<&[u8]> = std::iter::repeat_n(worst.as_slice(), 50).collect();
        assert!(encode(&documents(&bodies)).len() < 4 << 20);
    }

    proptest! {
        #[test]
        fn property_every_text_is_read_back_unchanged(texts in proptest::collection::vec(".*", 0..5)) {
            let bodies: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
            let body: serde_json::Value = serde_json::from_slice(&encode(&documents(&bodies))).unwrap();
            prop_assert_eq!(&body["TraceSegmentDocuments"], &serde_json::json!(texts));
        }
    }
}
