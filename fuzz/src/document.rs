//! Documents as PutTraceSegments takes them: `protocol::segment`, `collector::otlp`, `collector::trace`.

#![expect(
    clippy::panic,
    reason = "a target tells by panicking that something does not hold"
)]

use std::collections::BTreeMap;

use radiograph_collector::otlp::{self, OtlpBody};
use radiograph_collector::trace::contributions;
use radiograph_collector::trace::documents::{Entry, entries};
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::stitch::{parse_all, stitch};
use radiograph_collector::trace::totals::Totals;
use radiograph_collector::trace::view::{TraceView, view};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::segment::raw::Members;
use radiograph_protocol::segment::{self, documents_in, parse};

/// Between the texts of one call: no JSON holds it.
pub(crate) const BETWEEN: u8 = 0;

/// The texts of a call: each is refused, or belongs to a trace; and of every trace view, graph and
/// returned documents are the same in any order and with repeats, and can be taken back.
///
/// # Panics
/// When that does not hold.
pub fn document(bytes: &[u8]) {
    let mut traces: BTreeMap<TraceId, Vec<String>> = BTreeMap::new();
    for text in bytes.split(|byte| *byte == BETWEEN) {
        for document in documents(&String::from_utf8_lossy(text)) {
            let accepted = parse(&document).map(|parsed| parsed.trace_id);
            assert_eq!(segment::check(&document), accepted, "of {document}");
            if let Ok(trace_id) = accepted {
                traces.entry(trace_id).or_default().push(document);
            }
        }
    }
    traces.values().for_each(|trace| check(trace));
}

/// The documents of a text, as ingest takes them out of it.
fn documents(text: &str) -> Vec<String> {
    if otlp::is_otlp(text) {
        return match otlp::decode_datagram_body(text) {
            Ok(OtlpBody::Sampled(converted)) => converted.documents,
            Ok(OtlpBody::Unsampled { .. }) | Err(_) => Vec::new(),
        };
    }
    if text.trim_start().starts_with('[') {
        let documents = documents_in(text).unwrap_or_default();
        return documents.into_iter().map(str::to_owned).collect();
    }
    vec![text.to_owned()]
}

fn check(trace: &[String]) {
    let texts = || trace.iter().map(String::as_str);
    let (view, entries) = derived(texts());
    let repeated = derived(texts().rev().chain(texts()));
    assert_eq!(repeated.0, view, "the view depends on order or repeats");
    assert_eq!(
        repeated.1, entries,
        "the documents depend on order or repeats"
    );
    let Some(view) = view else {
        panic!("accepted documents have no view");
    };
    for entry in &entries {
        let is_object = Members::of(&entry.document).is_some();
        assert!(is_object, "returned is no JSON object: {}", entry.document);
    }
    let mut totals = Totals::default();
    contributions::add(&view, &mut totals, 1);
    contributions::add(&view, &mut totals, -1);
    let is_nothing = totals.minutes.values().all(|minute| minute.is_empty());
    assert!(
        is_nothing,
        "what was added cannot be taken back: {totals:?}"
    );
}

fn derived<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> (Option<TraceView>, Vec<Entry>) {
    let parsed = parse_all(texts.clone());
    let entries = stitch(&parsed).map(|trace| entries(&trace, &parsed));
    (
        view(texts, &Producers::default()),
        entries.unwrap_or_default(),
    )
}
