//! One round: documents of some traces in, their views stored, and what has to be settled next.
//!
//! A link takes two traces (`spec/traces-and-graph.md` section 7.4). A view remembers how many
//! documents each trace that it links to had when it was computed; whether that still holds depends on
//! the documents stored and on no other view. So one step is enough: a trace with new documents makes
//! those that link to it due, and these make nobody due in turn, however the links run.
//!
//! Nothing is counted wrongly meanwhile, only late: until a consumer's view is replaced its link edge
//! is what it was, as a whole.

use std::panic::{AssertUnwindSafe, catch_unwind};

use radiograph_protocol::ids::TraceId;
use tracing::error;

use super::groups::groups;
use super::schedule::Due;
use crate::store::{OversizedView, Store, StoreError, TraceDocuments};
use crate::trace::link::{Linked, Producers, linked_by, producers_of};
use crate::trace::stitch::{parse_all, stitch};
use crate::trace::view::{TraceView, view, view_of};
use crate::worker::on_worker;

/// What a round did.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Views stored.
    pub(super) views: usize,
    /// Views that the store could not take.
    pub(super) oversized: Vec<OversizedView>,
    /// Traces whose links have to be looked at again; repeats are harmless.
    pub(super) stale: Vec<TraceId>,
}

/// Settles these traces in one go.
///
/// # Errors
/// When documents could not be read or views not be written.
pub(super) async fn settle_round(store: &dyn Store, due: &[Due]) -> Result<Settled, StoreError> {
    let traces: Vec<TraceId> = due.iter().map(|due| due.trace_id).collect();
    let documents = store.documents(&traces).await?;
    let (mut views, linking) = on_worker(move || views_without_links(documents)).await?;
    if !linking.is_empty() {
        let producers = producers(store, all_linked(&linking)).await?;
        let linking = move || {
            let views = linking.iter();
            views
                .filter_map(|(trace, _)| view_with(trace, &producers))
                .collect::<Vec<_>>()
        };
        views.extend(on_worker(linking).await?);
    }
    let known: Vec<Known> = views.iter().flat_map(known_by).collect();
    let count = views.len();
    let oversized = store.put_views(views).await?;

    let mut stale = changed_since(store, known).await?;
    let sources: Vec<TraceId> = due
        .iter()
        .filter(|due| due.has_new_documents)
        .map(|due| due.trace_id)
        .collect();
    if !sources.is_empty() {
        stale.extend(store.linking_to(&sources).await?);
    }
    Ok(Settled {
        views: count.saturating_sub(oversized.len()),
        oversized,
        stale,
    })
}

type Linking = (TraceDocuments, Linked);

/// The views of all traces that link to no other, and the rest with what their links ask for.
fn views_without_links(documents: Vec<TraceDocuments>) -> (Vec<TraceView>, Vec<Linking>) {
    let mut views = Vec::with_capacity(documents.len());
    let mut linking = Vec::new();
    for trace in documents {
        let outcome = guarded(trace.trace_id, || {
            let parsed = parse_all(trace.documents.iter().map(String::as_str));
            let stitched = stitch(&parsed)?;
            let linked = linked_by(&stitched);
            Some(if linked.is_empty() {
                Ok(view_of(&stitched, &Producers::default()))
            } else {
                Err(linked)
            })
        });
        match outcome {
            Some(Ok(view)) => views.push(view),
            Some(Err(linked)) => linking.push((trace, linked)),
            None => {}
        }
    }
    (views, linking)
}

fn view_with(trace: &TraceDocuments, producers: &Producers) -> Option<TraceView> {
    let texts = trace.documents.iter().map(String::as_str);
    guarded(trace.trace_id, || view(texts, producers))
}

/// A trace that our own code stumbles over keeps its documents and goes without a view; it must not
/// keep all others from being settled.
fn guarded<T>(trace_id: TraceId, work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        error!(%trace_id, "trace could not be stitched");
        None
    })
}

fn all_linked(linking: &[Linking]) -> Linked {
    let mut all = Linked::new();
    for (trace_id, ids) in linking.iter().flat_map(|(_, linked)| linked) {
        all.entry(*trace_id).or_default().extend(ids);
    }
    all
}

/// What these traces tell of the entities that others link to. Of their documents only one group's
/// are in memory at once.
async fn producers(store: &dyn Store, linked: Linked) -> Result<Producers, StoreError> {
    let traces: Vec<TraceId> = linked.keys().copied().collect();
    let counts = store.document_counts(&traces).await?;
    let stored = traces.into_iter().zip(counts);
    let (mut producers, mut linked) = (Producers::default(), linked);
    for group in groups(stored.filter(|(_, documents)| *documents > 0)) {
        let documents = store.documents(&group).await?;
        (producers, linked) = on_worker(move || {
            add_producers(&mut producers, &linked, &documents);
            (producers, linked)
        })
        .await?;
    }
    Ok(producers)
}

fn add_producers(producers: &mut Producers, linked: &Linked, documents: &[TraceDocuments]) {
    for trace in documents {
        let count = u32::try_from(trace.documents.len()).unwrap_or(u32::MAX);
        producers.add_stored(trace.trace_id, count);
        guarded(trace.trace_id, || {
            let parsed = parse_all(trace.documents.iter().map(String::as_str));
            let ids = linked.get(&trace.trace_id)?;
            producers.add(&stitch(&parsed)?, ids.iter().copied());
            Some(())
        });
    }
}

/// What a view takes for the number of documents of another trace.
struct Known {
    consumer: TraceId,
    producer: TraceId,
    documents: u32,
}

fn known_by(view: &TraceView) -> impl Iterator<Item = Known> + use<> {
    let consumer = view.trace_id;
    let producers = producers_of(view).into_iter();
    producers.map(move |(producer, documents)| Known {
        consumer,
        producer,
        documents,
    })
}

/// The traces that link to one that grew while their views were computed. The one that grew may have
/// looked for those that link to it before their views were stored, so they look themselves.
async fn changed_since(store: &dyn Store, known: Vec<Known>) -> Result<Vec<TraceId>, StoreError> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let producers: Vec<TraceId> = known.iter().map(|known| known.producer).collect();
    let counts = store.document_counts(&producers).await?;
    let changed = known.iter().zip(counts);
    let changed = changed.filter(|(known, documents)| known.documents != *documents);
    Ok(changed.map(|(known, _)| known.consumer).collect())
}
