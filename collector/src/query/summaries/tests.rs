//! Range types, sampling and paging, on views in a real store.

use std::collections::BTreeSet;
use std::sync::Arc;

use radiograph_protocol::api::RequestTime;

use super::*;
use crate::query::token::TokenKey;
use crate::settle::settle;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::{Record, Store};

/// A store with these settled traces: one segment each, from `start` to `end` in epoch seconds.
async fn query(traces: &[(u128, f64, f64)]) -> (Query, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(dir.path(), Options::default()).unwrap());
    let (mut records, mut ids) = (Vec::new(), Vec::new());
    for (bits, start, end) in traces {
        let trace_id = TraceId::from_bits(*bits);
        let document = format!(
            r#"{{"trace_id":"{trace_id}","id":"{:016x}","name":"s","start_time":{start},"end_time":{end}}}"#,
            bits + 1
        );
        records.push(Record { trace_id, document });
        ids.push(trace_id);
    }
    store.append(records).await.unwrap();
    assert_eq!(settle(&*store, &ids).await.unwrap(), traces.len());
    (Query::new(store, TokenKey::new([1; 32])), dir)
}

fn window(start: i64, end: i64) -> GetTraceSummariesRequest {
    GetTraceSummariesRequest {
        start_time: Some(RequestTime(Timestamp::from_seconds(start))),
        end_time: Some(RequestTime(Timestamp::from_seconds(end))),
        ..GetTraceSummariesRequest::default()
    }
}

fn of_type(request: GetTraceSummariesRequest, name: &str) -> GetTraceSummariesRequest {
    GetTraceSummariesRequest {
        time_range_type: Some(name.to_owned()),
        ..request
    }
}

/// The last hex digit of each trace found, newest first, with its matched time in seconds.
async fn found(query: &Query, request: GetTraceSummariesRequest) -> Vec<(String, Option<i64>)> {
    let answer = query.trace_summaries(request).await.unwrap();
    assert_eq!(answer.next_token, None);
    let short = |summary: TraceSummary| {
        let matched = summary.matched_event_time.map(Timestamp::seconds_floor);
        (
            summary
                .id
                .trim_start_matches("1-00000000-")
                .trim_start_matches('0')
                .to_owned(),
            matched,
        )
    };
    answer.trace_summaries.into_iter().map(short).collect()
}

fn rows(expected: &[(&str, Option<i64>)]) -> Vec<(String, Option<i64>)> {
    expected
        .iter()
        .map(|(id, matched)| ((*id).to_owned(), *matched))
        .collect()
}

#[tokio::test]
async fn each_range_type_selects_by_its_own_time() {
    // before, into, inside, out of, and around the window [100, 200)
    let traces = [
        (1, 10.0, 20.0),
        (2, 90.0, 110.0),
        (3, 120.0, 130.0),
        (4, 190.0, 210.0),
        (5, 50.0, 300.0),
        (6, 200.0, 201.0),
        (7, 100.0, 100.5),
    ];
    let (query, _dir) = query(&traces).await;
    let asked = || window(100, 200);
    let by_start = rows(&[("4", None), ("3", None), ("7", None)]);
    assert_eq!(found(&query, asked()).await, by_start);
    assert_eq!(found(&query, of_type(asked(), "TraceId")).await, by_start);
    let active = [
        ("4", Some(100)),
        ("3", Some(130)),
        ("7", Some(100)),
        ("2", Some(110)),
        ("5", Some(100)),
    ];
    assert_eq!(
        found(&query, of_type(asked(), "Event")).await,
        rows(&active)
    );
    let ended = [("3", Some(130)), ("7", Some(100)), ("2", Some(110))];
    assert_eq!(
        found(&query, of_type(asked(), "Service")).await,
        rows(&ended)
    );
}

#[tokio::test]
async fn a_fixed_rate_keeps_the_same_share_of_traces_every_time() {
    let traces: Vec<(u128, f64, f64)> = (1..=400).map(|id| (id, 100.0, 101.0)).collect();
    let (query, _dir) = query(&traces).await;
    let at_rate = |rate: f64| GetTraceSummariesRequest {
        sampling: Some(true),
        sampling_strategy: Some(SamplingStrategy {
            name: Some("FixedRate".to_owned()),
            value: Some(rate),
        }),
        ..of_type(window(100, 200), "Event")
    };
    let kept = |found: Vec<(String, Option<i64>)>| {
        found
            .into_iter()
            .map(|(id, _)| id)
            .collect::<BTreeSet<String>>()
    };
    let half = kept(found(&query, at_rate(0.5)).await);
    assert_eq!(half, kept(found(&query, at_rate(0.5)).await));
    assert!((150..250).contains(&half.len()), "{}", half.len());
    let quarter = kept(found(&query, at_rate(0.25)).await);
    assert!(quarter.is_subset(&half) && !quarter.is_empty());
    assert_eq!(kept(found(&query, at_rate(1.0)).await).len(), 400);
    assert_eq!(kept(found(&query, at_rate(0.0)).await).len(), 0);
}

#[tokio::test]
async fn pages_hold_each_trace_once_while_new_ones_come_in() {
    let count = 2 * PAGE_TRACES_MAX + 7;
    let traces: Vec<(u128, f64, f64)> = (1..=count as u128)
        .map(|id| (id, 100.0 + (id % 50) as f64, 160.0))
        .collect();
    let (query, _dir) = query(&traces).await;
    let (mut ids, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let request = GetTraceSummariesRequest {
            next_token: token,
            ..window(100, 200)
        };
        let page = query.trace_summaries(request).await.unwrap();
        let starts: Vec<Timestamp> = page.trace_summaries.iter().map(|s| s.start_time).collect();
        assert!(starts.is_sorted_by(|a, b| a >= b), "newest first");
        ids.extend(page.trace_summaries.into_iter().map(|summary| summary.id));
        pages += 1;
        token = page.next_token;
        if token.is_none() {
            break;
        }
        // newer than everything: it belongs before the first page and must not appear later
        let document = format!(
            r#"{{"trace_id":"{}","id":"00000000000000ff","name":"s","start_time":199,"end_time":199}}"#,
            TraceId::from_bits(1 << 100 | pages)
        );
        let trace_id = TraceId::from_bits(1 << 100 | pages);
        query
            .store
            .append(vec![Record { trace_id, document }])
            .await
            .unwrap();
        settle(&*query.store, &[trace_id]).await.unwrap();
    }
    assert_eq!(pages, 3);
    assert_eq!(ids.len(), count);
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), count);
}

#[tokio::test]
async fn a_token_belongs_to_its_window_and_range_type() {
    let traces: Vec<(u128, f64, f64)> = (1..=PAGE_TRACES_MAX as u128 + 1)
        .map(|id| (id, 150.0, 160.0))
        .collect();
    let (query, _dir) = query(&traces).await;
    let token = query
        .trace_summaries(window(100, 200))
        .await
        .unwrap()
        .next_token;
    assert!(token.is_some());
    let with = |request: GetTraceSummariesRequest| {
        let next_token = token.clone();
        query.trace_summaries(GetTraceSummariesRequest {
            next_token,
            ..request
        })
    };
    assert_eq!(
        with(window(100, 200)).await.unwrap().trace_summaries.len(),
        1
    );
    for other in [window(100, 201), of_type(window(100, 200), "Event")] {
        assert_eq!(
            with(other).await.unwrap_err().to_string(),
            "InvalidRequestException: Invalid token"
        );
    }
}
