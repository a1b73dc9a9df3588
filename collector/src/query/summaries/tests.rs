//! Range types, sampling and paging, on views in a real store.

use std::collections::BTreeSet;

use radiograph_protocol::api::RequestTime;

use super::*;
use crate::query::sample::{self, message, visits};
use crate::settle::settle;
use crate::store::Record;

/// A store with these settled traces: one segment each, from `start` to `end` in epoch seconds.
async fn query(traces: &[(u128, f64, f64)]) -> (Query, tempfile::TempDir) {
    let documents: Vec<String> = traces
        .iter()
        .map(|(bits, start, end)| {
            let trace_id = TraceId::from_bits(*bits);
            format!(
                r#"{{"trace_id":"{trace_id}","id":"{:016x}","name":"s","start_time":{start},"end_time":{end}}}"#,
                bits + 1
            )
        })
        .collect();
    sample::with(&documents).await
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

fn filtered(request: GetTraceSummariesRequest, filter: &str) -> GetTraceSummariesRequest {
    GetTraceSummariesRequest {
        filter_expression: Some(filter.to_owned()),
        ..request
    }
}

#[tokio::test]
async fn a_filter_selects_traces_and_all_that_were_looked_at_are_counted() {
    let (query, _dir) = sample::with(&visits(30, 1.0)).await;
    sample::group(&query, "failing", "fault").await;
    let asked = || window(sample::T0, sample::T0 + 60);
    let rows = [
        ("fault", 10),
        ("service(\"pay\")", 30),
        ("service(\"pay\") AND fault", 10),
        ("group.name = \"failing\"", 10),
        ("group.name = \"Default\"", 30),
        ("group.name = \"Default\" AND fault", 10),
        ("service(\"nowhere\")", 0),
        ("", 30),
        (" \t\n", 30),
    ];
    for (filter, expected) in rows {
        let answer = query
            .trace_summaries(filtered(asked(), filter))
            .await
            .unwrap();
        assert_eq!(answer.trace_summaries.len(), expected, "{filter:?}");
        assert_eq!(answer.traces_processed_count, 30, "{filter:?}");
        let is_right = |summary: &TraceSummary| summary.has_fault || expected != 10;
        assert!(answer.trace_summaries.iter().all(is_right), "{filter:?}");
    }
}

#[tokio::test]
async fn each_bad_request_for_summaries_has_its_text() {
    let (query, _dir) = sample::empty();
    let asked = || window(100, 200);
    let sampled = |name: &str, value: Option<f64>| GetTraceSummariesRequest {
        sampling: Some(true),
        sampling_strategy: Some(SamplingStrategy {
            name: Some(name.to_owned()),
            value,
        }),
        ..of_type(asked(), "Event")
    };
    let rate = "Sampling rate must be specified and its value must be between [0, 1]";
    let fixed_rate = "Cannot use FixedRate with input time range type: TraceId. \
                      Please try using time range type: Event";
    let rows = [
        (
            GetTraceSummariesRequest::default(),
            "StartTime must not be null",
        ),
        (
            window(200, 199),
            "End time cannot be earlier than start time",
        ),
        (
            window(0, 6 * 3600 + 1),
            "Time range cannot be longer than 6 hours",
        ),
        (
            of_type(asked(), "event"),
            "TimeRangeType must be one of [TraceId, Event, Service]",
        ),
        (sampled("FixedRate", None), rate),
        (sampled("FixedRate", Some(1.1)), rate),
        (sampled("FixedRate", Some(-0.1)), rate),
        (
            of_type(sampled("FixedRate", Some(0.5)), "TraceId"),
            fixed_rate,
        ),
        (
            sampled("Best", None),
            "SamplingStrategy Name must be one of [PartialScan, FixedRate]",
        ),
        (
            filtered(asked(), "group.name = \"nope\""),
            "Group not found: nope",
        ),
    ];
    for (request, text) in rows {
        let refusal = message(query.trace_summaries(request).await);
        assert_eq!(refusal, format!("InvalidRequestException: {text}"));
    }
    for filter in ["duration < ", "foo = 1", "ok && fault"] {
        let refusal = message(query.trace_summaries(filtered(asked(), filter)).await);
        let expected = "InvalidRequestException: Error Location: line 1, position ";
        assert!(refusal.starts_with(expected), "{filter}: {refusal}");
    }
}

#[tokio::test]
async fn a_filter_that_selects_nothing_gives_empty_pages_of_bounded_work() {
    let count = PAGE_SCAN_MAX + 1;
    let traces: Vec<(u128, f64, f64)> = (1..=count as u128).map(|id| (id, 150.0, 160.0)).collect();
    let (query, _dir) = query(&traces).await;
    let asked = || filtered(window(100, 200), "fault");
    let first = query.trace_summaries(asked()).await.unwrap();
    assert_eq!(first.trace_summaries, []);
    assert_eq!(first.traces_processed_count, PAGE_SCAN_MAX);
    let next_token = first.next_token.clone();
    assert!(next_token.is_some());
    for other in ["ok", "fault ", ""] {
        let next_token = next_token.clone();
        let other = GetTraceSummariesRequest {
            next_token,
            ..filtered(asked(), other)
        };
        let refusal = message(query.trace_summaries(other).await);
        assert_eq!(refusal, "InvalidRequestException: Invalid token");
    }
    let second = GetTraceSummariesRequest {
        next_token,
        ..asked()
    };
    let second = query.trace_summaries(second).await.unwrap();
    assert_eq!(second.traces_processed_count, 1);
    assert_eq!(second.next_token, None);
}

#[tokio::test]
async fn a_page_that_is_full_goes_on_right_behind_its_last_trace() {
    // every third trace is selected, so a page ends amid the views that were read for it
    let count = u32::try_from(3 * PAGE_TRACES_MAX + 100).unwrap();
    let (query, _dir) = sample::with(&visits(count, 0.5)).await;
    let (mut ids, mut looked_at, mut token) = (BTreeSet::new(), 0, None);
    for page in 0.. {
        let request = GetTraceSummariesRequest {
            next_token: token,
            ..filtered(window(sample::T0, sample::T0 + 3600), "fault")
        };
        let answer = query.trace_summaries(request).await.unwrap();
        let found = answer.trace_summaries.len();
        assert_eq!(found == PAGE_TRACES_MAX, page == 0, "page {page}: {found}");
        looked_at += answer.traces_processed_count;
        for summary in answer.trace_summaries {
            assert!(summary.has_fault);
            assert!(ids.insert(summary.id), "a trace comes once");
        }
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(looked_at, 3 * PAGE_TRACES_MAX + 100);
    assert_eq!(ids.len(), count.div_ceil(3) as usize);
}

/// Sets the indexing rule.
async fn index(query: &Query, percent: f64) {
    let body = format!(
        r#"{{"Name":"Default","Rule":{{"Probabilistic":{{"DesiredSamplingPercentage":{percent}}}}}}}"#
    );
    let request = radiograph_protocol::api::decode(body.as_bytes()).unwrap();
    let settings = crate::settings::Settings::new(Arc::clone(&query.store));
    let now = Timestamp::from_seconds(0);
    settings.update_indexing_rule(request, now).await.unwrap();
}

#[tokio::test]
async fn traces_that_the_indexing_rule_leaves_out_are_not_found_until_it_takes_them_in() {
    let (query, _dir) = sample::with(&visits(400, 1.0)).await;
    let asked = || window(sample::T0, sample::T0 + 400);
    let find = async |request| -> BTreeSet<String> {
        let answer = query.trace_summaries(request).await.unwrap();
        assert_eq!(answer.next_token, None);
        let found = answer.trace_summaries.into_iter();
        found.map(|summary| summary.id).collect()
    };
    let all = find(asked()).await;
    assert_eq!(all.len(), 400);
    index(&query, 25.0).await;
    let quarter = find(asked()).await;
    assert!((60..140).contains(&quarter.len()), "{}", quarter.len());
    index(&query, 50.0).await;
    let half = find(asked()).await;
    assert!((150..250).contains(&half.len()), "{}", half.len());
    assert!(quarter.is_subset(&half), "more traces, and never others");
    let rate = GetTraceSummariesRequest {
        sampling: Some(true),
        sampling_strategy: Some(SamplingStrategy {
            name: Some("FixedRate".to_owned()),
            value: Some(0.5),
        }),
        ..of_type(asked(), "Event")
    };
    let half_of_it = find(rate).await;
    assert!(half_of_it.is_subset(&half));
    assert!(
        (60..140).contains(&half_of_it.len()),
        "{}",
        half_of_it.len()
    );
    let unknown = all.difference(&half).next().unwrap().clone();
    let by_id = radiograph_protocol::api::traces::BatchGetTracesRequest {
        trace_ids: Some(vec![unknown]),
    };
    let whole = query.batch_get_traces(by_id).await.unwrap();
    assert_eq!(whole.traces.len(), 1, "known by its id all the same");
    index(&query, 0.0).await;
    assert_eq!(find(asked()).await.len(), 0);
    index(&query, 100.0).await;
    assert_eq!(find(asked()).await, all);
}
