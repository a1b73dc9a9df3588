//! Settling of traces that link to each other, and what keeps one trace from blocking others.

use std::future::Future;

use proptest::prelude::*;
use radiograph_proto_fixtures::documents_of;

use super::*;
use crate::ingest::Ingest;
use crate::settle::groups::DOCUMENTS_MAX;
use crate::store::Record;
use crate::store::contract::memory::MemoryStore;
use crate::store::contract::sample::trace;
use crate::store::contract::{all_totals, all_views, append};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::trace::histogram::Histogram;
use crate::trace::totals::MinuteTotals;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

mod interleavings;

/// A segment of a trace, with links to segments of others, all by number.
fn segment(of: u32, number: u32, links: &[(u32, u32)]) -> String {
    let link = |(to, number): &(u32, u32)| {
        format!(
            r#"{{"trace_id":"{}","id":"{:016x}"}}"#,
            trace(*to),
            number + 1
        )
    };
    let links: Vec<String> = links.iter().map(link).collect();
    format!(
        r#"{{"trace_id":"{}","id":"{:016x}","name":"service-{of}","start_time":{number},"end_time":{},"links":[{}]}}"#,
        trace(of),
        number + 1,
        number + 1,
        links.join(",")
    )
}

const fn with_documents(trace_id: TraceId) -> Due {
    Due {
        trace_id,
        has_new_documents: true,
    }
}

/// Waits for something that happens in the background.
async fn until<F: Future<Output = bool>>(mut happens: impl FnMut() -> F) {
    let waiting = async {
        while !happens().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .expect("what is waited for happens within a minute");
}

/// A settler at work without delay.
async fn started(store: &MemoryStore) -> (Settler, Arc<Metrics>, JoinHandle<()>) {
    let settler = Settler::new(Schedule::new(Duration::ZERO, Duration::ZERO));
    let metrics = Arc::new(Metrics::default());
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let running = settler.start(shared, Arc::clone(&metrics)).await.unwrap();
    (settler, metrics, running)
}

/// Producer and consumer of example 5 of the specification.
fn example() -> [String; 2] {
    let documents = documents_of(&radiograph_proto_fixtures::example(5));
    documents.try_into().unwrap()
}

async fn totals(store: &dyn Store) -> MinuteTotals {
    store.totals(Timestamp::MIN, Timestamp::MAX).await.unwrap()
}

/// What example 5 says of its link edge.
fn assert_link_of_example(totals: &MinuteTotals) {
    let [(edge, link)] = Vec::from_iter(&totals.links)[..] else {
        panic!("one link edge: {:?}", totals.links)
    };
    let queue = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
    assert_eq!((&*edge.source.name, &*edge.target.name), (queue, "worker"));
    assert_eq!(link.present, 1);
    let age = Elapsed::from_micros(1_250_000);
    assert_eq!(link.ages, Histogram::of(age));
}

#[tokio::test]
async fn the_link_edge_of_example_5_appears_whichever_trace_comes_first() {
    let [producer, consumer] = example();
    for documents in [[&producer, &consumer], [&consumer, &producer]] {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let settler = Settler::new(Schedule::new(Duration::ZERO, Duration::ZERO));
        let metrics = Arc::new(Metrics::default());
        let (to_store, to_metrics) = (Arc::clone(&shared), Arc::clone(&metrics));
        let running = settler.start(to_store, to_metrics).await.unwrap();
        let ingest = Ingest::new(Arc::clone(&shared), settler.clone(), metrics);
        for (sent, document) in documents.into_iter().enumerate() {
            assert_eq!(totals(&*shared).await.links.len(), 0);
            ingest
                .put_documents(vec![document.clone()], 50)
                .await
                .unwrap();
            until(async || totals(&*shared).await.nodes.len() > sent).await;
        }
        until(async || !totals(&*shared).await.links.is_empty()).await;
        until(async || settler.schedule().is_empty()).await;
        assert_link_of_example(&totals(&*shared).await);
        assert_eq!(shared.unsettled().await.unwrap(), []);
        running.abort();
    }
}

#[tokio::test]
async fn a_producer_that_comes_later_settles_those_that_link_to_it_and_nobody_else() {
    let store = MemoryStore::default();
    append(&store, trace(1), &[&segment(1, 1, &[(9, 1)])]).await;
    append(&store, trace(2), &[&segment(2, 1, &[(1, 1)])]).await;
    assert_eq!(settle(&store, &[trace(2), trace(1)]).await.unwrap(), 2);
    assert!(all_totals(&store).await.links.len() == 1, "from 1 to 2");
    append(&store, trace(9), &[&segment(9, 1, &[])]).await;
    let settled = settle_round(&store, &[with_documents(trace(9))])
        .await
        .unwrap();
    assert_eq!((settled.views, settled.stale), (1, vec![trace(1)]));
    let link = Due {
        trace_id: trace(1),
        has_new_documents: false,
    };
    let settled = settle_round(&store, &[link]).await.unwrap();
    assert_eq!((settled.views, settled.stale), (1, vec![]));
    assert_eq!(all_totals(&store).await.links.len(), 2);
}

#[tokio::test]
async fn traces_that_link_to_themselves_and_to_each_other_come_to_rest() {
    let store = MemoryStore::default();
    append(&store, trace(1), &[&segment(1, 1, &[(1, 1), (2, 1)])]).await;
    append(&store, trace(2), &[&segment(2, 1, &[(1, 1), (2, 1)])]).await;
    assert_eq!(settle(&store, &[trace(1)]).await.unwrap(), 1);
    // both know both already
    assert_eq!(settle(&store, &[trace(2)]).await.unwrap(), 1);
    append(&store, trace(1), &[&segment(1, 2, &[])]).await;
    assert_eq!(settle(&store, &[trace(1)]).await.unwrap(), 2);
    assert_eq!(store.unsettled().await.unwrap(), []);
    let edges = all_totals(&store).await.links;
    assert_eq!(edges.values().map(|link| link.present).sum::<i64>(), 4);
}

#[tokio::test]
async fn a_producer_that_grows_while_its_consumer_is_settled_makes_it_due_again() {
    let store = MemoryStore::default();
    append(&store, trace(1), &[&segment(1, 1, &[(9, 1)])]).await;
    let producer = Record {
        trace_id: trace(9),
        document: segment(9, 1, &[]),
    };
    store.arrive_before_put(vec![producer]);
    let settled = settle_round(&store, &[with_documents(trace(1))])
        .await
        .unwrap();
    assert_eq!(settled.stale, [trace(1)]);
    assert_eq!(settle(&store, &settled.stale).await.unwrap(), 1);
    assert_eq!(all_totals(&store).await.links.len(), 1);
}

#[tokio::test]
async fn a_thousand_traces_that_link_to_one_are_settled_when_it_grows() {
    const CONSUMERS: u32 = 1000;
    let store = MemoryStore::default();
    for number in 1..=CONSUMERS {
        append(&store, trace(number), &[&segment(number, 1, &[(0, 1)])]).await;
    }
    let (settler, metrics, running) = started(&store).await;
    until(async || metrics.snapshot().views_settled == u64::from(CONSUMERS)).await;
    append(&store, trace(0), &[&segment(0, 1, &[])]).await;
    settler.touch(&[trace(0)]);
    until(async || settler.schedule().is_empty()).await;
    assert_eq!(
        metrics.snapshot().views_settled,
        2 * u64::from(CONSUMERS) + 1
    );
    assert_eq!(store.unsettled().await.unwrap(), []);
    running.abort();
}

#[tokio::test]
async fn a_view_that_is_too_large_is_counted_once_and_blocks_nobody() {
    let store = MemoryStore::of_small_views(1);
    let (settler, metrics, running) = started(&store).await;
    append(
        &store,
        trace(1),
        &[&segment(1, 1, &[]), &segment(1, 2, &[])],
    )
    .await;
    append(&store, trace(2), &[&segment(2, 1, &[])]).await;
    let counts = || {
        let counts = metrics.snapshot();
        (
            counts.views_settled,
            counts.views_oversized,
            counts.settle_failures,
        )
    };
    for expected in [(1, 1, 0), (2, 1, 0)] {
        settler.touch(&[trace(1), trace(2)]);
        until(async || settler.schedule().is_empty()).await;
        assert_eq!(counts(), expected);
    }
    append(&store, trace(1), &[&segment(1, 3, &[])]).await;
    settler.touch(&[trace(1)]);
    until(async || settler.schedule().is_empty()).await;
    assert_eq!(counts(), (2, 2, 0));
    let views = all_views(&store).await;
    assert_eq!((views.len(), views[0].trace_id), (1, trace(2)));
    running.abort();
}

#[tokio::test]
async fn too_large_views_that_link_to_each_other_come_to_rest() {
    let store = MemoryStore::of_small_views(1);
    append(&store, trace(1), &[&segment(1, 1, &[(2, 1)])]).await;
    append(&store, trace(2), &[&segment(2, 1, &[(1, 1)])]).await;
    assert_eq!(settle(&store, &[trace(1), trace(2)]).await.unwrap(), 2);
    append(&store, trace(1), &[&segment(1, 2, &[])]).await;
    append(&store, trace(2), &[&segment(2, 2, &[])]).await;
    assert_eq!(settle(&store, &[trace(1), trace(2)]).await.unwrap(), 0);
}

#[tokio::test]
async fn what_could_not_be_stored_is_tried_again() {
    let store = MemoryStore::default();
    let (settler, metrics, running) = started(&store).await;
    append(&store, trace(1), &[&segment(1, 1, &[])]).await;
    store.fail_puts(2);
    settler.touch(&[trace(1)]);
    until(async || metrics.snapshot().views_settled == 1).await;
    assert_eq!(metrics.snapshot().settle_failures, 2);
    running.abort();
}

#[tokio::test]
async fn a_trace_that_cannot_be_read_keeps_no_other_from_being_settled() {
    const TRACES: u32 = 100;
    let store = MemoryStore::default();
    for number in 1..=TRACES {
        append(&store, trace(number), &[&segment(number, 1, &[])]).await;
    }
    store.damage(trace(50));
    let (_, metrics, running) = started(&store).await;
    until(async || metrics.snapshot().settle_failures > 1).await;
    assert_eq!(metrics.snapshot().views_settled, u64::from(TRACES) - 1);
    assert_eq!(store.unsettled().await.unwrap(), [trace(50)]);
    running.abort();
}

#[tokio::test]
async fn what_an_earlier_process_left_unsettled_is_settled_links_included() {
    let store = MemoryStore::default();
    append(&store, trace(1), &[&segment(1, 1, &[(9, 1)])]).await;
    settle(&store, &[trace(1)]).await.unwrap();
    append(&store, trace(9), &[&segment(9, 1, &[])]).await;
    // the process dies between the two
    settle_round(&store, &[with_documents(trace(9))])
        .await
        .unwrap();
    assert_eq!(store.unsettled().await.unwrap(), [trace(1)]);
    let (_, _, running) = started(&store).await;
    until(async || store.unsettled().await.unwrap().is_empty()).await;
    assert_eq!(all_totals(&store).await.links.len(), 1);
    running.abort();
}

#[tokio::test]
async fn a_trace_of_very_many_documents_is_settled_like_any_other() {
    let store = MemoryStore::default();
    let (settler, metrics, running) = started(&store).await;
    let segments: Vec<String> = (0..=DOCUMENTS_MAX).map(|at| segment(1, at, &[])).collect();
    let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
    append(&store, trace(1), &texts).await;
    append(&store, trace(2), &[&segment(2, 1, &[])]).await;
    settler.touch(&[trace(1), trace(2)]);
    until(async || settler.schedule().is_empty()).await;
    assert_eq!(metrics.snapshot().views_settled, 2);
    let revisions: Vec<u32> = all_views(&store)
        .await
        .iter()
        .map(|view| view.revision)
        .collect();
    assert!(revisions.contains(&(DOCUMENTS_MAX + 1)), "{revisions:?}");
    running.abort();
}
