//! What BatchGetTraces returns of a trace: documents as they were sent, subsegments folded into
//! their parents, one entry more for each inferred segment.
//!
//! Texts are cut and joined, never re-serialised, so that every value comes back as it was sent.
//! Source: `spec/traces-and-graph.md` sections 2.3 and 6.

use std::collections::VecDeque;

use radiograph_protocol::ids::{SegmentId, TraceId};
use radiograph_protocol::segment::raw::Members;

use super::node;
use super::stitch::{Index, Member, Parsed, Trace};
use crate::derived_id::derived_id;

/// One element of `Segments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `Id`: the document's `id`.
    pub id: String,
    /// `Document`: JSON text.
    pub document: String,
}

/// The entries of a trace: graph roots first, then the other segments, orphans and inferred
/// segments, each by (start, id).
#[must_use]
pub fn entries(trace: &Trace<'_>, documents: &[Parsed<'_>]) -> Vec<Entry> {
    let entities = documents
        .iter()
        .map(|parsed| cut_entities(parsed.text).into_iter().map(|(_, cut)| cut))
        .map(Iterator::collect)
        .collect();
    let fold = Fold { trace, entities };
    let mut entries: Vec<_> = trace
        .owners()
        .map(|(at, member)| {
            let entry = Entry {
                id: fold.id(member),
                document: fold.folded(at),
            };
            (!member.is_graph_root(), member.order(), entry)
        })
        .collect();
    for (_, call) in trace.members().filter(|(_, member)| member.infers) {
        let order = (call.entity.start, inferred_id(trace.trace_id, call));
        entries.push((true, order, fold.inferred(call)));
    }
    // by the ids themselves: senders spell them in either case
    entries.sort_by_key(|(is_not_root, order, _)| (*is_not_root, *order));
    entries.into_iter().map(|(_, _, entry)| entry).collect()
}

/// The id of the segment inferred from a call (section 2.3).
#[must_use]
pub fn inferred_id(trace_id: TraceId, call: &Member<'_>) -> SegmentId {
    derived_id(&format!("inferred:{trace_id}:{}", call.entity.id))
}

/// The texts of a document and of all subsegments embedded in it, in reading order, parents first.
#[must_use]
pub fn entity_texts(document: &str) -> Vec<&str> {
    let cut = cut_entities(document).into_iter();
    cut.map(|(text, _)| text).collect()
}

/// The same, each with its members.
fn cut_entities(document: &str) -> Vec<(&str, Option<Members<'_>>)> {
    let mut entities = Vec::new();
    let mut pending = vec![document];
    while let Some(text) = pending.pop() {
        let members = Members::of(text);
        let embedded = members.as_ref().map(Members::subsegments);
        pending.extend(embedded.unwrap_or_default().into_iter().rev());
        entities.push((text, members));
    }
    entities
}

struct Fold<'t, 'd> {
    trace: &'t Trace<'d>,
    /// The members of each document's entities, by their place.
    entities: Vec<Vec<Option<Members<'t>>>>,
}

/// What is still to be written, the next one in front.
enum Piece {
    Text(String),
    Entity(Index),
}

impl<'t> Fold<'t, '_> {
    fn members(&self, member: &Member<'_>) -> Option<&Members<'t>> {
        let document = self.entities.get(member.place.document)?;
        document.get(member.place.ordinal)?.as_ref()
    }

    fn id(&self, member: &Member<'_>) -> String {
        let sent = self
            .members(member)
            .and_then(|members| serde_json::from_str(members.value("id")?.get()).ok());
        sent.unwrap_or_else(|| member.entity.id.to_string())
    }

    /// The document of an owner with all its subsegments nested. Works off a list instead of
    /// recursing: streamed subsegments may nest to any depth.
    fn folded(&self, owner: Index) -> String {
        let mut text = String::new();
        let mut pieces = VecDeque::from([Piece::Entity(owner)]);
        while let Some(piece) = pieces.pop_front() {
            match piece {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Entity(at) => {
                    for piece in self.pieces(at, at != owner).into_iter().rev() {
                        pieces.push_front(piece);
                    }
                }
            }
        }
        text
    }

    /// One entity: its own members, and its children where its `subsegments` stood.
    fn pieces(&self, at: Index, is_nested: bool) -> Vec<Piece> {
        let member = self.trace.member(at);
        let children = &member.subsegments;
        let mut pieces = Vec::new();
        let mut text = String::from("{");
        let mut has_list = false;
        // embedded, and left without a parent where a circle was cut: what it says of its parent, if
        // anything, is not where it hangs
        let is_cut_off = member.is_orphan() && member.is_embedded();
        for (name, value) in self.members(member).into_iter().flat_map(Members::iter) {
            if is_left_out(name, value.get(), is_nested || is_cut_off) {
                continue;
            }
            let is_list = name == "subsegments" && value.get().starts_with('[');
            if name == "subsegments" && !is_list && !children.is_empty() {
                continue;
            }
            push_name(&mut text, name);
            if is_list {
                has_list = true;
                push_children(&mut pieces, &mut text, children);
            } else {
                text.push_str(value.get());
            }
        }
        if is_cut_off {
            push_name(&mut text, "type");
            text.push_str("\"subsegment\"");
            push_name(&mut text, "trace_id");
            text.push_str(&quoted(&self.trace.trace_id.to_string()));
            if let Some(parent_id) = member.parent_id {
                push_name(&mut text, "parent_id");
                text.push_str(&quoted(&parent_id.to_string()));
            }
        }
        if !has_list && !children.is_empty() {
            push_name(&mut text, "subsegments");
            push_children(&mut pieces, &mut text, children);
        }
        text.push('}');
        pieces.push(Piece::Text(text));
        pieces
    }

    fn inferred(&self, call: &Member<'_>) -> Entry {
        let id = inferred_id(self.trace.trace_id, call).to_string();
        let sent = self.members(call);
        let mut text = String::from("{");
        let mut push = |name: &str, value: &str| {
            push_name(&mut text, name);
            text.push_str(value);
        };
        let copy = |name: &'static str| {
            let value = sent.and_then(|members| members.value(name));
            value
                .map(|value| (name, value.get()))
                .filter(|(_, value)| *value != "null")
        };
        push("id", &quoted(&id));
        push("name", &quoted(node::inferred_name(call.entity)));
        if let Some((name, value)) = copy("start_time") {
            push(name, value);
        }
        push("trace_id", &quoted(&self.trace.trace_id.to_string()));
        match call.entity.end {
            Some(_) => {
                if let Some((name, value)) = copy("end_time") {
                    push(name, value);
                }
            }
            None => push("in_progress", "true"),
        }
        push("parent_id", &quoted(&self.id(call)));
        push("inferred", "true");
        for name in ["error", "throttle", "fault", "http", "aws", "sql"] {
            if let Some((name, value)) = copy(name) {
                push(name, value);
            }
        }
        let kind = node::of_inferred(call.entity)
            .kind
            .filter(|kind| kind != node::REMOTE);
        if let Some(origin) = kind {
            push("origin", &quoted(&origin));
        }
        text.push('}');
        Entry { id, document: text }
    }
}

/// Members that the fold makes pointless: an embedded subsegment needs no reference to where it
/// is, and `in_progress: false` says what `end_time` says.
fn is_left_out(name: &str, value: &str, is_nested: bool) -> bool {
    match name {
        "in_progress" => value == "false",
        "type" | "trace_id" | "parent_id" => is_nested,
        _ => false,
    }
}

fn push_name(text: &mut String, name: &str) {
    if !text.is_empty() && !text.ends_with('{') {
        text.push(',');
    }
    push_quoted(text, name);
    text.push(':');
}

fn push_children(pieces: &mut Vec<Piece>, text: &mut String, children: &[Index]) {
    text.push('[');
    for (place, child) in children.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        pieces.push(Piece::Text(std::mem::take(text)));
        pieces.push(Piece::Entity(*child));
    }
    text.push(']');
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

fn push_quoted(to: &mut String, text: &str) {
    let is_plain = |byte| !matches!(byte, 0..0x20 | b'"' | b'\\');
    if text.bytes().all(is_plain) {
        to.push('"');
        to.push_str(text);
        to.push('"');
    } else {
        to.push_str(&serde_json::Value::from(text).to_string());
    }
}
