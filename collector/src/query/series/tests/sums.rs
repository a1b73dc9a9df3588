//! Points against graphs, and the series of groups against those of all traces.

use radiograph_protocol::api::graph::{GetServiceGraphRequest, Service};

use super::*;

#[tokio::test]
async fn all_points_of_a_window_add_up_to_its_graph() {
    let (query, _dir) = with(&visits(300, 3.7)).await;
    for (start, end) in [(T0 - 60, T0 + 1200), (T0 + 70, T0 + 610)] {
        let request = GetServiceGraphRequest {
            start_time: asked(start, end, None, None).start_time,
            end_time: asked(start, end, None, None).end_time,
            ..GetServiceGraphRequest::default()
        };
        let services = query.service_graph(request).await.unwrap().services;
        let place = |name: &str, kind: Option<&str>| {
            let mut all = services.iter();
            all.find(|one| one.name == name && one.kind.as_deref() == kind)
                .unwrap()
        };
        let shop = place("shop", Some("AWS::ECS::Container"));
        let pay = place("pay", None);
        let in_graph = |edge: bool, statistics, histogram: &[_]| Point {
            timestamp: Timestamp::default(),
            edge_summary_statistics: Some(statistics).filter(|_| edge),
            service_summary_statistics: Some(statistics).filter(|_| !edge),
            service_forecast_statistics: ForecastStatistics::default(),
            response_time_histogram: histogram.to_vec(),
        };
        let of_edge = |from: &Service, to: usize| {
            let edge = from
                .edges
                .iter()
                .find(|edge| edge.reference_id == to)
                .unwrap();
            in_graph(
                true,
                edge.summary_statistics.unwrap(),
                &edge.response_time_histogram,
            )
        };
        let of_node = |one: &Service| {
            let histogram = one.response_time_histogram.as_deref().unwrap();
            in_graph(false, one.summary_statistics.unwrap(), histogram)
        };
        let client = place("shop", Some("client"));
        let rows = [
            (None, of_edge(client, shop.reference_id)),
            (
                Some("edge(\"shop\", \"pay\")"),
                of_edge(shop, pay.reference_id),
            ),
            (Some("service(\"pay\")"), of_node(pay)),
            (
                Some("service(\"carts\")"),
                of_node(place("carts", Some("AWS::DynamoDB::Table"))),
            ),
        ];
        for (selector, expected) in rows {
            for period in [60, 300] {
                let shown = points(&query, asked(start, end, Some(period), selector)).await;
                assert!(shown.len() > 1);
                assert_eq!(
                    sum(&shown),
                    sum(std::slice::from_ref(&expected)),
                    "{selector:?}"
                );
                let newest_first = |pair: &[Point]| pair[0].timestamp > pair[1].timestamp;
                assert!(shown.windows(2).all(newest_first));
            }
        }
    }
}

#[tokio::test]
async fn a_group_that_selects_every_trace_has_the_series_of_all() {
    let (query, _dir) = with(&visits(600, 2.9)).await;
    group(&query, "everything", "service(\"shop\")").await;
    let selectors = [
        None,
        Some("service(\"pay\")"),
        Some("edge(\"shop\", \"pay\")"),
        Some("edge()"),
    ];
    for selector in selectors {
        let asked = || Request {
            forecast_statistics: Some(true),
            ..asked(T0 + 61, T0 + 1500, Some(60), selector)
        };
        let all = points(&query, asked()).await;
        assert!(all.len() > 20, "{selector:?}");
        assert_eq!(
            points(&query, of_group("everything", asked())).await,
            all,
            "{selector:?}"
        );
        assert_eq!(
            points(&query, of_group("Default", asked())).await,
            all,
            "{selector:?}"
        );
    }
    // a filter as selector: the client edges of the matching traces
    let all = points(&query, asked(T0, T0 + 600, None, None)).await;
    let filter = Some("service(\"shop\")  AND group.name = \"everything\"");
    assert_eq!(points(&query, asked(T0, T0 + 600, None, filter)).await, all);
}

#[tokio::test]
async fn a_group_and_a_filter_both_restrict_the_traces() {
    // faults are 0, 3, 6, 9, …
    let (query, _dir) = with(&visits(30, 1.0)).await;
    group(&query, "failing", "fault").await;
    group(&query, "fine", "ok").await;
    let requests = async |request: Request| sum(&points(&query, request).await).0;
    let asked = |selector| asked(T0, T0 + 60, None, selector);
    assert_eq!(requests(asked(None)).await, 30);
    assert_eq!(requests(asked(Some("fault"))).await, 10);
    assert_eq!(requests(of_group("failing", asked(None))).await, 10);
    assert_eq!(
        requests(of_group("failing", asked(Some("service(\"pay\")")))).await,
        10
    );
    assert_eq!(
        requests(of_group("failing", asked(Some("fault")))).await,
        10
    );
    assert_eq!(requests(of_group("fine", asked(Some("fault")))).await, 0);
    assert_eq!(requests(asked(Some("group.name = \"failing\""))).await, 10);
}
