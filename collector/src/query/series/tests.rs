//! Refusals, periods, pages and forecasts.

use proptest::prelude::*;
use radiograph_protocol::api::RequestTime;
use radiograph_protocol::api::series::{ForecastStatistics, TimeSeriesServiceStatistics};
use serde_json::{Value, json};

use super::*;
use crate::query::sample::{T0, empty, group, message, visit, visits, with};

mod examples;
mod sums;

type Request = GetTimeSeriesServiceStatisticsRequest;
type Point = TimeSeriesServiceStatistics;

fn asked(start: i64, end: i64, period: Option<i64>, selector: Option<&str>) -> Request {
    let at = |seconds| Some(RequestTime(Timestamp::from_seconds(seconds)));
    Request {
        start_time: at(start),
        end_time: at(end),
        period,
        entity_selector_expression: selector.map(str::to_owned),
        ..Request::default()
    }
}

fn of_group(name: &str, request: Request) -> Request {
    Request {
        group_name: Some(name.to_owned()),
        ..request
    }
}

/// The points of a request that has one page.
async fn points(query: &Query, request: Request) -> Vec<Point> {
    let answer = query.time_series(request).await.unwrap();
    assert_eq!(answer.next_token, None);
    assert!(!answer.contains_old_group_versions);
    answer.time_series_service_statistics
}

#[tokio::test]
async fn each_bad_request_for_a_series_has_its_text() {
    let (query, _dir) = empty();
    let good = || asked(T0, T0 + 60, None, None);
    let too_long = "Time range cannot be longer than 366 days";
    let length = "EntitySelectorExpression must have 1 to 500 characters";
    let rows = [
        (
            asked(T0, T0 - 1, None, None),
            "End time cannot be earlier than start time",
        ),
        (asked(T0, T0 + 366 * 86_400 + 1, None, None), too_long),
        (asked(i64::MIN / 2, i64::MAX / 2, None, None), too_long),
        (
            Request {
                start_time: None,
                ..good()
            },
            "StartTime must not be null",
        ),
        (
            Request {
                end_time: None,
                ..good()
            },
            "EndTime must not be null",
        ),
        (
            asked(T0, T0 + 60, Some(61), None),
            "Time period must be one of [60, 300]",
        ),
        (
            asked(T0, T0 + 60, Some(0), None),
            "Time period must be one of [60, 300]",
        ),
        (asked(T0, T0 + 60, None, Some("")), length),
        (asked(T0, T0 + 60, None, Some(&"ok ".repeat(167))), length),
        (of_group("nope", good()), "Group not found."),
        (
            of_group(&"x".repeat(33), good()),
            "Group name or ARN has an invalid length",
        ),
        (
            Request {
                group_arn: Some("arn".to_owned()),
                ..of_group("Default", good())
            },
            "Provide either GroupName or GroupARN",
        ),
        (
            Request {
                next_token: Some("AAAA".to_owned()),
                ..good()
            },
            "Invalid token",
        ),
    ];
    for (request, text) in rows {
        let refusal = message(query.time_series(request).await);
        assert_eq!(refusal, format!("InvalidRequestException: {text}"));
    }
    let refusal = message(
        query
            .time_series(asked(T0, T0 + 60, None, Some("ok && fault")))
            .await,
    );
    assert!(
        refusal.starts_with("InvalidRequestException: Error Location: line 1, position "),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_window_without_requests_has_no_points() {
    let (query, _dir) = with(&visits(1, 1.0)).await;
    for (start, end) in [(T0 + 60, T0 + 60), (T0 - 120, T0), (T0 + 60, T0 + 180)] {
        assert_eq!(points(&query, asked(start, end, None, None)).await, []);
        let far = asked(i64::MAX / 1_000_000, i64::MAX / 1_000_000, Some(300), None);
        assert_eq!(points(&query, far).await, []);
    }
    // a window within the minute of a request counts the whole minute
    assert_eq!(
        points(&query, asked(T0 + 59, T0 + 59, None, None))
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn points_cover_aligned_periods_and_are_stamped_with_their_end() {
    // 22:59:05 and 22:59:50 in the specification; here five minutes end at T0 + 60
    let visits: Vec<String> = [(1, 5.0), (2, 49.0), (4, 65.0), (7, 200.0)]
        .into_iter()
        .flat_map(|(number, at)| visit(number, at))
        .collect();
    let (query, _dir) = with(&visits).await;
    let stamps = async |start, end, period| -> Vec<(i64, i64)> {
        let points = points(&query, asked(start, end, Some(period), None)).await;
        let count = |point: &Point| point.edge_summary_statistics.unwrap().total_count;
        let shown = points.iter();
        shown
            .map(|point| (point.timestamp.seconds_floor() - T0, count(point)))
            .collect()
    };
    assert_eq!(
        stamps(T0, T0 + 300, 60).await,
        [(240, 1), (120, 1), (60, 2)]
    );
    assert_eq!(stamps(T0, T0 + 300, 300).await, [(360, 2), (60, 2)]);
    // of a period that the window cuts, the minutes inside count
    assert_eq!(stamps(T0 + 90, T0 + 240, 300).await, [(360, 2)]);
    assert_eq!(stamps(T0 + 120, T0 + 240, 300).await, [(360, 1)]);
}

/// Requests, faults, throttles, microseconds and histogram of all points together.
fn sum(points: &[Point]) -> (i64, i64, i64, i64, Vec<(i64, i64)>) {
    let (mut sum, mut histogram) = ((0, 0, 0, 0), std::collections::BTreeMap::new());
    let micros = |seconds: f64| Timestamp::from_seconds_f64(seconds).unwrap().micros();
    let millis = |seconds: f64| (micros(seconds) + 500).div_euclid(1000);
    for point in points {
        let of = point
            .edge_summary_statistics
            .or(point.service_summary_statistics)
            .unwrap();
        sum.0 += of.total_count;
        sum.1 += of.fault_statistics.total_count;
        sum.2 += of.error_statistics.throttle_count;
        sum.3 += millis(of.total_response_time);
        for entry in &point.response_time_histogram {
            *histogram.entry(millis(entry.value)).or_default() += entry.count;
        }
    }
    (sum.0, sum.1, sum.2, sum.3, histogram.into_iter().collect())
}

#[tokio::test]
async fn pages_join_up_to_the_whole_and_their_tokens_belong_to_the_query() {
    let periods = SERIES_PERIODS_PER_PAGE_MAX;
    // a request in every 40 minutes or so, over three pages of minutes and a bit
    let count = u32::try_from(3 * periods / 40).unwrap() + 2;
    let (query, _dir) = with(&visits(count, 2400.0)).await;
    group(&query, "everything", "service(\"shop\")").await;
    let end = T0 + 60 * (3 * periods + 5);
    for group in [None, Some("everything")] {
        let request = |period, token: Option<&String>| Request {
            group_name: group.map(str::to_owned),
            next_token: token.cloned(),
            ..asked(T0 + 30, end, Some(period), None)
        };
        let (mut found, mut token, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = query
                .time_series(request(60, token.as_ref()))
                .await
                .unwrap();
            found.extend(page.time_series_service_statistics);
            pages += 1;
            if let Some(token) = &page.next_token {
                let other = query.time_series(request(300, Some(token))).await;
                assert_eq!(message(other), "InvalidRequestException: Invalid token");
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(pages, 4);
        assert!(found.is_sorted_by(|a, b| a.timestamp > b.timestamp));
        let expected = i64::from(count) - 1;
        assert_eq!(
            found.len(),
            usize::try_from(expected).unwrap(),
            "one lies beyond the window"
        );
        let whole = points(&query, request(300, None)).await;
        assert_eq!(sum(&whole), sum(&found));
    }
}

#[tokio::test]
async fn a_forecast_looks_back_on_sixty_periods_before_each_point() {
    // one fault in each of 90 minutes
    let documents: Vec<String> = (0..90)
        .flat_map(|minute| visit(minute * 3, f64::from(minute) * 60.0))
        .collect();
    let (query, _dir) = with(&documents).await;
    group(&query, "everything", "service(\"shop\")").await;
    let request = |selector: Option<&str>| Request {
        forecast_statistics: Some(true),
        ..asked(T0 + 60 * 59, T0 + 60 * 61, None, selector)
    };
    let forecast = |low, high| ForecastStatistics {
        fault_count_high: Some(high),
        fault_count_low: Some(low),
    };
    for group in [None, Some("everything")] {
        let request = Request {
            group_name: group.map(str::to_owned),
            ..request(Some("service(\"shop\")"))
        };
        let shown = points(&query, request).await;
        let shown: Vec<_> = shown
            .iter()
            .map(|point| point.service_forecast_statistics)
            .collect();
        // 60 of 60 minutes with one fault each; 59 of 60: mean 0.983, deviation 0.128
        assert_eq!(shown, [forecast(1, 1), forecast(0, 2)]);
    }
    for selector in [None, Some("edge(\"shop\", \"pay\")")] {
        for point in points(&query, request(selector)).await {
            assert_eq!(
                point.service_forecast_statistics,
                ForecastStatistics::default()
            );
        }
    }
    let without = asked(T0, T0 + 600, None, Some("service(\"shop\")"));
    for point in points(&query, without).await {
        let shown = serde_json::to_value(point).unwrap();
        assert_eq!(shown["ServiceForecastStatistics"], json!({}));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_pages_cover_each_minute_of_any_window_once(
        start in -10_000_000_i64..10_000_000,
        length in 0_i64..20_000_000,
        is_long in any::<bool>(),
    ) {
        let period = if is_long { 300 } else { 60 };
        let request = asked(start, start + length, Some(period), None);
        let series = Series::read(&request, None).unwrap();
        // the definition: a minute belongs to the window when m + 60 > start and m < end
        let first = start.div_euclid(60) * 60;
        let mut until = (start + length).div_euclid(60) * 60;
        until += if until < start + length { 60 } else { 0 };
        let (mut before, mut seen_from) = (None, until);
        while let Some(page) = series.page(before) {
            prop_assert_eq!(page.minutes.until, seen_from);
            prop_assert!(page.minutes.until - page.minutes.first <= period * SERIES_PERIODS_PER_PAGE_MAX);
            prop_assert!(page.minutes.first < page.minutes.until);
            seen_from = page.minutes.first;
            before = page.next;
            if before.is_none() {
                break;
            }
            prop_assert_eq!(before, Some(seen_from));
        }
        prop_assert_eq!(seen_from, first.min(until));
    }
}
