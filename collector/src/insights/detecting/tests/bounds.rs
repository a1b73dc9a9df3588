//! What falls beyond bounds in rounds is counted in the metrics, once per round that was written.

use super::*;
use crate::trace::node::NodeKey;

fn limited(insights: &Insights) -> Vec<(&'static str, u64)> {
    insights
        .metrics
        .snapshot()
        .insights_limited
        .into_iter()
        .collect()
}

#[tokio::test]
async fn minutes_beyond_what_is_caught_up_are_counted_once() {
    let (insights, _dir) = outage().await;
    let mut detecting = Detecting::new(insights.clone());
    let begun = minute(QUIET);
    detecting.round(judging(begun)).await.unwrap();
    assert_eq!(limited(&insights), []);
    // away for six hours and seven minutes, with two groups
    let back = begun + CATCH_UP_SECONDS_MAX + 7 * 60;
    detecting.round(judging(back)).await.unwrap();
    assert_eq!(limited(&insights), [("minutes_caught_up", 14)]);
    detecting.round(judging(back + 60)).await.unwrap();
    assert_eq!(limited(&insights), [("minutes_caught_up", 14)]);
}

#[tokio::test]
async fn an_insight_that_the_full_list_lets_go_for_a_new_one_is_counted() {
    let (insights, _dir) = outage().await;
    set_default(&insights, InsightsConfiguration::default()).await;
    let of_group = OfGroup {
        name: "g".to_owned(),
        arn: "another".to_owned(),
        filter_expression: None,
    };
    let old = |number: i64| {
        let root_cause = NodeKey::client_of("x");
        let mut old = Insight::new(of_group.clone(), root_cause, minute(number - 1000));
        old.close(minute(0));
        old
    };
    let full: Vec<Insight> = (0..1000).map(old).collect();
    let end = minute(QUIET + OUTAGE);
    let beyond = kept::put(&*insights.store, &full, end).await.unwrap();
    assert_eq!(beyond, Beyond::default());
    let mut detecting = Detecting::new(insights.clone());
    detecting.round(judging(end)).await.unwrap();
    assert_eq!(limited(&insights), [("insights_kept", 1)]);
    assert_eq!(listed(&insights, "watched").await.len(), 1);
}

#[tokio::test]
async fn what_another_collector_has_judged_is_not_counted_again() {
    let (insights, _dir) = outage().await;
    let mut detecting = Detecting::new(insights.clone());
    let begun = minute(QUIET);
    detecting.round(judging(begun)).await.unwrap();
    let mut other = Detecting::new(insights.clone());
    other.read_watches().await.unwrap();
    let back = begun + CATCH_UP_SECONDS_MAX + 7 * 60;
    detecting.round(judging(back)).await.unwrap();
    other.round(judging(back)).await.unwrap();
    assert_eq!(limited(&insights), [("minutes_caught_up", 14)]);
}
