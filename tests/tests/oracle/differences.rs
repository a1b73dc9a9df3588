//! Compares answers by meaning and keeps what differs, each with its path.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Differences printed.
const SHOWN_MAX: usize = 20;

/// What differs between a wanted and a found answer: path, wanted, found.
#[derive(Default)]
pub(crate) struct Differences(pub(crate) Vec<String>);

impl Differences {
    /// Compares by meaning: 1 is 1.0, and the order of members says nothing.
    pub(crate) fn compare(&mut self, path: &str, wanted: &Value, found: &Value) {
        match (wanted, found) {
            (Value::Object(wanted), Value::Object(found)) => {
                let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
                for name in names {
                    let path = format!("{path}.{name}");
                    match (wanted.get(name), found.get(name)) {
                        (Some(wanted), Some(found)) => self.compare(&path, wanted, found),
                        (wanted, found) => self.add(&path, wanted, found),
                    }
                }
            }
            (Value::Array(wanted_list), Value::Array(found_list))
                if wanted_list.len() == found_list.len() =>
            {
                for (place, (wanted, found)) in wanted_list.iter().zip(found_list).enumerate() {
                    self.compare(&format!("{path}[{place}]"), wanted, found);
                }
            }
            (Value::Number(_), Value::Number(_)) if wanted.as_f64() == found.as_f64() => {}
            _ if wanted == found => {}
            _ => self.add(path, Some(wanted), Some(found)),
        }
    }

    fn add(&mut self, path: &str, wanted: Option<&Value>, found: Option<&Value>) {
        let show =
            |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
        self.0.push(format!(
            "{path}\n    oracle:    {}\n    collector: {}",
            show(wanted),
            show(found)
        ));
    }

    #[track_caller]
    pub(crate) fn assert_none(&self, what: &str) {
        let shown: Vec<&str> = self.0.iter().take(SHOWN_MAX).map(String::as_str).collect();
        let count = self.0.len();
        assert!(
            self.0.is_empty(),
            "{what}: {count} differences\n{}",
            shown.join("\n")
        );
    }
}

/// Services by node and edges by the node they lead to, so that one missing node is one difference.
/// The order stays to be compared, as a list of its own.
pub(crate) fn by_node(services: &Value) -> Value {
    let services = services.as_array().unwrap();
    let key = |service: &Value| {
        let parts = ["Name", "Type", "AccountId"].map(|name| service[name].as_str().unwrap_or("-"));
        parts.join("|")
    };
    let mut nodes = Map::new();
    for (place, service) in services.iter().enumerate() {
        assert_eq!(service["ReferenceId"].as_u64(), Some(place as u64));
        let mut node = service.clone();
        let edges = node["Edges"].as_array_mut().unwrap();
        let order: Vec<u64> = edges
            .iter()
            .map(|edge| edge["ReferenceId"].as_u64().unwrap())
            .collect();
        assert!(order.is_sorted(), "edges of {}: {order:?}", key(service));
        let mut keyed = Map::new();
        for (edge, place) in edges.iter_mut().zip(order) {
            edge.as_object_mut().unwrap().remove("ReferenceId");
            let to = usize::try_from(place).unwrap();
            let kind = edge["EdgeType"].as_str().unwrap_or("");
            keyed.insert(format!("{}|{kind}", key(&services[to])), edge.take());
        }
        node["Edges"] = Value::Object(keyed);
        node.as_object_mut().unwrap().remove("ReferenceId");
        nodes.insert(key(service), node);
    }
    let order: Vec<String> = services.iter().map(key).collect();
    json!({"order": order, "nodes": nodes})
}

/// Takes over times from `found` that are wider than wanted ones: after a view was replaced the
/// graph's may be (`spec/traces-and-graph.md` section 7.1).
pub(crate) fn allow_wider_times(wanted: &mut Value, found: &Value) {
    let Value::Object(members) = wanted else {
        return;
    };
    for (name, wanted) in members {
        let found = &found[name.as_str()];
        let wider = match (name.as_str(), wanted.as_f64(), found.as_f64()) {
            ("StartTime", Some(exact), Some(time)) => time <= exact,
            ("EndTime", Some(exact), Some(time)) => time >= exact,
            _ => false,
        };
        if wider {
            *wanted = found.clone();
        } else {
            allow_wider_times(wanted, found);
        }
    }
}
