//! A stitched trace to its segments, calls and links.
//! Source: `spec/traces-and-graph.md` sections 2.3, 3.3, 7.1 and 7.4.

use std::collections::HashSet;

use radiograph_protocol::segment::Entity;
use radiograph_protocol::timestamp::Timestamp;

use super::facts::{
    CallFacts, EntityAt, EntityFacts, Facts, HostFacts, HttpFacts, LinkFacts, NodeAt,
    ProducerFacts, SegmentAt, SegmentFacts, SegmentKind,
};
use super::link::{Producers, parent_links};
use super::node;
use super::nodes::Nodes;
use super::stitch::{Index, Member, PerEntity, Trace};

/// The segments, calls and links of the trace; names that only they use join `nodes`.
#[must_use]
pub(super) fn facts(trace: &Trace<'_>, nodes: &mut Nodes, producers: &Producers) -> Facts {
    let mut collecting = Collecting {
        trace,
        nodes,
        facts: Facts::default(),
        own: PerEntity::of(trace),
        entities: PerEntity::of(trace),
    };
    collecting.add_segments();
    collecting.add_client_calls();
    collecting.add_calls();
    collecting.add_links(producers);
    collecting.facts
}

struct Collecting<'t, 'd> {
    trace: &'t Trace<'d>,
    nodes: &'t mut Nodes,
    facts: Facts,
    /// The segment of each owner.
    own: PerEntity<SegmentAt>,
    entities: PerEntity<EntityAt>,
}

impl Collecting<'_, '_> {
    /// Sent segments and orphans, by start and id.
    fn add_segments(&mut self) {
        let spans = spans_with_subsegments(self.trace);
        for (at, owner) in self.trace.owners() {
            let Some(node) = self.nodes.own(at) else {
                continue;
            };
            let entity = self.entity(at, owner);
            let (earliest, latest) = spans
                .get(at)
                .unwrap_or_else(|| (owner.entity.start, owner.entity.end_or_start()));
            let kind = if owner.is_segment {
                SegmentKind::Sent
            } else {
                SegmentKind::Orphan
            };
            let place = self.push(SegmentFacts {
                node,
                entity,
                earliest,
                latest,
                kind,
                is_root: owner.is_graph_root(),
                host: owner.is_segment.then(|| host(owner.entity)).flatten(),
            });
            self.own.set(at, place);
        }
    }

    /// The call of each graph root's client.
    fn add_client_calls(&mut self) {
        for (at, owner) in self.trace.owners() {
            if let Some(target) = self.own.get(at)
                && owner.has_client()
            {
                let entity = self.entity(at, owner);
                self.facts.calls.push(CallFacts {
                    source: None,
                    target,
                    entity,
                    is_counted: true,
                    alias: None,
                });
            }
        }
    }

    /// The calls of all entities, and the segments inferred from them.
    fn add_calls(&mut self) {
        for (at, caller) in self.trace.members() {
            if !caller.infers && caller.callees.is_empty() {
                continue;
            }
            let Some(source) = self.own.get(caller.owner) else {
                continue;
            };
            let entity = self.entity(at, caller);
            if let Some(node) = self.nodes.inferred(at) {
                let target = self.push(SegmentFacts {
                    node,
                    entity,
                    earliest: caller.entity.start,
                    latest: caller.entity.end_or_start(),
                    kind: SegmentKind::Inferred,
                    is_root: false,
                    host: None,
                });
                self.facts.calls.push(CallFacts {
                    source: Some(source),
                    target,
                    entity,
                    is_counted: true,
                    alias: None,
                });
            }
            self.add_answered_calls(caller, source, entity);
        }
    }

    /// The calls from one caller to the segments that answered it: several at one node are one
    /// request.
    fn add_answered_calls(&mut self, caller: &Member<'_>, source: SegmentAt, entity: EntityAt) {
        // a set: a hostile call is answered by a hundred thousand services
        let mut counted: HashSet<NodeAt> = HashSet::new();
        let called = caller.is_call().then(|| node::of_inferred(caller.entity));
        for callee in &caller.callees {
            let (Some(target), Some(node)) = (self.own.get(*callee), self.nodes.own(*callee))
            else {
                continue;
            };
            let is_counted = counted.insert(node);
            let name = self.nodes.key(node).map(|key| key.name.as_str());
            let differs = called
                .as_ref()
                .filter(|called| Some(called.name.as_str()) != name);
            let alias = differs.cloned().map(|alias| self.nodes.place(alias));
            self.facts.calls.push(CallFacts {
                source: Some(source),
                target,
                entity,
                is_counted,
                alias,
            });
        }
    }

    fn add_links(&mut self, producers: &Producers) {
        let own = self.own_producers();
        for (at, link) in parent_links(self.trace) {
            let carrier = self.trace.member(at);
            let Some(consumer) = self.own.get(carrier.owner) else {
                continue;
            };
            let start = carrier.entity.start;
            let producers = if link.trace_id == self.trace.trace_id {
                &own
            } else {
                producers
            };
            let producer = producers.entity(link.trace_id, link.id);
            let producer = producer.map(|producer| ProducerFacts {
                node: self.nodes.place(producer.node.clone()),
                is_sent: producer.is_sent,
                age: start.since(producer.end),
            });
            self.facts.links.push(LinkFacts {
                trace_id: link.trace_id,
                id: link.id,
                consumer,
                start,
                end: carrier.entity.end_or_start(),
                producer_revision: producers.revision(link.trace_id),
                producer,
            });
        }
    }

    /// What links within the trace point at.
    fn own_producers(&self) -> Producers {
        let mut own = Producers::default();
        let links = parent_links(self.trace).map(|(_, link)| link);
        let links: Vec<_> = links
            .filter(|link| link.trace_id == self.trace.trace_id)
            .map(|link| link.id)
            .collect();
        if !links.is_empty() {
            own.add(self.trace, links);
        }
        own
    }

    fn push(&mut self, segment: SegmentFacts) -> SegmentAt {
        let at = SegmentAt(u32::try_from(self.facts.segments.len()).unwrap_or(u32::MAX));
        self.facts.segments.push(segment);
        at
    }

    fn entity(&mut self, at: Index, member: &Member<'_>) -> EntityAt {
        let next = EntityAt(u32::try_from(self.facts.entities.len()).unwrap_or(u32::MAX));
        if let Some(known) = self.entities.get(at) {
            return known;
        }
        self.entities.set(at, next);
        self.facts.entities.push(EntityFacts {
            start: member.entity.start,
            end: member.entity.end,
            flags: member.entity.outcome(),
            http: http(member.entity),
        });
        next
    }
}

/// Earliest start and latest end over each owner and all subsegments it owns.
fn spans_with_subsegments(trace: &Trace<'_>) -> PerEntity<(Timestamp, Timestamp)> {
    let mut spans: PerEntity<(Timestamp, Timestamp)> = PerEntity::of(trace);
    for (_, member) in trace.members() {
        let (start, end) = (member.entity.start, member.entity.end_or_start());
        let known = spans.get(member.owner).unwrap_or((start, end));
        spans.set(member.owner, (known.0.min(start), known.1.max(end)));
    }
    spans
}

fn http(entity: &Entity<'_>) -> Option<Box<HttpFacts>> {
    let http = entity.http.as_deref()?;
    let request = http.request.as_ref();
    let text = |text: Option<&std::borrow::Cow<'_, str>>| text.map(ToString::to_string);
    let facts = HttpFacts {
        url: text(request.and_then(|request| request.url.as_ref())),
        status: http.status(),
        method: text(request.and_then(|request| request.method.as_ref())),
        user_agent: text(request.and_then(|request| request.user_agent.as_ref())),
        client_ip: text(request.and_then(|request| request.client_ip.as_ref())),
    };
    (facts != HttpFacts::default()).then(|| Box::new(facts))
}

fn host(segment: &Entity<'_>) -> Option<Box<HostFacts>> {
    let aws = segment.aws.as_deref();
    let ec2 = aws.and_then(|aws| aws.ec2.as_ref());
    let ecs = aws.and_then(|aws| aws.ecs.as_ref());
    let zones = [ec2, ecs].into_iter().flatten();
    let mut zones: Vec<String> = zones
        .filter_map(|host| host.availability_zone.as_ref().map(ToString::to_string))
        .collect();
    zones.sort();
    zones.dedup();
    let instance = ec2.and_then(|host| host.instance_id.as_ref());
    let facts = HostFacts {
        user: segment.user.as_ref().map(ToString::to_string),
        resource_arn: segment.resource_arn.as_ref().map(ToString::to_string),
        instance_id: instance.map(ToString::to_string),
        availability_zones: zones,
    };
    (facts != HostFacts::default()).then(|| Box::new(facts))
}
