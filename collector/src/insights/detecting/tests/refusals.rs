//! Requests that are refused, each with its text.

use super::*;

type Request = GetInsightSummariesRequest;

fn good() -> Request {
    asked("Default")
}

fn states(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

async fn are_refused(rows: Vec<(Request, &str)>) {
    let dir = tempfile::tempdir().unwrap();
    let insights = insights_on(&dir);
    for (request, text) in rows {
        let refusal = summaries(&insights, request).await;
        assert_eq!(refusal, Err(format!("InvalidRequestException: {text}")));
    }
    assert_eq!(listed(&insights, "Default").await.len(), 0);
}

#[tokio::test]
async fn each_bad_window_or_group_of_insights_has_its_text() {
    let old = at(minute(120) - 30 * 24 * 3600 - 1);
    let window = |start: Option<Timestamp>, end: Option<Timestamp>| Request {
        start_time: start.map(RequestTime),
        end_time: end.map(RequestTime),
        ..good()
    };
    are_refused(vec![
        (window(None, Some(at(T0))), "StartTime must not be null"),
        (window(Some(at(T0)), None), "EndTime must not be null"),
        (
            window(Some(at(T0)), Some(at(T0 - 1))),
            "End time cannot be earlier than start time",
        ),
        (
            window(Some(old), Some(at(T0))),
            "Start time cannot be older than 30 days",
        ),
        (
            Request {
                group_name: None,
                ..good()
            },
            "Provide either GroupName or GroupARN",
        ),
        (asked("nope"), "Group not found"),
    ])
    .await;
}

#[tokio::test]
async fn each_bad_state_or_page_of_insights_has_its_text() {
    let of_states = |names: &[&str]| Request {
        states: states(names),
        ..good()
    };
    let of_page = |max_results: i64| Request {
        max_results: Some(max_results),
        ..good()
    };
    let behind = |token: String| Request {
        next_token: Some(token),
        ..good()
    };
    are_refused(vec![
        (
            of_states(&["ACTIVE", "CLOSED"]),
            "States must have at most 1 element",
        ),
        (
            of_states(&["active"]),
            "States must be one of [ACTIVE, CLOSED]",
        ),
        (of_page(0), "MaxResults must be between 1 and 100"),
        (of_page(101), "MaxResults must be between 1 and 100"),
        (behind("AAAA".to_owned()), "Invalid token"),
        (behind("A".repeat(2001)), "Invalid token"),
    ])
    .await;
}

#[tokio::test]
async fn each_bad_request_for_one_insight_has_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let insights = insights_on(&dir);
    let unknown = "8dbd7ba4-9d6a-43ee-9d7f-8f1b2c3d4e5f";
    for (id, text) in [
        (None, "InsightId must not be null"),
        (Some("x"), "InsightId must be a UUID"),
        (
            Some("8dbd7ba49d6a43ee9d7f8f1b2c3d4e5f"),
            "InsightId must be a UUID",
        ),
        (Some(unknown), "Insight not found"),
    ] {
        let insight_id = id.map(str::to_owned);
        let request = GetInsightRequest { insight_id };
        let refusal = insights.insight(request).await.unwrap_err().to_string();
        assert_eq!(refusal, format!("InvalidRequestException: {text}"));
    }
    let events = GetInsightEventsRequest {
        insight_id: Some(unknown.to_owned()),
        max_results: Some(51),
        next_token: None,
    };
    assert_eq!(
        insights.events(events).await.unwrap_err().to_string(),
        "InvalidRequestException: MaxResults must be between 1 and 50"
    );
}
