//! Documents as SDKs send them, of a stated size, each with a mark that the sender fills in.
//!
//! Random ids and an own number of subsegments, so that they compress as real ones do; ten megabytes
//! of them, so that no window of a compressor sees one twice.

use anyhow::Context as _;

use super::mark::{self, Marks};
use crate::subsegment;

/// The header line of the SDKs for Python, Node and .NET, with its line feed.
pub(crate) const HEADER: &[u8] = b"{\"format\":\"json\",\"version\":1}\n";

/// Bytes of all documents of a corpus.
const CORPUS_BYTES: usize = 10_000_000;

/// Datagrams to send, in a ring.
#[derive(Debug)]
pub(crate) struct Corpus {
    bytes: Vec<u8>,
    datagram_bytes: usize,
    /// Where in a datagram the mark begins.
    mark: usize,
}

impl Corpus {
    /// Documents of `document_bytes` each, header not counted; the same seed gives the same ones.
    ///
    /// # Errors
    /// When a document cannot be that small.
    pub(crate) fn new(document_bytes: usize, seed: u64) -> anyhow::Result<Self> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = Vec::with_capacity(CORPUS_BYTES + document_bytes);
        let mut datagram_bytes = 0;
        while bytes.len() < CORPUS_BYTES {
            let document = document(document_bytes, &mut random)?;
            bytes.extend_from_slice(HEADER);
            bytes.extend_from_slice(document.as_bytes());
            datagram_bytes = HEADER.len() + document.len();
        }
        let first = bytes.get(..datagram_bytes).unwrap_or_default();
        let mark = Marks::default().place(first).context("no mark")?;
        Ok(Self {
            bytes,
            datagram_bytes,
            mark,
        })
    }

    /// The datagram to send as this number, marked with it and with the present time.
    pub(crate) fn datagram(&mut self, number: u32) -> &[u8] {
        let many = (self.bytes.len() / self.datagram_bytes).max(1);
        let start = usize::try_from(number).unwrap_or(0) % many * self.datagram_bytes;
        let datagram = self.bytes.get_mut(start..start + self.datagram_bytes);
        let datagram = datagram.unwrap_or_default();
        if let Some(place) = datagram.get_mut(self.mark..self.mark + mark::BYTES) {
            mark::write(place, number);
        }
        datagram
    }
}

/// A segment of exactly so many bytes: a web service's, with as many calls as fit, then metadata.
fn document(bytes: usize, random: &mut fastrand::Rng) -> anyhow::Result<String> {
    let mut text = head(random);
    let least = tail("").len();
    for call in 1.. {
        let subsegment = subsegment(&format!("{:016x}", random.u64(..)), call % 3 + 1);
        if text.len() + 1 + subsegment.len() + least > bytes {
            break;
        }
        if call > 1 {
            text.push(',');
        }
        text.push_str(&subsegment);
    }
    let missing = bytes.checked_sub(text.len() + least);
    let missing = missing.context("too few bytes for a document")?;
    let body: String = (0..missing).map(|_| random.alphanumeric()).collect();
    text.push_str(&tail(&body));
    Ok(text)
}

/// What follows the subsegments.
fn tail(body: &str) -> String {
    format!("],\"metadata\":{{\"default\":{{\"body\":\"{body}\"}}}}}}")
}

/// A segment up to its subsegments. The mark comes first, so that it stands at one place in all.
fn head(random: &mut fastrand::Rng) -> String {
    let mark = mark::blank();
    let (id, parent) = (random.u64(..), random.u64(..));
    let trace = random.u128(..) >> 32;
    let (cart, milliseconds) = (random.u32(..), random.u32(100..999));
    let items = random.u32(1..17);
    format!(
        r#"{{"annotations":{{"mark":"{mark}","tier":"gold","items":{items}}},"id":"{id:016x}","trace_id":"1-6553f128-{trace:024x}","parent_id":"{parent:016x}","name":"cart","origin":"AWS::ECS::Container","start_time":1700000040.{milliseconds},"end_time":1700000041.{milliseconds},"http":{{"request":{{"method":"GET","url":"http://cart.internal/cart/{cart}","user_agent":"python-requests/2.34.2","client_ip":"192.0.2.7"}},"response":{{"status":200,"content_length":1234}}}},"aws":{{"xray":{{"sdk":"X-Ray for Python","sdk_version":"2.15.0"}}}},"subsegments":["#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_the_stated_size_and_are_segments() {
        for bytes in [1_000, 10_000, 60_000] {
            let mut corpus = Corpus::new(bytes, 1).unwrap();
            for number in [0, 1, 1_000_000] {
                let datagram = corpus.datagram(number).to_vec();
                let document = &datagram[HEADER.len()..];
                assert_eq!(document.len(), bytes);
                let text = std::str::from_utf8(document).unwrap();
                radiograph_protocol::segment::parse(text).unwrap();
                let mut found = Vec::new();
                Marks::default().each(document, |number, _| found.push(number));
                assert_eq!(found, [number]);
            }
        }
    }

    #[test]
    fn a_document_cannot_be_smaller_than_a_segment() {
        let error = Corpus::new(100, 1).unwrap_err();
        assert_eq!(error.to_string(), "too few bytes for a document");
    }
}
