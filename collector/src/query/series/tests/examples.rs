//! Points of the specification's worked examples, reckoned by hand from their graphs.

use serde_json::json;

use super::*;
use radiograph_proto_fixtures::{documents_of, example, same_numbers};

fn statistics(ok: i64, error: i64, fault: i64, seconds: f64) -> Value {
    json!({
        "OkCount": ok,
        "ErrorStatistics": {"ThrottleCount": 0, "OtherCount": error, "TotalCount": error},
        "FaultStatistics": {"OtherCount": fault, "TotalCount": fault},
        "TotalCount": ok + error + fault,
        "TotalResponseTime": seconds,
    })
}

fn point(end: i64, member: &str, statistics: &Value, histogram: &[(f64, i64)]) -> Value {
    let entries = histogram.iter();
    json!({
        "Timestamp": end,
        member: statistics,
        "ServiceForecastStatistics": {},
        "ResponseTimeHistogram":
            entries.map(|(value, count)| json!({"Value": value, "Count": count})).collect::<Value>(),
    })
}

/// A worked example's series over the window of its graph, which has one point.
async fn one_point(number: u32, period: Option<i64>, selector: Option<&str>) -> Value {
    let (query, _dir) = with(&documents_of(&example(number))).await;
    let shown = points(&query, asked(T0 - 60, T0 + 120, period, selector)).await;
    assert_eq!(shown.len(), 1, "example {number}, {selector:?}");
    same_numbers(&serde_json::to_value(&shown[0]).unwrap())
}

#[tokio::test]
async fn the_series_of_calls_in_the_worked_examples() {
    let of_calls = |statistics, histogram: &[(f64, i64)]| {
        same_numbers(&point(
            T0 + 60,
            "EdgeSummaryStatistics",
            &statistics,
            histogram,
        ))
    };
    let visits = of_calls(statistics(2, 0, 0, 0.6), &[(0.2, 1), (0.4, 1)]);
    assert_eq!(one_point(2, None, None).await, visits);
    assert_eq!(one_point(2, Some(60), None).await, visits);
    assert_eq!(one_point(2, Some(300), None).await, visits);
    let calls = of_calls(statistics(1, 0, 1, 0.56), &[(0.18, 1), (0.38, 1)]);
    assert_eq!(
        one_point(2, None, Some("edge(\"front\", \"back\")")).await,
        calls
    );
    let signup = of_calls(statistics(1, 0, 0, 0.157), &[(0.157, 1)]);
    assert_eq!(one_point(1, None, None).await, signup);
    // link edges count nothing, and the consumer of the message has no client
    let producer = of_calls(statistics(1, 0, 0, 0.1), &[(0.1, 1)]);
    assert_eq!(one_point(5, None, None).await, producer);
    let sent = of_calls(statistics(2, 0, 0, 0.12), &[(0.02, 1), (0.1, 1)]);
    assert_eq!(one_point(5, None, Some("edge()")).await, sent);
}

#[tokio::test]
async fn the_series_of_services_in_the_worked_examples() {
    let rows = [
        (
            2,
            "back",
            statistics(1, 0, 1, 0.35),
            vec![(0.15, 1), (0.2, 1)],
        ),
        // the node of that name, and not its client
        (
            2,
            "front",
            statistics(2, 0, 0, 0.6),
            vec![(0.2, 1), (0.4, 1)],
        ),
        (
            1,
            "geo.example.net",
            statistics(0, 1, 0, 0.01),
            vec![(0.01, 1)],
        ),
        // the two nodes of the function: response times, not durations
        (
            4,
            "resize",
            statistics(2, 0, 0, 2.9),
            vec![(0.4, 1), (2.5, 1)],
        ),
    ];
    for (number, name, statistics, histogram) in rows {
        let expected = point(T0 + 60, "ServiceSummaryStatistics", &statistics, &histogram);
        let selector = format!("service(\"{name}\")");
        let shown = one_point(number, None, Some(&selector)).await;
        assert_eq!(
            shown,
            same_numbers(&expected),
            "example {number}, {selector}"
        );
    }
}
