//! A block of documents: traces in the order of their ids, all documents of a trace together. Pure.
//!
//! ```text
//! streams = trace ids (16 each) | heads | ids | numbers | text
//! head    = flags: 1 has a view, 2 carried | documents | bytes of ids | bytes of numbers
//!         | bytes of text | start of the view, from that of the trace before
//! ```
//!
//! The last three streams are those of [`super::text`]; a head says what a trace takes of each, so
//! that one trace is read without putting the others together.

use std::ops::Range;
use std::rc::Rc;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

use super::super::format::take;
use super::numbers;
use super::text::{Context, Parts, PartsReader};
use super::{StoredTrace, entry_bytes};

const HAS_VIEW: u64 = 1;
const IS_CARRIED: u64 = 2;
/// Which of a block's streams is the first of those that documents are taken apart into.
const FIRST_PART: usize = 2;

/// What stands beside a trace's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The trace.
    pub(super) trace_id: TraceId,
    /// Start of its view; `None` when it has none.
    pub(super) view_start: Option<Timestamp>,
    /// Whether its view replaces one in an earlier partition.
    pub(super) is_carried: bool,
    /// Its documents in this block.
    pub(super) documents: usize,
}

/// A block that is being filled.
#[derive(Default)]
pub(super) struct Builder {
    trace_ids: Vec<u8>,
    heads: Vec<u8>,
    parts: Parts,
    previous_start: i64,
    /// The first trace.
    pub(super) first: Option<TraceId>,
    /// Traces so far.
    pub(super) traces: u32,
    /// Documents so far.
    pub(super) documents: u32,
    /// Length of the documents so far, as [`entry_bytes`] counts it.
    pub(super) bytes: usize,
}

impl Builder {
    /// Adds a trace's documents.
    pub(super) fn push(
        &mut self,
        trace_id: TraceId,
        (view_start, is_carried): (Option<Timestamp>, bool),
        documents: &[impl AsRef<str>],
    ) {
        let micros = view_start.map_or(self.previous_start, Timestamp::micros);
        let before = self.parts.lengths();
        let mut context = Context::new(trace_id, micros);
        for document in documents {
            let document = document.as_ref();
            context.push(document, &mut self.parts);
            self.bytes = self.bytes.saturating_add(entry_bytes(document));
        }
        let marks = (view_start, is_carried);
        self.push_head(trace_id, marks, documents.len(), before, micros);
    }

    /// Adds a trace's documents as they stand in another block; `bytes` is their length put together,
    /// as [`entry_bytes`] counts it.
    pub(super) fn push_piece(
        &mut self,
        trace_id: TraceId,
        marks: (Option<Timestamp>, bool),
        piece: &Piece,
        bytes: usize,
    ) {
        let before = self.parts.lengths();
        let from = piece.parts();
        self.parts.ids.extend(from.ids);
        self.parts.numbers.extend(from.numbers);
        self.parts.text.extend(from.text);
        self.bytes = self.bytes.saturating_add(bytes);
        self.push_head(trace_id, marks, piece.documents, before, piece.micros);
    }

    /// Adds the head of a trace whose parts, behind these lengths of them, are there already.
    fn push_head(
        &mut self,
        trace_id: TraceId,
        (view_start, is_carried): (Option<Timestamp>, bool),
        documents: usize,
        before: [usize; 3],
        micros: i64,
    ) {
        self.trace_ids.extend(trace_id.bits().to_le_bytes());
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let flags = flag(view_start.is_some(), HAS_VIEW) | flag(is_carried, IS_CARRIED);
        numbers::push(&mut self.heads, flags);
        numbers::push_length(&mut self.heads, documents);
        for (after, before) in self.parts.lengths().into_iter().zip(before) {
            numbers::push_length(&mut self.heads, after - before);
        }
        numbers::push_difference(&mut self.heads, micros, self.previous_start);
        self.previous_start = micros;
        self.first.get_or_insert(trace_id);
        self.traces = self.traces.saturating_add(1);
        let added = u32::try_from(documents).unwrap_or(u32::MAX);
        self.documents = self.documents.saturating_add(added);
    }

    /// The streams of the block.
    pub(super) fn streams(&self) -> [&[u8]; 5] {
        let Parts { ids, numbers, text } = &self.parts;
        [&self.trace_ids, &self.heads, ids, numbers, text]
    }
}

/// A block's traces, one after the other; ends early at what is none.
pub(super) struct Reader<'a> {
    trace_ids: &'a [u8],
    heads: &'a [u8],
    parts: PartsReader<'a>,
    previous_start: i64,
}

impl<'a> Reader<'a> {
    /// Reads a block of these streams; `None` when they are no block's.
    pub(super) fn new(streams: &'a [Vec<u8>]) -> Option<Self> {
        let [trace_ids, heads, ids, numbers, text] = streams else {
            return None;
        };
        Some(Self {
            trace_ids,
            heads,
            parts: PartsReader { ids, numbers, text },
            previous_start: 0,
        })
    }

    /// The next trace, and its documents still taken apart; `None` when there is none.
    pub(super) fn next(&mut self) -> Option<(Head, TraceParts<'a>)> {
        let trace_id = TraceId::from_bits(u128::from_le_bytes(take(&mut self.trace_ids)?));
        let flags = numbers::take(&mut self.heads)?;
        let documents = numbers::take_length(&mut self.heads)?;
        let mut part = |rest: &mut &'a [u8]| {
            let length = numbers::take_length(&mut self.heads)?;
            numbers::take_bytes(rest, length)
        };
        let reader = PartsReader {
            ids: part(&mut self.parts.ids)?,
            numbers: part(&mut self.parts.numbers)?,
            text: part(&mut self.parts.text)?,
        };
        let micros = numbers::take_difference(&mut self.heads, self.previous_start)?;
        self.previous_start = micros;
        let head = Head {
            trace_id,
            view_start: (flags & HAS_VIEW != 0).then(|| Timestamp::from_micros(micros)),
            is_carried: flags & IS_CARRIED != 0,
            documents,
        };
        // each document has an end at least
        let is_possible = documents <= reader.text.len();
        let parts = TraceParts {
            head,
            micros,
            reader,
        };
        is_possible.then_some((head, parts))
    }

    /// Whether everything was read.
    pub(super) fn is_done(&self) -> bool {
        let PartsReader { ids, numbers, text } = &self.parts;
        [self.trace_ids, self.heads, ids, numbers, text]
            .iter()
            .all(|rest| rest.is_empty())
    }
}

/// A trace's documents, taken apart.
pub(super) struct TraceParts<'a> {
    head: Head,
    micros: i64,
    reader: PartsReader<'a>,
}

impl TraceParts<'_> {
    /// The documents; `None` when these are no parts of any.
    pub(super) fn documents(self) -> Option<Vec<String>> {
        let Head {
            trace_id,
            documents,
            ..
        } = self.head;
        documents_of(trace_id, self.micros, documents, self.reader)
    }
}

/// The heads of a block; `None` when it is damaged.
pub(super) fn heads(streams: &[Vec<u8>]) -> Option<Vec<Head>> {
    let mut reader = Reader::new(streams)?;
    let mut heads = Vec::new();
    while let Some((head, _)) = reader.next() {
        heads.push(head);
    }
    reader.is_done().then_some(heads)
}

/// What a block holds of a trace, taken apart, and the block with it.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    streams: Rc<[Vec<u8>]>,
    /// Where its part of each stream is: ids, numbers, text.
    ranges: [Range<usize>; 3],
    trace_id: TraceId,
    /// What its times are near to.
    pub(super) micros: i64,
    /// Its documents.
    pub(super) documents: usize,
}

impl Piece {
    /// The parts of its documents; none when the block has no such streams.
    pub(super) fn parts(&self) -> PartsReader<'_> {
        let [ids, numbers, text] = &self.ranges;
        let part = |stream: usize, range: &Range<usize>| {
            let stream = self.streams.get(FIRST_PART + stream);
            let part = stream.and_then(|stream| stream.get(range.clone()));
            part.unwrap_or_default()
        };
        PartsReader {
            ids: part(0, ids),
            numbers: part(1, numbers),
            text: part(2, text),
        }
    }

    /// The documents; `None` when its parts are none of any.
    pub(super) fn documents(&self) -> Option<Vec<String>> {
        documents_of(self.trace_id, self.micros, self.documents, self.parts())
    }
}

/// All traces of a block, taken apart; `None` when it is damaged.
pub(super) fn pieces(streams: Vec<Vec<u8>>) -> Option<Vec<(Head, Piece)>> {
    let streams: Rc<[Vec<u8>]> = streams.into();
    let mut reader = Reader::new(&streams)?;
    let mut pieces = Vec::new();
    let mut ends = [0_usize; 3];
    while let Some((head, parts)) = reader.next() {
        let PartsReader { ids, numbers, text } = &parts.reader;
        let mut ranges = [const { 0..0 }; 3];
        let lengths = [ids.len(), numbers.len(), text.len()];
        for ((end, range), length) in ends.iter_mut().zip(&mut ranges).zip(lengths) {
            *range = *end..*end + length;
            *end += length;
        }
        let piece = Piece {
            streams: Rc::clone(&streams),
            ranges,
            trace_id: head.trace_id,
            micros: parts.micros,
            documents: head.documents,
        };
        pieces.push((head, piece));
    }
    reader.is_done().then_some(pieces)
}

fn documents_of(
    trace_id: TraceId,
    micros: i64,
    count: usize,
    mut reader: PartsReader<'_>,
) -> Option<Vec<String>> {
    let mut context = Context::new(trace_id, micros);
    let documents: Option<Vec<_>> = (0..count).map(|_| context.take(&mut reader)).collect();
    documents.filter(|_| reader.is_done())
}

/// All traces of a block with their documents; `None` when it is damaged.
pub(super) fn traces(streams: &[Vec<u8>]) -> Option<Vec<StoredTrace>> {
    let mut reader = Reader::new(streams)?;
    let mut traces = Vec::new();
    while let Some((head, parts)) = reader.next() {
        traces.push(StoredTrace {
            trace_id: head.trace_id,
            documents: parts.documents()?,
            view_start: head.view_start,
            is_carried: head.is_carried,
        });
    }
    reader.is_done().then_some(traces)
}

/// What a block holds of a trace: `None` when it is damaged, an empty list when it is none of these.
pub(super) fn of_trace(
    streams: &[Vec<u8>],
    wanted: TraceId,
) -> Option<Option<(Head, Vec<String>)>> {
    let mut reader = Reader::new(streams)?;
    while let Some((head, parts)) = reader.next() {
        if head.trace_id == wanted {
            return Some(Some((head, parts.documents()?)));
        }
    }
    reader.is_done().then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;
    use proptest::prelude::*;

    fn block(traces: &[StoredTrace]) -> Vec<Vec<u8>> {
        let mut builder = Builder::default();
        for trace in traces {
            let marks = (trace.view_start, trace.is_carried);
            builder.push(trace.trace_id, marks, &trace.documents);
        }
        builder.streams().map(<[u8]>::to_vec).to_vec()
    }

    fn stored(number: u32, documents: &[&str]) -> StoredTrace {
        StoredTrace {
            trace_id: sample::trace(number),
            documents: documents.iter().map(|text| (*text).to_owned()).collect(),
            view_start: (number % 2 == 1).then(|| Timestamp::from_seconds(i64::from(number))),
            is_carried: number.is_multiple_of(3),
        }
    }

    #[test]
    fn traces_are_read_back_one_by_one_and_all_together() {
        let all = [
            stored(1, &["{\"start_time\":1700000000.5}", "{}"]),
            stored(2, &[]),
            stored(3, &["{\"end_time\":1700000001.25}"]),
        ];
        let streams = block(&all);
        assert_eq!(traces(&streams).unwrap(), all);
        for ((head, piece), trace) in pieces(streams.clone()).unwrap().iter().zip(&all) {
            assert_eq!(
                (head.trace_id, head.view_start),
                (trace.trace_id, trace.view_start)
            );
            assert_eq!(piece.documents().as_ref(), Some(&trace.documents));
        }
        for trace in &all {
            let (head, documents) = of_trace(&streams, trace.trace_id).unwrap().unwrap();
            assert_eq!(documents, trace.documents);
            assert_eq!(head.view_start, trace.view_start);
            assert_eq!(head.is_carried, trace.is_carried);
        }
        assert_eq!(of_trace(&streams, sample::trace(4)), Some(None));
        let ids: Vec<_> = heads(&streams)
            .unwrap()
            .iter()
            .map(|head| head.trace_id)
            .collect();
        assert_eq!(ids, [1, 2, 3].map(sample::trace));
    }

    #[test]
    fn a_block_with_something_left_over_is_damaged() {
        let whole = block(&[stored(1, &["{}"])]);
        for stream in 0..whole.len() {
            let mut streams = whole.clone();
            streams[stream].push(0);
            assert_eq!(traces(&streams), None, "stream {stream}");
            assert_eq!(heads(&streams), None, "stream {stream}");
            assert!(pieces(streams).is_none(), "stream {stream}");
        }
    }

    proptest! {
        #[test]
        fn property_no_streams_make_the_reader_panic(
            streams in prop::collection::vec(any::<Vec<u8>>(), 5),
            cut in 0..200_usize,
            stream in 0..5_usize,
            byte: u8,
        ) {
            let _any = (heads(&streams), traces(&streams));
            let mut streams = block(&[stored(1, &["{\"id\":\"0011223344556677\"}"]), stored(3, &["x"])]);
            let at = cut % streams[stream].len().max(1);
            if let Some(place) = streams[stream].get_mut(at) {
                *place = byte;
            }
            let _any = (heads(&streams), traces(&streams), of_trace(&streams, sample::trace(3)));
        }
    }
}
