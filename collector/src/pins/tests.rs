//! Pins on the embedded store with a clock that the test moves: what stays, whatever is sealed, dropped
//! and closed in between.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use radiograph_protocol::api::RequestTime;
use radiograph_protocol::ids::TraceId;
use tempfile::TempDir;

use super::*;
use crate::settle::settle;
use crate::store::Record;
use crate::store::contract::sample::{HOUR, trace};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::trace::link::Producers;
use crate::trace::view::view;

/// A store with its pins, in a directory that goes away with it.
struct Subject {
    dir: TempDir,
    now: Arc<AtomicI64>,
    store: Arc<EmbeddedStore>,
    pins: Pins,
}

impl Subject {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(HOUR));
        let (store, pins) = Self::open(&dir, &now);
        Self {
            dir,
            now,
            store,
            pins,
        }
    }

    fn open(dir: &TempDir, now: &Arc<AtomicI64>) -> (Arc<EmbeddedStore>, Pins) {
        let now = Arc::clone(now);
        let options = Options {
            clock: Arc::new(move || Timestamp::from_seconds(now.load(Ordering::SeqCst))),
            is_sealing: false,
            ..Options::default()
        };
        let store = Arc::new(EmbeddedStore::open(dir.path(), options).unwrap());
        let pins = Pins::new(Arc::clone(&store) as Arc<dyn Store>, Arc::default());
        (store, pins)
    }

    fn reopen(&mut self) {
        self.store.close();
        // the directory is free once nobody has the store
        let elsewhere = tempfile::tempdir().unwrap();
        (self.store, self.pins) = Self::open(&elsewhere, &self.now);
        (self.store, self.pins) = Self::open(&self.dir, &self.now);
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    async fn append(&self, number: u32, document: &str) {
        let record = Record {
            trace_id: trace(number),
            document: document.to_owned(),
        };
        self.store.append(vec![record]).await.unwrap();
    }

    async fn documents(&self, number: u32) -> Vec<String> {
        let found = self.store.documents(&[trace(number)]).await.unwrap();
        let mut documents: Vec<_> = found.into_iter().flat_map(|one| one.documents).collect();
        documents.sort();
        documents
    }

    async fn pin(&self, request: CreatePinRequest) -> ShownPin {
        let now = Timestamp::from_seconds(self.now());
        self.pins.create(request, now).await.unwrap().pin
    }

    /// As retention does.
    async fn drop_before(&self, seconds: i64) -> keeping::Brought {
        let time = Timestamp::from_seconds(seconds);
        let brought = self.pins.drop_before(time).await.unwrap();
        let unsettled = self.store.unsettled().await.unwrap();
        settle(&*self.store, &unsettled).await.unwrap();
        brought
    }
}

/// A segment that starts so many seconds after [`HOUR`].
fn segment(of: u32, number: u32, start: i64) -> String {
    let start = HOUR + start;
    format!(
        r#"{{"trace_id":"{}","id":"{:016x}","name":"shop","start_time":{start},"end_time":{},"fault":{}}}"#,
        trace(of),
        number + 1,
        start + 1,
        number.is_multiple_of(2)
    )
}

fn traces(numbers: &[u32]) -> CreatePinRequest {
    let ids = numbers.iter().map(|number| trace(*number).to_string());
    CreatePinRequest {
        trace_ids: Some(ids.collect()),
        ..CreatePinRequest::default()
    }
}

fn window(from: i64, to: i64, filter: Option<&str>) -> CreatePinRequest {
    let at = |seconds| Some(RequestTime(Timestamp::from_seconds(HOUR + seconds)));
    CreatePinRequest {
        start_time: at(from),
        end_time: at(to),
        filter_expression: filter.map(ToOwned::to_owned),
        ..CreatePinRequest::default()
    }
}

#[tokio::test]
async fn pins_are_listed_with_what_they_hold_and_survive_reopening() {
    let mut subject = Subject::new();
    let documents = [segment(1, 1, 5), segment(2, 2, 15)];
    subject.append(1, &documents[0]).await;
    subject.append(2, &documents[1]).await;
    settle(&*subject.store, &[trace(1), trace(2)])
        .await
        .unwrap();
    let noted = CreatePinRequest {
        note: Some("the night of the outage".to_owned()),
        ..traces(&[1, 9])
    };
    let first = subject.pin(noted).await;
    assert_eq!((first.pin_id, first.trace_count), (1, 1));
    assert_eq!(first.bytes, documents[0].len() as u64);
    subject.pin(window(0, 20, None)).await;
    subject.pin(window(0, 20, Some("fault"))).await;
    subject.reopen();
    let held = |pins: &[ShownPin]| -> Vec<_> {
        pins.iter()
            .map(|pin| (pin.pin_id, pin.trace_count, pin.is_count_complete))
            .collect()
    };
    let pins = subject.pins.pins().await.unwrap().pins;
    assert_eq!(held(&pins), [(1, 1, true), (2, 2, true), (3, 1, true)]);
    assert_eq!(pins[0], first);
    let unpin = |pin_id| subject.pins.delete(DeletePinRequest { pin_id });
    unpin(Some(2)).await.unwrap();
    for (pin_id, message) in [(Some(2), "Pin not found"), (None, "PinId must not be null")] {
        let refused = unpin(pin_id).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            ApiError::invalid_request(message).to_string()
        );
    }
    assert_eq!(
        subject.pin(traces(&[1])).await.pin_id,
        4,
        "no id is used again"
    );
}

#[tokio::test]
async fn one_pin_too_many_is_refused() {
    let subject = Subject::new();
    let mut set = PinSet::default();
    for _ in 0..PINS_MAX {
        let what = Pinned::Traces(vec![trace(1)]);
        set.insert(what, None, Timestamp::MIN).unwrap();
    }
    let value = serde_json::to_vec(&set).unwrap();
    subject.store.put_state(PINS_KEY, 0, value).await.unwrap();
    let refused = subject.pins.create(traces(&[1]), Timestamp::MIN).await;
    let ServiceError::Refused(error) = refused.unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!(error.message, "Exceeding maximum pin count: 200");
}

#[tokio::test]
async fn a_filter_tells_by_the_documents_there_are_when_they_would_go() {
    let subject = Subject::new();
    for number in 1..=4 {
        subject.append(number, &segment(number, number, 10)).await;
    }
    subject.pin(window(0, 20, Some("fault"))).await;
    // nothing is settled, and the root of one comes last
    let late = segment(3, 4, 9);
    subject.append(3, &late).await;
    subject.now.store(HOUR + 3600, Ordering::SeqCst);
    let brought = subject.drop_before(HOUR + 3600).await;
    let mut left = Vec::new();
    for number in 1..=4 {
        left.push(subject.documents(number).await.len());
    }
    assert_eq!(left, [0, 1, 2, 1]);
    assert_eq!((brought.traces, brought.documents), (3, 4));
    assert_eq!(
        subject.pins.metrics().snapshot().pinned,
        [3, 4, brought.bytes]
    );
}

#[tokio::test]
async fn a_pin_that_is_made_while_retention_works_is_honoured() {
    let subject = Subject::new();
    for number in 1..=40 {
        subject.append(number, &segment(number, 1, 10)).await;
    }
    subject.pin(traces(&[1])).await;
    subject.now.store(HOUR + 3600, Ordering::SeqCst);
    let pinning = async {
        for number in 2..=20 {
            subject.pin(traces(&[number])).await;
            // whatever was there when it was made is there from then on
            let there = subject.documents(number).await.len();
            tokio::task::yield_now().await;
            assert!(subject.documents(number).await.len() >= there, "{number}");
        }
    };
    let time = Timestamp::from_seconds(HOUR + 3600);
    let (dropped, ()) = tokio::join!(subject.pins.drop_before(time), pinning);
    dropped.unwrap();
    assert_eq!(subject.documents(1).await.len(), 1);
    assert_eq!(subject.documents(30).await.len(), 0);
}

/// One step of a session.
#[derive(Debug, Clone)]
enum Step {
    Append { trace: u32, start: i64 },
    Settle { trace: u32 },
    PinTraces(Vec<u32>),
    PinWindow { from: i64, seconds: i64 },
    Unpin { at: usize },
    Wait { minutes: i64 },
    Drop { hours: i64 },
    Seal { and_merge: bool },
    Reopen,
}

const TRACES: std::ops::Range<u32> = 0..5;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (TRACES, 0..100_i64).prop_map(|(trace, start)| Step::Append { trace, start }),
        3 => TRACES.prop_map(|trace| Step::Settle { trace }),
        1 => prop::collection::btree_set(TRACES, 1..3)
            .prop_map(|traces| Step::PinTraces(traces.into_iter().collect())),
        1 => (0..100_i64, 1..60_i64).prop_map(|(from, seconds)| Step::PinWindow { from, seconds }),
        1 => (0..4_usize).prop_map(|at| Step::Unpin { at }),
        3 => (10..90_i64).prop_map(|minutes| Step::Wait { minutes }),
        3 => (0..3_i64).prop_map(|hours| Step::Drop { hours }),
        1 => any::<bool>().prop_map(|and_merge| Step::Seal { and_merge }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..30)
}

/// What ought to be there.
#[derive(Default)]
struct Model {
    /// By trace: the hour of arrival of each document, and its text.
    documents: BTreeMap<u32, Vec<(i64, String)>>,
    pins: Vec<(u64, Pinned)>,
    appended: u32,
}

impl Model {
    fn texts(&self, number: u32) -> Vec<String> {
        let documents = self.documents.get(&number).into_iter().flatten();
        let mut texts: Vec<_> = documents.map(|(_, text)| text.clone()).collect();
        texts.sort();
        texts
    }

    fn is_pinned(&self, number: u32) -> bool {
        let texts = self.texts(number);
        let view = view(texts.iter().map(String::as_str), &Producers::default());
        self.pins.iter().any(|(_, what)| match what {
            Pinned::Traces(ids) => ids.contains(&trace(number)),
            Pinned::Window { start, end, .. } => view
                .as_ref()
                .is_some_and(|view| (*start..*end).contains(&view.summary.start)),
        })
    }

    /// Everything older goes; what is pinned becomes young.
    fn drop_before(&mut self, seconds: i64, now: i64) {
        for number in TRACES {
            let is_pinned = self.is_pinned(number);
            let documents = self.documents.entry(number).or_default();
            for (hour, _) in documents.iter_mut() {
                if is_pinned && (*hour + 1) * 3600 <= seconds {
                    *hour = now.div_euclid(3600);
                }
            }
            documents.retain(|(hour, _)| (hour + 1) * 3600 > seconds);
        }
    }
}

async fn take(subject: &mut Subject, model: &mut Model, step: &Step) {
    let now = subject.now();
    match step {
        Step::Append { trace, start } => {
            model.appended += 1;
            let text = segment(*trace, model.appended, *start);
            subject.append(*trace, &text).await;
            let documents = model.documents.entry(*trace).or_default();
            documents.push((now.div_euclid(3600), text));
        }
        Step::Settle { trace: number } => {
            settle(&*subject.store, &[trace(*number)]).await.unwrap();
        }
        Step::PinTraces(numbers) => {
            let pin = subject.pin(traces(numbers)).await;
            let ids: Vec<TraceId> = numbers.iter().copied().map(trace).collect();
            model.pins.push((pin.pin_id, Pinned::Traces(ids)));
        }
        Step::PinWindow { from, seconds } => {
            let pin = subject.pin(window(*from, from + seconds, None)).await;
            let (start, end) = (pin.start_time.unwrap(), pin.end_time.unwrap());
            let what = Pinned::Window {
                start,
                end,
                filter_expression: None,
            };
            model.pins.push((pin.pin_id, what));
        }
        Step::Unpin { at } => {
            if *at < model.pins.len() {
                let (id, _) = model.pins.remove(*at);
                let request = DeletePinRequest { pin_id: Some(id) };
                subject.pins.delete(request).await.unwrap();
            }
        }
        Step::Wait { minutes } => subject.now.store(now + minutes * 60, Ordering::SeqCst),
        Step::Drop { hours } => {
            // as retention has it, never in the hour that is being written
            let seconds = now - now.rem_euclid(3600) - hours * 3600;
            subject.drop_before(seconds).await;
            model.drop_before(seconds, now);
        }
        Step::Seal { and_merge } => {
            let (store, and_merge) = (Arc::clone(&subject.store), *and_merge);
            let sealing = tokio::task::spawn_blocking(move || store.seal_all(and_merge));
            sealing.await.unwrap().unwrap();
        }
        Step::Reopen => subject.reopen(),
    }
}

async fn keeps_what_is_pinned_or_young(steps: &[Step]) {
    let mut subject = Subject::new();
    let mut model = Model::default();
    for step in steps {
        take(&mut subject, &mut model, step).await;
        for number in TRACES {
            let (found, expected) = (subject.documents(number).await, model.texts(number));
            assert_eq!(found, expected, "trace {number} after {step:?}");
        }
    }
    let unsettled = subject.store.unsettled().await.unwrap();
    settle(&*subject.store, &unsettled).await.unwrap();
    let scan = crate::store::ViewScan {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
        range: crate::store::ScanRange::Started,
        after: None,
        views_max: 100,
        filter: None,
    };
    let found = subject.store.views(scan).await.unwrap().views;
    let mut found: Vec<_> = found.iter().map(|view| (**view).clone()).collect();
    // a view goes with its own partition, which may be younger than its documents'
    let gone = TRACES.filter(|number| model.texts(*number).is_empty());
    let gone: Vec<TraceId> = gone.map(trace).collect();
    found.retain(|view| !gone.contains(&view.trace_id));
    found.sort_by_key(|view| view.trace_id);
    let expected = TRACES.filter_map(|number| {
        let texts = model.texts(number);
        view(texts.iter().map(String::as_str), &Producers::default())
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_exactly_what_is_pinned_or_young_is_kept(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(keeps_what_is_pinned_or_young(&steps));
    }
}
