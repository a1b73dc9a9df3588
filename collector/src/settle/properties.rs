//! Whatever way documents and settling interleave, a store ends with the views and totals that one
//! settling of everything gives. Source: `design.md`, "The one idea", and
//! `spec/traces-and-graph.md` sections 2 and 7.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::settle;
use crate::store::contract::memory::MemoryStore;
use crate::store::contract::sample::{sum, without_spans};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::{Record, ScanRange, Store, ViewScan};
use crate::trace::generate::{self, Generated, producers};
use crate::trace::view::{TraceView, view};

/// One call of PutTraceSegments, and the traces that are settled behind it.
#[derive(Debug, Clone)]
struct Round {
    records: Vec<Record>,
    settled: Vec<Index>,
}

/// Every document of the traces, in any order and in batches of any size.
fn rounds(traces: &[Generated]) -> impl Strategy<Value = Vec<Round>> + use<> {
    let records = traces.iter().flat_map(|trace| {
        trace.documents.iter().map(|document| Record {
            trace_id: trace.trace_id,
            document: document.clone(),
        })
    });
    let records: Vec<Record> = records.collect();
    let sizes = prop::collection::vec(1..8_usize, records.len());
    let settled = prop::collection::vec(any::<Index>(), 0..3);
    let settled = prop::collection::vec(settled, records.len());
    (generate::shuffled(records), sizes, settled).prop_map(|(mut records, sizes, settled)| {
        let mut rounds = Vec::new();
        for (size, settled) in sizes.into_iter().zip(settled) {
            let rest = records.split_off(size.min(records.len()));
            let records = std::mem::replace(&mut records, rest);
            if !records.is_empty() {
                rounds.push(Round { records, settled });
            }
        }
        rounds
    })
}

fn with_rounds(
    traces: impl Strategy<Value = Vec<Generated>>,
) -> impl Strategy<Value = (Vec<Generated>, Vec<Round>)> {
    traces.prop_flat_map(|traces| {
        let rounds = rounds(&traces);
        (Just(traces), rounds)
    })
}

/// The views that all documents together give, by trace.
fn expected(traces: &[Generated]) -> Vec<TraceView> {
    let producers = producers(traces);
    let view =
        |trace: &Generated| view(trace.documents.iter().map(String::as_str), &producers).unwrap();
    let mut views: Vec<TraceView> = traces.iter().map(view).collect();
    views.iter_mut().for_each(without_unlinked_producers);
    views.sort_by_key(|view| view.trace_id);
    views
}

/// What a link to an unknown entity says of the other trace is the settler's own affair.
fn without_unlinked_producers(view: &mut TraceView) {
    for link in &mut view.facts.links {
        link.producer_revision = 0;
    }
}

/// All views of the store, by trace.
async fn stored(store: &dyn Store) -> Vec<TraceView> {
    let scan = ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: ScanRange::Started,
        after: None,
        views_max: 100,
        filter: None,
    };
    let page = store.views(scan).await.unwrap();
    let mut views: Vec<_> = page.views.iter().map(|view| (**view).clone()).collect();
    views.iter_mut().for_each(without_unlinked_producers);
    views.sort_by_key(|view| view.trace_id);
    views
}

/// Goes through the rounds, settles what is left unsettled, and looks at what the store holds.
async fn settles_to_the_same(
    store: Arc<dyn Store>,
    traces: &[Generated],
    rounds: Vec<Round>,
) -> Result<(), TestCaseError> {
    for round in rounds {
        store.append(round.records).await.unwrap();
        let settled = round.settled.iter();
        let settled: Vec<TraceId> = settled.map(|at| at.get(traces).trace_id).collect();
        settle(&*store, &settled).await.unwrap();
    }
    // a trace that links to others may have to be settled once more for each of them
    for _ in 0..=traces.len() {
        let left = store.unsettled().await.unwrap();
        settle(&*store, &left).await.unwrap();
    }
    prop_assert_eq!(store.unsettled().await.unwrap(), Vec::new());
    let views = expected(traces);
    prop_assert_eq!(stored(&*store).await, views.clone());
    let totals = store.totals(Timestamp::MIN, Timestamp::MAX).await.unwrap();
    prop_assert_eq!(without_spans(totals), sum(&views));
    Ok(())
}

fn run(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(test)
}

fn embedded(dir: &tempfile::TempDir) -> Arc<dyn Store> {
    Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn property_any_interleaving_settles_to_the_same(
        (traces, rounds) in with_rounds(generate::trace().prop_map(|trace| vec![trace]))
    ) {
        run(settles_to_the_same(Arc::new(MemoryStore::default()), &traces, rounds))?;
    }

    #[test]
    fn property_any_interleaving_of_linked_traces_settles_to_the_same(
        (traces, rounds) in with_rounds(generate::linked_traces())
    ) {
        run(settles_to_the_same(Arc::new(MemoryStore::default()), &traces, rounds))?;
    }
}

proptest! {
    // each case opens a store and syncs its log for every round
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn property_any_interleaving_settles_to_the_same_on_disk(
        (traces, rounds) in with_rounds(generate::trace().prop_map(|trace| vec![trace]))
    ) {
        let dir = tempfile::tempdir().unwrap();
        run(async { settles_to_the_same(embedded(&dir), &traces, rounds).await })?;
    }

    #[test]
    fn property_any_interleaving_of_linked_traces_settles_to_the_same_on_disk(
        (traces, rounds) in with_rounds(generate::linked_traces())
    ) {
        let dir = tempfile::tempdir().unwrap();
        run(async { settles_to_the_same(embedded(&dir), &traces, rounds).await })?;
    }
}
