//! Retrievals from a real store: what is in them, their pages, their end, and their graph.

use std::collections::BTreeSet;

use radiograph_protocol::api::RequestTime;
use radiograph_protocol::api::graph::GetTraceGraphRequest;
use radiograph_protocol::api::retrieval::RetrievedTrace;
use radiograph_protocol::api::traces::BatchGetTracesRequest;
use radiograph_protocol::segment;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::groups::Groups;
use crate::query::Query;
use crate::query::window::WindowMax;
use crate::store::Record;
use crate::store::embedded::{EmbeddedStore, Options};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

struct Subject {
    store: Arc<EmbeddedStore>,
    retrievals: Retrievals,
    dir: TempDir,
}

impl Subject {
    fn open(dir: TempDir) -> Self {
        let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
        let retrievals = Retrievals::new(Arc::clone(&store) as _, TokenKey::new([1; 32]));
        Self {
            store,
            retrievals,
            dir,
        }
    }

    /// A store with these documents.
    async fn with(documents: impl IntoIterator<Item = Value>) -> Self {
        let subject = Self::open(tempfile::tempdir().unwrap());
        subject.append(documents).await;
        subject
    }

    fn reopen(self) -> Self {
        self.store.close();
        let Self {
            store,
            retrievals,
            dir,
        } = self;
        drop((store, retrievals));
        Self::open(dir)
    }

    async fn append(&self, documents: impl IntoIterator<Item = Value>) {
        let records = documents.into_iter().map(|document| {
            let document = document.to_string();
            let trace_id = segment::parse(&document).unwrap().trace_id;
            Record { trace_id, document }
        });
        self.store.append(records.collect()).await.unwrap();
    }

    /// A retrieval of these traces over seconds 100 to 200.
    async fn start(&self, ids: &[String]) -> String {
        let at = |seconds| Some(RequestTime(Timestamp::from_seconds(seconds)));
        let request = StartTraceRetrievalRequest {
            trace_ids: Some(ids.to_vec()),
            start_time: at(100),
            end_time: at(200),
        };
        let answer = self.retrievals.start(request, NOW).await.unwrap();
        answer.retrieval_token
    }

    async fn list(
        &self,
        token: &str,
        format: &str,
        next: Option<&str>,
    ) -> Result<ListRetrievedTracesResponse, String> {
        let request = ListRetrievedTracesRequest {
            retrieval_token: Some(token.to_owned()),
            trace_format: Some(format.to_owned()),
            next_token: next.map(str::to_owned),
        };
        let answer = self.retrievals.traces(request, NOW).await;
        answer.map_err(|error| error.to_string())
    }

    /// All pages, each as pairs of trace number and number of segments.
    async fn pages(&self, token: &str, format: &str) -> Vec<Vec<(u32, usize)>> {
        let mut pages = Vec::new();
        let mut next = None;
        let mut told = BTreeSet::new();
        loop {
            let page = self.list(token, format, next.as_deref()).await.unwrap();
            assert_eq!(page.retrieval_status, "COMPLETE");
            assert_eq!(page.trace_format, format);
            for trace in &page.traces {
                for span in &trace.spans {
                    let is_new = told.insert((trace.id.clone(), span.id.clone()));
                    assert!(is_new, "{} of {} twice", span.id, trace.id);
                }
            }
            pages.push(page.traces.iter().map(shape).collect());
            next = page.next_token;
            if next.is_none() {
                return pages;
            }
        }
    }

    async fn graph(&self, token: &str) -> GetRetrievedTracesGraphResponse {
        let request = GetRetrievedTracesGraphRequest {
            retrieval_token: Some(token.to_owned()),
            next_token: None,
        };
        self.retrievals.graph(request, NOW).await.unwrap()
    }

    fn query(&self) -> Query {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let groups = Groups::new(Arc::clone(&store), "r".to_owned(), "a".to_owned());
        Query::new(store, TokenKey::new([1; 32]), groups, WindowMax::default())
    }
}

fn id(number: u32) -> String {
    format!("1-6592008a-{number:024x}")
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(id).collect()
}

/// A segment of the trace of this number.
fn segment(trace: u32, place: u32, start: f64, end: f64) -> Value {
    json!({
        "trace_id": id(trace),
        "id": format!("{:016x}", u64::from(trace) << 32 | u64::from(place + 1)),
        "name": format!("s{place}"),
        "start_time": start,
        "end_time": end,
    })
}

fn shape(trace: &RetrievedTrace) -> (u32, usize) {
    let number = u32::from_str_radix(trace.id.rsplit('-').next().unwrap(), 16);
    (number.unwrap(), trace.spans.len())
}

const NOT_FOUND: &str = "ResourceNotFoundException: Retrieval token not found or expired";
const INVALID: &str = "InvalidRequestException: Invalid token";

#[tokio::test]
async fn a_trace_is_retrieved_when_a_moment_of_it_lies_in_the_window_ends_included() {
    let traces = [
        (1, 10.0, 99.9),
        (2, 10.0, 100.0),
        (3, 150.0, 151.0),
        (4, 10.0, 300.0),
        (5, 200.0, 300.0),
        (6, 200.1, 300.0),
    ];
    let documents = traces.map(|(trace, start, end)| segment(trace, 0, start, end));
    let subject = Subject::with(documents).await;
    let token = subject.start(&ids([6, 5, 9, 4, 3, 2, 1])).await;
    let found = vec![vec![(5, 1), (4, 1), (3, 1), (2, 1)]];
    for format in ["XRAY", "OTEL"] {
        assert_eq!(subject.pages(&token, format).await, found, "{format}");
    }
    let nothing = subject.start(&[]).await;
    assert_eq!(subject.pages(&nothing, "XRAY").await, [[]]);
    let graph = subject.graph(&nothing).await;
    assert_eq!(
        (graph.retrieval_status, graph.services.len()),
        ("COMPLETE", 0)
    );
}

#[tokio::test]
async fn xray_documents_are_those_of_batch_get_traces() {
    let mut root = segment(1, 0, 150.0, 151.5);
    root["subsegments"] = json!([{
        "id": "00000000000000aa", "name": "pay", "namespace": "remote",
        "start_time": 150.1, "end_time": 150.2,
    }]);
    let subject = Subject::with([root, segment(1, 1, 150.3, 150.4)]).await;
    let token = subject.start(&ids([1])).await;
    let page = subject.list(&token, "XRAY", None).await.unwrap();
    let request = BatchGetTracesRequest {
        trace_ids: Some(ids([1])),
    };
    let batch = subject.query().batch_get_traces(request).await.unwrap();
    let told = |id: &str, document: &str| (id.to_owned(), document.to_owned());
    let [retrieved] = &*page.traces else {
        panic!("{page:?}");
    };
    let spans = retrieved.spans.iter();
    let spans: Vec<_> = spans.map(|span| told(&span.id, &span.document)).collect();
    let segments = batch.traces[0].segments.iter();
    let segments: Vec<_> = segments.map(|one| told(&one.id, &one.document)).collect();
    assert_eq!(spans.len(), 3, "with the inferred segment");
    assert_eq!(spans, segments);
    assert_eq!(retrieved.id, id(1));
    assert!((retrieved.duration - 1.5).abs() < 1e-9);
    // the call is a span, the inferred segment is none
    assert_eq!(subject.pages(&token, "OTEL").await, [[(1, 3)]]);
}

#[tokio::test]
async fn a_page_has_five_traces_and_of_a_large_one_a_hundred_segments() {
    let small = (1..=12).map(|trace| segment(trace, 0, 150.0, 151.0));
    let large = (0..250).map(|place| segment(20, place, 150.0 + f64::from(place) / 10.0, 190.0));
    let exact = (0..100).map(|place| segment(21, place, 150.0, 151.0));
    let subject = Subject::with(small.chain(large).chain(exact)).await;
    let one = |numbers: std::ops::RangeInclusive<u32>| -> Vec<_> {
        numbers.map(|number| (number, 1)).collect()
    };
    let token = subject.start(&ids(1..=12)).await;
    let expected = [one(1..=5), one(6..=10), one(11..=12)];
    assert_eq!(subject.pages(&token, "XRAY").await, expected);
    let token = subject.start(&ids([1, 20, 2, 21, 3])).await;
    let expected = [
        vec![(1, 1), (20, 100)],
        vec![(20, 100)],
        vec![(20, 50), (2, 1), (21, 100), (3, 1)],
    ];
    for format in ["XRAY", "OTEL"] {
        assert_eq!(subject.pages(&token, format).await, expected, "{format}");
    }
}

#[tokio::test]
async fn a_trace_that_grew_between_its_pages_begins_anew() {
    let large = (0..150).map(|place| segment(1, place, 150.0, 151.0));
    let subject = Subject::with(large).await;
    let token = subject.start(&ids([1])).await;
    let first = subject.list(&token, "XRAY", None).await.unwrap();
    subject.append([segment(1, 500, 120.0, 130.0)]).await;
    let next = first.next_token.as_deref();
    let anew = subject.list(&token, "XRAY", next).await.unwrap();
    assert_eq!(shape(&anew.traces[0]), (1, 100));
    assert_eq!(
        anew.traces[0].spans[0].id,
        format!("{:016x}", (1_u64 << 32) + 501)
    );
    let next = anew.next_token.as_deref();
    let rest = subject.list(&token, "XRAY", next).await.unwrap();
    assert_eq!(shape(&rest.traces[0]), (1, 51));
    assert_eq!(rest.next_token, None);
}

#[tokio::test]
async fn page_tokens_belong_to_their_retrieval_and_format() {
    let subject = Subject::with((1..=6).map(|trace| segment(trace, 0, 150.0, 151.0))).await;
    let token = subject.start(&ids(1..=6)).await;
    let other = subject.start(&ids(1..=6)).await;
    assert_ne!(token, other);
    let page = subject.list(&token, "XRAY", None).await.unwrap();
    let next = page.next_token.unwrap();
    let again = subject.list(&token, "XRAY", Some(&next)).await.unwrap();
    assert_eq!(again.traces.iter().map(shape).collect::<Vec<_>>(), [(6, 1)]);
    let rows = [
        (&*token, "OTEL", &*next),
        (&*other, "XRAY", &*next),
        (&*token, "XRAY", "made up"),
    ];
    for (token, format, next) in rows {
        let refused = subject.list(token, format, Some(next)).await;
        assert_eq!(refused, Err(INVALID.to_owned()), "{format} {next}");
    }
    let first = subject.list(&token, "XRAY", Some("")).await.unwrap();
    assert_eq!(first.traces.len(), 5, "an empty token is none");
    let request = GetRetrievedTracesGraphRequest {
        retrieval_token: Some(token),
        next_token: Some(next),
    };
    let refused = subject.retrievals.graph(request, NOW).await.unwrap_err();
    assert_eq!(refused.to_string(), INVALID);
}

#[tokio::test]
async fn a_cancelled_retrieval_has_no_results_and_a_restart_changes_nothing() {
    let subject = Subject::with([segment(1, 0, 150.0, 151.0)]).await;
    let (kept, cancelled) = (
        subject.start(&ids([1])).await,
        subject.start(&ids([1])).await,
    );
    let request = CancelTraceRetrievalRequest {
        retrieval_token: Some(cancelled.clone()),
    };
    let answer = subject.retrievals.cancel(request, NOW).await.unwrap();
    assert_eq!(json!(answer), json!({}));
    let subject = subject.reopen();
    assert_eq!(subject.pages(&kept, "XRAY").await, [[(1, 1)]]);
    let none = subject.list(&cancelled, "OTEL", None).await.unwrap();
    let expected = json!({"RetrievalStatus": "CANCELLED", "TraceFormat": "OTEL", "Traces": []});
    assert_eq!(json!(none), expected);
    let none = json!(subject.graph(&cancelled).await);
    let expected = json!({"RetrievalStatus": "CANCELLED", "Services": []});
    assert_eq!(none, expected);
}

#[tokio::test]
async fn unknown_and_expired_tokens_are_not_found() {
    let subject = Subject::with([]).await;
    let token = subject.start(&[]).await;
    let later = NOW.plus_micros(3_600_000_000);
    let rows = [("tok", NOW), ("", NOW), (&*token, later)];
    for (token, now) in rows {
        let retrieval_token = Some(token.to_owned());
        let list = ListRetrievedTracesRequest {
            retrieval_token: retrieval_token.clone(),
            ..ListRetrievedTracesRequest::default()
        };
        let graph = GetRetrievedTracesGraphRequest {
            retrieval_token: retrieval_token.clone(),
            next_token: None,
        };
        let cancel = CancelTraceRetrievalRequest { retrieval_token };
        let list = subject.retrievals.traces(list, now).await.map(|_| ());
        let graph = subject.retrievals.graph(graph, now).await.map(|_| ());
        let cancel = subject.retrievals.cancel(cancel, now).await.map(|_| ());
        for answer in [list, graph, cancel] {
            assert_eq!(answer.unwrap_err().to_string(), NOT_FOUND, "{token:?}");
        }
    }
}

#[tokio::test]
async fn the_graph_is_that_of_get_trace_graph_with_what_its_segments_link_to() {
    let producer = segment(1, 0, 150.0, 151.0);
    let mut consumer = segment(2, 1, 152.0, 153.0);
    let link = |trace: u32, kind: Option<&str>| {
        let kind = kind.map(|kind| ("aws.xray.reserved.reference_type", kind));
        let attributes: std::collections::BTreeMap<_, _> = kind.into_iter().collect();
        json!({"trace_id": id(trace), "id": producer["id"], "attributes": attributes})
    };
    consumer["links"] = json!([
        link(1, None),
        link(77, Some("parent")),
        link(78, Some("child"))
    ]);
    let subject = Subject::with([producer.clone(), consumer]).await;
    let token = subject.start(&ids([1, 2])).await;
    let graph = subject.graph(&token).await;
    assert_eq!(
        (graph.retrieval_status, &graph.next_token),
        ("COMPLETE", &None)
    );

    let request = GetTraceGraphRequest {
        trace_ids: Some(ids([1, 2])),
    };
    let expected = subject.query().trace_graph(request).await.unwrap().services;
    let services = graph.services.iter();
    let services: Vec<_> = services.map(|node| node.service.clone()).collect();
    assert_eq!(services, expected);
    let edges = services.iter().flat_map(|service| &service.edges);
    let kinds: Vec<_> = edges.filter_map(|edge| edge.edge_type).collect();
    assert_eq!(kinds, ["link"]);

    let expected = json!([
        {
            "ReferenceType": "child",
            "SourceTraceId": id(2),
            "DestinationTraceIds": [id(78)],
        },
        {
            "ReferenceType": "parent",
            "SourceTraceId": id(2),
            "DestinationTraceIds": [id(1), id(77)],
        },
    ]);
    for node in &graph.services {
        let is_consumer = node.service.name == "s1";
        let expected = if is_consumer { &expected } else { &json!([]) };
        assert_eq!(&json!(node.links), expected, "{}", node.service.name);
    }
}

#[tokio::test]
async fn a_graph_of_more_than_a_thousand_nodes_comes_in_pages() {
    // each root service has a client
    let segments = (0..501).map(|place| segment(1, place, 150.0, 151.0));
    let subject = Subject::with(segments).await;
    let token = subject.start(&ids([1])).await;
    let first = subject.graph(&token).await;
    assert_eq!(first.services.len(), 1000);
    let request = GetRetrievedTracesGraphRequest {
        retrieval_token: Some(token),
        next_token: first.next_token,
    };
    let last = subject.retrievals.graph(request, NOW).await.unwrap();
    assert_eq!(last.next_token, None);
    let all = first.services.iter().chain(&last.services);
    let references: Vec<_> = all.map(|node| node.service.reference_id).collect();
    assert_eq!(references, (0..1002).collect::<Vec<_>>());
}
