//! An index in memory, while it is built or merged, and the root by which its parts are found.

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::column;
use super::family::Family;
use super::field::{TextField, TraceFlag};
use super::number::{NumberEntry, Numbers};
use super::rows::RowSet;
use super::source::{SearchError, Span, Writer};
use super::text::{TextEntry, Texts};
use crate::trace::node::NodeKey;

/// Nodes, and as many clients, that an index tells apart; rows with others are candidates for any.
const NODES_MAX: usize = 1024;
/// Edges that an index tells apart.
const EDGES_MAX: usize = 4096;
/// Annotation keys that an index tells apart.
const KEYS_MAX: usize = 256;

/// Version of the encoding.
pub(super) const INDEX_FORMAT: u8 = 1;
/// Stands behind the root.
pub(super) const MARK: [u8; 4] = *b"rgix";
/// The root's length and the mark.
pub(super) const FOOTER_BYTES: u64 = 8;

/// An edge between nodes by their places; no source is the client of the target.
pub(super) type EdgePlaces = (Option<u32>, u32);

/// An index in memory.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) flags: Vec<RowSet>,
    pub(super) response_times: Vec<Option<i64>>,
    pub(super) durations: Vec<Option<i64>>,
    pub(super) nodes: Family<NodeKey>,
    pub(super) clients: Family<String>,
    pub(super) edges: Family<EdgePlaces>,
    pub(super) texts: Vec<Texts>,
    pub(super) status: Numbers,
    pub(super) annotations: Annotations,
}

/// Annotations by key.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    places: HashMap<String, usize>,
    keys: Vec<Annotated>,
    /// Rows with keys that found no room.
    pub(super) other: RowSet,
}

/// The values of one key.
#[derive(Debug, Default)]
pub(super) struct Annotated {
    /// Some value is not `false`.
    pub(super) exists: RowSet,
    pub(super) is_true: RowSet,
    pub(super) is_false: RowSet,
    pub(super) text: Texts,
    pub(super) number: Numbers,
}

/// The values of one key as they are found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct AnnotationEntry {
    pub(super) exists: Span,
    pub(super) is_true: Span,
    pub(super) is_false: Span,
    pub(super) text: TextEntry,
    pub(super) number: NumberEntry,
}

/// Keys in order, each with its entry.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct KeyList {
    pub(super) keys: Vec<(String, Span)>,
    pub(super) other: Span,
}

/// Where everything is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Root {
    pub(super) format: u8,
    pub(super) rows: u32,
    pub(super) flags: Vec<Span>,
    pub(super) response_times: Span,
    pub(super) durations: Span,
    pub(super) nodes: Span,
    pub(super) clients: Span,
    pub(super) edges: Span,
    pub(super) texts: Vec<Span>,
    pub(super) status: Span,
    pub(super) annotations: Span,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            flags: TraceFlag::ALL.map(|_| RowSet::default()).into(),
            response_times: Vec::new(),
            durations: Vec::new(),
            nodes: Family::new(NODES_MAX),
            clients: Family::new(NODES_MAX),
            edges: Family::new(EDGES_MAX),
            texts: (0..TextField::COUNT).map(|_| Texts::default()).collect(),
            status: Numbers::default(),
            annotations: Annotations::default(),
        }
    }
}

impl Annotations {
    /// The values of a key; `None` when there is no room for another.
    pub(super) fn of(&mut self, key: &str) -> Option<&mut Annotated> {
        if let Some(place) = self.places.get(key) {
            return self.keys.get_mut(*place);
        }
        if self.keys.len() >= KEYS_MAX {
            return None;
        }
        self.places.insert(key.to_owned(), self.keys.len());
        self.keys.push(Annotated::default());
        self.keys.last_mut()
    }

    fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        self.other.renumber(row_of);
        for annotated in &mut self.keys {
            annotated.exists.renumber(row_of);
            annotated.is_true.renumber(row_of);
            annotated.is_false.renumber(row_of);
            annotated.text.renumber(row_of);
            annotated.number.renumber(row_of);
        }
    }

    fn write(&mut self, to: &mut Writer) -> Result<Span, SearchError> {
        let mut list = KeyList {
            keys: Vec::new(),
            other: to.set(self.other.all())?,
        };
        let mut places: Vec<_> = self.places.drain().collect();
        places.sort_unstable();
        for (key, place) in places {
            let Some(annotated) = self.keys.get_mut(place) else {
                continue;
            };
            let entry = AnnotationEntry {
                exists: to.set(annotated.exists.all())?,
                is_true: to.set(annotated.is_true.all())?,
                is_false: to.set(annotated.is_false.all())?,
                text: annotated.text.write(to)?,
                number: annotated.number.write(to)?,
            };
            list.keys.push((key, to.value(&entry)?));
        }
        to.value(&list)
    }
}

impl Content {
    /// Gives each row another number, all of them those that there are now.
    pub(super) fn renumber(&mut self, row_of: &dyn Fn(u32) -> Option<u32>) {
        for column in [&mut self.response_times, &mut self.durations] {
            let mut numbers = vec![None; column.len()];
            for (row, number) in (0..).zip(column.iter()) {
                let place = row_of(row).and_then(|row| numbers.get_mut(row as usize));
                if let Some(place) = place {
                    *place = *number;
                }
            }
            *column = numbers;
        }
        self.flags.iter_mut().for_each(|rows| rows.renumber(row_of));
        self.nodes.renumber(row_of);
        self.clients.renumber(row_of);
        self.edges.renumber(row_of);
        self.texts
            .iter_mut()
            .for_each(|texts| texts.renumber(row_of));
        self.status.renumber(row_of);
        self.annotations.renumber(row_of);
    }

    /// The index's bytes.
    pub(super) fn write(mut self) -> Result<Vec<u8>, SearchError> {
        let to = &mut Writer::default();
        let mut root = Root {
            format: INDEX_FORMAT,
            rows: u32::try_from(self.durations.len()).unwrap_or(u32::MAX),
            ..Root::default()
        };
        for rows in &mut self.flags {
            root.flags.push(to.set(rows.all())?);
        }
        root.response_times = column::write(&self.response_times, None, to)?;
        root.durations = column::write(&self.durations, Some(&self.response_times), to)?;
        root.nodes = self.nodes.write(to)?;
        root.clients = self.clients.write(to)?;
        root.edges = self.edges.write(to)?;
        for texts in &mut self.texts {
            let entry = texts.write(to)?;
            root.texts.push(to.value(&entry)?);
        }
        let status = self.status.write(to)?;
        root.status = to.value(&status)?;
        root.annotations = self.annotations.write(to)?;
        let encoded = postcard::to_stdvec(&root).map_err(SearchError::Encode)?;
        let mut writer = std::mem::take(to);
        writer.bytes(&encoded);
        let length = u32::try_from(encoded.len()).unwrap_or(u32::MAX);
        writer.bytes(&length.to_le_bytes());
        writer.bytes(&MARK);
        Ok(writer.into_bytes())
    }
}
