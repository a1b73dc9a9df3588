//! Whether what was read back is what was sent: every document that must be there is there once, every
//! other is one that may be missing, each trace is settled, and the graph is the sum of it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::books::{Closed, Fate, Reason};
use super::fold;
use super::stored::{Entity, Graph, Node, Stored};
use super::traffic::{Piece, Traffic, id};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Violation {
    /// A document that must be there is not.
    Missing { trace_id: String, number: u64 },
    /// An entity is shown more than once.
    Twice { trace_id: String, id: String },
    /// A trace or an entity that nobody sent, or one whose documents are mixed up.
    Foreign { trace_id: String, id: String },
    /// A streamed subsegment is not in its segment.
    Misplaced { trace_id: String, id: String },
    /// The summary of a trace is not that of its documents, or there is not one.
    Unsettled {
        trace_id: String,
        revisions: Vec<u64>,
        least: u64,
        most: u64,
    },
    /// A daemon lost more than it held in memory, or more than was counted.
    LostTooMuch {
        life: usize,
        missing: u64,
        bound: u64,
        /// One of those with something missing.
        trace_id: String,
    },
    /// A node of the graph does not have the requests and faults of the documents.
    Node {
        node: Node,
        found: (u64, u64),
        expected: (u64, u64),
    },
    /// The same of an edge's requests.
    Edge {
        from: Node,
        to: Node,
        found: u64,
        expected: u64,
    },
}

impl Violation {
    /// Whether it may go away when the collector has settled what it has.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unsettled { .. } | Self::Node { .. } | Self::Edge { .. }
        )
    }
}

/// The outcome.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) violations: Vec<Violation>,
    /// Documents that are there.
    pub(super) found: u64,
    /// Documents that nobody can see, since a later one of the same segment speaks for it.
    pub(super) superseded: u64,
    /// Documents that are not there and may be missing.
    pub(super) lost: BTreeMap<Reason, u64>,
}

/// Compares.
pub(super) fn compare(traffic: &Traffic, closed: &Closed, stored: &Stored) -> Verdict {
    let mut comparison = Comparison {
        traffic,
        closed,
        stored,
        verdict: Verdict::default(),
        missing_by_life: BTreeMap::new(),
        graph: Graph::default(),
    };
    let traces: BTreeSet<u64> = closed.numbers().map(Traffic::trace_of).collect();
    for trace in &traces {
        comparison.trace(*trace);
    }
    comparison.foreign_traces(&traces);
    comparison.losses();
    comparison.graph();
    comparison.verdict
}

struct Comparison<'a> {
    traffic: &'a Traffic,
    closed: &'a Closed,
    stored: &'a Stored,
    verdict: Verdict,
    /// How many, and a trace that is one of them.
    missing_by_life: BTreeMap<usize, (u64, String)>,
    /// The fold over what is visible.
    graph: Graph,
}

impl Comparison<'_> {
    fn trace(&mut self, trace: u64) {
        let trace_id = self.traffic.trace_id(trace).to_string();
        let pieces = self.traffic.pieces(trace);
        let entities = self.stored.traces.get(&trace_id);
        let entities = entities.map_or(&[] as &[Entity], Vec::as_slice);
        let visible = self.visible(&trace_id, &pieces, entities);
        let mut least = 0;
        let mut most = 0;
        for piece in &pieces {
            let fate = self.closed.fate(piece.number);
            let speaker = visible.iter().find(|each| each.entity == piece.entity);
            let is_superseded = speaker.is_some_and(|speaker| {
                speaker.number != piece.number && speaker.is_complete && !piece.is_complete
            });
            if speaker == Some(piece) {
                self.verdict.found += 1;
                (least, most) = (least + 1, most + 1);
            } else if is_superseded {
                // it may be there or not, nobody can see it but in the count of documents
                self.verdict.superseded += u64::from(fate != Fate::Unsent);
                least += u64::from(fate == Fate::Secure);
                most += u64::from(fate != Fate::Unsent);
            } else {
                self.missing(&trace_id, piece.number, fate);
            }
        }
        self.settled(trace_id, least, most);
        fold::add_trace(&mut self.graph, &visible);
    }

    /// The documents that speak for the entities shown, each once.
    fn visible(&mut self, trace_id: &str, pieces: &[Piece], entities: &[Entity]) -> Vec<Piece> {
        let mut visible: Vec<Piece> = Vec::new();
        for entity in entities {
            let of_entity = pieces
                .iter()
                .find(|piece| Some(piece.number) == entity.number && id(piece.entity) == entity.id);
            let trace_id = trace_id.to_owned();
            let shown = entity.id.clone();
            let Some(piece) =
                of_entity.filter(|piece| self.closed.fate(piece.number) != Fate::Unsent)
            else {
                self.violation(Violation::Foreign {
                    trace_id,
                    id: shown,
                });
                continue;
            };
            if visible.iter().any(|each| each.entity == piece.entity) {
                self.violation(Violation::Twice {
                    trace_id,
                    id: shown,
                });
                continue;
            }
            // a segment stands for itself, and so does a subsegment while its segment is not there
            let parent = piece.parent.filter(|_| !piece.is_segment).map(id);
            let has_parent = entities
                .iter()
                .any(|each| Some(&each.id) == parent.as_ref());
            if entity.inside != parent.filter(|_| has_parent) {
                self.violation(Violation::Misplaced {
                    trace_id,
                    id: shown,
                });
            }
            visible.push(*piece);
        }
        visible
    }

    fn missing(&mut self, trace_id: &str, number: u64, fate: Fate) {
        let reason = match fate {
            Fate::Unsent => return,
            Fate::Secure => {
                let trace_id = trace_id.to_owned();
                return self.violation(Violation::Missing { trace_id, number });
            }
            Fate::Bounded { life, reason } => {
                let of_life = self.missing_by_life.entry(life);
                let (count, _) = of_life.or_insert_with(|| (0, trace_id.to_owned()));
                *count += 1;
                reason
            }
            Fate::Possible(reason) => reason,
        };
        *self.verdict.lost.entry(reason).or_default() += 1;
    }

    fn settled(&mut self, trace_id: String, least: u64, most: u64) {
        let revisions = self.stored.revisions.get(&trace_id);
        let revisions = revisions.map_or(&[] as &[u64], Vec::as_slice);
        let is_settled = match revisions {
            [] => least == 0,
            [revision] => (least..=most).contains(revision),
            _ => false,
        };
        if !is_settled {
            let revisions = revisions.to_vec();
            self.violation(Violation::Unsettled {
                trace_id,
                revisions,
                least,
                most,
            });
        }
    }

    fn foreign_traces(&mut self, known: &BTreeSet<u64>) {
        let shown = self
            .stored
            .traces
            .keys()
            .chain(self.stored.revisions.keys());
        let shown: BTreeSet<&String> = shown.collect();
        for trace_id in shown {
            let trace = self.traffic.trace_with(trace_id);
            if trace.is_none_or(|trace| !known.contains(&trace)) {
                self.violation(Violation::Foreign {
                    trace_id: trace_id.clone(),
                    id: String::new(),
                });
            }
        }
    }

    fn losses(&mut self) {
        for (life, (missing, trace_id)) in std::mem::take(&mut self.missing_by_life) {
            let bound = self.closed.bounds.get(life).copied().unwrap_or(0);
            if missing > bound {
                self.violation(Violation::LostTooMuch {
                    life,
                    missing,
                    bound,
                    trace_id,
                });
            }
        }
    }

    fn graph(&mut self) {
        let expected = std::mem::take(&mut self.graph);
        let found = &self.stored.graph;
        let nodes: BTreeSet<&Node> = expected.nodes.keys().chain(found.nodes.keys()).collect();
        for node in nodes {
            let of = |graph: &Graph| graph.nodes.get(node).copied().unwrap_or_default();
            let (found, expected) = (of(found), of(&expected));
            if found != expected {
                let node = node.clone();
                self.violation(Violation::Node {
                    node,
                    found,
                    expected,
                });
            }
        }
        let edges: BTreeSet<&(Node, Node)> =
            expected.edges.keys().chain(found.edges.keys()).collect();
        for edge in edges {
            let of = |graph: &Graph| graph.edges.get(edge).copied().unwrap_or_default();
            let (found, expected) = (of(found), of(&expected));
            if found != expected {
                let (from, to) = edge.clone();
                self.violation(Violation::Edge {
                    from,
                    to,
                    found,
                    expected,
                });
            }
        }
    }

    fn violation(&mut self, violation: Violation) {
        self.verdict.violations.push(violation);
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { trace_id, number } => {
                write!(f, "{trace_id}: document {number} is missing")
            }
            Self::Twice { trace_id, id } => write!(f, "{trace_id}: {id} is there twice"),
            Self::Foreign { trace_id, id } if id.is_empty() => {
                write!(f, "{trace_id}: nobody sent this trace")
            }
            Self::Foreign { trace_id, id } => write!(f, "{trace_id}: {id} is not what was sent"),
            Self::Misplaced { trace_id, id } => {
                write!(f, "{trace_id}: {id} is not where its parent is")
            }
            Self::Unsettled {
                trace_id,
                revisions,
                least,
                most,
            } => write!(
                f,
                "{trace_id}: revisions {revisions:?} in summaries, of {least} to {most} documents"
            ),
            Self::LostTooMuch {
                life,
                missing,
                bound,
                trace_id,
            } => write!(
                f,
                "daemon {life}: {missing} documents are missing, at most {bound} may be; one is of \
                 {trace_id}"
            ),
            Self::Node {
                node,
                found,
                expected,
            } => write!(
                f,
                "graph: {node} has {} requests and {} faults instead of {} and {}",
                found.0, found.1, expected.0, expected.1
            ),
            Self::Edge {
                from,
                to,
                found,
                expected,
            } => write!(
                f,
                "graph: {from} to {to} has {found} requests instead of {expected}"
            ),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) => write!(f, "{} ({kind})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests;
