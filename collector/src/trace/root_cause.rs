//! Root causes of faults, errors and response times. Source: `spec/traces-and-graph.md` section 5.

use radiograph_protocol::ids::SegmentId;
use radiograph_protocol::segment::Flags;
use radiograph_protocol::timestamp::Timestamp;

use super::documents::inferred_id;
use super::node;
use super::nodes::Nodes;
use super::stitch::{Index, Member, PerEntity, Trace};
use super::summary::{RootCause, RootCauseEntity, RootCauseService};

/// Causes of one kind that a summary lists, by (start, id) of their culprit. Ours: AWS documents no
/// bound, and a hostile trace has as many as it has entities.
pub const ROOT_CAUSES_MAX: usize = 100;

/// Entities of one cause, counted from the entry; the rest of a longer chain is left out, since a
/// stored summary must stay small whatever is sent.
pub const ROOT_CAUSE_ENTITIES_MAX: usize = 1000;

/// Bytes of text in all causes of one kind; the first one is listed whatever its size.
pub const ROOT_CAUSES_BYTES_MAX: usize = 64 << 10;

/// A step of a path: a sent entity, or the inferred segment at the other end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Sent(Index),
    Inferred(Index),
}

/// The causes of entities that have a flag: one for each chain of flagged entities, from the first
/// whose parent lacks it down to the last.
#[must_use]
pub fn of_flag(trace: &Trace<'_>, nodes: &Nodes, has: impl Fn(Flags) -> bool) -> Vec<RootCause> {
    let flagged = |member: &Member<'_>| has(member.entity.outcome());
    let mut lasts: Vec<(Timestamp, SegmentId, Step)> = trace
        .members()
        .filter(|(_, member)| flagged(member))
        .filter_map(|(at, member)| {
            let mut below = member.subsegments.iter().chain(&member.callees);
            let goes_on = below.any(|child| flagged(trace.member(*child)));
            let step = if member.infers {
                Step::Inferred(at)
            } else {
                Step::Sent(at)
            };
            // a failed call whose inferred segment is the culprit may have failed children as well
            (member.infers || !goes_on).then_some((member.entity.start, last_id(trace, step), step))
        })
        .collect();
    lasts.sort_by_key(|(start, id, _)| (*start, *id));
    lasts.truncate(ROOT_CAUSES_MAX);
    let root = trace.root().map(|(at, _)| at);
    let mut causes = Vec::new();
    let mut bytes = 0;
    for (_, _, last) in lasts {
        let (path, top) = path_to(trace, last, &flagged);
        let cause = RootCause {
            services: services(trace, nodes, &path, |step, entity| {
                entity.exceptions = exceptions(trace, step);
            }),
            client_impacting: Some(top) == root,
        };
        bytes += text_bytes(&cause);
        // causes share the entities at their beginning: all of them may hold far more text than the
        // documents do
        if bytes > ROOT_CAUSES_BYTES_MAX && !causes.is_empty() {
            break;
        }
        causes.push(cause);
    }
    causes
}

fn text_bytes(cause: &RootCause) -> usize {
    let entities = cause.services.iter().flat_map(|service| &service.path);
    let bytes = entities.map(|entity| {
        let exceptions = entity.exceptions.iter();
        let texts = exceptions.map(|(name, message)| name.len() + message.len());
        entity.name.len() + texts.sum::<usize>()
    });
    bytes.sum()
}

fn last_id(trace: &Trace<'_>, step: Step) -> SegmentId {
    match step {
        Step::Sent(at) => trace.member(at).entity.id,
        Step::Inferred(at) => inferred_id(trace.trace_id, trace.member(at)),
    }
}

/// The steps from the owner of the topmost flagged entity down to `last`, and that topmost entity.
fn path_to(
    trace: &Trace<'_>,
    last: Step,
    flagged: &impl Fn(&Member<'_>) -> bool,
) -> (Vec<Step>, Index) {
    let mut path = vec![last];
    let mut top = match last {
        Step::Sent(at) => at,
        Step::Inferred(at) => {
            path.push(Step::Sent(at));
            at
        }
    };
    while let Some(parent) = trace
        .member(top)
        .parent
        .filter(|at| flagged(trace.member(*at)))
    {
        top = parent;
        path.push(Step::Sent(top));
    }
    let owner = trace.member(top).owner;
    let mut at = top;
    while at != owner
        && let Some(parent) = trace.member(at).parent
    {
        at = parent;
        path.push(Step::Sent(at));
    }
    path.reverse();
    path.truncate(ROOT_CAUSE_ENTITIES_MAX);
    (path, top)
}

/// The cause of the response time: from the root to the child that covers most of it, as long as
/// that is half or more. At most one.
#[must_use]
pub fn of_response_time(trace: &Trace<'_>, nodes: &Nodes) -> Option<RootCause> {
    let (root_at, root) = trace.root()?;
    let whole = root.entity.end?.since(root.entity.start).micros();
    if whole == 0 {
        return None;
    }
    let covered = coverage(trace, root);
    let covers = |step: Step| match step {
        Step::Sent(at) => covered.get(at).unwrap_or(0),
        Step::Inferred(at) => overlap(root, trace.member(at)),
    };
    let mut path = vec![Step::Sent(root_at)];
    let mut at = root_at;
    while path.len() < ROOT_CAUSE_ENTITIES_MAX {
        let member = trace.member(at);
        let sent = member
            .subsegments
            .iter()
            .chain(&member.callees)
            .map(|child| Step::Sent(*child));
        let steps = sent.chain(member.infers.then_some(Step::Inferred(at)));
        let order = |step: &Step| match *step {
            Step::Sent(child) => trace.member(child).order(),
            Step::Inferred(call) => (trace.member(call).entity.start, last_id(trace, *step)),
        };
        let widest = steps.max_by(|a, b| {
            covers(*a)
                .cmp(&covers(*b))
                .then_with(|| order(b).cmp(&order(a)))
        });
        let Some(step) = widest.filter(|step| i128::from(covers(*step)) * 2 >= i128::from(whole))
        else {
            break;
        };
        path.push(step);
        match step {
            Step::Sent(child) => at = child,
            Step::Inferred(_) => break,
        }
    }
    let permille = |step: Step| {
        let doubled = (i128::from(covers(step)) * 2000 / i128::from(whole) + 1) / 2;
        i64::try_from(doubled).unwrap_or(i64::MAX)
    };
    (path.len() > 1).then(|| RootCause {
        services: services(trace, nodes, &path, |step, entity| {
            entity.coverage_permille = permille(step);
        }),
        client_impacting: true,
    })
}

/// Microseconds of the root's interval that each entity covers, itself or by a child of it.
fn coverage(trace: &Trace<'_>, root: &Member<'_>) -> PerEntity<i64> {
    let mut covered: PerEntity<i64> = PerEntity::of(trace);
    for (at, member) in trace.parents_first().rev() {
        let of_children = covered.get(at).unwrap_or(0);
        let widest = of_children.max(overlap(root, member));
        covered.set(at, widest);
        if let Some(parent) = member.parent {
            let known = covered.get(parent).unwrap_or(0);
            covered.set(parent, known.max(widest));
        }
    }
    covered
}

fn overlap(root: &Member<'_>, member: &Member<'_>) -> i64 {
    let (root, entity) = (root.entity, member.entity);
    let end = root.end_or_start().min(entity.end_or_start());
    end.since(root.start.max(entity.start)).micros()
}

/// A path, cut into the services it leads through; `complete` adds what its kind of cause tells.
fn services(
    trace: &Trace<'_>,
    nodes: &Nodes,
    path: &[Step],
    complete: impl Fn(Step, &mut RootCauseEntity),
) -> Vec<RootCauseService> {
    let mut services: Vec<RootCauseService> = Vec::new();
    for step in path {
        let mut entity = entity(trace, *step);
        complete(*step, &mut entity);
        let begins = match *step {
            Step::Sent(at) if trace.member(at).owner == at => {
                nodes.own(at).map(|node| (node, false))
            }
            Step::Sent(_) => None,
            Step::Inferred(at) => nodes.inferred(at).map(|node| (node, true)),
        };
        if let Some((node, inferred)) = begins {
            services.push(RootCauseService {
                node,
                inferred,
                path: Vec::new(),
            });
        }
        if let Some(service) = services.last_mut() {
            service.path.push(entity);
        }
    }
    services
}

fn entity(trace: &Trace<'_>, step: Step) -> RootCauseEntity {
    let (name, remote) = match step {
        Step::Inferred(at) => (node::inferred_name(trace.member(at).entity), false),
        Step::Sent(at) => {
            let member = trace.member(at);
            if member.is_call() {
                (node::inferred_name(member.entity), true)
            } else {
                (&*member.entity.name, false)
            }
        }
    };
    RootCauseEntity {
        name: name.to_owned(),
        remote,
        exceptions: Vec::new(),
        coverage_permille: 0,
    }
}

/// Name and message of the exceptions of a sent entity; an inferred segment has none.
fn exceptions(trace: &Trace<'_>, step: Step) -> Vec<(String, String)> {
    let Step::Sent(at) = step else {
        return Vec::new();
    };
    let cause = trace.member(at).entity.cause.as_ref();
    let exceptions = cause.map_or(&[][..], |cause| cause.exceptions()).iter();
    let text = |text: Option<&str>| text.unwrap_or("").to_owned();
    exceptions
        .map(|e| (text(e.kind.as_deref()), text(e.message.as_deref())))
        .collect()
}
