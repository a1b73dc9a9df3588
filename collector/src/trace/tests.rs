//! What a hostile or merely huge trace must not do: overflow the stack, blow up in memory, or be
//! answered wrongly. Limits: `radiograph_protocol::limits`.

mod bombs;
mod giant;

use std::thread;

use radiograph_protocol::timestamp::Timestamp;
use serde_json::Value;

use super::contributions;
use super::documents::{Entry, entries};
use super::graph::services;
use super::link::Producers;
use super::present;
use super::stitch::{parse_all, stitch};
use super::totals::Totals;
use super::view::{TraceView, view_of};

const TRACE: &str = "1-6592008a-0f1e2d3c4b5a69788796a5b4";

/// Everything that is derived from a trace.
struct Derived {
    view: TraceView,
    entries: Vec<Entry>,
    /// `TraceSummaries`.
    summary: Value,
    /// `Services`.
    services: Vec<Value>,
}

/// Derives everything, on a thread with the stack that the collector's workers have.
fn derive(documents: Vec<String>) -> Derived {
    derive_within(2 << 20, documents)
}

/// Derives everything, on a thread with a stack of so many bytes.
fn derive_within(stack_bytes: usize, documents: Vec<String>) -> Derived {
    let thread = thread::Builder::new().stack_size(stack_bytes);
    let work = move || {
        let parsed = parse_all(documents.iter().map(String::as_str));
        let trace = stitch(&parsed).unwrap();
        let view = view_of(&trace, &Producers::default());
        let mut totals = Totals::default();
        contributions::add(&view, &mut totals, 1);
        let window = totals.window(Timestamp::MIN, Timestamp::MAX);
        assert_eq!(window, totals.all());
        let services = services(&window);
        let services = services
            .iter()
            .map(|one| serde_json::to_value(one).unwrap());
        let derived = Derived {
            entries: entries(&trace, &parsed),
            summary: serde_json::to_value(present::trace_summary(&view, None)).unwrap(),
            services: services.collect(),
            view,
        };
        let stored = postcard::to_allocvec(&derived.view).unwrap();
        assert_eq!(
            postcard::from_bytes::<TraceView>(&stored).unwrap(),
            derived.view
        );
        contributions::add(&derived.view, &mut totals, -1);
        assert_eq!(totals.all(), Totals::default().all());
        derived
    };
    thread.spawn(work).unwrap().join().unwrap()
}

impl Derived {
    /// Bytes of the view as it is stored.
    fn view_bytes(&self) -> usize {
        postcard::to_allocvec(&self.view).unwrap().len()
    }

    /// Bytes that BatchGetTraces returns.
    fn entry_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.document.len()).sum()
    }

    /// The service of this name and type.
    fn service(&self, name: &str, kind: Option<&str>) -> &Value {
        let is_it = |one: &&Value| one["Name"] == name && one["Type"].as_str() == kind;
        self.services.iter().find(is_it).unwrap()
    }
}

/// An id as it is written.
fn id(number: usize) -> String {
    format!("{number:016x}")
}

/// A segment with these further members.
fn segment(number: usize, members: &str) -> String {
    let id = id(number);
    format!(r#"{{"trace_id":"{TRACE}","id":"{id}","name":"shop","start_time":1000{members}}}"#)
}

/// A subsegment sent on its own.
fn subsegment(number: usize, parent: usize, members: &str) -> String {
    let (id, parent) = (id(number), id(parent));
    format!(
        r#"{{"trace_id":"{TRACE}","type":"subsegment","id":"{id}","parent_id":"{parent}",{members}}}"#
    )
}
