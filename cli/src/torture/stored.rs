//! What the collector answers, reduced to what can be compared: entities with their numbers,
//! revisions, requests per node and edge. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::traffic::NUMBER;

/// Everything that was read back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stored {
    /// By id, as BatchGetTraces tells them.
    pub(super) traces: BTreeMap<String, Vec<Entity>>,
    /// By id, every `Revision` that GetTraceSummaries tells: more than one is one too many.
    pub(super) revisions: BTreeMap<String, Vec<u64>>,
    /// GetServiceGraph.
    pub(super) graph: Graph,
}

/// A segment or a streamed subsegment as the collector shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) id: String,
    /// The number of the document that speaks for it; none when it is not ours or was mangled.
    pub(super) number: Option<u64>,
    /// The entity that it is nested in.
    pub(super) inside: Option<String>,
}

/// Requests by node and edge; zeros are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Graph {
    /// Requests and faults by node.
    pub(super) nodes: BTreeMap<Node, (u64, u64)>,
    /// Requests by caller and called.
    pub(super) edges: BTreeMap<(Node, Node), u64>,
}

/// A node's name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: Option<String>,
}

impl Stored {
    /// Takes up a trace of BatchGetTraces.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(super) fn add_trace(&mut self, trace: &Value) -> Result<(), String> {
        let id = text(trace, "Id")?;
        let entities = self.traces.entry(id.to_owned()).or_default();
        for segment in list(trace, "Segments")? {
            let document = text(segment, "Document")?;
            let document: Value = serde_json::from_str(document)
                .map_err(|error| format!("a document of {id} is no JSON: {error}"))?;
            collect(&document, entities);
        }
        Ok(())
    }

    /// Takes up a summary.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(super) fn add_summary(&mut self, summary: &Value) -> Result<(), String> {
        let id = text(summary, "Id")?.to_owned();
        let revision = summary.get("Revision").and_then(Value::as_u64);
        let revision = revision.ok_or_else(|| format!("{id} has no Revision"))?;
        self.revisions.entry(id).or_default().push(revision);
        Ok(())
    }
}

/// Our entities in a document, at any depth; those without a number of their own are part of the one
/// that they are embedded in. A document is our own or was made of ours, so it is at most as deep.
fn collect(document: &Value, found: &mut Vec<Entity>) {
    let mut open = vec![(document, None)];
    while let Some((entity, inside)) = open.pop() {
        let id = entity.get("id").and_then(Value::as_str).unwrap_or_default();
        let number = entity
            .get("annotations")
            .and_then(|annotations| annotations.get(NUMBER)?.as_u64());
        if number.is_some() || inside.is_none() {
            found.push(Entity {
                id: id.to_owned(),
                number,
                inside,
            });
        }
        let children = entity.get("subsegments").and_then(Value::as_array);
        let children = children.into_iter().flatten();
        open.extend(children.map(|child| (child, Some(id.to_owned()))));
    }
}

impl Graph {
    /// Reads the `Services` of GetServiceGraph.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(super) fn read(services: &[Value]) -> Result<Self, String> {
        let mut nodes = BTreeMap::new();
        for service in services {
            let reference = service.get("ReferenceId").and_then(Value::as_u64);
            let reference = reference.ok_or("a service has no ReferenceId")?;
            let kind = service.get("Type").and_then(Value::as_str);
            let node = Node {
                name: text(service, "Name")?.to_owned(),
                kind: kind.map(str::to_owned),
            };
            nodes.insert(reference, node);
        }
        let mut graph = Self::default();
        for service in services {
            let from = named(service, &nodes)?;
            graph.add_node(from.clone(), requests(service), faults(service));
            for edge in list(service, "Edges")? {
                graph.add_edge(from.clone(), named(edge, &nodes)?.clone(), requests(edge));
            }
        }
        Ok(graph)
    }

    /// Adds requests to a node.
    pub(super) fn add_node(&mut self, node: Node, requests: u64, faults: u64) {
        if requests > 0 || faults > 0 {
            let sums = self.nodes.entry(node).or_default();
            sums.0 += requests;
            sums.1 += faults;
        }
    }

    /// Adds requests to an edge.
    pub(super) fn add_edge(&mut self, from: Node, to: Node, requests: u64) {
        if requests > 0 {
            *self.edges.entry((from, to)).or_default() += requests;
        }
    }
}

fn named<'a>(of: &Value, nodes: &'a BTreeMap<u64, Node>) -> Result<&'a Node, String> {
    let reference = of.get("ReferenceId").and_then(Value::as_u64);
    let node = reference.and_then(|reference| nodes.get(&reference));
    node.ok_or_else(|| format!("ReferenceId {reference:?} is not that of a service"))
}

fn requests(of: &Value) -> u64 {
    let total = of.pointer("/SummaryStatistics/TotalCount");
    total.and_then(Value::as_u64).unwrap_or(0)
}

fn faults(of: &Value) -> u64 {
    let total = of.pointer("/SummaryStatistics/FaultStatistics/TotalCount");
    total.and_then(Value::as_u64).unwrap_or(0)
}

fn text<'a>(of: &'a Value, key: &str) -> Result<&'a str, String> {
    let found = of.get(key).and_then(Value::as_str);
    found.ok_or_else(|| format!("there is no text {key}"))
}

fn list<'a>(of: &'a Value, key: &str) -> Result<&'a [Value], String> {
    let found = of.get(key).and_then(Value::as_array);
    let found = found.ok_or_else(|| format!("there is no list {key}"))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entities_are_found_with_where_they_are_nested() {
        let document = json!({"id": "a", "annotations": {"number": 1}, "subsegments": [
            {"id": "b", "annotations": {"number": 2}},
            {"id": "embedded", "subsegments": [{"id": "c", "annotations": {"number": 3}}]},
        ]});
        let trace = json!({"Id": "t", "Segments": [{"Id": "a", "Document": document.to_string()}]});
        let mut stored = Stored::default();
        stored.add_trace(&trace).unwrap();
        let mut found = stored.traces["t"].clone();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let entity = |id: &str, number, inside: Option<&str>| Entity {
            id: id.to_owned(),
            number: Some(number),
            inside: inside.map(str::to_owned),
        };
        assert_eq!(
            found,
            [
                entity("a", 1, None),
                entity("b", 2, Some("a")),
                entity("c", 3, Some("embedded")),
            ]
        );
    }

    #[test]
    fn a_graph_is_read_by_name_and_zeros_are_left_out() {
        let services = json!([
            {"ReferenceId": 0, "Name": "web", "SummaryStatistics": {"TotalCount": 3,
                "FaultStatistics": {"TotalCount": 1}},
             "Edges": [{"ReferenceId": 1, "SummaryStatistics": {"TotalCount": 2}}]},
            {"ReferenceId": 1, "Name": "db", "Type": "remote", "Edges": []},
        ]);
        let graph = Graph::read(services.as_array().unwrap()).unwrap();
        let node = |name: &str, kind: Option<&str>| Node {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
        };
        let (web, db) = (node("web", None), node("db", Some("remote")));
        assert_eq!(graph.nodes, BTreeMap::from([(web.clone(), (3, 1))]));
        assert_eq!(graph.edges, BTreeMap::from([((web, db), 2)]));
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        let mut stored = Stored::default();
        for trace in [
            json!({"Segments": []}),
            json!({"Id": "t"}),
            json!({"Id": "t", "Segments": [{"Document": "{"}]}),
        ] {
            assert!(stored.add_trace(&trace).is_err(), "{trace}");
        }
        assert!(stored.add_summary(&json!({"Id": "t"})).is_err());
        for services in [
            json!([{"Name": "web", "Edges": []}]),
            json!([{"ReferenceId": 0, "Edges": []}]),
            json!([{"ReferenceId": 0, "Name": "web"}]),
            json!([{"ReferenceId": 0, "Name": "web", "Edges": [{"ReferenceId": 7}]}]),
        ] {
            assert!(
                Graph::read(services.as_array().unwrap()).is_err(),
                "{services}"
            );
        }
    }
}
