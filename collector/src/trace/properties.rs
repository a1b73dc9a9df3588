//! Traces are exact: properties of views and totals over generated traces, compared with what is
//! known of them by construction. Source: `spec/traces-and-graph.md`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use radiograph_protocol::timestamp::Timestamp;
use serde_json::{Map, Value};

use super::contributions;
use super::documents::{Entry, entries};
use super::facts::SegmentKind;
use super::generate::truth::{Count, Counts, Truth, parent_links};
use super::generate::{self, Generated, Planned, producers};
use super::link::Producers;
use super::node::NodeKey;
use super::stitch::{parse_all, stitch};
use super::totals::{MinuteTotals, Span, Statistics, Totals};
use super::view::{TraceView, view};

fn view_of(documents: &[String], producers: &Producers) -> TraceView {
    view(documents.iter().map(String::as_str), producers).unwrap()
}

fn lone_view(trace: &Generated) -> TraceView {
    view_of(&trace.documents, &Producers::default())
}

fn entries_of(documents: &[String]) -> Vec<Entry> {
    let parsed = parse_all(documents.iter().map(String::as_str));
    entries(&stitch(&parsed).unwrap(), &parsed)
}

/// The totals of these views, added up from nothing.
fn fold<'v>(views: impl IntoIterator<Item = &'v TraceView>) -> Totals {
    let mut totals = Totals::default();
    for view in views {
        contributions::add(view, &mut totals, 1);
    }
    totals
}

/// Every span of a minute, by what it belongs to.
fn spans(minute: &MinuteTotals) -> Vec<Span> {
    let nodes = minute.nodes.values().map(|node| node.span);
    let edges = minute.edges.values().map(|edge| edge.span);
    let links = minute.links.values().map(|link| link.span);
    nodes.chain(edges).chain(links).collect()
}

/// The totals with all spans alike, since they alone cannot be taken back.
fn without_spans(totals: &Totals) -> Totals {
    let mut totals = totals.clone();
    let none = Span {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    totals.minutes.retain(|_, minute| !minute.is_empty());
    for minute in totals.minutes.values_mut() {
        minute.nodes.values_mut().for_each(|node| node.span = none);
        minute.edges.values_mut().for_each(|edge| edge.span = none);
        minute.links.values_mut().for_each(|link| link.span = none);
    }
    totals
}

/// Running totals over views that are replaced one by one.
#[derive(Default)]
struct Running {
    views: BTreeMap<usize, TraceView>,
    totals: Totals,
}

impl Running {
    fn replace(&mut self, trace: usize, view: TraceView) {
        contributions::add(&view, &mut self.totals, 1);
        if let Some(earlier) = self.views.insert(trace, view) {
            contributions::add(&earlier, &mut self.totals, -1);
        }
    }
}

/// What arrives: a document of a trace, and whether some trace is settled then.
#[derive(Debug, Clone)]
struct Arrival {
    trace: usize,
    document: String,
    settled: Option<prop::sample::Index>,
}

/// Linked traces, and their documents in any order with settling in between.
fn arrivals() -> impl Strategy<Value = (Vec<Generated>, Vec<Arrival>)> {
    let settled = prop::option::weighted(0.6, any::<prop::sample::Index>());
    generate::linked_traces().prop_flat_map(move |traces| {
        let documents = traces.iter().enumerate().flat_map(|(trace, generated)| {
            let documents = generated.documents.iter().cloned();
            documents.map(move |document| (trace, document))
        });
        let documents: Vec<_> = documents.collect();
        let count = documents.len();
        let arrivals = (
            generate::shuffled(documents),
            prop::collection::vec(settled.clone(), count),
        );
        let arrivals = arrivals.prop_map(|(documents, settled)| {
            let pairs = documents.into_iter().zip(settled);
            let arrival = |((trace, document), settled)| Arrival {
                trace,
                document,
                settled,
            };
            pairs.map(arrival).collect::<Vec<_>>()
        });
        (Just(traces), arrivals)
    })
}

fn counts_of(statistics: &Statistics, present: i64) -> Count {
    Count {
        present,
        ok: statistics.ok,
        error: statistics.error,
        throttle: statistics.throttle,
        fault: statistics.fault,
        micros: statistics.response_time_micros,
    }
}

/// Entities of returned documents as (id, id of the one they are nested in, members).
fn returned(documents: &[Value]) -> Vec<(u64, Option<u64>, Map<String, Value>)> {
    let mut found = Vec::new();
    let mut pending: Vec<(&Value, Option<u64>)> = documents.iter().map(|one| (one, None)).collect();
    while let Some((entity, around)) = pending.pop() {
        let mut members = entity.as_object().unwrap().clone();
        members.remove("subsegments");
        let id = u64::from_str_radix(entity["id"].as_str().unwrap(), 16).unwrap();
        let nested = entity["subsegments"].as_array().into_iter().flatten();
        pending.extend(nested.map(|one| (one, Some(id))));
        found.push((id, around, members));
    }
    found
}

/// What must come back of an entity: everything it was sent with, and nothing else.
fn expected_members(truth: &Truth<'_>, entity: &Planned, is_nested: bool) -> Map<String, Value> {
    let mut members = entity.members.clone();
    let time = |micros: i64| Value::from(micros as f64 / 1e6);
    members.insert("start_time".into(), time(entity.start));
    match entity.end {
        Some(end) => members.insert("end_time".into(), time(end)),
        None => members.insert("in_progress".into(), true.into()),
    };
    if !is_nested {
        members.insert("trace_id".into(), truth.trace.trace_id.to_string().into());
        if !entity.is_segment {
            members.insert("type".into(), "subsegment".into());
        }
    }
    members
}

/// Takes out a member that holds an id.
fn take_id(members: &mut Map<String, Value>, name: &str) -> Option<u64> {
    let id = members.remove(name)?;
    Some(u64::from_str_radix(id.as_str().unwrap(), 16).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn property_order_and_repeats_change_neither_view_nor_answer(
        (trace, shuffled) in generate::trace().prop_flat_map(|trace| {
            let twice = [&trace.documents[..], &trace.documents].concat();
            (Just(trace), generate::shuffled(twice))
        })
    ) {
        let (straight, mixed) = (lone_view(&trace), view_of(&shuffled, &Producers::default()));
        prop_assert_eq!(&straight, &mixed);
        prop_assert_eq!(fold([&straight]), fold([&mixed]));
        prop_assert_eq!(entries_of(&trace.documents), entries_of(&shuffled));
        let different: BTreeSet<_> = trace.documents.iter().collect();
        prop_assert_eq!(straight.revision as usize, different.len());
    }

    #[test]
    fn property_views_survive_their_stored_form(traces in generate::linked_traces()) {
        let producers = producers(&traces);
        for trace in &traces {
            let view = view_of(&trace.documents, &producers);
            let stored = postcard::to_allocvec(&view).unwrap();
            prop_assert_eq!(postcard::from_bytes::<TraceView>(&stored).unwrap(), view);
        }
    }

    #[test]
    fn property_running_totals_equal_a_fold_from_scratch((traces, arrivals) in arrivals()) {
        let mut arrived: Vec<Vec<String>> = vec![Vec::new(); traces.len()];
        let mut running = Running::default();
        let known = |arrived: &[Vec<String>]| {
            let mut known = traces.clone();
            for (trace, documents) in known.iter_mut().zip(arrived) {
                trace.documents.clone_from(documents);
            }
            known.retain(|trace| !trace.documents.is_empty());
            producers(&known)
        };
        for arrival in &arrivals {
            arrived[arrival.trace].push(arrival.document.clone());
            let settled = arrival.settled.map(|index| index.index(traces.len()));
            if let Some(trace) = settled.filter(|trace| !arrived[*trace].is_empty()) {
                running.replace(trace, view_of(&arrived[trace], &known(&arrived)));
            }
        }
        let all = producers(&traces);
        for (trace, generated) in traces.iter().enumerate() {
            running.replace(trace, view_of(&generated.documents, &all));
        }
        let scratch = fold(running.views.values());
        prop_assert_eq!(without_spans(&running.totals), without_spans(&scratch));
        for (minute, exact) in &scratch.minutes {
            for (wide, exact) in spans(&running.totals.minutes[minute]).iter().zip(spans(exact)) {
                prop_assert!(wide.start <= exact.start && wide.end >= exact.end);
            }
        }
        for view in running.views.values() {
            contributions::add(view, &mut running.totals, -1);
        }
        prop_assert_eq!(without_spans(&running.totals), Totals::default());
    }

    #[test]
    fn property_counts_add_up(trace in generate::trace()) {
        for minute in fold([&lone_view(&trace)]).minutes.values() {
            let counted = |histogram: &super::histogram::Histogram| {
                histogram.entries().map(|(_, count)| count).sum::<i64>()
            };
            let shown = |statistics: &Statistics| super::graph::statistics(statistics);
            for node in minute.nodes.values() {
                let total = node.statistics.total();
                prop_assert_eq!(counted(&node.response_times), total);
                prop_assert_eq!(counted(&node.durations), total);
                prop_assert!(total <= node.present);
                prop_assert!(node.sent <= node.present && node.roots <= node.sent);
                let shown = shown(&node.statistics);
                let errors = shown.error_statistics;
                prop_assert_eq!(errors.throttle_count + errors.other_count, errors.total_count);
                let faults = shown.fault_statistics.total_count;
                prop_assert_eq!(shown.ok_count + errors.total_count + faults, shown.total_count);
            }
            for edge in minute.edges.values() {
                let total = edge.statistics.total();
                prop_assert_eq!(counted(&edge.response_times), total);
                prop_assert!(total <= edge.present);
                prop_assert!(edge.source_sent.max(edge.target_sent) <= edge.present);
                prop_assert!(edge.aliases.values().all(|uses| (1..=edge.present).contains(uses)));
            }
        }
    }

    #[test]
    fn property_nodes_and_edges_count_what_was_made(trace in generate::trace()) {
        let (mut nodes, mut edges) = (Counts::new(), Counts::new());
        for (minute, totals) in fold([&lone_view(&trace)]).minutes {
            for (key, node) in totals.nodes {
                nodes.insert((minute.seconds(), key), counts_of(&node.statistics, node.present));
            }
            for (key, edge) in totals.edges {
                edges.insert((minute.seconds(), key), counts_of(&edge.statistics, edge.present));
            }
        }
        let truth = Truth::of(&trace);
        prop_assert_eq!(nodes, truth.nodes());
        prop_assert_eq!(edges, truth.edges());
    }

    #[test]
    fn property_callees_keep_the_names_their_callers_used(trace in generate::trace()) {
        let mut aliases = BTreeMap::new();
        for (key, edge) in fold([&lone_view(&trace)]).all().edges {
            for (alias, uses) in edge.aliases {
                aliases.insert((key.clone(), alias), uses);
            }
        }
        prop_assert_eq!(aliases, Truth::of(&trace).aliases());
    }

    #[test]
    fn property_links_draw_an_edge_each(traces in generate::linked_traces()) {
        let producers = producers(&traces);
        let views: Vec<_> = traces.iter().map(|one| view_of(&one.documents, &producers)).collect();
        let mut expected: BTreeMap<(NodeKey, NodeKey), i64> = BTreeMap::new();
        for trace in &traces {
            let truth = Truth::of(trace);
            for entity in &trace.entities {
                for (trace_id, id) in parent_links(entity) {
                    let linked = traces.iter().find(|one| one.trace_id.to_string() == trace_id);
                    if let Some(node) = Truth::of(linked.unwrap()).producer(id) {
                        *expected.entry((node, truth.node_of(entity))).or_default() += 1;
                    }
                }
            }
        }
        let mut drawn = BTreeMap::new();
        for (key, link) in fold(&views).all().links {
            let ages: i64 = link.ages.entries().map(|(_, count)| count).sum();
            prop_assert_eq!(ages, link.present);
            drawn.insert((key.source, key.target), link.present);
        }
        prop_assert_eq!(drawn, expected);
    }

    #[test]
    fn property_a_summary_keeps_within_its_trace(trace in generate::trace()) {
        let (view, truth) = (lone_view(&trace), Truth::of(&trace));
        let at = Timestamp::from_micros;
        let summary = &view.summary;
        prop_assert_eq!(Some(summary.start), truth.owners().map(|one| at(one.start)).min());
        let latest = trace.entities.iter().map(|one| at(one.end_or_start())).max();
        prop_assert_eq!(Some(summary.latest), latest);
        let ended = trace.entities.iter().any(|one| one.end.is_some());
        let duration = ended.then(|| summary.latest.since(summary.start));
        prop_assert_eq!(summary.duration, duration);
        // a child that outlives its root, or begins before it, lengthens the duration alone
        if let Some(response_time) = summary.response_time {
            prop_assert!(duration.is_some_and(|duration| response_time <= duration));
        }
        prop_assert_eq!(summary.is_partial, truth.is_partial());
        let sent = trace.entities.iter().filter(|one| one.is_segment).count();
        prop_assert_eq!(summary.root.is_some(), sent > 0);
    }

    #[test]
    fn property_summary_and_graph_name_the_same_nodes(trace in generate::trace()) {
        let view = lone_view(&trace);
        let named: Vec<&NodeKey> = view.summary.services.iter().map(|at| view.node(*at)).collect();
        let all = fold([&view]).all();
        let ends = all.edges.keys().flat_map(|edge| [&edge.source, &edge.target]);
        let in_graph: BTreeSet<&NodeKey> = all.nodes.keys().chain(ends).collect();
        prop_assert_eq!(named, in_graph.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn property_every_entity_comes_back_once_as_it_was_sent(trace in generate::trace()) {
        let truth = Truth::of(&trace);
        let documents: Vec<Value> = entries_of(&trace.documents)
            .iter()
            .map(|entry| serde_json::from_str(&entry.document).unwrap())
            .filter(|document: &Value| document.get("inferred").is_none())
            .collect();
        let mut missing: BTreeMap<u64, &Planned> =
            trace.entities.iter().map(|one| (one.id, one)).collect();
        for (id, around, mut members) in returned(&documents) {
            let entity = missing.remove(&id);
            prop_assert!(entity.is_some(), "{:x} was not sent, or came back before", id);
            let entity = entity.unwrap();
            let is_nested = !entity.is_segment && truth.parent(entity).is_some();
            prop_assert_eq!(around, entity.parent.filter(|_| is_nested));
            prop_assert_eq!(take_id(&mut members, "id"), Some(id));
            let parent = take_id(&mut members, "parent_id");
            prop_assert_eq!(parent, entity.parent.filter(|_| !is_nested));
            prop_assert_eq!(members, expected_members(&truth, entity, is_nested));
        }
        prop_assert!(missing.is_empty(), "lost: {:?}", missing);
    }

    #[test]
    fn property_calls_nobody_answered_are_inferred(trace in generate::trace()) {
        let truth = Truth::of(&trace);
        let view = lone_view(&trace);
        let inferred = view.facts.segments.iter().filter(|one| one.kind == SegmentKind::Inferred);
        prop_assert_eq!(inferred.count(), truth.inferring().count());
        let mut expected: BTreeMap<u64, &Planned> =
            truth.inferring().map(|call| (call.id, call)).collect();
        for entry in entries_of(&trace.documents) {
            let document: Value = serde_json::from_str(&entry.document).unwrap();
            if document.get("inferred").is_none() {
                continue;
            }
            prop_assert_eq!(&document["id"], &entry.id);
            let mut members = document.as_object().unwrap().clone();
            let call = expected.remove(&take_id(&mut members, "parent_id").unwrap());
            prop_assert!(call.is_some(), "inferred for nothing: {}", document);
            for (name, value) in expected_members(&truth, call.unwrap(), false) {
                let is_shared = ["start_time", "end_time", "in_progress", "trace_id", "http",
                    "aws", "sql", "error", "throttle", "fault"].contains(&name.as_str());
                prop_assert_eq!(members.get(&name).filter(|_| name != "name"),
                    is_shared.then_some(&value), "{}", name);
            }
        }
        prop_assert!(expected.is_empty(), "not inferred: {:?}", expected);
    }

    #[test]
    fn property_entries_come_roots_first_then_by_start_and_id(trace in generate::trace()) {
        let truth = Truth::of(&trace);
        let roots: BTreeSet<u64> = truth
            .owners()
            .filter(|one| truth.is_graph_root(one))
            .map(|one| one.id)
            .collect();
        let places: Vec<_> = entries_of(&trace.documents)
            .iter()
            .map(|entry| {
                let document: Value = serde_json::from_str(&entry.document).unwrap();
                let id = u64::from_str_radix(&entry.id, 16).unwrap();
                let start = Timestamp::from_seconds_f64(document["start_time"].as_f64().unwrap());
                (!roots.contains(&id), start, id)
            })
            .collect();
        let mut sorted = places.clone();
        sorted.sort_unstable();
        prop_assert_eq!(places, sorted);
    }
}
