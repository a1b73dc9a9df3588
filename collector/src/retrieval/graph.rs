//! The graph of a retrieval's traces, and where their segments link to.
//!
//! A link edge needs what the other trace tells, so traces with links among them are read three times:
//! for what links point at, for what is there, and for the graph. That way five traces are in memory at
//! a time, however many were asked for. Source: `spec/api.md` section 5.1,
//! `spec/traces-and-graph.md` sections 7.4 and 8.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use radiograph_protocol::api::graph::Service;
use radiograph_protocol::api::retrieval::{GraphLink, RetrievedService};
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::limits::{
    LINKS_PER_RETRIEVED_SERVICE_MAX, LINKS_PER_SEGMENT_MAX, LINKS_PER_TRACE_MAX,
    TRACE_IDS_PER_CALL_MAX,
};

use super::pages::is_in_window;
use super::retrieval_set::Retrieval;
use crate::store::{Store, StoreError};
use crate::trace::contributions;
use crate::trace::graph;
use crate::trace::link::{Linked, Producers, linked_by};
use crate::trace::node::NodeKey;
use crate::trace::stitch::{Trace, parse_all, stitch};
use crate::trace::totals::Totals;
use crate::trace::view::view_of;
use crate::worker::on_worker;

/// What a link without a reference type is (`spec/traces-and-graph.md` section 7.4).
const PARENT: &str = "parent";

/// Links of a node: by their kind and the trace that carries them, the traces that they lead to.
type Links = BTreeMap<(String, TraceId), BTreeSet<TraceId>>;

/// What is gathered of all traces.
#[derive(Default)]
struct Gathered {
    totals: Totals,
    linked: Linked,
    links: BTreeMap<NodeKey, Links>,
}

/// All nodes, ordered by name, type and account.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn services(
    store: &Arc<dyn Store>,
    retrieval: &Retrieval,
) -> Result<Vec<RetrievedService>, StoreError> {
    let nobody = Arc::new(Producers::default());
    let mut gathered = gather(store, retrieval, nobody).await?;
    if !gathered.linked.is_empty() {
        let linked = Arc::new(std::mem::take(&mut gathered.linked));
        let add = move |producers: &mut Producers, trace: &Trace<'_>| {
            if let Some(ids) = linked.get(&trace.trace_id) {
                producers.add(trace, ids.iter().copied());
            }
        };
        let producers = fold(store, retrieval, Producers::default(), add).await?;
        gathered = gather(store, retrieval, Arc::new(producers)).await?;
    }
    on_worker(move || {
        let Gathered { totals, links, .. } = gathered;
        let services = graph::services(&totals.all()).into_iter();
        services
            .map(|service| with_links(service, &links))
            .collect()
    })
    .await
}

/// Everything but what `producers` tells of the ends of links.
async fn gather(
    store: &Arc<dyn Store>,
    retrieval: &Retrieval,
    producers: Arc<Producers>,
) -> Result<Gathered, StoreError> {
    let add = move |gathered: &mut Gathered, trace: &Trace<'_>| {
        contributions::add(&view_of(trace, &producers), &mut gathered.totals, 1);
        for (trace_id, ids) in linked_by(trace) {
            gathered.linked.entry(trace_id).or_default().extend(ids);
        }
        add_links(&mut gathered.links, trace);
    };
    fold(store, retrieval, Gathered::default(), add).await
}

/// Adds up all traces of the retrieval, a few at a time.
async fn fold<A: Send + 'static>(
    store: &Arc<dyn Store>,
    retrieval: &Retrieval,
    mut sum: A,
    add: impl Fn(&mut A, &Trace<'_>) + Clone + Send + 'static,
) -> Result<A, StoreError> {
    for ids in retrieval.trace_ids.chunks(TRACE_IDS_PER_CALL_MAX) {
        let found = store.documents(ids).await?;
        let (asked, add) = (retrieval.clone(), add.clone());
        sum = on_worker(move || {
            for documents in &found {
                let parsed = parse_all(documents.documents.iter().map(String::as_str));
                if let Some(trace) = stitch(&parsed).filter(|trace| is_in_window(trace, &asked)) {
                    add(&mut sum, &trace);
                }
            }
            sum
        })
        .await?;
    }
    Ok(sum)
}

/// The links that a trace's entities carry, as many as may draw edges.
fn add_links(links: &mut BTreeMap<NodeKey, Links>, trace: &Trace<'_>) {
    let carried = trace.members().flat_map(|(_, member)| {
        let links = member.entity.links.iter().take(LINKS_PER_SEGMENT_MAX);
        links.map(move |link| (member.owner, link))
    });
    for (owner, link) in carried.take(LINKS_PER_TRACE_MAX) {
        let of_node = links.entry(trace.node_of(owner)).or_default();
        let kind = link.reference_type.as_deref().unwrap_or(PARENT);
        let of_trace = of_node.entry((kind.to_owned(), trace.trace_id));
        of_trace.or_default().insert(link.trace_id);
    }
}

fn with_links(service: Service, links: &BTreeMap<NodeKey, Links>) -> RetrievedService {
    let key = NodeKey {
        name: service.name.clone(),
        kind: service.kind.clone(),
        account_id: service.account_id.clone(),
    };
    let links = links.get(&key).into_iter().flatten();
    let links = links.map(|((kind, source), destinations)| GraphLink {
        reference_type: kind.clone(),
        source_trace_id: source.to_string(),
        destination_trace_ids: destinations.iter().map(ToString::to_string).collect(),
    });
    RetrievedService {
        service,
        links: links.take(LINKS_PER_RETRIEVED_SERVICE_MAX).collect(),
    }
}
