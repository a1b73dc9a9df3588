//! Entities to the documents that senders make of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Generated, Planned, Rival};

/// Fills in the documents, and leaves out the entities that none of them holds.
pub(super) fn send(trace: &mut Generated, is_python: bool, is_shouting: bool) {
    let mut children: BTreeMap<u64, Vec<&Planned>> = BTreeMap::new();
    for entity in trace.entities.iter().filter(|one| !has_own_document(one)) {
        let parent = entity.parent.unwrap_or(0);
        children.entry(parent).or_default().push(entity);
    }
    let mut sender = Sender {
        trace_id: trace.trace_id.to_string(),
        children,
        is_python,
        is_shouting,
        documents: Vec::new(),
        sent: BTreeSet::new(),
    };
    for entity in trace.entities.iter().filter(|one| has_own_document(one)) {
        if !entity.sending.is_withheld {
            sender.send(entity);
        }
    }
    let (documents, sent) = (sender.documents, sender.sent);
    if documents.is_empty() {
        // everything was withheld: a trace without documents is none
        for entity in &mut trace.entities {
            entity.sending.is_withheld = false;
        }
        return send(trace, is_python, is_shouting);
    }
    trace.entities.retain(|entity| sent.contains(&entity.id));
    trace.documents = documents;
}

fn has_own_document(entity: &Planned) -> bool {
    entity.is_segment || entity.sending.is_streamed
}

struct Sender<'t> {
    trace_id: String,
    /// Embedded subsegments by parent.
    children: BTreeMap<u64, Vec<&'t Planned>>,
    is_python: bool,
    is_shouting: bool,
    documents: Vec<String>,
    sent: BTreeSet<u64>,
}

impl Sender<'_> {
    fn send(&mut self, entity: &Planned) {
        let has_two = entity.sending.is_unfinished_first && entity.end.is_some();
        if has_two {
            let mut unfinished = self.body(entity, |child| child.sending.is_early);
            unfinished.remove("end_time");
            unfinished.remove("annotations");
            unfinished.insert("in_progress".into(), json!(true));
            self.push(entity, unfinished, entity.is_segment);
        }
        let complete = self.body(entity, |child| !(has_two && child.sending.is_early));
        self.push(entity, complete, entity.is_segment);
        self.send_rival(entity);
    }

    fn send_rival(&mut self, entity: &Planned) {
        let rival_is_subsegment = matches!(entity.sending.rival, Some(Rival::Subsegment));
        if let Some(rival) = entity
            .sending
            .rival
            .and_then(|rival| rival_of(entity, rival))
        {
            let mut body = self.named(entity);
            if rival.contains_key("end_time") {
                body.remove("in_progress");
            }
            body.extend(rival);
            let is_segment = entity.is_segment && !rival_is_subsegment;
            self.push(entity, body, is_segment);
        }
    }

    fn push(&mut self, entity: &Planned, mut body: Map<String, Value>, is_segment: bool) {
        body.insert("trace_id".into(), json!(self.trace_id));
        if let Some(parent) = entity.parent {
            body.insert("parent_id".into(), json!(self.id(parent)));
        }
        if !is_segment {
            body.insert("type".into(), json!("subsegment"));
        }
        let body = Value::Object(body);
        // the shape of the text is the sender's own affair
        let text = match entity.id % 4 {
            0 => format!("{body:#}"),
            _ => body.to_string(),
        };
        if entity.sending.is_repeated {
            self.documents.push(text.clone());
        }
        self.documents.push(text);
    }

    /// The entity with its embedded subsegments, the ones below a chosen child all of them.
    fn body(
        &mut self,
        entity: &Planned,
        is_chosen: impl Fn(&Planned) -> bool,
    ) -> Map<String, Value> {
        self.sent.insert(entity.id);
        let mut body = self.named(entity);
        body.extend(entity.members.clone());
        let children = self.children.get(&entity.id).cloned().unwrap_or_default();
        let embedded: Vec<Value> = children
            .into_iter()
            .filter(|child| is_chosen(child))
            .map(|child| self.embedded(child))
            .collect();
        if !embedded.is_empty() {
            body.insert("subsegments".into(), Value::Array(embedded));
        }
        body
    }

    fn embedded(&mut self, entity: &Planned) -> Value {
        let mut body = self.body(entity, |_| true);
        self.send_rival(entity);
        if self.is_python {
            body.insert("type".into(), json!("subsegment"));
            body.insert("trace_id".into(), json!(self.trace_id));
            body.insert("parent_id".into(), json!("eeee00000000ffff"));
            if entity.end.is_some() {
                body.insert("in_progress".into(), json!(false));
            }
        }
        Value::Object(body)
    }

    fn named(&self, entity: &Planned) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("id".into(), json!(self.id(entity.id)));
        body.insert("start_time".into(), seconds(entity.start));
        match entity.end {
            Some(end) => body.insert("end_time".into(), seconds(end)),
            None => body.insert("in_progress".into(), json!(true)),
        };
        body
    }

    fn id(&self, id: u64) -> String {
        if self.is_shouting && id.is_multiple_of(3) {
            format!("{id:016X}")
        } else {
            format!("{id:016x}")
        }
    }
}

/// What the rival version says beside id and start; `None` when it would not lose for certain.
fn rival_of(entity: &Planned, rival: Rival) -> Option<Map<String, Value>> {
    let members = match rival {
        Rival::EndedEarlier => {
            let earlier = entity.end.filter(|end| *end > entity.start)? - 1;
            json!({"name": "rival", "fault": true, "end_time": seconds(earlier)})
        }
        Rival::Shorter => json!({"name": "r"}),
        Rival::Subsegment => {
            // a subsegment has to name a parent
            entity.parent?;
            let later = entity.end_or_start() + 1_000_000;
            json!({"name": "rival", "namespace": "remote", "end_time": seconds(later)})
        }
    };
    members.as_object().cloned()
}

/// Epoch seconds; a double holds every microsecond of this century.
fn seconds(micros: i64) -> Value {
    json!(micros as f64 / 1e6)
}
