//! The service graph that follows from the documents that are there, by construction of the traffic
//! (`spec/traces-and-graph.md` sections 2.4, 3.3 and 7.1), without the collector's code. Pure.

use std::collections::BTreeMap;

use super::stored::{Graph, Node};
use super::traffic::Piece;

/// Adds what one trace contributes; `visible` are the documents that speak for its entities.
pub(super) fn add_trace(graph: &mut Graph, visible: &[Piece]) {
    let entities: BTreeMap<u64, &Piece> = visible.iter().map(|each| (each.entity, each)).collect();
    for piece in visible {
        let caller = piece.parent.and_then(|parent| entities.get(&parent));
        if piece.is_segment {
            count(graph, piece);
            match caller {
                Some(caller) => {
                    let from = node(owner(caller, &entities).name);
                    graph.add_edge(from, node(piece.name), u64::from(caller.is_complete));
                }
                // nobody of this trace called it, so a client did
                None => graph.add_edge(
                    client(piece.name),
                    node(piece.name),
                    u64::from(piece.is_complete),
                ),
            }
        } else if caller.is_none() {
            // it stands in for the segment that is not there
            count(graph, piece);
        }
    }
}

fn count(graph: &mut Graph, piece: &Piece) {
    let requests = u64::from(piece.is_complete);
    let faults = u64::from(piece.is_complete && piece.is_fault);
    graph.add_node(node(piece.name), requests, faults);
}

/// The segment that a caller belongs to; itself when that is not there.
fn owner<'a>(caller: &'a Piece, entities: &BTreeMap<u64, &'a Piece>) -> &'a Piece {
    let segment = caller.parent.filter(|_| !caller.is_segment);
    segment
        .and_then(|segment| entities.get(&segment).copied())
        .unwrap_or(caller)
}

fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        kind: None,
    }
}

fn client(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        kind: Some("client".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use radiograph_protocol::timestamp::Timestamp;

    use super::*;
    use crate::torture::traffic::Traffic;

    /// A trace of at least two segments whose second is called from a streamed subsegment.
    fn streamed() -> Vec<Piece> {
        let traffic = Traffic::new(1, Timestamp::from_seconds(1_795_000_000));
        let traces = (0..1_000).map(|trace| traffic.pieces(trace));
        let is_wanted = |pieces: &Vec<Piece>| {
            let steps: Vec<u64> = (pieces.iter().filter(|piece| !piece.is_segment))
                .map(|piece| piece.entity)
                .collect();
            let segments: Vec<&Piece> = pieces.iter().filter(|piece| piece.is_segment).collect();
            segments.len() == 2
                && segments[1]
                    .parent
                    .is_some_and(|parent| steps.contains(&parent))
                && pieces.iter().all(|piece| piece.is_complete)
        };
        traces.into_iter().find(is_wanted).unwrap()
    }

    fn graph(visible: &[Piece]) -> Graph {
        let mut graph = Graph::default();
        add_trace(&mut graph, visible);
        graph
    }

    #[test]
    fn a_whole_trace_is_a_request_of_a_client_and_one_of_each_service_to_the_next() {
        let graph = graph(&streamed());
        let (web, orders) = (node("torture-web"), node("torture-orders"));
        assert_eq!(graph.nodes.len(), 2);
        assert_eq!((graph.nodes[&web].0, graph.nodes[&orders].0), (1, 1));
        let edges = BTreeMap::from([
            ((client("torture-web"), web.clone()), 1),
            ((web, orders), 1),
        ]);
        assert_eq!(graph.edges, edges);
    }

    #[test]
    fn subsegments_without_their_segment_stand_in_for_it() {
        let mut pieces = streamed();
        let root = pieces.iter().position(|each| each.is_segment).unwrap();
        pieces.remove(root);
        let graph = graph(&pieces);
        let step = node("torture-step");
        let steps = pieces
            .iter()
            .filter(|piece| !piece.is_segment && piece.entity < pieces.last().unwrap().entity);
        assert_eq!(graph.nodes[&step].0, u64::try_from(steps.count()).unwrap());
        assert_eq!(graph.edges[&(step, node("torture-orders"))], 1);
    }

    #[test]
    fn what_is_in_progress_is_not_counted() {
        let mut pieces = streamed();
        pieces
            .iter_mut()
            .for_each(|piece| piece.is_complete = false);
        assert_eq!(graph(&pieces), Graph::default());
    }
}
