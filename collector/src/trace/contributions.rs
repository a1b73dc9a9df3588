//! What one trace adds to the service graph. Source: `spec/traces-and-graph.md` section 7.1.
//!
//! A contribution takes 0.3 µs (`bench/graph`); nothing is built for it but the names of what is new.

use std::borrow::Cow;

use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::facts::{CallFacts, EntityFacts, LinkFacts, SegmentFacts, SegmentKind};
use super::histogram::Histogram;
use super::node::{EdgeKey, Ends, NodeKey};
use super::totals::{
    EdgeTotals, NodeTotals, Span, Statistics, Totals, add_uses, change, change_at,
};
use super::view::TraceView;

/// Everything the trace adds, per minute.
#[must_use]
pub fn contributions(view: &TraceView) -> Totals {
    let mut totals = Totals::default();
    add(view, &mut totals, 1);
    totals
}

/// Adds `factor` times what the trace adds to the graph; `-1` takes it away.
pub fn add(view: &TraceView, totals: &mut Totals, factor: i64) {
    for segment in &view.facts.segments {
        add_segment(view, segment, totals, factor);
    }
    for call in view.facts.calls.iter().filter(|call| call.is_counted) {
        add_call(view, call, totals, factor);
    }
    for link in &view.facts.links {
        add_link(view, link, totals, factor);
    }
}

fn add_segment(view: &TraceView, segment: &SegmentFacts, totals: &mut Totals, factor: i64) {
    let Some(entity) = view.entity(segment.entity) else {
        return;
    };
    let (key, span) = (view.node(segment.node), span_of(entity));
    let add = |node: &mut NodeTotals| {
        node.present += factor;
        node.sent += factor * i64::from(segment.kind != SegmentKind::Inferred);
        node.roots += factor * i64::from(segment.is_root);
        node.span.widen(span);
        count(
            entity,
            &mut node.statistics,
            &mut node.response_times,
            factor,
        );
        if entity.end.is_some() {
            let duration = segment.latest.since(segment.earliest);
            node.durations.count(duration, factor);
        }
    };
    totals.change(span.end.minute(), |minute| {
        change(&mut minute.nodes, key, span, add);
    });
}

fn add_call(view: &TraceView, call: &CallFacts, totals: &mut Totals, factor: i64) {
    let (Some(entity), Some(target)) = (view.entity(call.entity), view.segment(call.target)) else {
        return;
    };
    let callee = view.node(target.node);
    let source = match call.source.map(|source| view.segment(source)) {
        Some(Some(source)) => Cow::Borrowed(view.node(source.node)),
        Some(None) => return,
        None => Cow::Owned(NodeKey::client_of(&callee.name)),
    };
    let span = span_of(entity);
    let add = |edge: &mut EdgeTotals| {
        edge.present += factor;
        edge.source_sent += factor * i64::from(call.source.is_some());
        edge.target_sent += factor * i64::from(target.kind != SegmentKind::Inferred);
        edge.span.widen(span);
        count(
            entity,
            &mut edge.statistics,
            &mut edge.response_times,
            factor,
        );
        if let Some(alias) = call.alias {
            add_uses(&mut edge.aliases, view.node(alias), factor);
        }
    };
    let ends: &dyn Ends = &(&*source, callee);
    totals.change(span.end.minute(), |minute| {
        change_at(&mut minute.edges, ends, || EdgeKey::of(ends), span, add);
    });
}

fn add_link(view: &TraceView, link: &LinkFacts, totals: &mut Totals, factor: i64) {
    let (Some(producer), Some(consumer)) = (&link.producer, view.segment(link.consumer)) else {
        return;
    };
    let key = EdgeKey {
        source: view.node(producer.node).clone(),
        target: view.node(consumer.node).clone(),
    };
    let span = Span {
        start: link.start,
        end: link.end,
    };
    totals.change(link.start.minute(), |minute| {
        change(&mut minute.links, &key, span, |edge| {
            edge.present += factor;
            edge.source_sent += factor * i64::from(producer.is_sent);
            edge.ages.count(producer.age, factor);
            edge.span.widen(span);
        });
    });
}

/// Start to end; an unfinished entity ends where it starts.
fn span_of(entity: &EntityFacts) -> Span {
    Span {
        start: entity.start,
        end: entity.end_or_start(),
    }
}

/// Counts an entity if it is finished.
fn count(entity: &EntityFacts, into: &mut Statistics, times: &mut Histogram, factor: i64) {
    let since_start = |end: Timestamp| -> Elapsed { end.since(entity.start) };
    if let Some(elapsed) = entity.end.map(since_start) {
        into.add(&Statistics::of(entity.flags, elapsed), factor);
        times.count(elapsed, factor);
    }
}
