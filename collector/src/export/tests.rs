//! Which traces an export selects, and that their documents come out as they went in.

use std::collections::BTreeMap;

use radiograph_protocol::bundle::{Part, Reader};
use radiograph_protocol::framing::{self, Offer};

use super::*;
use crate::store::Record;
use crate::store::contract::sample::{HOUR, trace};
use crate::store::embedded::{EmbeddedStore, Options};

/// A document of a trace that began so many seconds after the hour and took one.
fn document(number: u32, second: i64) -> String {
    let (start, end) = (HOUR + second, HOUR + second + 1);
    format!(
        r#"{{"trace_id":"{}","id":"00000000{number:08x}","name":"s{number}","start_time":{start},"end_time":{end}}}"#,
        trace(number)
    )
}

struct Given {
    _dir: tempfile::TempDir,
    store: Arc<dyn Store>,
    export: Export,
}

fn given() -> Given {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
    let groups = Groups::new(Arc::clone(&store), "r".to_owned(), "a".to_owned());
    let export = Export::new(Arc::clone(&store), groups);
    Given {
        _dir: dir,
        store,
        export,
    }
}

impl Given {
    async fn put(&self, number: u32, second: i64, is_settled: bool) {
        let document = document(number, second);
        if is_settled {
            let view = view([document.as_str()], &Producers::default()).unwrap();
            self.append(number, document).await;
            self.store.put_views(vec![view]).await.unwrap();
        } else {
            self.append(number, document).await;
        }
    }

    async fn append(&self, number: u32, document: String) {
        let trace_id = trace(number);
        let record = Record { trace_id, document };
        self.store.append(vec![record]).await.unwrap();
    }

    /// The documents of an export, and what its footer says.
    async fn export(&self, request: &str) -> (Vec<String>, Totals) {
        let selection = self.export.selection(request.as_bytes()).await;
        let (out, mut pieces) = mpsc::channel(1);
        let export = self.export.clone();
        let work = tokio::spawn(async move { export.stream(selection.unwrap(), out).await });
        let (mut reader, mut documents, mut end) = (Reader::default(), Vec::new(), None);
        while let Some(piece) = pieces.recv().await {
            reader.push(&piece);
            while let Some(part) = reader.next_part().unwrap() {
                match part {
                    Part::Chunk {
                        raw_bytes, payload, ..
                    } => {
                        let framed = zstd::bulk::decompress(&payload, raw_bytes).unwrap();
                        let texts = framing::split(&framed, Offer::LARGEST).unwrap();
                        documents.extend(texts.iter().map(|text| text.to_vec()));
                    }
                    Part::End(totals) => end = Some(totals),
                }
            }
        }
        reader.finish().unwrap();
        assert_eq!(work.await.unwrap().unwrap(), end.unwrap());
        let texts = documents
            .into_iter()
            .map(|text| String::from_utf8(text).unwrap());
        let mut texts: Vec<String> = texts.collect();
        texts.sort();
        (texts, end.unwrap())
    }

    async fn refused(&self, request: &str) -> String {
        match self.export.selection(request.as_bytes()).await {
            Err(error) => error.to_string(),
            Ok(_) => "not refused".to_owned(),
        }
    }
}

#[tokio::test]
async fn windows_filters_and_ids_select_settled_traces_and_others_alike() {
    let given = given();
    for (number, second, is_settled) in
        [(1, 0, true), (2, 600, true), (3, 0, false), (4, 600, false)]
    {
        given.put(number, second, is_settled).await;
    }
    let document: BTreeMap<u32, String> = [(1, 0), (2, 600), (3, 0), (4, 600)]
        .map(|(n, second)| (n, document(n, second)))
        .into();
    let (early, late) = (HOUR + 60, HOUR + 660);
    for (row, request, expected) in [
        ("all", "{}".to_owned(), &[1, 2, 3, 4][..]),
        ("no body", String::new(), &[1, 2, 3, 4]),
        ("until", format!(r#"{{"EndTime":{early}}}"#), &[1, 3]),
        ("since", format!(r#"{{"StartTime":{early}}}"#), &[2, 4]),
        (
            "window",
            format!(r#"{{"StartTime":{early},"EndTime":{late}}}"#),
            &[2, 4],
        ),
        ("nothing", format!(r#"{{"StartTime":{late}}}"#), &[]),
        (
            "filter",
            r#"{"FilterExpression":"service(\"s1\") OR service(\"s4\")"}"#.to_owned(),
            &[1, 4],
        ),
        (
            "ids",
            format!(
                r#"{{"TraceIds":["{}","{}","{}"]}}"#,
                trace(3),
                trace(9),
                trace(2)
            ),
            &[2, 3],
        ),
    ] {
        let (found, totals) = given.export(&request).await;
        let expected: Vec<String> = expected.iter().map(|n| document[n].clone()).collect();
        assert_eq!(found, expected, "{row}");
        assert_eq!(totals.traces, expected.len() as u64, "{row}");
    }
}

#[tokio::test]
async fn more_than_a_chunk_comes_in_several() {
    let given = given();
    let records: Vec<Record> = (1..=2500)
        .map(|number| Record {
            trace_id: trace(number % 7 + 1),
            document: document(number, 0),
        })
        .collect();
    let mut expected: Vec<String> = records
        .iter()
        .map(|record| record.document.clone())
        .collect();
    expected.sort();
    given.store.append(records).await.unwrap();
    let (found, totals) = given.export("{}").await;
    assert_eq!(
        (totals.chunks, totals.documents, totals.traces),
        (3, 2500, 7)
    );
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_work() {
    let given = given();
    given.put(1, 0, true).await;
    let (out, pieces) = mpsc::channel(1);
    drop(pieces);
    let selection = given.export.selection(b"{}").await.unwrap();
    let ended = given.export.stream(selection, out).await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        ExportError::Gone.to_string()
    );
}

#[tokio::test]
async fn bad_requests_are_refused_by_name() {
    let given = given();
    let many = vec!["\"1-65920080-000000000000000000000001\""; 1001].join(",");
    for (request, expected) in [
        ("[]", "SerializationException"),
        (
            r#"{"StartTime":2,"EndTime":1}"#,
            "End time cannot be earlier",
        ),
        (
            r#"{"FilterExpression":"service("}"#,
            "InvalidRequestException",
        ),
        (r#"{"TraceIds":[]}"#, "1 to 1000"),
        (r#"{"TraceIds":["x"]}"#, "Invalid trace id x"),
        (r#"{"TraceIds":["x"],"StartTime":1}"#, "stand alone"),
        (&format!(r#"{{"TraceIds":[{many}]}}"#), "1 to 1000"),
    ] {
        let error = given.refused(request).await;
        assert!(error.contains(expected), "{request}: {error}");
    }
}
